"""A whole `guardrails.Guard` as a guard: what it keeps, what it may not do, many threads."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import types
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from guardrails import AsyncGuard, Guard
from guardrails.logger import get_scope_handler
from guardrails.validator_base import FailResult, PassResult, Validator, register_validator
from guardrails_ai.ban_list import BanList
from guardrails_ai.valid_json import ValidJson
from pydantic import BaseModel, Field

from guarded_agent.core import AsyncGuard as AsyncPort
from guarded_agent.core import Context, Effect, Stage, Subject, Verdict
from guarded_agent.guards import GuardrailsGuard, build
from guarded_agent.guards.guardrails import WITHHELD
from guarded_agent.guards.guardrails.quiet import no_loop_left

SECRET = "the black swan of Hamburg"


class Note(BaseModel):
    """A structured answer, one field of which is validated."""

    body: str = Field(
        json_schema_extra={"validators": [BanList(["swan"], max_l_dist=0, on_fail="fix")]}
    )
    pages: int


@register_validator(name="guarded-agent-tests/asks", data_type="string")
class Asks(Validator):
    """Does what the test says, in the middle of a validation."""

    def __init__(self, what: Callable[[str], Any] | None = None, on_fail: Any = None) -> None:
        super().__init__(on_fail=on_fail)
        self.what = what

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        return PassResult() if self.what is None else self.what(value)


def judge(guard: GuardrailsGuard, payload: Any, stage: Stage = Stage.FINAL_OUTPUT) -> Verdict:
    return guard.check(Subject(stage, payload, Context("a", "t")))


def wrapped(guard: Any, **options: Any) -> GuardrailsGuard:
    return GuardrailsGuard(guard, stages=list(Stage), **options)


def banning(word: str = "swan", on_fail: str = "exception") -> Any:
    return Guard().use(BanList([word], max_l_dist=0, on_fail=on_fail))


@pytest.mark.parametrize("action", ["exception", "fix", "noop", "filter"])
def test_no_text_stays_in_memory(action: str) -> None:
    theirs = banning(on_fail=action)
    guard = wrapped(theirs)
    for text in (SECRET, "nothing to see"):
        judge(guard, text)
    assert len(theirs.history) == 0


def test_no_text_stays_when_a_validator_breaks() -> None:
    def broken(value: str) -> Any:
        raise RuntimeError("broke")

    theirs = Guard().use(Asks(broken))
    with pytest.raises(RuntimeError, match="broke"):
        judge(wrapped(theirs), SECRET)
    assert len(theirs.history) == 0


def test_no_text_stays_in_the_logs_that_guardrails_keeps() -> None:
    log = logging.getLogger("guardrails-ai")

    def talkative(value: str) -> Any:
        log.error("saw %s", value)
        return PassResult()

    judge(wrapped(Guard().use(Asks(talkative))), SECRET)
    kept = [record.getMessage() for record in get_scope_handler().get_all_logs()]
    assert not any(SECRET in message for message in kept)


def test_no_text_goes_into_the_spans_of_opentelemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    from guardrails.settings import settings
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    settings.disable_tracing = None  # as Guardrails starts

    theirs = banning(on_fail="fix")
    with no_loop_left():
        theirs.validate(SECRET)
    before = [str(dict(span.attributes or {})) for span in exporter.get_finished_spans()]
    assert any(SECRET in text for text in before)  # what the next lines are about
    exporter.clear()
    judge(wrapped(theirs), SECRET)
    assert not exporter.get_finished_spans()


def test_json_stays_json_when_a_field_is_fixed() -> None:
    guard = wrapped(Guard.for_pydantic(Note))
    good = '{"body": "geese", "pages": 3}'
    assert judge(guard, good).effect is Effect.ALLOW
    verdict = judge(guard, '{"body": "black swan!", "pages": 3}')
    assert verdict.effect is Effect.REDACT
    note = Note.model_validate_json(verdict.payload)
    assert ("swan" in note.body, note.pages) == (False, 3)


@pytest.mark.parametrize("text", ["no json", '{"body": "geese", "pages": "many"}', "", "[]"])
def test_what_does_not_fit_the_schema_is_denied(text: str) -> None:
    assert judge(wrapped(Guard.for_pydantic(Note)), text).effect is Effect.DENY


def test_a_field_that_the_schema_does_not_know_is_taken_out() -> None:
    verdict = judge(wrapped(Guard.for_pydantic(Note)), '{"body": "a", "pages": 1, "more": "x"}')
    assert (verdict.effect, verdict.findings) == (Effect.REDACT, ())
    assert "more" not in verdict.payload


def test_all_validators_of_a_guard_are_asked() -> None:
    theirs: Any = Guard().use(
        BanList(["swan"], max_l_dist=0, on_fail="exception"), ValidJson(on_fail="exception")
    )
    guard = wrapped(theirs)
    assert judge(guard, '["duck"]').effect is Effect.ALLOW
    assert judge(guard, '["swan"]').effect is Effect.DENY
    assert judge(guard, "duck").effect is Effect.DENY


class Formatter:
    pass


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (lambda: banning(on_fail="reask"), r"BanList asks a model again .on_fail='reask'."),
        (
            lambda: Guard.for_string(
                [ValidJson(on_fail="noop")], messages=[{"role": "user", "content": "hi"}]
            ),
            "calls a model",
        ),
        (lambda: AsyncGuard().use(ValidJson(on_fail="noop")), "AsyncGuard cannot be used"),
        (lambda: Guard(), "checks nothing"),
        (lambda: Guard().use(ValidJson(on_fail="noop"), on="messages"), "on='output'"),
        (lambda: Guard(use_server=True).use(ValidJson(on_fail="noop")), "sends texts to a server"),
        (lambda: Guard().use(Needs()), "Needs needs metadata: topic"),
    ],
)
def test_a_guard_that_calls_out_or_checks_nothing_is_refused(
    theirs: Callable[[], Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        wrapped(theirs())


@register_validator(name="guarded-agent-tests/needs", data_type="string")
class Needs(Validator):
    required_metadata_keys = ["topic"]  # noqa: RUF012 - as Guardrails declares it

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        return PassResult() if metadata["topic"] in value else FailResult(error_message="off topic")


def test_metadata_reaches_the_validators_of_a_guard() -> None:
    guard = wrapped(Guard().use(Needs()), metadata={"topic": "birds"})
    assert judge(guard, "on birds").effect is Effect.ALLOW
    assert judge(guard, "on fish").effect is Effect.DENY


def test_an_outcome_that_is_none_stops_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = banning()
    guard = wrapped(theirs)
    monkeypatch.setattr(type(theirs), "validate", lambda self, *args, **options: None)
    with pytest.raises(TypeError, match="not an outcome"):
        judge(guard, "a duck")


def test_many_threads_share_one_guard_and_each_gets_its_own_answer() -> None:
    guard = wrapped(banning(on_fail="fix"))

    def ask(number: int) -> bool:
        text = f"{number}: a {'swan' if number % 2 else 'duck'}"
        verdict = judge(guard, [text])
        if number % 2:
            return str(verdict.payload[0]).startswith(f"{number}: a ")
        return verdict.effect is Effect.ALLOW

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(48)))


def test_it_works_inside_a_running_loop_and_leaves_no_loop_open() -> None:
    guard = wrapped(banning(on_fail="fix"))
    policy = asyncio.get_event_loop_policy()
    made: list[asyncio.AbstractEventLoop] = []
    original = asyncio.new_event_loop

    def counted() -> asyncio.AbstractEventLoop:
        made.append(original())
        return made[-1]

    async def main() -> tuple[Verdict, Verdict]:
        subject = Subject(Stage.FINAL_OUTPUT, "a swan", Context("a", "t"))
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("error")  # Guardrails warns where it finds a running loop
            patch.setattr(asyncio, "new_event_loop", counted)
            return guard.check(subject), await guard.acheck(subject)

    first, second = asyncio.run(main())
    assert isinstance(guard, AsyncPort)
    assert first == second
    assert first.effect is Effect.REDACT
    assert made
    assert all(loop.is_closed() for loop in made)
    assert asyncio.get_event_loop_policy() is policy


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    made = types.ModuleType("guards_of_a_policy")
    made.make_guard = banning  # type: ignore[attr-defined]
    made.ready = banning()  # type: ignore[attr-defined]
    made.validator = lambda: ValidJson()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


def from_policy(**entry: Any) -> GuardrailsGuard:
    off = {"off": True, "because": "tested elsewhere"}
    options = {"coercion": off, "guardrails": [{"stages": ["final_output"], **entry}]}
    [guard] = [g for g in build(options, inside=frozenset()) if isinstance(g, GuardrailsGuard)]
    return guard


def test_a_policy_names_a_function_that_makes_a_guard_or_the_guard_itself(
    module: types.ModuleType,
) -> None:
    made = from_policy(
        guard="guards_of_a_policy:make_guard",
        args={"word": "swan", "on_fail": "noop"},
        effect="redact",
        timeout=3,
    )
    assert judge(made, "a swan").payload == WITHHELD
    assert judge(from_policy(guard="guards_of_a_policy:ready"), "a swan").effect is Effect.DENY


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"guard": "guards_of_a_policy:validator"}, "is not a Guardrails Guard"),
        ({"guard": "guards_of_a_policy:nothing"}, r"guardrails\[0\]\.guard: .* cannot be made"),
        ({"guard": "a:b", "validator": "c:D"}, "one of the two only"),
        ({}, "write validator: .* or guard: "),
        ({"guard": "guards_of_a_policy:ready", "timeout": 0}, r"\[0\]\.timeout: write a number"),
        ({"guard": "guards_of_a_policy:ready", "timeout": "1s"}, r"\[0\]\.timeout"),
        ({"guard": "guards_of_a_policy:ready", "plain": "no"}, r"\[0\]\.plain: write true or"),
        (
            {"guard": "guards_of_a_policy:make_guard", "args": {"on_fail": "reask"}},
            r"guards\.guardrails\[0\]: BanList asks a model again",
        ),
    ],
)
def test_a_wrong_entry_is_named_when_the_policy_loads(
    module: types.ModuleType, entry: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        from_policy(**entry)


def test_threads_of_a_whole_guard_end_with_its_call() -> None:
    guard = wrapped(banning())
    before = threading.active_count()
    for _ in range(5):
        judge(guard, "a duck")
    assert threading.active_count() <= before + 2  # Guardrails' own end when they are idle
