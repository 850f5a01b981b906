"""Secrets: they reach the tool body and nothing else."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import pickle
import threading
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guarded_agent.core.errors import Denied, UnguardedCall
from guarded_agent.identity import Secret, SecretRef, lease, scrub, secret

VALUE = "p@ss wörd/+\"\\x'&<7>"
ENV = {"SMTP": VALUE, "OTHER": "other-value-1", "EMPTY": "", "BLANK": " \n"}
SMTP = {"smtp": SecretRef.parse("env:SMTP")}
OTHER = {"other": SecretRef.parse("env:OTHER")}


def held(refs: dict[str, SecretRef] | None = None) -> Any:
    return lease(SMTP if refs is None else refs, environ=ENV)


def test_a_body_gets_the_secret_it_holds() -> None:
    with held():
        assert secret("smtp").reveal() == VALUE
        assert secret("smtp").name == "smtp"


def test_there_is_no_secret_outside_of_a_call() -> None:
    with pytest.raises(UnguardedCall, match="no secret 'smtp' here"):
        secret("smtp")
    with held():
        pass
    with pytest.raises(UnguardedCall, match="no secret 'smtp' here"):
        secret("smtp")


def test_a_call_holds_no_other_secrets_than_its_own() -> None:
    with held(), held(OTHER):
        assert secret("other").reveal() == "other-value-1"
        with pytest.raises(Denied, match="holds no secret 'smtp'"):
            secret("smtp")


def test_the_outer_lease_is_back_after_the_inner_one() -> None:
    with held():
        with held(OTHER):
            pass
        assert secret("smtp").reveal() == VALUE


def test_a_thread_without_the_context_gets_nothing() -> None:
    seen: list[Exception] = []

    def body() -> None:
        try:
            secret("smtp")
        except UnguardedCall as error:
            seen.append(error)

    with held():
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
    assert len(seen) == 1


def test_a_task_that_outlives_the_call_gets_no_secret_but_is_still_scrubbed() -> None:
    async def late(go: asyncio.Event) -> str:
        await go.wait()
        with pytest.raises(UnguardedCall):
            secret("smtp")
        return scrub(f"left over: {VALUE}")

    async def main() -> str:
        go = asyncio.Event()
        with held():
            task = asyncio.create_task(late(go))
            await asyncio.sleep(0)
        go.set()
        return await task

    assert asyncio.run(main()) == "left over: [secret:smtp]"


def test_two_tasks_at_once_hold_their_own_secrets() -> None:
    async def call(refs: dict[str, SecretRef], name: str) -> str:
        with held(refs):
            await asyncio.sleep(0)
            return secret(name).reveal()

    async def main() -> list[str]:
        return await asyncio.gather(call(SMTP, "smtp"), call(OTHER, "other"))

    assert asyncio.run(main()) == [VALUE, "other-value-1"]


# The type


def test_a_secret_does_not_print() -> None:
    it = Secret("smtp", VALUE)
    for shown in (str(it), repr(it), f"{it}", f"{it:>30}", f"{it!r}", str([it])):
        assert VALUE not in shown
        assert "Secret(smtp)" in shown


@pytest.mark.parametrize("escape", [pickle.dumps, json.dumps, copy.copy, copy.deepcopy, hash, vars])
def test_a_secret_does_not_pickle_copy_hash_or_become_json(escape: Any) -> None:
    with pytest.raises(TypeError) as caught:
        escape(Secret("smtp", VALUE))
    assert VALUE not in str(caught.value)


def test_a_secret_equals_only_a_secret() -> None:
    it = Secret("smtp", VALUE)
    assert it == Secret("again", VALUE)
    assert it != Secret("smtp", "other")
    assert it != VALUE


# Where it stands


def test_a_file_gives_its_text_without_the_last_line_end(tmp_path: Path) -> None:
    place = tmp_path / "token"
    place.write_bytes(b"line 1\nline 2\r\n")
    with held({"key": SecretRef.parse(f"file:{place}")}):
        assert secret("key").reveal() == "line 1\nline 2"


@pytest.mark.parametrize(
    "text",
    ["", "hunter2", "env:", "env:1X", "env:A B", "file:", "file:relative", "vault:x", "file:/a\0b"],
)
def test_what_is_no_reference_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="no secret reference") as caught:
        SecretRef.parse(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["env:SMTP", "file:/run/secrets/x"])
def test_a_reference_writes_itself_as_it_was_read(text: str) -> None:
    assert str(SecretRef.parse(text)) == text


@pytest.mark.parametrize("name", ["EMPTY", "BLANK", "MISSING"])
def test_a_secret_that_is_not_there_stops_the_call(name: str) -> None:
    refs = {"smtp": SecretRef.parse(f"env:{name}")}
    with pytest.raises(Denied, match=f"'smtp' cannot be had from env:{name}"), held(refs):
        pytest.fail("the body ran without its secret")


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "empty"), (b"\xff\xfe", "UTF-8"), (b"x" * 70_000, "larger")],
)
def test_a_file_that_gives_no_secret_stops_the_call(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    place = tmp_path / "token"
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(Denied, match=words), held({"key": SecretRef.parse(f"file:{place}")}):
        pytest.fail("the body ran without its secret")


# What leaves


FORMS = {
    "raw": lambda value: value,
    "url path": quote,
    "url": lambda value: quote(value, safe=""),
    "url form": quote_plus,
    "json": lambda value: json.dumps({"k": value}),
    "json utf-8": lambda value: json.dumps({"k": value}, ensure_ascii=False),
    "repr": repr,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 url": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "hex": lambda value: value.encode().hex(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_form_of_a_leased_value_is_replaced(form: Any) -> None:
    text = f"before {form(VALUE)} after"
    with held():
        cleaned = scrub(text)
    assert "[secret:smtp]" in cleaned
    assert form(VALUE).strip("'\"={}k: ") not in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")


@pytest.mark.parametrize("user", ["a", "ab", "abc", "abcd"])
def test_a_value_inside_a_basic_header_is_found(user: str) -> None:
    header = base64.b64encode(f"{user}:{VALUE}:tail".encode()).decode()
    with held():
        cleaned = scrub(f"Authorization: Basic {header}")
    assert "[secret:smtp]" in cleaned
    longest_rest = max(len(part) for part in cleaned.replace("[secret:smtp]", " ").split(" "))
    assert longest_rest <= len("Authorization:")


def test_lower_case_percent_signs_are_found() -> None:
    lowered = quote("k/é=1", safe="").lower()
    with lease({"k": SecretRef.parse("env:K")}, environ={"K": "k/é=1"}):
        assert scrub(f"x={lowered}") == "x=[secret:k]"


def test_one_line_of_a_key_with_many_lines_is_found() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----"
    with lease({"pem": SecretRef.parse("env:PEM")}, environ={"PEM": key}):
        assert scrub("near MIIEvQIBADANBg there") == "near [secret:pem] there"


def test_values_of_the_outer_call_are_scrubbed_too() -> None:
    with held(), held(OTHER):
        assert scrub(f"{VALUE} other-value-1") == "[secret:smtp] [secret:other]"


def test_text_without_secrets_stays_as_it_is() -> None:
    assert scrub(VALUE) == VALUE
    with held():
        assert scrub("nothing here") == "nothing here"


@given(
    value=st.text(min_size=1, max_size=40).filter(str.strip),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
@example(value="secret", before="", after="")
@example(value="ab", before="a", after="b")
def test_what_was_scrubbed_no_longer_holds_the_value(value: str, before: str, after: str) -> None:
    with lease({"n": SecretRef.parse("env:V")}, environ={"V": value}):
        parts = scrub(before + value + after).split("[secret:n]")
    assert len(parts) > 1
    assert all(value not in part for part in parts)


def test_an_error_raised_after_the_block_carries_the_secret_nowhere() -> None:
    def guarded() -> None:
        failure = ""
        with held():
            try:
                raise RuntimeError(f"401: {secret('smtp').reveal()} refused")
            except RuntimeError as error:
                failure = scrub(str(error))
        raise RuntimeError(failure)

    with pytest.raises(RuntimeError) as caught:
        guarded()
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert VALUE not in shown
    assert "401: [secret:smtp] refused" in shown
