"""Ask who stands behind a call, once something untrusted was read.

What an agent reads must not by itself make it write, send or delete. So the values that
say whom or what a call is about need somebody who vouches for them: the user's own
words, a trusted directory, or a person who endorsed them. The same holds for every
address, link and account number in its texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from guarded_agent.core.context import Context, ThreadMemory
from guarded_agent.core.destinations import is_destination, leaves
from guarded_agent.core.effect import Effect
from guarded_agent.core.provenance import VOUCHERS, Provenance, Voucher, loose
from guarded_agent.core.tool import ToolSpec
from guarded_agent.policy.arguments import at
from guarded_agent.policy.destinations import email_domain
from guarded_agent.policy.model import Policy, ToolEntry
from guarded_agent.policy.trials import Gap, Trial

RULE = "untrusted"

Named = Voucher | Literal["vouched"]
"""What a condition may ask of an argument: `vouched` is any of the others."""

NAMES: tuple[Named, ...] = (*VOUCHERS, "vouched")

_ASKED = re.compile(rf"\b({'|'.join(NAMES)})((?:\.[A-Za-z_][A-Za-z0-9_]{{0,99}}){{1,4}})")


@dataclass(frozen=True, slots=True)
class Vouching:
    """What a tool's calls need somebody to vouch for.

    Attributes:
        effect: What happens where nobody does; `ALLOW` means that nobody is asked.
        targets: The arguments that say whom or what a call is about; empty for all.
        named: What the tool's conditions ask, as voucher and argument.
        because: What the policy says about it.
        always: True if nothing untrusted needs to be read before it is asked.
        inside: The domains whose mail addresses need nobody else.
    """

    effect: Effect = Effect.ALLOW
    targets: tuple[str, ...] = ()
    named: tuple[tuple[Named, str], ...] = ()
    because: str = ""
    always: bool = False
    inside: frozenset[str] = frozenset()

    def needs(self, memory: ThreadMemory) -> bool:
        """Return whether a decision needs to know what vouches for values."""
        return bool(self.named) or self.doubts(memory)

    def doubts(self, memory: ThreadMemory) -> bool:
        """Return whether a call by itself needs somebody who vouches for it."""
        return self.effect is not Effect.ALLOW and (self.always or not memory.label.trusted)

    def gaps(self, args: Mapping[str, Any], known: Provenance) -> tuple[Gap, ...]:
        """Return what nobody vouches for: targets, and destinations within texts."""
        if not self.targets:
            return tuple(
                (path, "target") for path, value in _every(args) if not self._vouched(value, known)
            )
        found: list[Gap] = [
            (name, "target") for name in self.targets if not self._vouched(at(args, name), known)
        ]
        for name, value in args.items():
            if name in self.targets:
                continue
            for path, text in leaves(value, name):
                if not self._vouched(loose(text), known):
                    found.append((path, "link"))
        return tuple(dict.fromkeys(found))

    def named_gaps(self, args: Mapping[str, Any], known: Provenance) -> tuple[Gap, ...]:
        """Return the arguments that conditions ask about and nobody vouches for."""
        names = dict.fromkeys(name for _, name in self.named)
        return tuple((name, "target") for name in names if not self._vouched(at(args, name), known))

    def values(self, values: Mapping[str, Any], known: Provenance) -> Iterator[tuple[str, bool]]:
        """Yield the value of each variable that the conditions name."""
        for voucher, name in self.named:
            value = values.get(f"args.{name}")
            vouched = (
                self._vouched(value, known) if voucher == "vouched" else known.by(voucher, value)
            )
            yield f"{voucher}.{name}", vouched

    def _vouched(self, value: Any, known: Provenance) -> bool:
        """Return whether every part of `value` has a voucher, or is an address inside."""
        if known.vouches(value):
            return True
        if not self.inside:
            return False
        if isinstance(value, (list, tuple)):
            return all(self._vouched(one, known) for one in cast("Sequence[Any]", value))
        return isinstance(value, str) and _domain(value) in self.inside


def _domain(value: str) -> str:
    """Return the domain of a mail address; nothing of what is none, or could be read twice."""
    try:
        return email_domain(value)
    except ValueError:
        return ""


def vouching(
    policy: Policy, entry: ToolEntry, spec: ToolSpec, names: Sequence[str], texts: str
) -> Vouching:
    """Return what the calls of a tool need somebody to vouch for.

    Args:
        policy: The policy.
        entry: What it says of the tool.
        spec: The tool, already merged with its entry.
        names: Its arguments.
        texts: All its conditions.
    """
    said = entry.untrusted or policy.untrusted
    acts = spec.access != "read" or bool(spec.sinks)
    effect = Effect.parse(said.effect) if acts and not spec.concern else Effect.ALLOW
    targets = entry.targets or tuple(name for name in names if is_destination(name, spec))
    named = [(voucher, path.removeprefix(".")) for voucher, path in _ASKED.findall(texts)]
    inside = frozenset(policy.organisation.domains) if said.inside else frozenset[str]()
    asked = tuple(dict.fromkeys(named))
    return Vouching(effect, tuple(targets), asked, said.because, said.always, inside)


def kinds(texts: str, names: Sequence[str]) -> dict[str, str]:
    """Return the variables about provenance that `texts` may name, for arguments `names`."""
    asked = {voucher for voucher, _ in _ASKED.findall(texts)}
    return {f"{voucher}.{name}": "bool" for voucher in NAMES if voucher in asked for name in names}


def words(context: Context, because: str) -> str:
    """Return in words why a call is stopped; the gaps say which arguments it is about."""
    why = "nobody vouches for what the call is about"
    if not context.memory.label.trusted:
        read = ", ".join(sorted(context.memory.tools_read)[:3]) or "this conversation"
        why = f"untrusted data was read ({read}), and {why}"
    return f"{why}: {because}" if because else why


def try_vouching(
    asked: Vouching, args: Mapping[str, Any], context: Context, every: bool
) -> list[Trial]:
    """Return what a call says of who vouches for it; `every` also returns what does not match."""
    if not asked.needs(context.memory):
        return []
    known = context.provenance
    # What a condition says of vouchers decides by itself; that it asked is kept for the reviewer.
    named = asked.named_gaps(args, known)
    trials = [Trial("vouched", Effect.ALLOW, False, gaps=named)] if named and not every else []
    if asked.doubts(context.memory):
        gaps = asked.gaps(args, known)
        if gaps or every:
            because = words(context, asked.because) if gaps else ""
            message = "What was read in this conversation cannot by itself cause this call."
            if context.memory.label.trusted:
                message = "Nobody named whom or what this call is about."
            told = message if asked.effect is Effect.DENY else ""
            trials.append(
                Trial(RULE, asked.effect, bool(gaps), because=because, message=told, gaps=gaps)
            )
    return trials


def _every(args: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in args.items():
        where = f"{path}.{name}" if path else str(name)
        if isinstance(value, Mapping):
            yield from _every(cast("Mapping[str, Any]", value), where)
        else:
            yield where, value
