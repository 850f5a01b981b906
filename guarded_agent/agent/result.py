"""The texts inside what a model or a tool returned, taken out and put back.

A result may be a text, content blocks, a message, a `Command`, a tuple of
content and artifact, or any object. Its texts are judged together, once; then
the same result is built again with what may pass.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.types import Command

Swap = Callable[[Any], Any]
_DEEPEST = 50


def pieces(result: Any) -> list[Any]:
    """Return the parts of `result` that carry text, as plain data, in order."""
    found: list[Any] = []

    def keep(value: Any) -> Any:
        found.append(value)
        return value

    rebuild(result, keep)
    return found


def put_back(result: Any, passed: list[Any]) -> Any:
    """Return `result` with its parts replaced by `passed`, in the order of `pieces`."""
    rest = iter(passed)
    return rebuild(result, lambda _: next(rest))


def rebuild(value: Any, swap: Swap) -> Any:
    """Return `value` with each part that carries text replaced by `swap(part)`."""
    if isinstance(value, BaseMessage):
        return _message(value, swap)
    if isinstance(value, Command):
        return _command(cast("Command[Any]", value), swap)
    if isinstance(value, tuple):
        return tuple(rebuild(item, swap) for item in cast("tuple[Any, ...]", value))
    if isinstance(value, list) and any(
        isinstance(item, (BaseMessage, Command)) for item in cast("list[Any]", value)
    ):
        return [rebuild(item, swap) for item in cast("list[Any]", value)]
    if isinstance(value, dict) and any(_holds_message(item) for item in value.values()):
        return {key: rebuild(item, swap) for key, item in cast("dict[str, Any]", value).items()}
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str) or _is_plain(value):
        return swap(value)
    return _object(value, swap)


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


def _holds_message(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, BaseMessage) for item in cast("list[Any]", value))
    return isinstance(value, (BaseMessage, Command))


def _message(message: BaseMessage, swap: Swap) -> BaseMessage:
    update: dict[str, Any] = {"content": swap(message.content)}
    if isinstance(message, ToolMessage) and message.artifact is not None:
        update["artifact"] = rebuild(message.artifact, swap)
    if isinstance(message, AIMessage) and message.additional_kwargs:
        update["additional_kwargs"] = swap(message.additional_kwargs)
    if all(update[name] == getattr(message, name) for name in update):
        return message
    return message.model_copy(update=update)


def _command(command: Command[Any], swap: Swap) -> Command[Any]:
    if command.update is None:
        return command
    return replace(command, update=rebuild(command.update, swap))


def _object(value: Any, swap: Swap) -> Any:
    """An object of unknown kind is judged by its text, and kept if that passes whole."""
    text = str(value)
    passed = swap(text)
    return value if passed == text else passed
