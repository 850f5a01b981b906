"""What people get wrong by hand in conditions, found when the policy loads.

`args.to.endsWith("@acme.com")` lets through `eve@evil.com,ann@acme.com`, and
`args.path.startsWith("/data/")` lets through `/data/../etc`. `has(args.x)` does
not say whether an argument is there. Each has a helper that does it rightly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from guarded_agent.policy.conditions import DESTINATION, Condition, ConditionEngine, Fault

_TEXT_TESTS = ("endsWith", "startsWith", "contains", "matches")
_HELPERS = {
    "email_domain": ("to", "cc", "bcc", "recipient", "email", "mail", "address"),
    "url_host": ("url", "uri", "link", "webhook", "endpoint", "host"),
    "path_within": ("path", "file", "filename", "dir", "directory", "folder"),
}
_USE: Mapping[str | None, str] = {
    "email_domain": 'email_domain(...) == "acme.com"',
    "url_host": 'url_host(...) == "acme.com"',
    "path_within": 'path_within(..., "/data")',
    None: "email_domain(...) or url_host(...)",
}
_HAS = re.compile(r"\bhas\s{0,9}\(\s{0,9}([a-z]{1,9}(?:\s{0,9}\.\s{0,9}\w{1,99}){1,9})\s{0,9}\)")
_CHAIN = re.compile(r"\bargs(?:\.\w{1,99}){1,9}")


def helper_for(argument: str) -> str | None:
    """Return the helper that fits an argument of this name, or None.

    The last word of the name decides, in either way of writing it.

    Example:
        >>> helper_for("reply_to"), helper_for("targetUrl"), helper_for("email_body")
        ('email_domain', 'url_host', None)
    """
    words = re.findall(r"[A-Z]?[a-z]{1,99}|[A-Z]{1,99}", argument)
    last = words[-1].lower() if words else ""
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
            before = text[: match.start()]
            line = before.count("\n") + 1
            column = match.start() - (before.rfind("\n") + 1) + 1
            faults.append(
                Fault(f"has({name}) does not test whether it is there: {use}", line, column)
            )
    return faults


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
