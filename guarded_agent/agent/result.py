"""The texts inside what a model, a tool or a person hands over, taken out and put back.

It may be a text, content blocks, a message, a `Command`, a tuple of content and
artifact, a pydantic model, a dataclass, or any object. Its texts are judged
together, once; then the same thing is built again with what may pass. Where an
object's fields can be replaced one by one, it keeps its type.

The arguments of tool calls are no text: what may stand in them is decided where
calls are judged. `Calls` says what becomes of them.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.types import Command, Interrupt, Send
from pydantic import BaseModel

from guarded_agent.guards.text import LONG_NUMBER, NOTICE

Swap = Callable[[Any], Any]
"""Returns what takes the place of a text or of nested plain data."""

Calls = Callable[[str, Any, Swap], Any]
"""Returns what takes the place of a call's arguments: of the tool's name, arguments, a swap."""

CALL_BLOCKS = frozenset(
    {
        "function_call",
        "input_json_delta",
        "invalid_tool_call",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_use",
        "tool_call",
        "tool_call_chunk",
        "tool_use",
    }
)
"""Types of the content blocks that repeat a tool call."""

_ARGUMENTS = ("args", "arguments", "input", "partial_json")
_ROLES = frozenset(
    {"ai", "assistant", "developer", "function", "human", "system", "tool", "user"},
)
_KEPT = frozenset({"id", "name", "role", "tool_call_id", "type"})
_DEEPEST = 50
_MOST = 20_000


def pieces(result: Any, calls: Calls | None = None) -> list[Any]:
    """Return the parts of `result` that carry text, as plain data, in order."""
    found: list[Any] = []

    def keep(value: Any) -> Any:
        found.append(value)
        return value

    rebuild(result, keep, calls)
    return found


def put_back(result: Any, passed: list[Any], calls: Calls | None = None) -> Any:
    """Return `result` with its parts replaced by `passed`, in the order of `pieces`."""
    rest = iter(passed)
    return rebuild(result, lambda _: next(rest), calls)


def rebuild(value: Any, swap: Swap, calls: Calls | None = None, opaque: Swap | None = None) -> Any:
    """Return `value` with each part that carries text replaced by `swap(part)`.

    Args:
        value: What was handed over.
        swap: What becomes of a text.
        calls: What becomes of the arguments of tool calls; they stay if it is None.
        opaque: What becomes of an object whose fields cannot be replaced, before what it
            prints is looked at.
    """
    return _Rebuilding(swap, calls or _kept, itertools.count(), opaque).of(value, 0)


def _kept(_name: str, args: Any, _swap: Swap) -> Any:
    return args


def replaced(text: str, change: Swap) -> str:
    """Return arguments that are written as JSON with `change` applied to what they say.

    They stay valid JSON. What is no JSON (yet) is changed as a text.

    Example:
        >>> replaced('{"to": "ann"}', lambda args: {**args, "to": "[X]"})
        '{"to": "[X]"}'
    """
    try:
        said = json.loads(text)
    except ValueError:
        return str(change(text))
    changed = change(said)
    return text if changed == said else json.dumps(changed, ensure_ascii=False)


@dataclasses.dataclass(frozen=True, slots=True)
class _Rebuilding:
    swap: Swap
    calls: Calls
    seen: Iterator[int]
    opaque: Swap | None = None

    def of(self, value: Any, depth: int) -> Any:
        if value is None or (isinstance(value, (int, float)) and abs(value) < LONG_NUMBER):
            return value
        if isinstance(value, (str, int, float)):
            return self.swap(value)
        if depth > _DEEPEST or next(self.seen) > _MOST:  # objects may hold each other in circles
            return _deep(value, self.swap)
        match value:
            case BaseMessage():
                return self._message(value, depth)
            case Command():
                return self._command(cast("Command[Any]", value), depth)
            case Send():
                arg = self.of(value.arg, depth + 1)
                return value if arg is value.arg else Send(value.node, arg)
            case Interrupt():
                new = self.of(value.value, depth + 1)
                return value if new is value.value else _with_fields(value, {"value": new})
            case tuple() | list() | set() | frozenset():
                return self._items(value, depth)
            case dict():
                return self._dict(cast("dict[Any, Any]", value), depth)
            case _:
                return self._object(value, depth)

    def _items(self, value: Any, depth: int) -> Any:
        if isinstance(value, list) and _is_plain(value) and not any(map(_is_said, value)):
            return self.swap(value)
        if isinstance(value, tuple) and _is_said(value):  # ("user", "hello")
            return (value[0], self.of(value[1], depth + 1))
        new = [self.of(item, depth + 1) for item in value]
        if all(one is other for one, other in zip(value, new, strict=True)):
            return value
        if hasattr(value, "_make"):  # a named tuple
            return cast("Any", value)._make(new)
        return type(value)(new) if type(value) in (tuple, list, set, frozenset) else tuple(new)

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        if _is_said(value):  # {"role": "user", "content": "hello"}
            return {
                key: item if key in _KEPT else self.of(item, depth + 1)
                for key, item in value.items()
            }
        if _is_plain(value) and not any(
            _is_said(item) or (isinstance(item, list) and any(map(_is_said, item)))
            for item in value.values()
        ):
            return self.swap(value)
        return {key: self.of(item, depth + 1) for key, item in value.items()}

    def _message(self, message: BaseMessage, depth: int) -> BaseMessage:
        update: dict[str, Any] = {"content": self._content(message.content)}
        if isinstance(message, ToolMessage) and message.artifact is not None:
            update["artifact"] = self.of(message.artifact, depth + 1)
        if message.additional_kwargs:
            update["additional_kwargs"] = self._extra(message.additional_kwargs)
        if message.response_metadata:
            update["response_metadata"] = self._strings(message.response_metadata)
        if isinstance(message, AIMessage):
            update |= self._calls_of(message)
        changed = {name: new for name, new in update.items() if new != getattr(message, name)}
        return message.model_copy(update=changed) if changed else message

    def _content(self, content: str | list[Any]) -> Any:
        if isinstance(content, str):
            return self.swap(content)
        if any(isinstance(block, dict) and block.get("type") in CALL_BLOCKS for block in content):
            return [self._block(block) for block in content]
        return self.swap(content)

    def _block(self, block: Any) -> Any:
        if not (isinstance(block, dict) and block.get("type") in CALL_BLOCKS):
            return self.swap(block)
        name = str(block.get("name") or "")
        new = {
            key: self.arguments(name, item) if key in _ARGUMENTS else item
            for key, item in block.items()
        }
        return block if new == block else new

    def arguments(self, name: str, given: Any) -> Any:
        """Return what takes the place of arguments, given as data or as JSON text."""
        if isinstance(given, str):
            return replaced(given, lambda args: self.calls(name, args, self.swap)) if given else ""
        return given if given is None else self.calls(name, given, self.swap)

    def _extra(self, extra: dict[str, Any]) -> dict[str, Any]:
        """Provider's own fields: reasoning is text, and older ones repeat the tool calls."""
        rest = {key: item for key, item in extra.items() if key not in CALL_FIELDS}
        new = _mapping(self.swap(rest)) if rest else {}
        for key in CALL_FIELDS & extra.keys():
            new[key] = self._function(extra[key])
        return {key: new[key] for key in extra if key in new} if len(new) == len(extra) else new

    def _function(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._function(item) for item in value]
        if not isinstance(value, dict):
            return value
        name = str(value.get("name") or "")
        return {
            key: self.arguments(name, item)
            if key in _ARGUMENTS
            else self._function(item)
            if isinstance(item, dict)
            else item
            for key, item in value.items()
        }

    def _calls_of(self, message: AIMessage) -> dict[str, Any]:
        update: dict[str, Any] = {}
        for name in ("tool_calls", "invalid_tool_calls", "tool_call_chunks"):
            calls = cast("list[dict[str, Any]]", getattr(message, name, []))
            if calls:
                update[name] = [self._call(call) for call in calls]
        return update

    def _call(self, call: dict[str, Any]) -> dict[str, Any]:
        name = call.get("name") or ""
        new = {**call, "args": self.arguments(name, call["args"])}
        if new["args"] != call["args"] and call.get("error"):
            new["error"] = "The arguments are no valid JSON."  # the parser's words repeat them
        return new

    def _strings(self, data: dict[str, Any]) -> dict[str, Any]:
        """Metadata: only its texts are looked at; counts and times are no one's numbers."""
        texts: list[str] = []

        def keep(text: str) -> str:
            texts.append(text)
            return text

        _each_string(data, keep)
        if not texts:
            return data
        passed = self.swap(texts)
        if passed == texts:
            return data
        rest = iter(passed if len(passed) == len(texts) else [NOTICE] * len(texts))
        return cast("dict[str, Any]", _each_string(data, lambda _: next(rest)))

    def _command(self, command: Command[Any], depth: int) -> Command[Any]:
        changed: dict[str, Any] = {}
        for name in ("update", "resume", "goto"):
            old = getattr(command, name)
            if old is None or (name == "goto" and not _sends(old)):
                continue
            new = _goto(old, self, depth) if name == "goto" else self.of(old, depth + 1)
            if new is not old:
                changed[name] = new
        return dataclasses.replace(command, **changed) if changed else command

    def _object(self, value: Any, depth: int) -> Any:
        """Replace an object's fields if they can be seen; else judge what it prints."""
        fields = _fields(value)
        if fields is None:
            value = value if self.opaque is None else self.opaque(value)
            text = str(value)
            passed = self.swap(text)
            return value if passed == text else passed
        new = {name: self.of(item, depth + 1) for name, item in fields.items()}
        changed = {name: item for name, item in new.items() if item is not fields[name]}
        changed = {
            name: _number(fields[name], item)
            for name, item in changed.items()
            if item != fields[name]
        }
        return _with_fields(value, changed) if changed else value


