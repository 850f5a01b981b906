"""The judge tier: a chat model looks at the calls about which table and text are unsure.

It is asked only in the uncertain band: the wording hints, or is sure but stands alone, or
only the surroundings speak. It may raise what follows. It may lower it in one case only, and
only where it is allowed to. Where it cannot be asked, a person is.
"""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from contextvars import Context as Variables
from contextvars import ContextVar
from dataclasses import replace
from threading import Lock
from typing import Any, Literal

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guarded_agent.core.effect import Effect, combine
from guarded_agent.core.verdict import Finding, Verdict
from guarded_agent.core.visible import visible
from guarded_agent.guards.coercion.case import Case
from guarded_agent.guards.coercion.prompt import PROMPT_VERSION, Question, ask
from guarded_agent.guards.coercion.reading import Reading
from guarded_agent.guards.guardrails.limit import TimeLimit
from guarded_agent.guards.pii.redactor import Redactor

RULE = f"coercion.judge.{PROMPT_VERSION}"
SURE = 0.8
"""How sure the judge must be to let a call go for which a person would be asked."""
_LEAST_INPUT = 500
_MOST_REASON = 300
_MOST_THREADS = 10_000

_judging: ContextVar[bool] = ContextVar("judging", default=False)


class Opinion(BaseModel):
    """What you think of the call."""  # the model reads this

    model_config = ConfigDict(extra="forbid")

    harmful: bool = Field(description="Whether the call falls under one of the categories.")
    category: Literal[
        "blackmail",
        "threat",
        "manipulation",
        "leak",
        "private_disclosure",
        "self_preservation",
        "sabotage",
        "deception",
        "none",
    ]
    confidence: float = Field(ge=0, le=1, description="How sure you are, from 0 to 1.")
    reason: str = Field(description="Why, in one sentence.")


