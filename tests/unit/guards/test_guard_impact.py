from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.core import Context, Effect, Sink, Stage, Subject, ToolSpec, Verdict
from guarded_agent.guards import ImpactGuard
from guarded_agent.guards.lookalike import is_disguised, is_treacherous

SEND = ToolSpec("send_email", access="send", sinks=(Sink("to"), Sink("cc")))
DELETE = ToolSpec("delete_server", access="write", impact="destructive")
PAY = ToolSpec("pay_invoice", access="write", impact="money")


def judge(tool: ToolSpec | None, args: dict[str, Any], **options: Any) -> Verdict:
    return ImpactGuard(**options).check(Subject(Stage.ACTION, args, Context("a", "t", tool=tool)))


def people(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(count)]


@pytest.mark.parametrize("to", [people(21), ", ".join(people(21)), [";".join(people(21))]])
def test_a_mail_to_many_people_asks_a_person(to: Any) -> None:
    verdict = judge(SEND, {"to": to})
    assert verdict.effect is Effect.APPROVE
    assert [finding.category for finding in verdict.findings] == ["bulk"]


@pytest.mark.parametrize("to", [people(20), "p@example.com", [], None])
def test_a_mail_to_few_is_let_through(to: Any) -> None:
    assert judge(SEND, {"to": to, "body": ", ".join(people(50))}).effect is Effect.ALLOW


def test_a_policy_can_lower_the_number() -> None:
    assert judge(SEND, {"to": people(3)}, max_recipients=2).effect is Effect.APPROVE


@pytest.mark.parametrize(
    "args",
    [
        {"name": "*"},
        {"path": "/"},
        {"path": "//"},
        {"path": "/*"},
        {"path": "../.."},
        {"path": "C:\\"},
        {"path": ""},
        {"path": "  "},
        {"server": "ALL"},
        {"serverIds": ["all"]},
        {"ids": []},
        {"what": "＊"},
        {"what": "%"},
        {"name": "a\u200b*"[1:]},
    ],
)
def test_destroying_everything_is_denied(args: dict[str, Any]) -> None:
    verdict = judge(DELETE, args)
    assert verdict.effect is Effect.DENY
    assert "Name exactly" in verdict.message


@pytest.mark.parametrize(
    "args",
    [
        {"name": "db-42"},
        {"path": "/srv/old/*.log"},
        {"mode": "all"},
        {"reason": "", "name": "x"},
        {"reason": "..."},
        {"ids": ["a", "b"], "dry_run": True, "limit": 5},
    ],
)
def test_destroying_something_named_is_left_to_the_policy(args: dict[str, Any]) -> None:
    assert judge(DELETE, args).effect is Effect.ALLOW


def test_money_is_left_to_the_rules_of_the_policy() -> None:
    assert judge(PAY, {"invoice": "I-1", "amount": 80}).effect is Effect.ALLOW


@pytest.mark.parametrize(
    "destination",
    [
        "ann@аcme.com",  # a Cyrillic first letter
        "аnn@acme.com",
        "ann@ac\u200bme.com",
        "ann@аррӏе.com",  # nothing but Cyrillic letters that look Latin
        "Ann <ann@acmе.com>",
        "https://аcme.com/x",
        "ann@xn--cme-8cd.com",  # the first one, encoded
        "ann@αcme.com",
    ],
)
def test_a_destination_in_disguise_asks_a_person(destination: str) -> None:
    verdict = judge(SEND, {"to": ["bo@acme.com", destination]})
    assert verdict.effect is Effect.APPROVE
    assert verdict.findings[0].category == "look-alike"
    assert verdict.findings[0].path == "args.to[1]"


@pytest.mark.parametrize(
    "destination",
    [
        "ann@acme.com",
        "Jürgen@müller.de",
        "анна@пример.рф",
        "anna@пример.com",
        "太郎@例え.jp",
        "ann@xn--mller-kva.de",
        "Анна Смит <anna@acme.com>",
    ],
)
def test_a_destination_in_one_script_is_let_through(destination: str) -> None:
    assert judge(SEND, {"to": destination}).effect is Effect.ALLOW


def test_an_argument_that_only_begins_like_a_sink_is_none() -> None:
    assert judge(SEND, {"to": "a@x.com", "topic": "ann@аcme.com"}).effect is Effect.ALLOW


@pytest.mark.parametrize("hidden", ["invoice\u202efdp.exe", "hi\U000e0061\U000e0062"])
def test_hidden_and_reordered_text_in_any_argument_asks_a_person(hidden: str) -> None:
    assert judge(SEND, {"to": "a@x.com", "body": {"parts": [hidden]}}).effect is Effect.APPROVE
    assert judge(DELETE, {"name": hidden}).effect is Effect.APPROVE


@pytest.mark.parametrize(
    "text",
    [
        "family 👨\u200d👩\u200d👧 and ❤\ufe0f",
        "flag \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "שלום\u200f world",
    ],
)
def test_emoji_and_right_to_left_text_are_let_through(text: str) -> None:
    assert judge(SEND, {"to": "a@x.com", "body": text}).effect is Effect.ALLOW


def test_a_tool_that_only_reads_is_let_through() -> None:
    tool = ToolSpec("search", access="read", impact="destructive")
    assert judge(tool, {"query": "*", "hidden": "\u202e"}).effect is Effect.ALLOW


def test_a_tool_of_which_nothing_is_known_counts_as_one_that_sends() -> None:
    assert judge(None, {"to": "ann@аcme.com"}).effect is Effect.APPROVE


def test_the_most_severe_of_what_was_found_wins() -> None:
    tool = ToolSpec("purge", access="send", impact="destructive", sinks=(Sink("to"),))
    verdict = judge(tool, {"to": people(30), "path": "/"})
    assert verdict.effect is Effect.DENY
    assert {finding.category for finding in verdict.findings} == {"bulk", "everything"}


def test_arguments_that_cannot_be_looked_through_are_denied() -> None:
    assert judge(SEND, {"to": object()}).effect is Effect.DENY


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"guards\.impact\.max_recipients"):
        ImpactGuard(max_recipients=0)


def test_a_message_names_the_place_and_not_the_value() -> None:
    verdict = judge(SEND, {"to": "ann@аcme.com"})
    assert "аcme" not in str(verdict.as_json())


def test_plain_texts_are_neither_disguised_nor_treacherous() -> None:
    assert not is_disguised("ann@acme.com, https://acme.com/a?b=c")
    assert not is_treacherous("naïve café, 100 €")
