"""Exceptions whose words may not pass: said again without them.

An exception speaks through its text, notes and attributes, and through the exceptions
behind it: `__cause__`, `__context__`, the members of a group. If all of it may pass, the
exception stays what it is. Else another one of the same class takes its place,
with clean words and nothing behind it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from guarded_agent.core.errors import GuardedAgentError
from guarded_agent.identity.leases import leased_here, scrub

E = TypeVar("E", bound=BaseException)

_MOST = 100


class Redacted(GuardedAgentError):
    """Stands for an exception whose words held what may not pass.

    It is also an instance of that exception's own class, wherever Python lets it be.
    """


def words(error: BaseException) -> list[str]:
    """Return everything that an exception says; its own text comes first.

    Example:
        >>> try:
        ...     raise ValueError("outer") from KeyError("inner")
        ... except ValueError as error:
        ...     words(error)
        ['outer', "'inner'"]
    """
    return [text for each in _chain(error) for text in _texts(each)]


def again(error: Exception, said: list[str], passed: list[str]) -> Exception:
    """Return what to raise in place of `error`: itself, or one with clean words.

    Raise it outside of the handler, so that the original is not its context.

    Args:
        error: The exception.
        said: Its `words`.
        passed: The same words as they may pass.
    """
    if passed == said:
        return error
    text = str(passed[0])
    try:
        new = cast("Any", type(error)).__new__(_kind(cast("Any", type(error))), text)
        new.args = (text,)
        for name, item in vars(error).items():
            if item is None or isinstance(item, (bool, int, float)):  # such as a status code
                setattr(new, name, item)
    except (TypeError, ValueError, AttributeError):
        return Redacted(text)
    return cast("Exception", new)


@functools.cache
def _kind(cls: type[Exception]) -> type[Exception]:
    def start(self: Any, *_args: Any, **_kwargs: Any) -> None:
        """Leave out what the class itself does with its arguments."""

    def text(self: Any) -> str:
        return str(self.args[0])

    body = {"__init__": start, "__str__": text, "__module__": cls.__module__}
    return type(cls.__name__, (Redacted, cls), body)


def forget_frames(error: E) -> E:
    """Take from an error, and from all behind it, what a body's variables held as it was raised.

    Only where the call was handed a secret: what reports errors may report variables as well.
    """
    if leased_here():
        for each in _chain(error):
            each.__traceback__ = None
    return error


def say_less(error: E) -> E:
    """Take what a call was handed from an error that must stay the very one that it is."""
    forget_frames(error)
    if leased_here() and any(scrub(said) != said for said in words(error)):
        error.args = tuple(scrub(str(item)) for item in error.args)
        error.__cause__ = error.__context__ = None
        vars(error).clear()
    return error


def carries_objects(error: BaseException) -> bool:
    """Return whether an error holds more than words and numbers, such as a request."""
    return any(
        item is not None and not isinstance(item, (str, bool, int, float))
        for each in _chain(error)
        for name, item in (*enumerate(each.args), *vars(each).items())
        if name != "__notes__" and not isinstance(each, BaseExceptionGroup)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo and len(seen) < _MOST:
        each = todo.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        todo += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            todo += cast("BaseExceptionGroup[BaseException]", each).exceptions


def _texts(error: BaseException) -> list[str]:
    texts = [str(error), *map(str, getattr(error, "__notes__", ()))]
    # A client's error carries its request along, headers and all.
    carried = [item for name, item in vars(error).items() if name != "__notes__"]
    return texts + [str(item) for item in (*error.args, *carried) if str(item) not in str(error)]
