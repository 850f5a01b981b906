"""Policies: read them, check them, decide by them, and explain what was decided."""

from __future__ import annotations

from guarded_agent.policy.cedar import cedar_schema
from guarded_agent.policy.check import check
from guarded_agent.policy.deciders import Decider
from guarded_agent.policy.destinations import (
    destination_host,
    email_domain,
    path_within,
    same_person,
    url_host,
)
from guarded_agent.policy.explain import Explanation, explain
from guarded_agent.policy.limits import Limit, exceeded, release, reserve, settle
from guarded_agent.policy.load import load
from guarded_agent.policy.match import Engine
from guarded_agent.policy.model import Policy, ToolEntry
from guarded_agent.policy.networks import in_cidr
from guarded_agent.policy.trials import Decision

__all__ = [
    "Decider",
    "Decision",
    "Engine",
    "Explanation",
    "Limit",
    "Policy",
    "ToolEntry",
    "cedar_schema",
    "check",
    "destination_host",
    "email_domain",
    "exceeded",
    "explain",
    "in_cidr",
    "load",
    "path_within",
    "release",
    "reserve",
    "same_person",
    "settle",
    "url_host",
]
