"""Measure what the secrets guard finds and what it finds wrongly, beside detect-secrets.

    python tests/bench/secrets/report.py [--seed 20261125] [--rounds 8] [--others 250] [--near 40]
        [--files 4000]
        [--gitleaks DIR] [--misses] [--write docs/ideas/secrets.md]

Credentials and near misses are made up at run time from a seed: 1 was used while the rules
were written, another one for the figures. A credential counts as found if at least nine
tenths of its characters would be replaced. A near miss counts as a false alarm if anything
in it would be. A peer that cannot be imported is left out, and the report says so.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import random
import statistics
import sys
import sysconfig
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import gitleaks
import peers
from texts import NearMiss, Sample, near_misses, samples

from guarded_agent.guards.scrub import scrub
from guarded_agent.guards.secrets import PROVIDERS, SecretsGuard

Finder = Callable[[str], list[tuple[int, int]]]
FIRST, LAST = "<!-- figures begin -->", "<!-- figures end -->"
COVERED = 0.9


def ours() -> Callable[[str], list[tuple[int, int, str]]]:
    guard = SecretsGuard()

    def find(text: str) -> list[tuple[int, int, str]]:
        return [(*spot.span, spot.category) for spot in scrub(text, guard._find).spots]

    return find


def interval(hits: int, total: int) -> tuple[float, float]:
    """Return the bounds of Wilson's 95 % interval."""
    if total == 0:
        return 0.0, 1.0
    z, rate = 1.959964, hits / total
    middle = rate + z * z / (2 * total)
    spread = z * math.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    whole = 1 + z * z / total
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def shown(hits: int, total: int) -> str:
    low, high = interval(hits, total)
    rate = hits / total if total else 0.0
    return f"{100 * rate:.1f} % ({100 * low:.1f} to {100 * high:.1f}), {hits} of {total}"


def covers(sample: Sample, spans: Iterable[tuple[int, int]]) -> bool:
    """Return whether `spans` cover each part of the credential, wherever it stands in the text."""
    inside: set[int] = set()
    for start, end in spans:
        inside.update(range(start, end))
    for part in sample.parts:
        at = sample.text.rfind(part)
        if sum(place in inside for place in range(at, at + len(part))) < COVERED * len(part):
            return False
    return True


def recall(items: Sequence[Sample], find: Finder) -> dict[str, list[Sample]]:
    """Return by group what was missed."""
    missed: dict[str, list[Sample]] = defaultdict(list)
    for item in items:
        if not covers(item, find(item.text)):
            missed[item.group].append(item)
    return missed


def cpu(work: Callable[[], object], times: int) -> float:
    """Return the median of the processor's milliseconds for one run."""
    spent: list[float] = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append((time.process_time() - start) * 1000)
    return statistics.median(spent)


PROSE = """Dear Ann, the quarterly report for the northern region is ready. We would like to
discuss delivery dates, prices and open tickets on 12 May at 10:30; please tell Bo
(bo@acme.example) whether the room is free. See
https://wiki.acme.example/reports/2026?view=all for the figures. """
CODE = """def handler(event, context):
    for record in event["records"]:
        rows = [row.strip() for row in record["body"].split(",") if row]
        print(f"{len(rows)} rows, first {rows[0]!r}")  # 2026-05-12
    return {"status": 200}
"""
TALK = """The token is short-lived. Ask for a new password, or read the secret from the vault:
the api key is never written down, and access_token is refreshed by the client. """
SETTINGS = """The password is required. Your password: mandatory; the token is invalid.
password = getpass() and api_key: "missing", PASSWORD=disabled, token=os.environ["TOKEN"] and
client_secret: ${SECRET} too. """


