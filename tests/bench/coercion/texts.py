"""The texts of the coercion benchmark. `data/README.md` says who wrote them and how."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent / "data"
OLDER = Path(__file__).parents[2] / "data" / "coercion"
KEPT_SHARE = 102
"""Of 256: a scene whose hash begins below is kept aside, of the first writers."""
LAST = "w6"
"""The writer of the first ones whose texts are all kept aside."""
LATER = "w16"
"""The later writer whose texts are all kept aside."""
TRAINING_ONLY = ("w7", "w8", "w9", "w10", "w11", "w12", "w13", "w14", "w15")
_SHORT = {"selfpres": "self_preservation", "disclosure": "private_disclosure"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One text.

    Attributes:
        text: As it would be sent.
        label: A category of coercion, or `ok`.
        kind: What sort of honest text, or the category again.
        style: `explicit`, `veiled`, `long` or `fragment`; in older sets also others.
        lang: Two letters.
        scene: The situation it belongs to; texts of one scene stay on one side of a split.
        writer: Who wrote it.
    """

    text: str
    label: str
    kind: str
    style: str
    lang: str
    scene: str
    writer: str

    @property
    def harmful(self) -> bool:
        """Whether it is coercive."""
        return self.label != "ok"


def is_kept(writer: str, scene: str) -> bool:
    """Return whether a scene is kept aside for the report."""
    if writer in TRAINING_ONLY:
        return False
    return (
        writer in (LAST, LATER) or hashlib.sha256(f"kept:{scene}".encode()).digest()[0] < KEPT_SHARE
    )


def train() -> list[Sample]:
    """Return every text that rules, weights and thresholds may be made from."""
    return [*older(), *_read(HERE / "train")]


def kept() -> list[Sample]:
    """Return the texts of the first writers kept aside: for the report, and for nothing else."""
    return [one for one in _read(HERE / "kept") if one.writer != LATER]


def kept_later() -> list[Sample]:
    """Return the texts of the later writer kept aside: for the report, and for nothing else."""
    return [one for one in _read(HERE / "kept") if one.writer == LATER]


def older() -> Iterator[Sample]:
    """Yield the sets of the first rules. All of them were read while rules were written."""
    for name in ("dev", "fresh", "held", "blind"):
        for side in ("positive", "negative"):
            path = OLDER / f"coercion_{name}_{side}.tsv"
            for number, row in enumerate(path.read_text("utf-8").splitlines()):
                if row.strip():
                    kind, *more, text = row.split("\t")
                    yield Sample(
                        text.replace("\\n", "\n"),
                        _SHORT.get(kind, kind) if side == "positive" else "ok",
                        _SHORT.get(kind, kind),
                        more[0] if len(more) > 1 else "",
                        more[-1] if more else "en",
                        f"{name}-{side}-{number}",
                        name,
                    )


def _read(folder: Path) -> Iterator[Sample]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            fields = ("text", "label", "kind", "style", "lang", "scene")
            yield Sample(*(row[name] for name in fields), path.stem)
