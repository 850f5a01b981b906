"""Compare the scopes that tools need with those that somebody grants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from guarded_agent.core.effect import Effect
from guarded_agent.policy.match import Engine
from guarded_agent.policy.merge import keys_for
from guarded_agent.policy.source import Path

if TYPE_CHECKING:
    from guarded_agent.policy.lint import Remark

EVERYBODY = "*"


def authority(engine: Engine, remark: Callable[..., Remark]) -> Iterator[Remark]:
    """Yield a remark for each scope that a tool needs and nobody has, and the other way around.

    Args:
        engine: The policy, made ready.
        remark: Makes one: severity, kind, message, fix, path.
    """
    policy = engine.policy
    needed: set[str] = set()
    for spec in engine.specs:
        rules = engine.rules(spec.name)
        if not rules.rules and rules.otherwise is Effect.DENY:
            continue  # it is not listed: no call of it runs
        needed |= spec.scopes
        key = next(iter(keys_for(policy, spec.name)), None)
        path: Path = ("agent", "scopes") if key is None else ("tools", key, "scopes")
        lacks = sorted(spec.scopes - set(policy.agent.scopes or ()))
        if policy.agent.scopes is not None and lacks:
            yield remark(
                "error",
                "no-grant",
                f"{spec.name} needs the scope {lacks[0]}, which the agent does not hold, so every "
                "call is denied",
                "add it to agent.scopes, or deny the tool",
                path,
            )
        if policy.users is not None:
            held = {scope for user in policy.users.values() for scope in user.scopes}
            for scope in sorted(spec.scopes - held):
                yield remark(
                    "error",
                    "no-grant",
                    f"{spec.name} needs the scope {scope}, which no user has, so every call is "
                    "denied",
                    "add it to a user's scopes, or deny the tool",
                    path,
                )
    for index, scope in enumerate(policy.agent.scopes or ()):
        if scope not in needed:
            yield remark(
                "warning",
                "unused-grant",
                f"the agent holds the scope {scope}, and no tool needs it",
                "remove it",
                ("agent", "scopes", index),
            )
