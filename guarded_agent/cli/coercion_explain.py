"""The explanation of one text on a terminal: passages, readings, wording, and what follows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from guarded_agent.cli.screen import WIDEST, console, flow, say
from guarded_agent.core.effect import Effect
from guarded_agent.core.visible import visible
from guarded_agent.guards.coercion.context import WORDS, Flag
from guarded_agent.guards.coercion.explain import BANDS, Explanation
from guarded_agent.guards.coercion.table import Band

_HEAD = "bold cyan"
_STYLES = {Band.NONE: "dim", Band.HINT: "yellow", Band.HIGH: "bold red"}
_BAR = "  | "
_BELOW = "    "
"""What a line of marks begins with: no line of the text can begin so."""
_WORDS_SHOWN = 6
_QUOTES = 4
_LONGEST_QUOTE = 48


def show_explanation(text: str, explained: Explanation) -> None:
    """Print why `text` has its score, and what follows.

    Args:
        text: The text, as it stands in the file.
        explained: What is to be said of it.
    """
    limits = explained.effects.thresholds
    score = explained.read.score
    spans = [
        span for one in explained.read.readings if one.score >= limits.hint for span in one.spans
    ]
    say("Text, with what was read marked below" if spans else "Text", _HEAD)
    _print_marked(text.rstrip(), spans)
    say()
    say("How sure", _HEAD)
    say(f"  {score:.3f}  {BANDS[explained.band]}", _STYLES[explained.band])
    say("  the higher of what cues and wording give")
    say(f"  a hint from {limits.hint:g} on, sure from {limits.high:g} on")
    say()
    say("Readings", _HEAD)
    for one in explained.read.readings:
        band = Band.of(one.score, limits)
        name = one.category.replace("_", " ")
        say(f"  {one.score:.3f}  {name}, {BANDS[band]}", _STYLES[band])
        for reason in one.reasons:
            flow(visible(reason), "           ", first="         - ")
    if not explained.read.readings:
        say("  none")
    say()
    say("Cues", _HEAD)
    for cue in explained.cues:
        flow(f"{cue.words}: {_quoted(text, cue.spans)}", " " * 13, first=f"  {cue.name:<11}")
    if not explained.cues:
        say("  none")
    say()
    _print_wording(explained)
    say()
    _print_follows(explained)


def _quoted(text: str, spans: Sequence[tuple[int, int]]) -> str:
    found = dict.fromkeys(" ".join(text[start:end].split()) for start, end in spans)
    quotes = [f'"{visible(_cut(words))}"' for words in found][:_QUOTES]
    more = len(found) - len(quotes)
    return ", ".join(quotes) + (f" and {more} more" if more else "")


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST_QUOTE else f"{words[: _LONGEST_QUOTE - 3]}..."


def _print_wording(explained: Explanation) -> None:
    wording = explained.wording
    say("Wording, by the linear model", _HEAD)
    parts = f"words {wording.words:+.2f}, runs of letters {wording.runs:+.2f}"
    flow(
        f"{wording.margin:+.2f} = {wording.base:+.2f} at first, {parts}",
        " " * 13,
        first="  margin     ",
    )
    beside = f" (the cues alone: {wording.frame:.2f})" if wording.frame else ""
    flow(f"{wording.score:.3f}{beside}", " " * 13, first="  score      ")
    for name, sign in (("for", 1), ("against", -1)):
        heavy = [one for one in wording.heaviest if one[1] * sign > 0][:_WORDS_SHOWN]
        words = ", ".join(f'"{visible(word)}" {weight:+.2f}' for word, weight in heavy)
        flow(words or "nothing", " " * 13, first=f"  {name:<11}")


def _print_follows(explained: Explanation) -> None:
    say("What follows", _HEAD)
    for flag in (flag for flag in Flag if flag in explained.shows):
        flow(f"T{WORDS[flag][1:]}.", "  ")
    say("  sends    writes   where (the most severe line that fits counts)", "dim")
    for one in explained.follows:
        flow(one.reasons(), " " * 20, first=f"  {one.send!s:<8} {one.write!s:<8} ")
    flow(f"Under pressure: {WORDS[Flag.PRESSURE]}.", "  ")
    flow(
        "A tool that only reads is not judged. As a final answer: "
        + (
            "allow"
            if explained.answer is Effect.ALLOW
            else f"{explained.answer} under pressure, else allow"
        )
        + ".",
        "  ",
    )


def _print_marked(text: str, spans: Iterable[tuple[int, int]]) -> None:
    """Print a text line by line; a line of `^` below each that has marks."""
    marked = bytearray(len(text))
    for start, end in spans:
        marked[start:end] = b"\1" * (end - start)
    out = console()
    width = min(out.width, WIDEST) - len(_BAR)
    at = 0
    for line in text.split("\n"):
        shown, marks = _visible(line, marked[at : at + len(line)])
        at += len(line) + 1
        for start, end in _wrapped(shown, width, out):
            row = Text(f"{_BAR}{shown[start:end]}")
            for run in re.finditer(b"\1+", marks[start:end]):
                row.stylize("bold yellow", len(_BAR) + run.start(), len(_BAR) + run.end())
            below = "".join(
                ("^" if marks[place] else " ") * cell_len(shown[place])
                for place in range(start, end)
            )
            row.rstrip()
            out.print(row, soft_wrap=True)
            if below.strip():
                say(f"{_BELOW}{below.rstrip()}", "yellow")


def _visible(line: str, marked: bytearray) -> tuple[str, bytes]:
    """Return a line with nothing hidden in it, and which of its characters are marked."""
    pieces = [visible(char) if char != "\t" else "    " for char in line]
    marks = b"".join(bytes([mark]) * len(piece) for piece, mark in zip(pieces, marked, strict=True))
    return "".join(pieces), marks


def _wrapped(line: str, width: int, out: Console) -> Iterator[tuple[int, int]]:
    """Yield where each row of a line that is too wide begins and ends."""
    at = 0
    for row in Text(line).wrap(out, max(width, 20), overflow="fold") if line else [Text()]:
        found = line.index(row.plain, at) if row.plain else at
        at = found + len(row.plain)
        yield found, at