def speed() -> Iterator[str]:
    """Yield the rows of the table of times."""
    guard = SecretsGuard()
    for name, piece in (
        ("prose", PROSE),
        ("code", CODE),
        ("prose full of the words of secrets", TALK),
        ("the same, with something set to each", SETTINGS),
    ):
        cells: list[str] = []
        for size, times in ((1_000, 200), (10_000, 101), (100_000, 21), (999_000, 5)):
            text = (piece * (size // len(piece) + 1))[:size]
            guard._find(text)
            cells.append(f"{cpu(lambda text=text: guard._find(text), times):.3f}")
        yield f"| {name} | {' | '.join(cells)} |"


def installed(find: Callable[[str], list[tuple[int, int, str]]], most: int) -> str:
    """Say what is found in files of installed packages: nobody left a secret there on purpose."""
    folder = Path(sysconfig.get_paths()["purelib"])
    kinds = (".py", ".md", ".json", ".js", ".toml", ".yaml", ".txt")
    files = sorted(path for path in folder.rglob("*") if path.suffix in kinds and path.is_file())
    chance = random.Random(1)
    chance.shuffle(files)
    size, hits, loud = 0, Counter[str](), 0
    for path in files[:most]:
        text = path.read_text(encoding="utf-8", errors="replace")[:200_000]
        found = find(text)
        size += len(text)
        loud += bool(found)
        hits.update(name for *_, name in found)
    words = ", ".join(f"{count} {name}" for name, count in hits.most_common(8))
    return (
        f"In {min(most, len(files))} files of installed Python packages ({size / 1e6:.0f} million "
        f"characters; code, manuals and data, drawn at random), the guard finds something in "
        f"{shown(loud, min(most, len(files)))}: {words}. Nobody judged these one by one; most are "
        "addresses with a password in manuals (`postgresql://scott:tiger@localhost`), and examples."
    )


def figures(options: argparse.Namespace) -> Iterator[str]:
    items = samples(options.seed, rounds=options.rounds, others=options.others)
    near = list(near_misses(options.seed, options.near))
    find = ours()
    yield (
        f"Measured on {datetime.now(UTC).date()}, seed {options.seed}, "
        f"Python {platform.python_version()} on {platform.system()}, {os.cpu_count()} shared "
        f"virtual cores, load average {os.getloadavg()[1]:.1f}: {len(items)} texts with one "
        f"credential, of {len({item.issuer for item in items if item.issuer})} issuers and "
        f"{len({item.group for item in items}) - 2} other kinds; {len(near)} near misses of "
        f"{len({item.kind for item in near})} kinds. The guard knows {len(PROVIDERS)} names. "
        "In brackets: 95 % intervals (Wilson)."
    )
    contenders: list[tuple[str, Finder]] = [
        ("the secrets guard", lambda text: [(start, end) for start, end, _ in find(text)])
    ]
    named, absent = peers.available()
    contenders += named
    totals = Counter(item.group for item in items)
    misses = {name: recall(items, finder) for name, finder in contenders}
    yield "### Found"
    head = (
        "| | "
        + " | ".join(name for name, _ in contenders)
        + " |\n| --- |"
        + " --- |" * len(contenders)
    )
    rows = [head]
    for group in totals:
        cells = [
            shown(totals[group] - len(misses[name][group]), totals[group]) for name, _ in contenders
        ]
        rows.append(f"| {group} | {' | '.join(cells)} |")
    hard = (
        "password of plain words",
        "random value, forms thought of later",
        "value or password, forms thought of last",
    )
    easy = [group for group in totals if group not in hard]
    total = sum(totals[group] for group in easy)
    cells = [
        shown(total - sum(len(misses[name][group]) for group in easy), total)
        for name, _ in contenders
    ]
    rows.append(
        f"| **all but plain words and the forms of later and last** | {' | '.join(cells)} |"
    )
    total = sum(totals.values())
    cells = [shown(total - sum(map(len, misses[name].values())), total) for name, _ in contenders]
    yield "\n".join([*rows, f"| **all** | {' | '.join(cells)} |"])
    yield "### False alarms"
    rows = [head]
    by_kind = Counter(item.kind for item in near)
    alarms = {name: [item for item in near if finder(item.text)] for name, finder in contenders}
    counts = {name: Counter(item.kind for item in wrong) for name, wrong in alarms.items()}
    for kind in by_kind:
        cells = [f"{counts[name][kind]} of {by_kind[kind]}" for name, _ in contenders]
        rows.append(f"| {kind} | {' | '.join(cells)} |")
    cells = [shown(len(alarms[name]), len(near)) for name, _ in contenders]
    yield "\n".join([*rows, f"| **all** | {' | '.join(cells)} |"])
    if absent:
        yield "Not measured, since it cannot be imported: " + ", ".join(absent) + "."
    first = contenders[0][0]
    yield missed_issuers([item for group in misses[first].values() for item in group], items, find)
    if options.files:
        yield installed(find, options.files)
    yield "### Time"
    yield "Milliseconds of the processor for one text without a credential, median."
    yield "\n".join(
        ["| | 1 KB | 10 KB | 100 KB | 999 KB |\n| --- | ---: | ---: | ---: | ---: |", *speed()]
    )
    rows = ["| | 10 KB of prose |\n| --- | ---: |"]
    text = (PROSE * 100)[:10_000]
    for name, finder in contenders:
        finder(text)
        rows.append(f"| {name} | {cpu(lambda finder=finder: finder(text), 11):.2f} |")
    yield "\n".join(rows)
    if options.gitleaks is not None:
        yield "### The rule tests of gitleaks"
        yield gitleaks.report(options.gitleaks, contenders[0][1], shown)
    if options.misses:
        print_misses(misses[first], alarms[first], find)


def missed_issuers(
    missed: Sequence[Sample],
    items: Sequence[Sample],
    find: Callable[[str], list[tuple[int, int, str]]],
) -> str:
    """Say whose credentials were missed, and how often the right issuer was named."""
    lost = Counter(item.issuer for item in missed if item.issuer)
    totals = Counter(item.issuer for item in items if item.issuer)
    bare = [item for item in items if item.issuer]
    right = sum(any(name == item.issuer for *_, name in find(item.text)) for item in bare)
    words = ", ".join(f"{name} ({count} of {totals[name]})" for name, count in sorted(lost.items()))
    return (
        f"Issuers of whose credentials some were missed: {words or 'none'}. The right issuer was "
        f"named for {shown(right, len(bare))}."
    )


def print_misses(
    missed: dict[str, list[Sample]],
    alarms: Sequence[NearMiss],
    find: Callable[[str], list[tuple[int, int, str]]],
) -> None:
    for group, items in missed.items():
        for item in items[:25]:
            print(f"MISS {group} {item.issuer} {item.text!r}", file=sys.stderr)
    for wrong in alarms[:60]:
        print(f"ALARM {wrong.kind} {wrong.text[:160]!r} {find(wrong.text)}", file=sys.stderr)


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and write the page where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--rounds", type=int, default=8, help="texts for each kind of an issuer")
    parser.add_argument("--others", type=int, default=250, help="texts for each other group")
    parser.add_argument("--near", type=int, default=40, help="near misses of each kind")
    parser.add_argument("--files", type=int, default=0, help="files of installed packages")
    parser.add_argument("--gitleaks", type=Path, help="a git directory of gitleaks")
    parser.add_argument("--misses", action="store_true", help="print what was missed")
    parser.add_argument("--write", type=Path, help="the page whose figures are written anew")
    options = parser.parse_args(arguments)
    random.seed(0)
    parts = []
    for part in figures(options):
        parts.append(part)
        print(f"\n{part}", flush=True)
    if options.write is not None:
        page = options.write.read_text(encoding="utf-8")
        head, _, rest = page.partition(FIRST)
        body = "\n\n".join(parts)
        page = f"{head}{FIRST}\n\n{body}\n\n{LAST}{rest.partition(LAST)[2]}"
        options.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
