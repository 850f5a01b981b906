"""The concern tool hands a concern to people and gives back their answer."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from guarded_agent.core import Label
from guarded_agent.tools import Concern, concern_tool, read_declaration


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


def test_raising_a_concern_sends_nothing_outside() -> None:
    declared = read_declaration(concern_tool(lambda concern: "").metadata)
    assert (declared["access"], declared["scopes"], declared["sinks"], declared["label"]) == (
        "write",
        {"concern.raise"},
        (),
        Label(),
    )


def test_the_model_is_told_that_it_is_safe() -> None:
    description = concern_tool(lambda concern: "").description
    assert "always safe to use" in description
    assert "nothing bad follows" in description
