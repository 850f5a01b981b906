"""What an agent is made of: the parts that its fingerprint is the digest of.

Only what is found is named. A model whose objects do not say which one they are, and a
prompt that is made while the agent runs, are `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from guarded_agent.core import ToolSpec, digest
from guarded_agent.identity import Offer, Profile, Rules
from guarded_agent.policy import Policy

UNKNOWN = "unknown"

_NAMES = ("model_name", "model", "model_id")
"""Where chat models keep the id that their provider knows."""


def model_id(model: Any) -> str:
    """Return the class of a model and the id that its provider knows, or `unknown`.

    Example:
        >>> class ChatAcme:
        ...     model = "acme-1"
        >>> model_id(ChatAcme())
        'ChatAcme acme-1'
    """
    kind = type(model).__name__.removeprefix("Guarded")
    said = [getattr(model, name, None) for name in _NAMES]
    return f"{kind} {next((name for name in said if isinstance(name, str) and name), UNKNOWN)}"


def offers(tools: Iterable[ToolSpec]) -> tuple[Offer, ...]:
    """Return tools as they offer themselves, to be pinned."""
    return tuple(
        Offer(spec.name, spec.manifest, spec.description, spec.schema, spec.server, spec.served)
        for spec in tools
    )


def bound(policy: Policy, tools: Iterable[ToolSpec]) -> frozenset[str]:
    """Return the names of the tools that a person accepts again when they change."""
    pins = policy.agent.pins
    if pins not in ("served", "all"):
        return frozenset()
    return frozenset(spec.name for spec in tools if spec.served or pins == "all")


def _scopes(policy: Policy, tools: Iterable[ToolSpec]) -> list[str]:
    """Return the scopes that the agent holds: as its policy says, or as its tools declare."""
    held = policy.agent.scopes
    declared = {scope for spec in tools for scope in spec.scopes}
    return sorted(declared if held is None else set(held))


def profile(
    policy: Policy,
    tools: Iterable[ToolSpec],
    *,
    models: Iterable[str] | None = (),
    prompts: Iterable[str] = (),
    whole: bool = True,
) -> Profile:
    """Return what a program registers of its agent.

    Args:
        policy: The agent's policy.
        tools: Its tools.
        models: Its models, by `model_id`; None if they are not known yet.
        prompts: Its system prompts; only their digest is kept.
        whole: Whether these are all its tools, and what else could be found.
    """
    agent, specs = policy.agent, list(tools)
    said = sorted(set(prompts))
    parts: dict[str, Any] = {
        "model": sorted(set(models or ())) or [UNKNOWN],
        "prompt": digest(said) if said else UNKNOWN,
        "tools": digest(sorted((spec.name, spec.manifest) for spec in specs)),
        "policy": policy.digest,
        "scopes": _scopes(policy, specs),
    }
    return Profile(
        id=agent.id,
        owner=agent.owner,
        purpose=agent.purpose,
        fingerprint=digest(parts),
        parts=parts if whole and models is not None else None,
        family=agent.family or agent.id,
        version=agent.version,
        review="" if agent.review is None else agent.review.isoformat(),
        rules=Rules(
            agent.onboarding,
            agent.reactivation,
            policy.approvals.quorum,
            tuple(sorted(set(policy.approvals.roles))),
        ),
        tools=offers(specs) if whole else None,
        bound=bound(policy, specs),
        trusts_first=agent.first_use == "trust",
    )
