"""Measure what the PII guard costs, beside Presidio's default engine.

    python tests/bench/pii/speed.py [--rounds 15] [--write docs/ideas/pii.md]

Every contender reads the same new texts in each round, in rotated order; what is compared
are runs of the same round. Times are processor time of the process, in milliseconds.
Presidio's default engine is the one with the small English model (`guarded-agent[ner]`).
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from guarded_agent.core import Context, Stage, Subject
from guarded_agent.guards import PiiGuard

PROSE = (
    "The quarterly report for our northern region is ready and the team would like to discuss "
    "delivery dates, prices and open tickets. We met 12 people on the second floor at 14:30, "
    "notes of {date} follow. Budget: {amount} EUR for version 4.{minor}.1, order {order}. "
)
BARS = {"clean, 2 KB": (2.0, 20.0), "dense, 10 KB": (25.0, 10.0)}
"""Milliseconds of the guard at most, and how many times less than Presidio at least."""

Check = Callable[[str], object]


def luhn(rng: random.Random, start: str, length: int) -> str:
    """Return a card number."""
    body = start + "".join(rng.choice("0123456789") for _ in range(length - len(start) - 1))
    total = 0
    for at, char in enumerate(reversed(body)):
        value = int(char) * (1 if at % 2 else 2)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def clean(rng: random.Random, size: int) -> str:
    """Return prose with dates, amounts and order numbers in it, and no personal data."""
    text = ""
    while len(text) < size:
        text += PROSE.format(
            date=f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            amount=f"{rng.randint(1, 99)},{rng.randint(100, 999)}.50",
            minor=rng.randint(0, 99),
            order=rng.randint(10**5, 10**6),
        )
    return text[:size]


def dense(rng: random.Random, size: int) -> str:
    """Return text of which more than half is personal data."""
    text = ""
    while len(text) < size:
        number = rng.randint(1000, 9999)
        text += (
            f"Mail ann{number}@example.com, call +1 212-736-{number}, card {luhn(rng, '4', 16)}, "
            f"ip 10.1.{number % 250}.{number % 99 + 1}, ssn 536-{number % 90 + 10}-{number}; "
        )
    return text[:size]


def guard(**options: Any) -> Check:
    """Return the guard as it stands in a policy."""
    made = PiiGuard(**options)
    context = Context("mail", "t1")
    return lambda text: made.check(Subject(Stage.FINAL_OUTPUT, text, context))


def presidio() -> Check:
    """Return Presidio's default engine, offline."""
    import accuracy  # beside this file

    return accuracy.presidio()


def measure(
    makers: dict[str, Check], text: Callable[[random.Random], str], rounds: int
) -> dict[str, list[float]]:
    """Return the times of each contender, round by round."""
    rng = random.Random(11)
    times: dict[str, list[float]] = {name: [] for name in makers}
    names = list(makers)
    for number in range(-2, rounds):  # two rounds to get warm
        sample = text(rng)
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            begin = time.process_time()
            makers[name](sample)
            if number >= 0:
                times[name].append((time.process_time() - begin) * 1000)
    return times


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def compared(makers: dict[str, Check], rounds: int) -> Iterator[str]:
    """Yield the table of the guard beside Presidio, and whether the bars are met."""
    yield "| text | detector | processor | times the guard |\n| --- | --- | ---: | ---: |"
    notes: list[str] = []
    for title, (most, least) in BARS.items():
        size = int(title.split()[1]) * 1024
        make = clean if title.startswith("clean") else dense
        times = measure(makers, lambda rng, make=make, size=size: make(rng, size), rounds)
        base = times["standard"]
        for name, own in times.items():
            middle, low, high = spread(own)
            ratio = spread([a / b for a, b in zip(own, base, strict=True)])[0]
            shown = "" if name == "standard" else f"{ratio:.0f}"
            yield f"| {title} | {name} | {middle:.2f} ({low:.2f}-{high:.2f}) | {shown} |"
        cost = spread(base)[0]
        gain = spread([a / b for a, b in zip(times["Presidio"], base, strict=True)])[0]
        word = "met" if cost <= most and gain >= least else "**not met**"
        notes.append(
            f"* {title}: {cost:.2f} ms, the bar is {most:.0f} ms; {gain:.0f} times less than "
            f"Presidio, the bar is {least:.0f}: {word}."
        )
    yield "\n" + "\n".join(notes)


def grown(check: Check) -> Iterator[str]:
    """Yield how the cost grows with the text."""
    yield "| text | 10 KB | 100 KB | 1 MB |\n| --- | ---: | ---: | ---: |"
    rows: dict[str, Callable[[random.Random, int], str]] = {
        "clean": clean,
        "dense": dense,
        "nothing but digits": lambda _, size: ("1234567890 " * size)[:size],
        "groups of four digits": lambda _, size: ("4111 " * size)[:size],
        "pairs of digits": lambda _, size: ("12 " * size)[:size],
        "dots": lambda _, size: ("1." * size)[:size],
        "at signs": lambda _, size: ("a@" * size)[:size],
    }
    for name, make in rows.items():
        cells: list[str] = []
        for size in (10_000, 100_000, 999_000):
            text = make(random.Random(3), size)
            begin = time.process_time()
            check(text)
            cells.append(f"{(time.process_time() - begin) * 1000:.0f}")
        yield f"| {name} | {' | '.join(cells)} |"


FIRST, LAST = "<!-- speed begins -->", "<!-- speed ends -->"


def main() -> None:
    """Measure, print, and write the page where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", type=Path, help="the page whose figures are written anew")
    options = parser.parse_args()
    makers = {"standard": guard(), "Presidio": presidio(), "strict": guard(preset="strict")}
    about = (
        f"Measured on {datetime.now(UTC).date()}, Python {platform.python_version()} on "
        f"{platform.system()}, {os.cpu_count()} shared virtual cores, presidio-analyzer "
        f"{version('presidio-analyzer')}, spaCy {version('spacy')}; {options.rounds} rounds, "
        f"load average {os.getloadavg()[0]:.1f}. Milliseconds of the processor: medians, and in "
        "brackets the middle half."
    )
    first = "\n".join(compared(makers, options.rounds))
    print(f"{about}\n\n{first}\n", flush=True)
    second = "\n".join(grown(makers["standard"]))
    print(second)
    if options.write is not None:
        page = options.write.read_text(encoding="utf-8")
        head, _, rest = page.partition(FIRST)
        middle = f"{about}\n\n{first}\n\n### How it grows\n\nMilliseconds, one run.\n\n{second}"
        page = f"{head}{FIRST}\n\n{middle}\n\n{LAST}{rest.partition(LAST)[2]}"
        options.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
