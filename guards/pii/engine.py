"""Presidio's analyzer, built once, and the detector that asks it.

Only typed data is recognised: what has a format or a checksum. Names and places
need a language model, which this version does not ship.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from guarded_agent.guards.pii.entities import KINDS, Kind
from guarded_agent.guards.pii.gates import promising
from guarded_agent.guards.scrub import Find, Hit

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

Style = Literal["token", "mask", "hash"]
"""What stands for a value: `[CARD]`, `************1111` or `[CARD:kdfbacpo...]`."""

_THRESHOLD = 0.35
_HASH_CHARS = 12
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_building = threading.Lock()


@dataclass(frozen=True, slots=True)
class Kept:
    """Mail domains and addresses that are nobody's secret: the organisation's own.

    Attributes:
        names: Domains (`acme.com`, which includes its subdomains) and whole addresses.
    """

    names: frozenset[str] = frozenset()

    def __contains__(self, address: str) -> bool:
        address = address.lower()
        domain = address.rpartition("@")[2]
        parts = domain.split(".")
        parents = {".".join(parts[index:]) for index in range(len(parts))}
        return address in self.names or not self.names.isdisjoint(parents)


def finder(
    entities: Collection[str],
    *,
    regions: Sequence[str],
    kept: Kept | None = None,
    style: Style = "token",
    salt: bytes = b"",
) -> Find:
    """Return a detector of personal data for `scrub`.

    Presidio is imported and its engine built when the first text is analysed.

    Args:
        entities: Names from `KINDS`.
        regions: Countries whose phone formats count.
        kept: Mail addresses that are left alone.
        style: What stands for a value.
        salt: At least 16 secret bytes, for the style `hash`.
    """
    wanted = sorted(entities)
    spared = kept or Kept()

    def find(text: str) -> list[Hit]:
        hopeful = promising(text, wanted)
        if not hopeful:
            return []
        results = engine(tuple(regions)).analyze(
            text, language="en", entities=list(hopeful), score_threshold=_THRESHOLD
        )
        hits: list[Hit] = []
        for result in results:
            kind = KINDS[result.entity_type]
            value = text[result.start : result.end]
            if kind.category == "email" and value in spared:
                continue
            instead = _replacement(kind, value, style, salt)
            hits.append(Hit(result.start, result.end, kind.category, instead, result.score))
        return hits

    return find if wanted else _nothing


def _nothing(_text: str) -> list[Hit]:
    return []


def engine(regions: tuple[str, ...]) -> AnalyzerEngine:
    """Return the analyzer for `regions`; it is built once, whoever comes first."""
    with _building:
        return _engine(regions)


@cache
def _engine(regions: tuple[str, ...]) -> AnalyzerEngine:
    # Presidio takes a second and 100 MB: not before there is a text to look at.
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    from guarded_agent.guards.pii.recognisers import WindowContext, recognisers

    registry = RecognizerRegistry(recognizers=recognisers(regions), supported_languages=["en"])
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=NoOpNlpEngine(models=[{"lang_code": "en", "model_name": ""}]),
        supported_languages=["en"],
        context_aware_enhancer=WindowContext(),
    )


def _replacement(kind: Kind, value: str, style: Style, salt: bytes) -> str:
    if style == "token":
        return f"[{kind.token}]"
    # Presidio's operators one by one: its AnonymizerEngine merges neighbours of one kind.
    operators = _operators()
    if style == "mask":
        hidden = max(0, len(value) - kind.shown)
        return str(
            operators["mask"].operate(
                value, {"masking_char": "*", "chars_to_mask": hidden, "from_end": False}
            )
        )
    digest = operators["hash"].operate(value.lower(), {"hash_type": "sha256", "salt": salt})
    # Letters only: a digest in hexadecimal can look like a number that must be redacted.
    return f"[{kind.token}:{str(digest)[:_HASH_CHARS].translate(_LETTERS)}]"


@cache
def _operators() -> dict[str, Any]:
    from presidio_anonymizer.operators import Hash, Mask

    return {"mask": Mask(), "hash": Hash()}