CALL_FIELDS = frozenset({"function_call", "tool_calls"})


def _number(old: Any, new: Any) -> Any:
    """A field for numbers keeps one: the words that stand for a card number do not fit there."""
    return type(old)(0) if isinstance(old, (int, float)) else new


def _deep(value: Any, swap: Swap) -> Any:
    text = str(value)
    return value if swap(text) == text else NOTICE


def _mapping(passed: Any) -> dict[str, Any]:
    return dict(passed) if isinstance(passed, Mapping) else {"withheld": str(passed)}


def _sends(goto: Any) -> bool:
    return isinstance(goto, Send) or (
        isinstance(goto, (list, tuple)) and any(isinstance(item, Send) for item in goto)
    )


def _goto(goto: Any, around: _Rebuilding, depth: int) -> Any:
    if isinstance(goto, Send):
        return around.of(goto, depth + 1)
    return [around.of(item, depth + 1) if isinstance(item, Send) else item for item in goto]


def _is_plain(value: Any, depth: int = 0) -> bool:
    if value is None or isinstance(value, (str, bool, int, float)):
        return True
    if depth > _DEEPEST:
        return False
    if isinstance(value, list):
        return all(_is_plain(item, depth + 1) for item in cast("list[Any]", value))
    if isinstance(value, dict):
        return all(
            isinstance(key, str) and _is_plain(item, depth + 1)
            for key, item in cast("dict[Any, Any]", value).items()
        )
    return False


def _is_said(value: Any) -> bool:
    """Return whether this is a message written as a mapping or as a pair."""
    if isinstance(value, dict):
        who = value.get("role", value.get("type"))
        return "content" in value and isinstance(who, str) and who in _ROLES
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[0], str)
        and value[0] in _ROLES
    )


def _each_string(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_string(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_string(item, change) for item in value]
    return value


def _fields(value: Any) -> dict[str, Any] | None:
    """Return the fields of an object that keeps its type when they are replaced."""
    if isinstance(value, type):
        return None
    if isinstance(value, BaseModel):
        return {**{name: getattr(value, name) for name in type(value).model_fields}} | dict(
            value.model_extra or {}
        )
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, types.SimpleNamespace) or hasattr(value, "__attrs_attrs__"):
        return dict(vars(value))
    return None


def _with_fields(value: Any, changed: dict[str, Any]) -> Any:
    if isinstance(value, BaseModel):
        return value.model_copy(update=changed)
    new = copy.copy(value)
    for name, item in changed.items():
        object.__setattr__(new, name, item)  # also where the class is frozen
    return new
