"""Read a guard's options from a policy, and say plainly what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any, TypeVar, cast

T = TypeVar("T")
_MANY = 20  # more names than that hide the one that was meant


def construct(make: Callable[..., T], options: Mapping[str, Any], *, where: str, **fixed: Any) -> T:
    """Return `make(**options, **fixed)`; an option that `make` does not take is named.

    Args:
        make: A guard's class; its keyword-only parameters are its options.
        options: The guard's section of a policy.
        where: The section's name, such as `guards.pii`.
        fixed: Arguments that a policy cannot set.

    Raises:
        ValueError: An unknown option, or what `make` itself says of a value.
    """
    known = [
        name
        for name, parameter in signature(make).parameters.items()
        if parameter.kind is Parameter.KEYWORD_ONLY and name not in fixed
    ]
    reject_unknown(options, known, where=where)
    try:
        return make(**options, **fixed)
    except ValueError as error:
        if str(error).startswith(where):
            raise
        raise ValueError(f"{where}: {error}") from error


def reject_unknown(given: Iterable[str], known: Collection[str], *, where: str) -> None:
    """Refuse a name that is not in `known`.

    Raises:
        ValueError: It names the option, what it may have meant, and what there is.

    Example:
        >>> reject_unknown({"presett": 1}, ["preset", "keep"], where="guards.pii")
        Traceback (most recent call last):
        ValueError: guards.pii: unknown option 'presett'. Did you mean 'preset'? Known: keep, preset
    """
    for name in given:
        if name not in known:
            close = get_close_matches(str(name), list(known), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"{where}: unknown option {str(name)!r}.{hint} Known: {', '.join(sorted(known))}"
            )


def one_of(value: object, choices: Collection[str], *, where: str) -> str:
    """Return `value` if it is one of `choices`.

    Raises:
        ValueError: It is none of them.
    """
    if isinstance(value, str) and value in choices:
        return value
    close = get_close_matches(str(value), list(choices), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    if hint and len(choices) > _MANY:
        raise ValueError(
            f"{where}: {value!r} is not one of the {len(choices)} that are known.{hint}"
        )
    raise ValueError(f"{where}: {value!r} is not one of {', '.join(sorted(choices))}.{hint}")


def words(value: object, *, where: str) -> tuple[str, ...]:
    """Return `value`, a list of texts from a policy, as a tuple.

    Raises:
        ValueError: It is a single text or holds something else.
    """
    if isinstance(value, (list, tuple, set, frozenset)):
        items = tuple(cast("Collection[object]", value))
        if all(isinstance(item, str) for item in items):
            return cast("tuple[str, ...]", items)
    raise ValueError(f"{where}: write a list of texts, such as [first, second]")


def number(value: object, *, least: int, where: str) -> int:
    """Return `value` if it is a whole number of at least `least`.

    Raises:
        ValueError: It is not.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise ValueError(f"{where}: write a whole number of at least {least}")
