"""A leased secret is known by its value, in every form, wherever it shows up."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guarded_agent.core import Context, Effect, Stage, Subject, ToolSpec, Verdict
from guarded_agent.guards import Redactor, SecretsGuard
from guarded_agent.guards.streaming import Scrub, text_filter
from guarded_agent.identity import SecretRef, lease, scrub
from guarded_agent.identity.leased import KEPT, REGISTER
from guarded_agent.identity.leases import remembering

VALUE = 'zA7~ k&9 "q/x=4+é'
PLAIN = "kanarie-Xq7vb29Lm"


@contextmanager
def leased(value: str, name: str = "crm") -> Iterator[None]:
    with lease({name: SecretRef.parse("env:V")}, environ={"V": value}):
        yield


def once(value: str, name: str = "crm") -> None:
    with leased(value, name):
        pass


def judge(stage: Stage, payload: Any, tool: ToolSpec | None = None) -> Verdict:
    return SecretsGuard().check(Subject(stage, payload, Context("a", "t", tool=tool)))


def lower_hex(text: str) -> str:
    return "".join(
        part.lower() if at % 2 else part
        for at, part in enumerate(__import__("re").split("(%[0-9A-F]{2})", text))
    )


def at_offset(shift: int, encode: Callable[[bytes], bytes]) -> Callable[[str], str]:
    return lambda value: encode(b"u" * shift + value.encode() + b":tail").decode()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda value: value,
    "URL": lambda value: quote(value, safe=""),
    "URL, small letters": lambda value: lower_hex(quote(value, safe="")),
    "URL path": quote,
    "form": quote_plus,
    "hex": lambda value: value.encode().hex(),
    "hex, capitals": lambda value: value.encode().hex().upper(),
    "JSON": lambda value: json.dumps(value)[1:-1],
    "JSON in UTF-8": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64, first place": at_offset(0, base64.b64encode),
    "base64, second place": at_offset(1, base64.b64encode),
    "base64, third place": at_offset(2, base64.b64encode),
    "base64 for URLs, first place": at_offset(0, base64.urlsafe_b64encode),
    "base64 for URLs, second place": at_offset(1, base64.urlsafe_b64encode),
    "base64 for URLs, third place": at_offset(2, base64.urlsafe_b64encode),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("value", [VALUE, PLAIN, PLAIN + "?>~~~???"])
@pytest.mark.parametrize(
    "stage", [Stage.INPUT, Stage.MODEL_OUTPUT, Stage.TOOL_RESULT, Stage.FINAL_OUTPUT]
)
def test_every_form_is_replaced_at_every_stage_after_the_call(
    stage: Stage, value: str, form: Callable[[str], str]
) -> None:
    once(value)
    said = form(value)
    verdict = judge(stage, {"text": [f"before <{said}> after"]})
    assert verdict.effect is Effect.REDACT
    [text] = verdict.payload["text"]
    assert "[secret:crm]" in text
    assert said not in text


@pytest.mark.parametrize("access", ["read", "write", "send"])
@pytest.mark.parametrize("form", [FORMS["plain"], FORMS["hex"], FORMS["base64, second place"]])
def test_no_call_at_all_carries_one(access: Any, form: Callable[[str], str]) -> None:
    once(PLAIN)
    verdict = judge(Stage.ACTION, {"body": form(PLAIN)}, ToolSpec("t", access=access))
    assert verdict.effect is Effect.DENY
    assert "leased secret" in verdict.message
    assert PLAIN not in str(verdict.as_json())


def test_logs_and_pages_for_reviewers_hold_none() -> None:
    once(PLAIN)
    assert Redactor().redact_text(f"x {PLAIN} y") == "x [secret:crm] y"
    assert Scrub([SecretsGuard()]).clean(Stage.INPUT, [PLAIN]) == ["[secret:crm]"]


def test_full_width_letters_and_invisible_characters_hide_none() -> None:
    once(PLAIN)
    assert judge(Stage.INPUT, PLAIN.replace("k", "\uff4b").replace("7", "7\u200b")).payload == (
        "[secret:crm]"
    )


@pytest.mark.parametrize("value", ["hunter2", "production", "00000000", "abababab"])
def test_a_value_that_is_too_plain_is_known_only_in_its_call(value: str) -> None:
    with leased(value):
        assert scrub(f"x {value} y") == "x [secret:crm] y"
        assert judge(Stage.TOOL_RESULT, f"x {value} y").payload == "x [secret:crm] y"
    assert scrub(f"x {value} y") == f"x {value} y"


def test_the_values_leased_longest_ago_are_forgotten() -> None:
    once("first-value-1")
    for number in range(KEPT):
        once(f"later-value-{number:04}")
    assert scrub("first-value-1") == "first-value-1"
    assert scrub("later-value-0000") == "[secret:crm]"


def test_a_value_that_is_used_again_counts_as_new() -> None:
    once("first-value-1")
    for number in range(KEPT - 1):
        once(f"other-value-{number:04}")
    once("first-value-1")
    for number in range(KEPT - 1):
        once(f"later-value-{number:04}")
    assert scrub("first-value-1") == "[secret:crm]"


@pytest.mark.parametrize("value", ["1234", "hunter2", "production"])
def test_a_plain_value_is_known_until_its_call_ends_even_if_its_lease_is_over(value: str) -> None:
    with remembering():
        once(value)
        assert scrub(f"x {value} y") == "x [secret:crm] y"
    assert scrub(f"x {value} y") == f"x {value} y"


def test_the_newest_name_counts() -> None:
    once(PLAIN, "old")
    once(PLAIN, "new")
    assert scrub(PLAIN) == "[secret:new]"


def test_nothing_leased_costs_nothing_and_finds_nothing() -> None:
    assert REGISTER.spots(PLAIN) == []
    assert judge(Stage.INPUT, PLAIN).effect is Effect.ALLOW


SPACED = "correct horse battery staple and nine more words so that it is longer than the margin"


@pytest.mark.parametrize("value", [SPACED, PLAIN, SPACED.replace(" ", "\n")])
@pytest.mark.parametrize("step", [1, 7, 50, 5000])
def test_no_part_of_one_is_streamed(value: str, step: int) -> None:
    once(value)
    text = f"The model says that the secret is {value} and then it goes on with plain words. " * 2
    stream = text_filter([SecretsGuard()])()
    out = ""
    for at in range(0, len(text), step):
        out += stream.push(text[at : at + step])
        assert not any(value[:size] in out for size in (12,))
    out += stream.flush()
    assert out == Scrub([SecretsGuard()]).clean(Stage.MODEL_OUTPUT, text)
    assert out.count("[secret:crm]") == 2


@pytest.mark.parametrize("step", [100, 3000, 20_000])
def test_one_that_is_longer_than_the_bound_is_held_to_its_end(step: int) -> None:
    value = "ab cd " * 700 + "x"
    once(value)
    text = f"The model says that the secret is {value} and then it goes on with plain words."
    stream = text_filter([SecretsGuard()])()
    parts = [stream.push(text[at : at + step]) for at in range(0, len(text), step)]
    assert "".join([*parts, stream.flush()]) == text.replace(value, "[secret:crm]")


def test_the_beginning_of_one_that_goes_on_otherwise_is_released() -> None:
    once(SPACED)
    text = "It is a correct horse battery or so, and the words of this long sentence go on. "
    stream = text_filter([SecretsGuard()])()
    assert stream.push(text * 3) + stream.flush() == text * 3


@given(
    value=st.text(min_size=8, max_size=40).filter(lambda text: text.strip() == text),
    form=st.sampled_from(sorted(FORMS)),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
@settings(max_examples=150, deadline=None)
def test_whatever_the_value_its_forms_are_gone(
    value: str, form: str, before: str, after: str
) -> None:
    REGISTER.clear()
    with leased(value):
        cleaned = scrub(f"{before} {FORMS[form](value)} {after}")
    assert "[secret:crm]" in cleaned
