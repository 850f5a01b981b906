"""Explain a decision: every rule of the tool, whether it matched, and which one decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guarded_agent.core.action import Action
from guarded_agent.core.context import Context
from guarded_agent.core.effect import Effect
from guarded_agent.policy.match import Engine
from guarded_agent.policy.trials import Decision, Trial


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an action is decided as it is. `str()` gives it as text.

    Attributes:
        tool: The tool.
        decision: What was decided.
        trials: Everything that was tried, most severe rules first.
    """

    tool: str
    decision: Decision
    trials: tuple[Trial, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "tool": self.tool,
            "effect": str(self.decision.effect),
            "rule": self.decision.rule,
            "because": self.decision.because,
            "message": self.decision.message,
            "unvouched": list(dict.fromkeys(path for path, _ in self.decision.gaps)),
            "trials": [
                {
                    "rule": trial.rule,
                    "effect": str(trial.effect),
                    "matched": trial.matched,
                    "error": trial.error,
                    "when": trial.when,
                    "decided": trial.rule == self.decision.rule,
                }
                for trial in self.trials
            ],
        }

    def __str__(self) -> str:
        head = f"{self.tool}: {self.decision.effect}, decided by {self.decision.rule}"
        lines = [head]
        if self.decision.because:
            lines.append(f"  because {self.decision.because}")
        if self.decision.gaps:
            paths = ", ".join(dict.fromkeys(path for path, _ in self.decision.gaps))
            lines.append(f"  nobody vouches for {paths}")
        if self.decision.message:
            lines.append(f"  the model is told: {self.decision.message}")
        width = max((len(trial.rule) for trial in self.trials), default=0)
        for trial in self.trials:
            mark = ">" if trial.rule == self.decision.rule else " "
            state = "matched" if trial.matched else "no match"
            state = f"error: {trial.error}" if trial.error else state
            when = f"  when {' '.join(trial.when.split())}" if trial.when else ""
            lines.append(f"{mark} {trial.rule:{width}}  {trial.effect!s:7}  {state}{when}")
        return "\n".join(lines)


def explain(engine: Engine, action: Action, context: Context, now: float = 0.0) -> Explanation:
    """Explain what `engine` decides about `action`.

    Args:
        engine: The policy, made ready.
        action: The proposed call.
        context: What its thread has seen and done.
        now: Seconds since the epoch, for conditions on the hour.
    """
    trials, limits = engine.weigh(action, context, now, every=True)
    # A decision stops at the first denial, so there it may have fewer reasons to give.
    stopped = any(trial.matched and trial.effect is Effect.DENY for trial in trials)
    decision = (
        engine.decide(action, context, now)
        if stopped
        else engine.concluded(action.tool, trials, limits)
    )
    return Explanation(action.tool, decision, tuple(trials))
