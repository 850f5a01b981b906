"""Labels that a tool's author gives to what a tool returns: to all of it, or item by item.

A label says how confidential a piece is, which compartments it belongs to, and whether
others may have written it. It stays with the monitor: the model sees the bare value. By
itself it can only say more than the tool's own label does; where `items` stands in the
tool's declaration or in the policy, labels of items decide alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import ToolMessage

from guarded_agent.core.label import Confidentiality, ItemLabel

_DEEPEST = 50
_made = False


class Labelled:
    """A value and its label, until the guarded tool takes them apart. It prints neither."""

    __slots__ = ("label", "value")

    def __init__(self, value: Any, label: ItemLabel) -> None:
        global _made  # a process that labels nothing looks for no labels
        _made = True
        self.value = value
        self.label = label

    def __repr__(self) -> str:
        return "Labelled(...)"


def labelled(
    value: Any,
    *,
    confidentiality: str | Confidentiality | None = None,
    compartments: Iterable[str] | None = None,
    trusted: bool | None = None,
) -> Any:
    """Return `value` with a label, to be returned by a tool: alone, or in a list or mapping.

    What is left out is as the tool's own label says.

    Args:
        value: The result, or one item of it.
        confidentiality: `public`, `internal`, `confidential` or `secret`.
        compartments: What it belongs to, such as `hr`.
        trusted: Whether nobody else can have written it.

    Raises:
        ValueError: There is no such confidentiality.

    Example:
        >>> rows = [labelled("pay", confidentiality="secret", compartments=["hr"]), "menu"]
        >>> taken = unwrapped(rows)
        >>> taken.value, [str(label.confidentiality) for label in taken.labels], taken.whole
        (['pay', 'menu'], ['secret'], False)
    """
    level = (
        Confidentiality.parse(confidentiality)
        if isinstance(confidentiality, str)
        else confidentiality
    )
    within = None if compartments is None else frozenset(compartments)
    return Labelled(value, ItemLabel(level, within, trusted))


@dataclass(slots=True)
class Unwrapped:
    """A result without its labels.

    Attributes:
        value: What the tool returned, bare.
        labels: The labels that stood in it.
        whole: Whether every piece of it has a label.
    """

    value: Any
    labels: list[ItemLabel] = field(default_factory=list[ItemLabel])
    whole: bool = True


def unwrapped(result: Any) -> Unwrapped:
    """Take the labels out of a result.

    They are found in lists, tuples, mappings, dataclasses, and in the content and the artifact
    of a tool message.
    """
    taken = Unwrapped(None)
    if not _made:
        taken.value, taken.whole = result, False
        return taken
    taken.value = _bare(result, taken, inside=False, depth=0)
    taken.whole = taken.whole and bool(taken.labels)
    return taken


def _bare(value: Any, taken: Unwrapped, *, inside: bool, depth: int) -> Any:
    if isinstance(value, Labelled):
        taken.labels.append(value.label)
        return _bare(value.value, taken, inside=True, depth=depth + 1)
    if depth <= _DEEPEST:
        if isinstance(value, (list, tuple)):
            items = cast("list[Any] | tuple[Any, ...]", value)
            new = [_bare(item, taken, inside=inside, depth=depth + 1) for item in items]
            if all(one is other for one, other in zip(new, items, strict=True)):
                return cast("Any", value)
            make = getattr(cast("Any", value), "_make", None)
            if make is not None:
                return make(new)
            return new if isinstance(value, list) else tuple(new)
        if isinstance(value, dict):
            mapping = cast("dict[Any, Any]", value)
            fresh = {
                key: _bare(item, taken, inside=inside, depth=depth + 1)
                for key, item in mapping.items()
            }
            same = all(fresh[key] is mapping[key] for key in mapping)
            return mapping if same else fresh
        if isinstance(value, ToolMessage):
            changed = {
                name: _bare(getattr(value, name), taken, inside=inside, depth=depth + 1)
                for name in ("content", "artifact")
            }
            return value.model_copy(update=changed)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
            new_fields = {
                name: _bare(item, taken, inside=inside, depth=depth + 1)
                for name, item in fields.items()
            }
            if any(new_fields[name] is not fields[name] for name in fields):
                return dataclasses.replace(
                    value, **{n: v for n, v in new_fields.items() if v is not fields[n]}
                )
            return value
    if not inside and value is not None and value != "":
        taken.whole = False
    return value