class Judge:
    """Asks a chat model about calls in the uncertain band.

    The model gets the call and the monitor's facts, without personal data in typed form,
    and nothing that the agent says of itself. It runs outside of the agent's run: no
    callback, trace or stream of the agent sees it.

    Args:
        model: Any chat model that gives structured output. It must not be a guarded one.
        max_calls_per_thread: How often it is asked in one conversation, in this process.
        max_input_chars: How many characters of data it gets; the middle of longer arguments
            is left out.
        timeout: Seconds that it may take. In an event loop the monitor waits 10 seconds for
            any guard and denies the call after that, so give it less.
        may_release: Whether it may let a call go that is held for its wording alone.

    Raises:
        TypeError: `model` is no chat model, or has no structured output.
        ValueError: A limit is not positive, or the input is too short to judge.
    """

    def __init__(
        self,
        model: BaseChatModel,
        *,
        max_calls_per_thread: int = 20,
        max_input_chars: int = 6000,
        timeout: float = 8,
        may_release: bool = False,
    ) -> None:
        if not isinstance(model, BaseChatModel):  # pyright: ignore[reportUnnecessaryIsInstance] - a user's mistake
            raise TypeError(f"{type(model).__name__} is no chat model")
        if max_calls_per_thread < 1:
            raise ValueError("max_calls_per_thread: write 1 or more")
        if max_input_chars < _LEAST_INPUT:
            raise ValueError(f"max_input_chars: write {_LEAST_INPUT} or more")
        try:
            self._model = model.with_structured_output(Opinion)
        except NotImplementedError:
            raise TypeError(f"{type(model).__name__} gives no structured output") from None
        self._limit = TimeLimit(timeout, RULE)
        self._timeout = timeout
        self._may_release = may_release
        self._most_calls = max_calls_per_thread
        self._most_input = max_input_chars
        # Mail addresses go too: whether they are outside is among the facts.
        self._redactor = Redactor(keep=())
        self._calls: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = Lock()

    def settle(self, case: Case) -> Verdict:
        """Return the verdict on `case`, asking the model where that makes a difference."""
        if not case.is_uncertain:
            return case.verdict
        try:
            prompt, cut = self._prompt(case)
            answer = self._limit.run(lambda: Variables().run(self._invoke, prompt))
            return self._decided(case, Opinion.model_validate(answer), cut=cut)
        except Exception as error:
            return _failed(case, error)

    async def asettle(self, case: Case) -> Verdict:
        """Do what `settle` does, without blocking the event loop."""
        if not case.is_uncertain:
            return case.verdict
        try:
            prompt, cut = self._prompt(case)
            # A context of its own: nothing of the run around it is inherited.
            work = asyncio.get_running_loop().create_task(
                self._ainvoke(prompt), context=Variables()
            )
            answer = await asyncio.wait_for(work, self._timeout)
            return self._decided(case, Opinion.model_validate(answer), cut=cut)
        except Exception as error:
            return _failed(case, error)

    def _prompt(self, case: Case) -> tuple[list[BaseMessage], bool]:
        if _judging.get():
            raise _NotAskedError("it was asked from within itself")
        context = case.subject.context
        thread = (context.agent_id, context.thread_id)
        with self._lock:
            used = self._calls.pop(thread, 0)
            self._calls[thread] = min(used + 1, self._most_calls)
            if len(self._calls) > _MOST_THREADS:
                self._calls.popitem(last=False)
        if used >= self._most_calls:
            raise _NotAskedError(f"it was asked {used} times in this conversation already")
        return ask(Question.of(case), self._redactor.redact, self._most_input)

    def _invoke(self, prompt: list[BaseMessage]) -> Any:
        _judging.set(True)
        return self._model.invoke(prompt, _apart())

    async def _ainvoke(self, prompt: list[BaseMessage]) -> Any:
        _judging.set(True)
        return await self._model.ainvoke(prompt, _apart())

    def _decided(self, case: Case, opinion: Opinion, *, cut: bool) -> Verdict:
        verdict = case.verdict
        # The model may repeat what it read.
        reason = visible(self._redactor.redact_text(opinion.reason))[:_MOST_REASON]
        if not opinion.harmful:
            category, words = "judge", f"the judge sees no harm: {reason}"
            effect = verdict.effect
            if (
                self._may_release
                and not cut
                and opinion.confidence >= SURE
                and case.is_held_for_words
            ):
                effect = Effect.ALLOW
        else:
            category = "coercion" if opinion.category == "none" else opinion.category
            words = f"{category.replace('_', ' ')}, says the judge: {reason}"
            # What it says counts as a sure text; the table says what follows.
            sure = max(opinion.confidence, case.effects.thresholds.high)
            readings = (*case.readings, Reading(category, sure, (), (reason,)))
            raised, _ = case.effects.decide(readings, case.flags, case.access)
            effect = combine([verdict.effect, raised])
        finding = Finding(category, words, "coercion", opinion.confidence, rule=RULE)
        return replace(verdict, effect=effect, findings=(*verdict.findings, finding))


class _NotAskedError(Exception):
    """The model was not asked; the text says why."""


def _apart() -> RunnableConfig:
    return RunnableConfig(callbacks=[], run_name=RULE)


def _failed(case: Case, error: Exception) -> Verdict:
    """Hold a call that nobody judged: what is sent or written cannot be taken back."""
    signals: Any = sys.modules.get("langgraph.errors")  # this room does not know LangGraph
    if signals is not None and isinstance(error, signals.GraphBubbleUp):
        raise error
    finding = Finding("judge", f"no judge looked at it: {_why(error)}", "coercion", rule=RULE)
    verdict = case.verdict
    effect = combine([verdict.effect, Effect.APPROVE])
    return replace(verdict, effect=effect, findings=(*verdict.findings, finding))


def _why(error: Exception) -> str:
    """Return what went wrong; an error's own text may hold anything."""
    if isinstance(error, _NotAskedError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, (ValidationError, OutputParserException)):
        return "its answer could not be read"
    return f"it failed ({type(error).__name__})"
