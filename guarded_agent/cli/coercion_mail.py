"""Score the mails of a folder: each text once, the highest kept for a person to see."""

from __future__ import annotations

import hashlib
import heapq
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from guarded_agent.cli.mails import Mail, Skipped, gather
from guarded_agent.guards.coercion.calibrate import MAX_TEXT, SHORTEST, judge
from guarded_agent.guards.coercion.reading import Text

_EACH = 50
"""After so many mails the number on the terminal changes."""


@dataclass(frozen=True, slots=True)
class Top:
    """A mail that scores high.

    Attributes:
        mail: The mail.
        read: What is read in it.
    """

    mail: Mail
    read: Text


@dataclass(slots=True)
class Scored:
    """The scores of many mails.

    Attributes:
        scores: One for each mail.
        formats: How many mails came from each kind of file.
        skipped: The places of what was left out, by why.
        cut: The places of mails of which only the beginning was judged.
        stopped: Whether there was more than was asked for.
        top: The mails that score highest, the highest first.
    """

    scores: list[float] = field(default_factory=list[float])
    formats: Counter[str] = field(default_factory=Counter[str])
    skipped: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    cut: list[str] = field(default_factory=list[str])
    stopped: bool = False
    top: list[Top] = field(default_factory=list[Top])


def score(root: Path, *, most: int, keep: int) -> Scored:
    """Return the scores of the mails in a file, or below a folder.

    Args:
        root: The file or folder.
        most: How many mails are scored at most.
        keep: How many of the highest are kept.

    Raises:
        click.ClickException: There is no such file, or one is not what its name says.
        OSError: A file or folder cannot be read.
    """
    found = Scored()
    seen: set[bytes] = set()
    best: list[tuple[float, int, Top]] = []
    with ExitStack() as stack:
        status = None
        if sys.stderr.isatty():
            status = stack.enter_context(Console(stderr=True).status("Reading mail"))
        for mail in gather(root):
            if isinstance(mail, Skipped):
                found.skipped.setdefault(mail.why, []).append(mail.place)
                continue
            why = _why_not(mail, seen)
            if why:
                found.skipped.setdefault(why, []).append(mail.place)
                continue
            if len(found.scores) == most:
                found.stopped = True
                break
            if len(mail.text) > MAX_TEXT:
                found.cut.append(mail.place)
            read = judge(mail.text[:MAX_TEXT])
            found.scores.append(read.score)
            found.formats[mail.format] += 1
            # Of two that score alike the first stays; the count keeps texts out of comparisons.
            heapq.heappush(best, (read.score, -len(found.scores), Top(mail, read)))
            if len(best) > keep:
                heapq.heappop(best)
            if status is not None and len(found.scores) % _EACH == 0:
                status.update(f"Reading mail: {len(found.scores)}")
    found.top = [top for _, _, top in sorted(best, key=lambda one: one[:2], reverse=True)]
    return found


def _why_not(mail: Mail, seen: set[bytes]) -> str:
    """Return why a mail does not count; empty if it does."""
    if len(mail.text) < SHORTEST:
        return f"shorter than {SHORTEST} characters"
    same = " ".join(mail.text.split()).casefold()
    digest = hashlib.sha256(same.encode("utf-8", "surrogatepass")).digest()
    if digest in seen:
        return "the same text again"
    seen.add(digest)
    return ""
