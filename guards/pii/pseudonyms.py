"""Pseudonyms: the model works with `<EMAIL_1>`, and only who needs the value gets it.

Within a thread the same value has the same pseudonym. A tool gets the value of one in
its arguments where the policy says that this argument `reveals` its kind; any other tool
gets the pseudonym itself. What a tool returns gets pseudonyms again.

A pseudonym counts where the guard wrote it or the model does. One that stands in what a
tool returned, and not in that call's own arguments, was written by somebody else: it
becomes `<EMAIL_?>`, which stands for nothing. Without a thread there are no pseudonyms,
since nobody would know whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

from guarded_agent.core.action import Action
from guarded_agent.core.addresses import addresses, domain
from guarded_agent.core.errors import Denied
from guarded_agent.core.label import Label
from guarded_agent.core.tool import ToolSpec
from guarded_agent.guards.later import Asked, Later, scrub_late
from guarded_agent.guards.normalise import normalise
from guarded_agent.guards.pii.pseudonyms_match import (
    Token,
    restored,
    tokens,
    tokens_in_plain,
    written,
)
from guarded_agent.guards.pii.pseudonyms_options import EVERY
from guarded_agent.guards.scrub import Find, Hit, in_turn
from guarded_agent.guards.text import Edit, Unscannable, apply, leaves, rebuild
from guarded_agent.policy.arguments import at
from guarded_agent.store.vault import Id, Value, Vault

Reveals = Mapping[str, Mapping[str, frozenset[str]]]
"""By tool and argument: the kinds whose values it gets."""

_SEPARATED = re.compile(r"[\s\-./()\[\]]+")
_GROUPED = frozenset({"CARD", "IBAN", "PHONE", "SSN"})
"""Kinds in which spaces and punctuation only group. In a date or a number plate they tell
one value from another."""
_CASED = frozenset({"WALLET", "URL", "LOGIN"})
"""Kinds in which capitals tell one value from another."""

_NOTHING = Label()
_TOKEN = "pseudonym"  # noqa: S105 - the word for a finding


@dataclass(frozen=True, slots=True)
class _Here:
    """Where replacements are made: the thread, and whether others wrote the text."""

    thread_id: str
    strict: bool


_here: ContextVar[_Here | None] = ContextVar("guarded_agent_pseudonyms_here", default=None)


@dataclass(slots=True)
class Call:
    """What a call of a tool knows: the pseudonyms it was given or shown, and their values.

    Attributes:
        shown: Pseudonyms that may come back in its result.
        revealed: Values that its tool was given.
        hidden: Hidden texts that its tool was given, with what refers to them.
    """

    shown: set[Id] = field(default_factory=set[Id])
    revealed: dict[Id, Value] = field(default_factory=dict[Id, Value])
    hidden: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def given(self) -> bool:
        """Whether the tool was given anything that the model does not see."""
        return bool(self.revealed or self.hidden)


_call: ContextVar[Call | None] = ContextVar("guarded_agent_pseudonyms_call", default=None)


@contextmanager
def calling(call: Call) -> Generator[None]:
    """Let results be judged as those of `call` until this ends."""
    outer = _call.get()
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)
        if outer is not None:  # a call inside a call: the outer one's result may hold it too
            outer.shown |= call.shown


def covered(part: Any) -> Any:
    """Return what a tool says with pseudonyms in place of the values it was given."""
    call = _call.get()
    if call is None or not (call.revealed or call.hidden):
        return part
    return cover(_rehidden(part, call.hidden), call.revealed)


def _rehidden(part: Any, hidden: Mapping[str, str]) -> Any:
    """Return a part of a result in which hidden texts that the call was given are hidden again."""
    if not hidden:
        return part
    try:
        found = leaves(part)
    except Unscannable:
        return part  # a guard withholds it
    texts: dict[int, str] = {}
    for place, leaf in enumerate(found):
        new = leaf.text
        for text in sorted(hidden, key=len, reverse=True):
            new = new.replace(text, hidden[text]) if text else new
        if new != leaf.text:
            texts[place] = new
    return rebuild(part, texts)


class Pseudonyms:
    """Gives pseudonyms and takes them back, for one agent.

    Args:
        vault: Where they are kept; without one nothing gets a pseudonym.
        agent_id: The agent identity.
        reveals: Which tools get which values.
        thread: Returns the thread of the run around; empty where there is none.
        inside: Mail domains of the organisation.
        restores: Whether people get the values in what the agent tells them.
    """

    def __init__(
        self,
        vault: Vault | None,
        agent_id: str,
        *,
        reveals: Reveals | None = None,
        thread: Callable[[], str] = str,
        inside: frozenset[str] = frozenset(),
        restores: bool = False,
    ) -> None:
        self._vault = vault
        self._agent_id = agent_id
        self._reveals = reveals or {}
        self._thread = thread
        self._inside = inside
        self.restores = restores
        self._arguments: Find | None = None
        self._spared = frozenset[str]()

    def keep_in(self, vault: Vault) -> None:
        """Keep pseudonyms in `vault` from now on."""
        self._vault = vault

    def look_at_arguments(self, find: Find | None, spared: frozenset[str]) -> None:
        """Give pseudonyms to what `find` finds in arguments, but in those of the tools `spared`."""
        self._arguments, self._spared = find, spared

    # -- from values to pseudonyms -----------------------------------------------------

    def naming(self, find: Find, *, foreign: bool) -> Find:
        """Return a detector whose finds are replaced by pseudonyms.

        Args:
            find: Finds the values; it writes `[EMAIL]` for an address.
            foreign: Whether to look for pseudonyms that stand for nothing as well.
        """

        def values(text: str) -> list[Hit]:
            return [
                Hit(
                    hit.start,
                    hit.end,
                    hit.category,
                    self._later(hit.replacement.strip("[]")),
                    hit.score,
                )
                for hit in find(text)
            ]

        def others(text: str) -> list[Hit]:
            return [
                Hit(each.start, each.end, _TOKEN, self._later(each.kind, _TOKEN))
                for each in tokens_in_plain(text)
            ]

        return in_turn([values, others]) if foreign else values

    def _later(self, kind: str, what: str = "") -> Later:
        never = written(kind, 0) if what else f"[{kind}]"
        # `_0` is no pseudonym: a second look at the text does not take it for one.
        return Later(f"<{kind}_0>", what or kind, self._choose, never)

    @contextmanager
    def at(self, thread_id: str, *, strict: bool = False) -> Generator[None]:
        """Make replacements in this thread until this ends.

        Args:
            thread_id: The thread.
            strict: Whether the text comes from outside: a pseudonym in it counts only if
                the call around it knows it.
        """
        token = _here.set(_Here(thread_id, strict))
        try:
            yield
        finally:
            _here.reset(token)

    def inside_a_run(self) -> bool:
        """Return whether a run is around: what comes in then was let in already."""
        return bool(self._thread())

    def _choose(self, asked: Sequence[Asked]) -> list[str]:
        here = _here.get() or _Here(self._thread(), strict=False)
        chosen: list[str] = [""] * len(asked)
        values: dict[int, Value] = {}
        others: dict[int, Token] = {}
        for place, each in enumerate(asked):
            if each.kind != _TOKEN:
                values[place] = value_of(each.kind, each.text, each.number)
                chosen[place] = f"[{each.kind}]"
                continue
            found = tokens(each.text)
            chosen[place] = written(found[0].kind, 0) if found else "[?]"
            if len(found) == 1:
                others[place] = found[0]
        if self._vault is None or not here.thread_id:
            return chosen
        call = _call.get()
        shown = call.shown if call is not None else set[Id]()
        # Before anything is named: the next number can be guessed.
        held = {each.id for each in others.values()}
        held &= shown if here.strict else set(self._find(here.thread_id, held))
        if values:
            ids = self._vault.name(self._agent_id, here.thread_id, list(values.values()))
            for place, each_id in zip(values, ids, strict=True):
                chosen[place] = written(*each_id)
                shown.add(each_id)
        for place, token in others.items():
            if token.id in held:
                chosen[place] = asked[place].text
            elif not token.sure:  # a heading, such as `EMAIL 1`: in small letters it is none
                chosen[place] = asked[place].text.lower() if here.strict else asked[place].text
        return chosen

    def _find(self, thread_id: str, ids: set[Id]) -> dict[Id, Value | None]:
        if self._vault is None or not (thread_id and ids):
            return {}
        return self._vault.find(self._agent_id, thread_id, ids)

    def conceal(self, action: Action) -> Mapping[str, Any]:
        """Return an action's arguments with pseudonyms for the values that the model wrote.

        Raises:
            Unscannable: They cannot be looked through.
        """
        return cast("Mapping[str, Any]", self._hidden(action.args, action))

    def cover(self, payload: Any, action: Action) -> Any:
        """Return arguments that a guard has changed with pseudonyms for the values in them."""
        held = self._find(action.thread_id, _ids(action.args))
        known = {each: value for each, value in held.items() if value}
        return self._hidden(cover(payload, known), action)

    def _hidden(self, args: Any, action: Action) -> Any:
        if self._arguments is None or action.tool in self._spared:
            return args
        with self.at(action.thread_id):
            return scrub_late(args, self._arguments, "args").value

    # -- from pseudonyms to values -----------------------------------------------------

    def reveal(self, action: Action, spec: ToolSpec) -> Mapping[str, Any]:
        """Return an action's arguments as its tool gets them.

        Raises:
            Denied: A pseudonym stands for nothing where a value is needed, or would leave
                the organisation. The message is for the model.
        """
        return self._opened(action, spec)[0]

    def call(self, action: Action, spec: ToolSpec) -> tuple[Mapping[str, Any], Call]:
        """Return an action's arguments as its tool gets them, and what that call then knows.

        Raises:
            Denied: As `reveal`.
        """
        args, revealed = self._opened(action, spec)
        return args, Call(_ids(action.args), revealed)

    def _opened(self, action: Action, spec: ToolSpec) -> tuple[Mapping[str, Any], dict[Id, Value]]:
        found = {name: _tokens(value) for name, value in action.args.items()}
        ids = {each.id for several in found.values() for each in several}
        if not ids:
            return action.args, {}
        held = self._find(action.thread_id, ids)
        may = self._reveals.get(action.tool, {})
        args: dict[str, Any] = {}
        revealed: dict[Id, Value] = {}
        for name, value in action.args.items():
            kinds = may.get(name, frozenset()) | may.get(EVERY, frozenset())
            given = {
                each.id: known
                for each in found[name]
                if each.kind in kinds and (known := held.get(each.id)) is not None
            }
            args[name] = restored(value, given) if given else value
            revealed |= given
        leaves_here = spec.access == "send" and self._goes_outside(args, spec)
        for name, several in found.items():
            kinds = may.get(name, frozenset()) | may.get(EVERY, frozenset())
            for each in several:
                if each.id not in held and not each.sure:
                    continue  # a heading, such as `EMAIL 1`
                if each.kind in kinds and held.get(each.id) is None:
                    raise Denied(_nothing(name, each, forgotten=each.id in held))
                if leaves_here and each.kind not in kinds:
                    raise Denied(_unrevealed(action.tool, name, each, known=each.id in held))
        return args, revealed

    def _goes_outside(self, args: Mapping[str, Any], spec: ToolSpec) -> bool:
        """Return whether a call may reach anybody outside; what cannot be told may."""
        if not spec.sinks:
            return True
        for sink in spec.sinks:
            given = at(args, sink.argument)
            if given is None:
                continue
            hosts = {domain(address) for address in addresses(given)}
            if not hosts or not hosts <= self._inside or _tokens(given):
                return True
        return False

    def label(self, action: Action) -> Label:  # noqa: ARG002
        """Return what is known of values beyond what the thread has read: nothing."""
        return _NOTHING

    def restore(self, value: Any, thread_id: str) -> Any:
        """Return a text or nested plain data with the values of a thread's pseudonyms.

        It is for the person whose thread it is. What cannot be looked through, and what
        stands for nothing, stays as it is.

        Args:
            value: The text or data.
            thread_id: The thread.
        """
        try:
            held = self._find(thread_id, _ids(value))
            known = {each: found for each, found in held.items() if found is not None}
            return restored(value, known) if known else value
        except Unscannable:
            return value


def value_of(kind: str, text: str, number: int | float | None = None) -> Value:
    """Return a value as the vault takes it.

    Args:
        kind: As pseudonyms name it.
        text: The value as it was written.
        number: The number that it is, where it is no text.

    Example:
        >>> value_of("CARD", "4111-1111 1111 1111").normal
        '4111111111111111'
        >>> value_of("EMAIL", "Ann@Example.com") == value_of("EMAIL", "Ann@Example.com")
        True
    """
    normal = _plain(kind, text)
    if kind not in _CASED:
        normal = normal.casefold()
    if number is None:
        return Value(kind, text, normal)
    return Value(kind, text, normal, "int" if isinstance(number, int) else "float")


def _plain(kind: str, text: str) -> str:
    plain = normalise(text)[0].strip()
    return _SEPARATED.sub("", plain) if kind in _GROUPED else plain


def cover(part: Any, values: Mapping[Id, Value]) -> Any:
    """Return nested plain data with known values in it replaced by their pseudonyms.

    They are found in other spellings too: in another case, grouped in another way, and as
    they stand in URLs, HTML and JSON.
    """
    if not values:
        return part
    pattern, names = _pattern(values)
    try:
        found = leaves(part)
    except Unscannable:
        return part  # a guard withholds it
    texts: dict[int, str] = {}
    for place, leaf in enumerate(found):
        plain, offsets = normalise(leaf.text)
        edits = [
            Edit(*offsets.span(*match.span()), names[str(match.lastgroup)])
            for match in pattern.finditer(plain)
        ]
        if edits:
            texts[place] = apply(leaf.text, edits)
    return rebuild(part, texts)


def _pattern(values: Mapping[Id, Value]) -> tuple[re.Pattern[str], dict[str, str]]:
    from guarded_agent.identity.secrets import forms

    names: dict[str, str] = {}
    options: list[str] = []
    # Longest first: a value may be part of a longer one.
    for place, (each_id, value) in enumerate(
        sorted(values.items(), key=lambda item: len(item[1].text), reverse=True)
    ):
        names[f"v{place}"] = written(*each_id)
        plain = _plain(value.kind, value.text)
        gap = r"[\s\-./()]{0,2}" if value.kind in _GROUPED else ""
        own = rf"(?<![\w@+])(?<!\w[.\-]){gap.join(map(re.escape, plain))}(?![\w@]|[.\-]\w)"
        others = sorted(map(re.escape, forms(value.text) - {value.text, plain}), key=len)
        options.append(rf"(?P<v{place}>{'|'.join([own, *reversed(others)])})")
    return re.compile("|".join(options), re.IGNORECASE), names


def _tokens(value: Any) -> list[Token]:
    return [token for leaf in leaves(value) for token in tokens(leaf.text)]


def _ids(value: Any) -> set[Id]:
    return {token.id for token in _tokens(value)}


def _nothing(argument: str, token: Token, *, forgotten: bool) -> str:
    name = written(*token.id)
    if forgotten:
        return (
            f"The value of {name} in {argument} was erased, so nothing was done. If it is still "
            "needed, ask the person for it."
        )
    return (
        f"{name} in {argument} stands for nothing in this conversation, so nothing was done. Use "
        "a pseudonym exactly as it stands in what you were given."
    )


def _unrevealed(tool: str, argument: str, token: Token, *, known: bool) -> str:
    if not known:
        return _nothing(argument, token, forgotten=False)
    return (
        f"{tool} is not given what {written(*token.id)} in {argument} stands for, and outside "
        f"nobody knows what it means. Nothing was sent: leave it out of {argument}, or say it "
        "in other words."
    )
