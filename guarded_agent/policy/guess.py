"""Guess what a tool does from its name, its arguments and what its server hints.

A guess is for a person to look at, never for the monitor to act on: `starter` writes it
into a file with its reason. Where two signs disagree the worse one counts, and what gives
no sign counts as a tool that sends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from guarded_agent.core.tool import Access, ToolSpec
from guarded_agent.policy.arguments import Arguments
from guarded_agent.policy.merge import DESTRUCTIVE
from guarded_agent.policy.pitfalls import helper_for

MONEY = "money"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_READS = _set("get list search find read fetch lookup look query show count describe view browse")
# A word that can also be a noun (`mail`, `post`) says what a tool does only where it comes first.
_SENDS_FIRST = _set("email mail message post share call text invite export ping")
_SENDS = _set("send publish notify upload forward reply tweet broadcast submit")
_WRITES_FIRST = _set("set put patch schedule book order change record tag")
_WRITES = _set(
    "create update add write edit modify insert save move rename append assign reserve "
    "upsert cancel approve reject subscribe enable disable replace merge close"
)
_PAYS_FIRST = _set("charge purchase order refund donate")
_PAYS = _set("pay transfer wire withdraw buy")
_DESTROYS = _set(
    "delete remove drop erase wipe destroy purge terminate kill truncate revoke shutdown "
    "reset uninstall format"
)
_AMOUNTS = _set("amount sum total price cost value")
_PLACES = _set("channel room recipient recipients participants phone webhook")
_COMPARTMENTS = {
    "hr": "hr employee employees payroll salary salaries personnel applicant candidate",
    "finance": "finance bank invoice invoices transactions balance iban account ledger",
    "security": "incident incidents security vulnerability vulnerabilities credential audit",
    "health": "patient patients health medical diagnosis",
    "legal": "legal contract contracts lawsuit",
}


@dataclass(frozen=True, slots=True)
class Hints:
    """What a tool's server says of it, by the MCP annotations. Nobody vouches for it.

    Example:
        >>> Hints.of({"readOnlyHint": True, "destructiveHint": "no"})
        Hints(read_only=True, destructive=None, idempotent=None, open_world=None)
    """

    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None

    @classmethod
    def of(cls, metadata: Mapping[str, Any] | None) -> Self:
        """Return the hints in a tool's metadata; what is no plain true or false is none."""
        names = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
        said = [(metadata or {}).get(name) for name in names]
        return cls(*(value if isinstance(value, bool) else None for value in said))


@dataclass(frozen=True, slots=True)
class Guess:
    """What a tool may do, and why that is thought. Each reason is empty where it says so itself.

    Attributes:
        access: What a call does.
        access_why: Why.
        asks: Whether a person should decide on each call.
        asks_why: Why.
        impact: What a mistake costs, or None.
        impact_why: Why.
        sinks: Arguments through which data may leave.
        many: Those of them that hold a list.
        amount: The argument that holds an amount, or empty.
        compartments: Where its results belong.
        compartments_why: Why.
    """

    access: Access
    access_why: str
    asks: bool = True
    asks_why: str = ""
    impact: str | None = None
    impact_why: str = ""
    sinks: tuple[str, ...] = ()
    many: frozenset[str] = frozenset()
    amount: str = ""
    compartments: tuple[str, ...] = ()
    compartments_why: str = ""


def guess(spec: ToolSpec, hints: Hints | None = None) -> Guess:
    """Guess what a tool does.

    Args:
        spec: What is known of it. What it declares is no guess.
        hints: What its server says.

    Example:
        >>> found = guess(ToolSpec("get_weather"))
        >>> found.access, found.access_why, found.asks
        ('read', 'the name begins with get_', False)
        >>> guess(ToolSpec("zap")).access
        'send'
    """
    hints = hints or Hints()
    words = words_of(spec.name)
    arguments = Arguments(spec.schema)
    kinds = {name[5:]: kind for name, kind in arguments.kinds.items() if name.startswith("args.")}
    access, why = _access(spec, words, hints)
    sinks = _sinks(kinds, reads=access == "read" and not spec.declared)
    if access == "read" and sinks and not spec.declared:
        access, why = "send", f"what it reads it asks for through {sinks[0]}, and data can leave so"
    impact, impact_why = _impact(spec, words, hints)
    asks, asks_why = access != "read" or impact == DESTRUCTIVE, ""
    if access == "read" and hints.read_only and not spec.declared and not _begins_as_read(words):
        asks, asks_why = True, "only its server says that it reads"
    compartments, because = _belongs(words)
    amount = next((name for name, kind in kinds.items() if _is_amount(name, kind, spec)), "")
    return Guess(
        access,
        why,
        asks,
        asks_why,
        impact,
        impact_why,
        () if access != "send" or spec.sinks else sinks,
        frozenset(name for name in sinks if kinds[name].startswith("list")),
        amount if access != "read" else "",
        compartments,
        because,
    )


