"""Labels: what is known of a piece of data. They only ever join upward."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Confidentiality(IntEnum):
    """How far a piece of data may travel, from least to most restricted."""

    PUBLIC = 0
    INTERNAL = 1
    CONFIDENTIAL = 2
    SECRET = 3

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Confidentiality:
        """Return the level that a policy file calls `word`.

        Raises:
            ValueError: `word` names no level.
        """
        try:
            return cls[word.upper()]
        except KeyError:
            known = ", ".join(str(level) for level in cls)
            raise ValueError(f"unknown confidentiality {word!r}: use one of {known}") from None


@dataclass(frozen=True, slots=True)
class Label:
    """Confidentiality, compartments, trust and sources of a piece of data.

    Example:
        >>> hr = Label(Confidentiality.CONFIDENTIAL, frozenset({"hr"}))
        >>> web = Label(Confidentiality.PUBLIC, trusted=False)
        >>> joined = hr | web
        >>> str(joined.confidentiality), sorted(joined.compartments), joined.trusted
        ('confidential', ['hr'], False)
    """

    confidentiality: Confidentiality = Confidentiality.PUBLIC
    compartments: frozenset[str] = frozenset()
    trusted: bool = True
    sources: frozenset[str] = frozenset()

    def __or__(self, other: Label) -> Label:
        return Label(
            max(self.confidentiality, other.confidentiality),
            self.compartments | other.compartments,
            self.trusted and other.trusted,
            self.sources | other.sources,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the label as plain JSON data."""
        return {
            "confidentiality": str(self.confidentiality),
            "compartments": sorted(self.compartments),
            "trusted": self.trusted,
            "sources": sorted(self.sources),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Label:
        """Return the label that `as_json` wrote."""
        return cls(
            Confidentiality.parse(data["confidentiality"]),
            frozenset(data["compartments"]),
            data["trusted"],
            frozenset(data["sources"]),
        )


@dataclass(frozen=True, slots=True)
class ItemLabel:
    """What is said of one piece of a result. What is None is as the tool's own label says.

    Example:
        >>> item = ItemLabel(compartments=frozenset({"hr"}))
        >>> sorted(item.over(UNKNOWN).compartments), item.over(UNKNOWN).trusted
        (['hr'], False)
    """

    confidentiality: Confidentiality | None = None
    compartments: frozenset[str] | None = None
    trusted: bool | None = None

    def over(self, label: Label) -> Label:
        """Return `label` with what is said here in its place."""
        return Label(
            label.confidentiality if self.confidentiality is None else self.confidentiality,
            label.compartments if self.compartments is None else self.compartments,
            label.trusted if self.trusted is None else self.trusted,
            label.sources,
        )


UNKNOWN = Label(Confidentiality.INTERNAL, trusted=False)
"""The label of a tool result about which nothing was declared."""


def join(labels: Iterable[Label]) -> Label:
    """Return the join of all `labels`; of none, the public trusted label."""
    result = Label()
    for label in labels:
        result = result | label
    return result
