"""Judge what will happen: guards and policy see the values behind an action's pseudonyms.

An action holds pseudonyms wherever it travels, is stored or is shown, and its digest is
that of the pseudonyms. What one stands for never changes, so the digest fits one call
only, with its values. They are looked up here for the judging alone, and by the
guarded tool right before its body runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from guarded_agent.core import (
    Action,
    Context,
    Effect,
    Finding,
    Guard,
    Label,
    Stage,
    Subject,
    ToolSpec,
    Verdict,
    merge,
)
from guarded_agent.core.errors import Denied
from guarded_agent.core.ports import Pseudonymizer
from guarded_agent.monitor.judge import WAIT, Judge
from guarded_agent.policy import Engine, Policy
from guarded_agent.policy.limits import Limit
from guarded_agent.policy.trials import Trial

RULE = "pseudonyms"
_NOTHING = Label()


class RevealingJudge(Judge):
    """Lets the guards see an action's arguments as its tool will get them.

    Args:
        guards: As for `Judge`.
        pseudonyms: Knows the values.
        wait: As for `Judge`.
    """

    def __init__(
        self, guards: Sequence[Guard], pseudonyms: Pseudonymizer, *, wait: float = WAIT
    ) -> None:
        super().__init__(guards, wait=wait)
        self._pseudonyms = pseudonyms

    def judge(self, subject: Subject) -> Verdict:
        """Return the verdict of all guards on `subject`."""
        if subject.action is None or subject.stage is not Stage.ACTION:
            return super().judge(subject)
        opened = self._opened(subject, subject.action)
        if isinstance(opened, Verdict):
            return opened
        hidden, seen = opened
        return self._closed(subject.action, hidden, super().judge(seen))

    async def ajudge(self, subject: Subject) -> Verdict:
        """Do what `judge` does, from an event loop."""
        if subject.action is None or subject.stage is not Stage.ACTION:
            return await super().ajudge(subject)
        opened = await asyncio.to_thread(self._opened, subject, subject.action)
        if isinstance(opened, Verdict):
            return opened
        hidden, seen = opened
        verdict = await super().ajudge(seen)
        return await asyncio.to_thread(self._closed, subject.action, hidden, verdict)

    def _opened(self, subject: Subject, action: Action) -> tuple[Action, Subject] | Verdict:
        """Return the action with pseudonyms in place of values, and what the guards see of it."""
        spec = subject.context.tool
        try:
            if spec is None:
                raise Denied("There is no such tool.")
            hidden = _with(action, self._pseudonyms.conceal(action))
            args = self._pseudonyms.reveal(hidden, spec)
        except Denied as error:
            return _stopped(str(error))
        except Exception as error:
            return _stopped(f"The pseudonyms could not be read ({type(error).__name__}).")
        return hidden, replace(subject, payload=args, action=_with(action, args))

    def _closed(self, given: Action, hidden: Action, verdict: Verdict) -> Verdict:
        """Return a verdict on revealed arguments without the values."""
        args = hidden.args
        if verdict.payload is not None:
            try:
                args = self._pseudonyms.cover(verdict.payload, hidden)
            except Exception as error:
                return _stopped(f"The pseudonyms could not be put back ({type(error).__name__}).")
        if args == given.args:
            return replace(verdict, payload=None)
        if args == hidden.args:
            finding = Finding(RULE, "personal data got pseudonyms", "pii", path="args")
            return merge([verdict, Verdict(Effect.REDACT, (finding,), payload=args)])
        return replace(verdict, payload=args)


class RevealingEngine(Engine):
    """Decides about an action's arguments as its tool will get them.

    Args:
        policy: As for `Engine`.
        tools: As for `Engine`.
        pseudonyms: Knows the values.
        strict_tools: As for `Engine`.
    """

    def __init__(
        self,
        policy: Policy,
        tools: Sequence[ToolSpec],
        pseudonyms: Pseudonymizer,
        *,
        strict_tools: bool = True,
    ) -> None:
        super().__init__(policy, tools, strict_tools=strict_tools)
        self._pseudonyms = pseudonyms

    def weigh(
        self, action: Action, context: Context, now: float, *, every: bool = False
    ) -> tuple[list[Trial], list[Limit]]:
        """Try what the policy says on the revealed arguments of `action`."""
        try:
            args = self._pseudonyms.reveal(action, self.spec(action.tool))
            label = self._pseudonyms.label(action)
        except KeyError:
            return super().weigh(action, context, now, every=every)
        except Denied as error:
            because = str(error)
            return [Trial(RULE, Effect.DENY, True, because=because, message=because)], []
        if label != _NOTHING:  # hidden texts: this call is given what the thread has not read
            known = context.memory
            context = replace(context, memory=replace(known, label=known.label | label))
        return super().weigh(_with(action, args), context, now, every=every)


def _with(action: Action, args: Mapping[str, Any]) -> Action:
    return action if args is action.args else replace(action, args=args)


def _stopped(message: str) -> Verdict:
    return Verdict(Effect.DENY, (Finding(RULE, message, "pii"),), message=message)
