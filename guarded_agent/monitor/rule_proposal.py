"""From what people decided to a rule: the narrowest one, for a person to read and take over.

Nothing is changed by it. The rule holds for exactly the arguments that were decided on,
or for the span of several such calls; what cannot be held that way has to be let go by
name. It says what the policy lacks, so that the same is not asked again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from guarded_agent.core.errors import VoteRefused
from guarded_agent.policy import Policy
from guarded_agent.policy.merge import keys_for

LONGEST = 200
"""A text of more characters is no condition: the next call has another."""

Effect = Literal["allow", "deny"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule, and the policy with it.

    Attributes:
        tool: The tool.
        effect: What the rule does.
        when: Its condition.
        rules: The tool's rules with it, as plain data.
        policy: The whole policy with it; every problem in it was found.
        free: The arguments that may be anything.
    """

    tool: str
    effect: Effect
    when: str
    rules: tuple[Mapping[str, Any], ...]
    policy: Policy
    free: tuple[str, ...]

    def to_yaml(self) -> str:
        """Return the tool's rules as they would stand in the policy file.

        Example:
            >>> policy = {"version": 1, "tools": {"pay": {"access": "write"}}}
            >>> calls = [{"payee": "Acme", "amount": 80}]
            >>> print(propose(Policy.from_mapping(policy), "pay", "write", calls).to_yaml())
            tools:
              pay:
                rules:
                - effect: allow
                  when: args.amount == 80 && args.payee == "Acme"
                  because: decided by people before
            <BLANKLINE>
        """
        import yaml  # heavy, and needed only where policies are read or written

        entry = {"tools": {self.tool: {"rules": [dict(rule) for rule in self.rules]}}}
        return yaml.safe_dump(entry, sort_keys=False, allow_unicode=True, width=1_000)


def propose(
    policy: Policy,
    tool: str,
    access: str,
    calls: Sequence[Mapping[str, Any]],
    *,
    effect: Effect = "allow",
    free: Collection[str] = (),
) -> Proposal:
    """Return the narrowest rule that decides on such calls, and the policy with it.

    An `allow` that another rule outweighs decides nothing, so rules that ask get it as an
    exception. Limits, sinks, guards and rules that deny stay as they are, and still count.

    Args:
        policy: The policy.
        tool: The tool.
        access: What a call of it does.
        calls: The real arguments of the calls that were decided on.
        effect: Allow, or deny.
        free: The arguments that may be anything.

    Raises:
        VoteRefused: An argument cannot be held by a condition, and is not let go.
        PolicyError: The policy with the rule would be wrong.
    """
    if not calls:
        raise VoteRefused("name at least one request")
    if keys_for(policy, tool) not in ([], [tool]):
        raise VoteRefused(
            f"the policy speaks of {tool} under a name that stands for several tools: give it an "
            "entry of its own first"
        )
    held: list[str] = []
    for name in sorted({name for call in calls for name in call}):
        if name in free:
            continue
        held.append(_condition(name, [call.get(name, _ABSENT) for call in calls]))
    if not held:
        raise VoteRefused("a rule without any condition holds for every call: leave some argument")
    when = " && ".join(held)
    data = policy.model_dump(mode="json", exclude_unset=True)
    tools: dict[str, Any] = data.setdefault("tools", {})
    new = {"effect": effect, "when": when, "because": "decided by people before"}
    entry: dict[str, Any] = tools.setdefault(
        tool, {"access": access, "rules": [{"effect": "approve"}]}
    )
    old = cast("list[dict[str, Any]]", entry.get("rules", []))
    if effect == "allow":
        old = [_excepting(rule, when) for rule in old]
    entry["rules"] = [new, *old]
    return Proposal(
        tool, effect, when, tuple(entry["rules"]), Policy.from_mapping(data), tuple(sorted(free))
    )


_ABSENT = object()


def _excepting(rule: dict[str, Any], when: str) -> dict[str, Any]:
    if rule.get("effect") != "approve":
        return rule
    asked = rule.get("when", "true")
    return rule | {"when": f"!({when})" if asked == "true" else f"({asked}) && !({when})"}


def _condition(name: str, values: list[Any]) -> str:
    place = f"args.{name}"
    if not name.isidentifier() or any(value is _ABSENT for value in values):
        raise VoteRefused(
            f"the argument {name[:40]!r} is not in every call: let it go with --any {name[:40]}"
        )
    different = list({json.dumps(value, sort_keys=True): value for value in values}.values())
    if len(different) > 1 and all(_is_number(value) for value in different):
        least, most = _literal(name, min(different)), _literal(name, max(different))
        return f"{place} >= {least} && {place} <= {most}"
    written = [_literal(name, value) for value in different]
    return f"{place} == {written[0]}" if len(written) == 1 else f"{place} in [{', '.join(written)}]"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _literal(name: str, value: Any) -> str:
    """Return a value as CEL writes it, in quotes that nothing in it can end."""
    if isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str) and len(value) <= LONGEST:
        # CEL has JSON's escapes; what is no character on its own is none in a policy file.
        text = json.dumps(value, ensure_ascii=False)
        if value.isprintable() and not any("\ud800" <= one <= "\udfff" for one in value):
            return text
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if 0 < len(items) <= 20 and all(isinstance(one, str) for one in items):
            return f"[{', '.join(_literal(name, one) for one in items)}]"
    raise VoteRefused(
        f"the argument {name[:40]!r} is too long or too nested for a condition: let it go with "
        f"--any {name[:40]}, if a call may have anything there"
    )
