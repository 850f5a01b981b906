"""What people get wrong by hand in conditions, found when the policy loads.

`args.to.endsWith("@acme.com")` lets through `eve@evil.com,ann@acme.com`, and
`args.path.startsWith("/data/")` lets through `/data/../etc`. `has(args.x)` does
not say whether an argument is there. Each has a helper that does it rightly. A
network, folder or time zone that there is not would deny each call, one by one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from guarded_agent.policy.conditions import (
    DESTINATION,
    Condition,
    ConditionEngine,
    Failure,
    Fault,
)
from guarded_agent.policy.networks import network

_TEXT_TESTS = ("endsWith", "startsWith", "contains", "matches")
_HELPERS = {
    "email_domain": ("to", "cc", "bcc", "recipient", "email", "mail", "address"),
    "url_host": ("url", "uri", "link", "webhook", "endpoint"),
    "in_cidr": ("ip", "ipv", "addr", "host", "hostname", "ipaddr", "ipaddress"),
    "path_within": ("path", "file", "filename", "dir", "directory", "folder"),
}
_OF_A_MACHINE = ("ip", "host", "remote", "peer", "server", "network")
_USE: Mapping[str | None, str] = {
    "email_domain": 'email_domain(...) == "acme.com"',
    "url_host": 'url_host(...) == "acme.com"',
    "in_cidr": 'in_cidr(..., "10.0.0.0/8"), or compare the whole with ==',
    "path_within": 'path_within(..., "/data")',
    None: "email_domain(...) or url_host(...)",
}
_HAS = re.compile(r"\bhas\s{0,9}\(\s{0,9}([a-z]{1,9}(?:\s{0,9}\.\s{0,9}\w{1,99}){1,9})\s{0,9}\)")
_SECOND = r"""\s{0,9}\([^"']{0,300}?,\s{0,9}["']([^"']{0,300})["']\s{0,9}\)"""
_NETWORK = re.compile(r"\bin_cidr" + _SECOND)
_ROOT = re.compile(r"\bpath_within" + _SECOND)
_ZONE = re.compile(r"""\.get[A-Z][A-Za-z]{3,20}\s{0,9}\(\s{0,9}["']([^"']{0,300})["']\s{0,9}\)""")
_CHAIN = re.compile(r"\bargs(?:\.\w{1,99}){1,9}")


def helper_for(argument: str) -> str | None:
    """Return the helper that fits an argument of this name, or None.

    The last word of the name decides, in either way of writing it.

    Example:
        >>> helper_for("reply_to"), helper_for("targetUrl"), helper_for("email_body")
        ('email_domain', 'url_host', None)
        >>> helper_for("sourceIp"), helper_for("ip_address"), helper_for("address")
        ('in_cidr', 'in_cidr', 'email_domain')
    """
    words = re.findall(r"[A-Z]?[a-z]{1,99}|[A-Z]{1,99}", argument)
    last = words[-1].lower() if words else ""
    if last == "address" and words[-2:-1] and words[-2].lower() in _OF_A_MACHINE:
        return "in_cidr"
    for helper, names in _HELPERS.items():
        if last in names or last.removesuffix("s") in names or last.removesuffix("es") in names:
            return helper
    return None


def false_presence_tests(text: str, kinds: Mapping[str, str]) -> list[Fault]:
    """Return where `text` calls `has` on a variable, which yields the variable's value.

    Args:
        text: A condition.
        kinds: Its variables.
    """
    faults: list[Fault] = []
    for match in _HAS.finditer(text):
        name = "".join(match[1].split())
        if name in kinds:
            use = (
                f"use given.{name.removeprefix('args.')}" if name.startswith("args.") else "drop it"
            )
            message = f"has({name}) does not test whether it is there: {use}"
            faults.append(_at(text, match.start(), message))
    return faults


def wrong_words(text: str, engine: ConditionEngine) -> list[Fault]:
    """Return where `text` names a network, folder or time zone that is none.

    Args:
        text: A condition that compiles.
        engine: What compiles conditions; it knows the time zones.
    """
    faults: list[Fault] = []
    for match in _NETWORK.finditer(text):
        try:
            network(match[1])
        except ValueError as error:
            faults.append(_at(text, match.start(1), str(error)))
    relative = "the root of path_within must be an absolute path"
    faults += [
        _at(text, match.start(1), relative)
        for match in _ROOT.finditer(text)
        if not os.path.isabs(match[1])
    ]
    for match in _ZONE.finditer(text):
        outcome = engine.compile(f'timestamp("2000-01-01T00:00:00Z"){match[0]}', {})
        if isinstance(outcome, Condition) and isinstance(
            next(iter(engine.evaluate([outcome], {}))), Failure
        ):
            message = "this time zone is not known: use one like Europe/Berlin or +01:00"
            faults.append(_at(text, match.start(1), message))
    return faults


def _at(text: str, start: int, message: str) -> Fault:
    before = text[:start]
    return Fault(message, before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1)


def text_tests(
    text: str, kinds: Mapping[str, str], sinks: Sequence[str], engine: ConditionEngine
) -> list[Fault]:
    """Return where `text` tests the text of a destination by hand.

    Args:
        text: A condition that compiles.
        kinds: Its variables.
        sinks: The sink arguments of the tool.
        engine: What compiles conditions.
    """
    if not any(test in text for test in _TEXT_TESTS):
        return []
    faults: list[Fault] = []
    for name in _named(text, kinds):
        sink = name.removeprefix("args.") in sinks
        helper = helper_for(name)
        if helper is None and not sink:
            continue
        listed = f"list<{DESTINATION}>"
        seen: set[tuple[int, int]] = set()
        # As a type of its own, the value has no text functions: whoever calls one is told.
        for kind in [listed] if kinds.get(name, "").startswith("list") else [DESTINATION, listed]:
            outcome = engine.compile(text, {**kinds, name: kind})
            for fault in [] if isinstance(outcome, Condition) else outcome:
                test = next((test for test in _TEXT_TESTS if f"'{test}'" in fault.message), None)
                if test and DESTINATION in fault.message and (fault.line, fault.column) not in seen:
                    seen.add((fault.line, fault.column))
                    message = f"{test} on {name} can be fooled: use {_USE[helper]}"
                    faults.append(Fault(message, fault.line, fault.column))
    return faults


def _named(text: str, kinds: Mapping[str, str]) -> list[str]:
    """Return the arguments that `text` names."""
    names: set[str] = set()
    for chain in _CHAIN.findall(text):
        parts = chain.split(".")
        names |= {".".join(parts[:length]) for length in range(2, len(parts) + 1)}
    # Without a schema any of them may be one.
    return sorted(names if "args" in kinds else names & kinds.keys())