def words_of(name: str) -> list[str]:
    """Return the words of a name, in lower case.

    Example:
        >>> words_of("sendEmail"), words_of("crm.get_HTML")
        (['send', 'email'], ['crm', 'get', 'html'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name[:200])]


def _begins_as_read(words: list[str]) -> bool:
    return bool(words) and words[0] in _READS


def _access(spec: ToolSpec, words: list[str], hints: Hints) -> tuple[Access, str]:
    if spec.declared:
        return spec.access, ""
    named = _named(words)
    if named is not None and named[0] != "read":
        return named
    if hints.read_only is False or hints.destructive:
        which = "destructiveHint: true" if hints.destructive else "readOnlyHint: false"
        return ("send" if hints.open_world else "write"), f"its server says {which}"
    if named is not None:
        return named
    if hints.read_only:
        return "read", "its server says readOnlyHint: true"
    return "send", "nothing says what it does"


def _named(words: list[str]) -> tuple[Access, str] | None:
    first = words[0] if words else ""
    # The worst that any word says; the order is that of what may happen.
    ways: tuple[tuple[Access, frozenset[str], frozenset[str]], ...] = (
        ("send", _SENDS, _SENDS_FIRST),
        ("write", _PAYS | _DESTROYS | _WRITES, _PAYS_FIRST | _WRITES_FIRST),
    )
    for access, anywhere, at_first in ways:
        if first in anywhere | at_first:
            return access, f"the name begins with {first}"
        found = next((word for word in words if word in anywhere), None)
        if found is not None:
            return access, f"the name has the word {found}"
    return ("read", f"the name begins with {first}_") if first in _READS else None


def _impact(spec: ToolSpec, words: list[str], hints: Hints) -> tuple[str | None, str]:
    if spec.impact is not None:
        return spec.impact, ""
    found = next((word for word in words if word in _DESTROYS), None)
    if found is not None:
        return DESTRUCTIVE, f"the name has the word {found}"
    if hints.destructive and not hints.read_only:
        return DESTRUCTIVE, "its server says destructiveHint: true"
    found = next((word for word in words if word in _PAYS), None)
    if found is None and words and words[0] in _PAYS_FIRST:
        found = words[0]
    return (None, "") if found is None else (MONEY, f"the name has the word {found}")


def _sinks(kinds: Mapping[str, str], *, reads: bool) -> tuple[str, ...]:
    """Return the arguments that hold a destination; of a tool that reads, only URLs."""
    found: list[str] = []
    for name, kind in kinds.items():
        if kind not in ("string", "dyn", "list<string>", "list<dyn>"):
            continue
        helper = helper_for(name)
        last = (words_of(name) or [""])[-1]
        if helper == "url_host" or (not reads and (helper == "email_domain" or last in _PLACES)):
            found.append(name)
    return tuple(found)


def is_amount_word(name: str) -> bool:
    """Return whether an argument of this name holds an amount.

    Example:
        >>> is_amount_word("total_price"), is_amount_word("priced_by")
        (True, False)
    """
    return (words_of(name) or [""])[-1] in _AMOUNTS


def _is_amount(name: str, kind: str, spec: ToolSpec) -> bool:
    properties: Mapping[str, Any] = spec.schema.get("properties") or {}
    part = properties.get(name)
    plain = isinstance(part, Mapping) and cast("Mapping[str, Any]", part).get("type") in (
        "number",
        "integer",
    )
    return plain and kind in ("int", "dyn") and is_amount_word(name)


def _belongs(words: list[str]) -> tuple[tuple[str, ...], str]:
    for compartment, signs in _COMPARTMENTS.items():
        sign = next((word for word in words if word in signs.split()), None)
        if sign is not None:
            return (compartment,), f"the name has the word {sign}"
    return (), ""
