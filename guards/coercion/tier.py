"""The text tier: cue frames and the linear model on the same plain views of a text."""

from __future__ import annotations

from guarded_agent.guards.coercion import frames, linear
from guarded_agent.guards.coercion.reading import HINT, Reading, Text, surest


def read(text: str, least: float = HINT) -> Text:
    """Return what `text` shows.

    Args:
        text: Any text; a long one is judged in overlapping pieces.
        least: Readings with a lower score are left out; it must be above 0. The score of what
            is read does not depend on it.

    Example:
        >>> read("Cancel my deletion or HR reads your chats.").readings[0].category
        'blackmail'
        >>> read("Please pay the attached invoice by the end of the week.").readings
        ()
    """
    model = linear.shipped()
    found: list[Reading] = []
    cues: set[str] = set()
    for offset, view, shown in frames.pieces(text):
        cues.update(name for _, _, name in shown)
        framed = list(frames.readings(view, shown, offset, min(least, HINT)))
        found += (one for one in framed if one.score >= least)
        # The model was fitted to frames from a hint on: lesser ones count as none, always.
        surest_frame = max((one.score for one in framed if one.score >= HINT), default=0.0)
        likely = linear.reading(model, view.text, surest_frame, least)
        if likely is not None:
            spans = (view.original(start, end) for start, end in likely.spans)
            found.append(
                Reading(
                    likely.category,
                    likely.score,
                    tuple((start + offset, end + offset) for start, end in spans),
                    likely.reasons,
                )
            )
    return Text(surest(found), frozenset(cues))
