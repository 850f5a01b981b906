"""Hiding: the model sees a reference to a text, and only tools get the text itself.

Where the policy says `hide` of a tool, what it returns is put into the vault with its label,
and `[hidden:7 text of 3,412 characters, from search_hr]` takes its place. A model can pass
the reference on, as an argument or inside of one; the tool gets the text. What it says is
unknown to the model, so its label is not the thread's; it counts for each call that is given
the text. A reference counts in its own thread of its own agent, and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from guarded_agent.core.action import Action
from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import Denied
from guarded_agent.core.label import Label, join
from guarded_agent.core.tool import ToolSpec
from guarded_agent.guards.pii.pseudonyms import Call, Pseudonyms
from guarded_agent.guards.text import leaves, rebuild
from guarded_agent.store.vault import Id, Value, Vault

KIND = "HIDDEN"
"""What hidden texts are in the vault."""

_REFERENCE = re.compile(r"\[hidden:([1-9][0-9]{0,8})(?: [^\[\]]{0,300})?\]", re.IGNORECASE)
_NOTHING = Label()


class Hidden:
    """Hides texts and opens references, for one agent; pseudonyms in them work as ever.

    Args:
        vault: Where the texts are kept.
        agent_id: The agent identity.
        pseudonyms: What gives pseudonyms, if the policy asks for any.
    """

    def __init__(
        self, vault: Vault | None, agent_id: str, pseudonyms: Pseudonyms | None = None
    ) -> None:
        self._vault = vault
        self._agent_id = agent_id
        self._inner = pseudonyms
        self.restores = pseudonyms is not None and pseudonyms.restores

    def keep_in(self, vault: Vault) -> None:
        """Keep texts in `vault` from now on."""
        self._vault = vault
        if self._inner is not None:
            self._inner.keep_in(vault)

    # -- from texts to references ------------------------------------------------------

    def hide(
        self, action: Action, parts: Sequence[Any], label: Label, over: int
    ) -> tuple[list[Any], bool]:
        """Return parts of a result with references in place of what is hidden.

        Args:
            action: The call that returned them.
            parts: Texts and nested plain data.
            label: What is known of them.
            over: Texts of so many characters stay as they are.

        Returns:
            The parts, and whether nothing of them is left for the model to see.
        """
        texts = [part if isinstance(part, str) else _as_text(part) for part in parts]
        places = [place for place, text in enumerate(texts) if len(text) > over]
        ids = [self._name(action, texts[place], label) for place in places]
        shown = list(parts)
        for place, number in zip(places, ids, strict=True):
            shown[place] = reference(number, texts[place], action.tool)
        hidden = set(places)
        return shown, all(place in hidden or not text for place, text in enumerate(texts))

    # -- from references to texts ------------------------------------------------------

    def label(self, action: Action) -> Label:
        """Return the label of what the references in an action's arguments stand for."""
        held = self._find(action.thread_id, _ids(action.args))
        return join(_label(value) for value in held.values() if value is not None)

    def reveal(self, action: Action, spec: ToolSpec) -> Mapping[str, Any]:
        """Return an action's arguments as its tool gets them.

        Raises:
            Denied: A reference stands for nothing here. The message is for the model.
        """
        opened = self._with(action)[0]
        return opened.args if self._inner is None else self._inner.reveal(opened, spec)

    def call(self, action: Action, spec: ToolSpec) -> tuple[Mapping[str, Any], Call]:
        """Return an action's arguments as its tool gets them, and what that call then knows.

        Raises:
            Denied: As `reveal`.
        """
        opened, hidden = self._with(action)
        if self._inner is None:
            return opened.args, Call(hidden=hidden)
        args, call = self._inner.call(opened, spec)
        call.hidden |= hidden
        return args, call

    def conceal(self, action: Action) -> Mapping[str, Any]:
        """Return the arguments with pseudonyms for values that the model wrote."""
        return action.args if self._inner is None else self._inner.conceal(action)

    def cover(self, payload: Any, action: Action) -> Any:
        """Return revealed arguments, changed by a guard, with references again.

        A hidden text that a guard has changed becomes another hidden text.
        """
        opened = self._with(action)[0]
        if self._inner is not None:
            payload = self._inner.cover(payload, opened)
        if opened is action:
            return payload
        before, now = leaves(opened.args), leaves(payload)
        given = leaves(action.args)
        if not len(before) == len(now) == len(given):
            raise ValueError("a guard changed the shape of arguments that hold hidden texts")
        texts: dict[int, str] = {}
        for place, (old, new, own) in enumerate(zip(before, now, given, strict=True)):
            if old.text == own.text:
                continue
            texts[place] = own.text
            if new.text != old.text:
                label = self.label(replace(action, args={"text": own.text}))
                number = self._name(action, new.text, label)
                texts[place] = reference(number, new.text, action.tool)
        return rebuild(payload, texts)

    def restore(self, value: Any, thread_id: str) -> Any:
        """Return what people are told, with the values of pseudonyms; references stay."""
        return value if self._inner is None else self._inner.restore(value, thread_id)

    def _with(self, action: Action) -> tuple[Action, dict[str, str]]:
        """Return an action with its hidden texts, and what each of them is referred to by."""
        found = _ids(action.args)
        if not found:
            return action, {}
        held = self._find(action.thread_id, found)
        for number in (number for _, number in found):
            if held.get((KIND, number)) is None:
                raise Denied(
                    f"There is nothing hidden under [hidden:{number}] in this conversation. "
                    "Use a reference that a tool gave here."
                )
        args = _opened(action.args, held)
        hidden = {
            _text(value): reference(number, _text(value), _tool(value))
            for (_, number), value in held.items()
            if value is not None
        }
        return replace(action, args=args), hidden

    def _name(self, action: Action, text: str, label: Label) -> int:
        if self._vault is None or not action.thread_id:
            raise Denied("A result is to be hidden, and there is no thread in which to keep it.")
        value = _value(text, label, action.tool)
        [(_, number)] = self._vault.name(self._agent_id, action.thread_id, [value])
        return number

    def _find(self, thread_id: str, ids: Sequence[Id]) -> dict[Id, Value | None]:
        if self._vault is None or not (thread_id and ids):
            return {}
        return self._vault.find(self._agent_id, thread_id, ids)


