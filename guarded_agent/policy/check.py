"""Check a policy without running anything, with the tools' schemas or without."""

from __future__ import annotations

from collections.abc import Sequence

from guarded_agent.core.errors import PolicyError, Problem
from guarded_agent.core.tool import ToolSpec
from guarded_agent.policy.conditions import Cel
from guarded_agent.policy.deciders import deciders
from guarded_agent.policy.match import Engine
from guarded_agent.policy.merge import unknown_in_guards
from guarded_agent.policy.model import Policy
from guarded_agent.policy.rules import untyped_problems
from guarded_agent.policy.source import in_file_order


def check(policy: Policy, tools: Sequence[ToolSpec] | None = None) -> list[Problem]:
    """Return everything that is wrong with `policy`, in file order.

    Args:
        policy: A policy that loaded.
        tools: The agent's tools. Without them the conditions are parsed, and their
            functions and context variables checked, but not their arguments; tools that a
            guard names are compared with those listed, if the policy denies all others.

    Example:
        >>> rules = [{"effect": "allow", "when": "args.n >"}]
        >>> policy = Policy.from_mapping({"version": 1, "tools": {"pay": {"rules": rules}}})
        >>> print(check(policy)[0].message.partition(": Syntax")[0])
        rule pay/1 of tool pay
    """
    if tools is None:
        problems = untyped_problems(policy, Cel())
        problems += unknown_in_guards(policy, (), all_known=False)
        try:
            deciders(policy)
        except PolicyError as error:
            problems += error.problems
        return in_file_order(problems)
    try:
        Engine(policy, tools)
    except PolicyError as error:
        return list(error.problems)
    return []
