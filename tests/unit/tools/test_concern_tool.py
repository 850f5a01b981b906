"""The concern tool hands a concern to people and gives back their answer."""

from __future__ import annotations

import pytest
from langchain_core.messages import SystemMessage
from langchain_core.tools import StructuredTool
from pydantic import ValidationError

from guarded_agent.core import Label
from guarded_agent.tools import Concern, concern_tool, declaration, read_declaration
from guarded_agent.tools.concern import (
    NAME,
    NOTICE,
    Answer,
    answering,
    is_concern_tool,
    with_notice,
)


def test_a_concern_reaches_people_whole() -> None:
    heard: list[Concern] = []

    def report(concern: Concern) -> str:
        heard.append(concern)
        return "Mara will answer today."

    answer = concern_tool(report).invoke(
        {"subject": "odd order", "details": "See mail 7.\nPlease look.", "severity": "high"}
    )
    assert answer == "Mara will answer today."
    assert heard == [Concern("odd order", "See mail 7.\nPlease look.", "high")]


def test_a_concern_that_nobody_heard_is_not_taken_for_heard() -> None:
    def report(concern: Concern) -> str:
        raise ConnectionError("queue is down")

    with pytest.raises(ConnectionError):
        concern_tool(report).invoke({"subject": "s", "details": "d"})


@pytest.mark.parametrize("change", [{"severity": "mild"}, {"subject": ""}, {"subject": "a\nb"}])
def test_a_concern_is_well_formed(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        concern_tool(lambda concern: concern.subject).invoke(
            {"subject": "s", "details": "d", **change}
        )


def test_raising_a_concern_sends_nothing_outside_and_needs_no_permission() -> None:
    declared = read_declaration(concern_tool(lambda concern: "").metadata)
    assert (declared["access"], declared["scopes"], declared["sinks"], declared["label"]) == (
        "write",
        frozenset(),
        (),
        Label(),
    )


def test_the_model_is_told_that_it_is_safe() -> None:
    description = concern_tool(lambda concern: "").description
    assert "always safe to use" in description
    assert "nothing bad follows" in description


ODD = {"subject": "odd order", "details": "See mail 7."}


def test_without_a_guard_and_without_a_report_the_agent_is_not_told_that_somebody_heard() -> None:
    with pytest.raises(RuntimeError, match="nobody hears this concern"):
        concern_tool().invoke(ODD)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer("noted"), "A person has read your concern and taken note of it."),
        (Answer("noted", ("Ann looks.", "So do I.")), "A person answered: Ann looks.\nSo do I."),
        (Answer("declined", ("It is fine.",)), "Raising it was right. They say: It is fine."),
        (Answer("closed", ("A test.",)), "without deciding on it: A test."),
        (Answer("unanswered"), "That is no refusal of your concern"),
    ],
)
def test_it_tells_the_agent_what_people_answered(answer: Answer, told: str) -> None:
    with answering(answer):
        assert told in concern_tool().invoke(ODD)


@pytest.mark.parametrize("heard", ["declined", "closed", "unanswered"])
def test_a_report_is_not_made_of_what_nobody_took_note_of(heard: str) -> None:
    def report(concern: Concern) -> str:
        raise AssertionError(concern)

    with answering(Answer(heard, ("x",))):  # type: ignore[arg-type]
        assert concern_tool(report).invoke(ODD)


def test_only_our_own_tool_counts_as_the_way_out_whatever_it_is_called() -> None:
    def raise_concern(subject: str) -> str:
        """Raise a concern."""
        return subject

    plain = StructuredTool.from_function(raise_concern)
    declared = StructuredTool.from_function(raise_concern, metadata=declaration(access="write"))
    forged = StructuredTool.from_function(
        raise_concern, metadata={"guarded_agent": {"access": "write", "concern": True}}
    )
    found = [is_concern_tool(item) for item in (concern_tool(), plain, declared, forged, {})]
    assert found == [True, False, False, False, False]


def test_the_notice_stands_behind_a_prompt_of_text_or_of_blocks_and_only_once() -> None:
    blocks: list[str | dict[str, str]] = [{"type": "text", "text": "Be kind."}]
    given = [None, SystemMessage("Be kind."), SystemMessage(blocks), SystemMessage("")]
    once = [with_notice(message) for message in given]
    assert [message.text.count(NOTICE) for message in once] == [1, 1, 1, 1]
    assert [with_notice(message) is message for message in once] == [True] * 4
    assert blocks == [{"type": "text", "text": "Be kind."}]
    assert once[2].content == [*blocks, {"type": "text", "text": NOTICE}]
    assert NAME in NOTICE
