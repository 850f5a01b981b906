"""The report of a calibration: on a terminal, as JSON, and as a part of a policy.

Of the mails it shows only what is needed to judge a false alarm: where a mail stands, why it
scores, and a cut around the first passage, with personal data and credentials replaced.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import Any

from rich.table import Table

from guarded_agent.cli.coercion_mail import Scored, Top
from guarded_agent.cli.screen import flow, print_table, say
from guarded_agent.core.visible import visible
from guarded_agent.guards.coercion.calibrate import Calibration, Share
from guarded_agent.guards.pii import Redactor
from guarded_agent.guards.text import apply

_HEAD = "bold cyan"
_BINS = 10
_BAR = 40
_BEFORE, _AFTER = 60, 180
"""How much of a mail is shown around where its first passage begins, in characters."""
_PLACES = 3
"""How many places are named on a terminal for each reason to leave something out."""


def show_report(
    scored: Scored, found: Calibration, *, rates: tuple[float, float], target: str | None
) -> None:
    """Print the report.

    Args:
        scored: The mails.
        found: The thresholds.
        rates: The shares that were asked for: sure, and hint at least.
        target: The file to which the thresholds were written.
    """
    count = len(scored.scores)
    say(f"{count:,} ordinary mail{'' if count == 1 else 's'}", "bold")
    flow(
        ", ".join(f"{number:,} {kind}" for kind, number in scored.formats.most_common()),
        " " * 11,
        first="  read     ",
    )
    for number, (why, places) in enumerate(sorted(scored.skipped.items())):
        named = ", ".join(places[:_PLACES])
        more = f" and {len(places) - _PLACES:,} more" if len(places) > _PLACES else ""
        flow(
            visible(f"{len(places):,} {why}: {named}{more}"),
            " " * 13,
            first="           " if number else "  left out ",
        )
    if scored.cut:
        flow(visible(f"only the beginning of {', '.join(scored.cut[:_PLACES])}"), " " * 11)
    if scored.stopped:
        say("           stopped here, there is more: see --most")
    say()
    say("Scores", _HEAD)
    for low, number in _bins(scored.scores):
        bar = "#" * max(round(_BAR * number / count), 1 if number else 0)
        say(f"  {low:.1f} to {low + 0.1:.1f}  {number:>7,}  {bar}".rstrip())
    say()
    say("Thresholds", _HEAD)
    _print_thresholds(found, rates)
    if not found.enough:
        say()
        flow(
            f"Too few mails: it takes {found.needed:,} to tell a rate of {rates[0]:.3g} from "
            f"none. Take more mail, or a higher --rate.",
            "  ",
            style="bold yellow",
        )
    if scored.top:
        say()
        say("The mails that score highest", _HEAD)
        flow("Coercion among them makes the thresholds too high: take it out.", "  ")
        for top in scored.top:
            _print_top(top)
    say()
    say("For your policy" + (f", written to {visible(target)}" if target else ""), _HEAD)
    for line in snippet(found).splitlines():
        if not line.startswith("#"):
            say(f"  {line}")


def _bins(scores: Sequence[float]) -> list[tuple[float, int]]:
    ordered = sorted(scores)
    edges = [bisect_left(ordered, place / _BINS) for place in range(_BINS)] + [len(ordered)]
    return [(place / _BINS, edges[place + 1] - edges[place]) for place in range(_BINS)]


def _print_thresholds(found: Calibration, rates: tuple[float, float]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for name in ("from", "held", "share", "95 % interval"):
        table.add_column(name, justify="right")
    shipped_high, shipped_hint = found.shipped
    for name, share in (
        (f"  sure, at most {rates[0] * 100:g} %", found.high),
        (f"  hint, at most {rates[1] * 100:g} %", found.hint),
        ("  sure, as shipped", shipped_high),
        ("  hint, as shipped", shipped_hint),
    ):
        low, high = share.interval
        table.add_row(
            name,
            f"{share.threshold:.3f}",
            f"{share.held:,}",
            _percent(share.held / share.of),
            f"{_percent(low)} to {_percent(high)}",
        )
    print_table(table)


def _percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def _print_top(top: Top) -> None:
    say()
    flow(visible(top.mail.place), "         ", first=f"  {top.read.score:.3f}  ", style="bold")
    for one in top.read.readings[:2]:
        flow(visible(f"{_name(one.category)}: {'; '.join(one.reasons)}"), "         ")
    flow(visible(_excerpt(top)), "       | ")


def _name(category: str) -> str:
    return category.replace("_", " ")


@cache
def _redactor() -> Redactor:
    return Redactor(keep=())


def _excerpt(top: Top) -> str:
    """Return a cut of a mail around its first passage. It is redacted before it is cut."""
    text = top.mail.text
    edits = _redactor().edits(text)
    at = min((span[0] for one in top.read.readings[:1] for span in one.spans), default=0)
    moved = at + sum(len(edit.text) - (edit.end - edit.start) for edit in edits if edit.end <= at)
    plain = apply(text, edits)
    start, end = max(0, moved - _BEFORE), min(len(plain), moved + _AFTER)
    if start:
        start = plain.find(" ", start, max(moved, start)) + 1 or start
    if end < len(plain):
        end = max(plain.rfind(" ", start, end), start) or end
    middle = " ".join(plain[start:end].split())
    return f"{'... ' if start else ''}{middle}{' ...' if end < len(plain) else ''}"


def snippet(found: Calibration) -> str:
    """Return the part of a policy that sets the thresholds."""
    of = f"{found.high.of} ordinary mail{'' if found.high.of == 1 else 's'}"
    few = "" if found.enough else f"# Too few mails: it takes {found.needed}.\n"
    return (
        f"# From {of}: {found.high.held} of them sure, {found.hint.held} a hint at least.\n{few}"
        "guards:\n"
        f"  coercion: {{high: {found.high.threshold:g}, hint: {found.hint.threshold:g}}}\n"
    )


def as_data(scored: Scored, found: Calibration) -> dict[str, Any]:
    """Return the report as plain data."""
    return {
        "mails": len(scored.scores),
        "formats": dict(scored.formats),
        "skipped": [
            {"why": why, "count": len(places), "places": places[:100]}
            for why, places in sorted(scored.skipped.items())
        ],
        "cut": scored.cut,
        "stopped": scored.stopped,
        "scores": [
            {"from": low, "to": round(low + 1 / _BINS, 1), "mails": number}
            for low, number in _bins(scored.scores)
        ],
        "high": _share(found.high),
        "hint": _share(found.hint),
        "shipped": {"high": _share(found.shipped[0]), "hint": _share(found.shipped[1])},
        "needed": found.needed,
        "enough": found.enough,
        "highest": [
            {
                "place": top.mail.place,
                "score": top.read.score,
                "readings": [
                    {"category": one.category, "score": one.score, "reasons": list(one.reasons)}
                    for one in top.read.readings
                ],
                "excerpt": _excerpt(top),
            }
            for top in scored.top
        ],
        "policy": {
            "guards": {"coercion": {"high": found.high.threshold, "hint": found.hint.threshold}}
        },
    }


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {
        "threshold": share.threshold,
        "held": share.held,
        "of": share.of,
        "share": share.held / share.of,
        "interval": [low, high],
    }