def reference(number: int, text: str, tool: str) -> str:
    """Return what stands in place of a hidden text.

    Example:
        >>> reference(7, "x" * 3412, "search_hr")
        '[hidden:7 text of 3,412 characters, from search_hr]'
    """
    name = tool.replace("[", "(").replace("]", ")")
    return f"[hidden:{number} text of {len(text):,} characters, from {name}]"


def unhidden(vault: Vault, agent_id: str, thread_id: str, args: Mapping[str, Any]) -> Any:
    """Return arguments with hidden texts, for a reviewer whose looking is recorded."""
    ids = _ids(args)
    held = vault.find(agent_id, thread_id, ids) if ids else {}
    return _opened(args, held) if held else args


def _ids(args: Mapping[str, Any]) -> list[Id]:
    found = (match for leaf in leaves(dict(args)) for match in _REFERENCE.finditer(leaf.text))
    return list(dict.fromkeys((KIND, int(match[1])) for match in found))


def _opened(args: Mapping[str, Any], held: Mapping[Id, Value | None]) -> Any:
    def put(match: re.Match[str]) -> str:
        value = held.get((KIND, int(match[1])))
        return match[0] if value is None else _text(value)

    plain = dict(args)
    texts = {
        place: new
        for place, leaf in enumerate(leaves(plain))
        if (new := _REFERENCE.sub(put, leaf.text)) != leaf.text
    }
    return rebuild(plain, texts)


def _as_text(part: Any) -> str:
    return json.dumps(part, ensure_ascii=False)


def _value(text: str, label: Label, tool: str) -> Value:
    plain = canonical([text, label.as_json(), tool])
    return Value(KIND, plain.decode(), hashlib.sha256(plain).hexdigest())


def _text(value: Value) -> str:
    return str(json.loads(value.text)[0])


def _label(value: Value) -> Label:
    return Label.from_json(json.loads(value.text)[1])


def _tool(value: Value) -> str:
    return str(json.loads(value.text)[2])
