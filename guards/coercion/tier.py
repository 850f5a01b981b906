"""The text tier: cue frames and the linear model on the same plain views of a text.

A frame that is sure stands alone. A lesser one only makes the model surer: on texts that neither
had seen, frames below `HIGH` were hardly more frequent in coercive texts than in honest ones.
"""

from __future__ import annotations

from dataclasses import replace

from guarded_agent.guards.coercion import frames, linear
from guarded_agent.guards.coercion.reading import HIGH, HINT, Reading, Text, surest


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
    for offset, seen in frames.pieces(text):
        framed: list[Reading] = []
        for view, shown in seen:
            cues.update(name for _, _, name in shown)
            framed += frames.readings(view, shown, offset, min(least, HINT))
        # The model was fitted to frames from a hint on: lesser ones count as none, always.
        surest_frame = max((one.score for one in framed if one.score >= HINT), default=0.0)
        view = seen[-1][0]
        likely = linear.reading(model, view.text, surest_frame, least)
        found += (one for one in framed if one.score >= max(least, HIGH))
        if likely is not None:
            spans = (view.original(start, end) for start, end in likely.spans)
            # Several passages of what was encoded stand in one run of signs.
            places = sorted({(start + offset, end + offset) for start, end in spans})
            found.append(replace(likely, spans=tuple(places)))
            # What a frame of the same category saw says more than "its wording is like".
            found += (
                replace(one, score=min(one.score, likely.score))
                for one in framed
                if one.category == likely.category and one.score < HIGH
            )
    return Text(surest(found), frozenset(cues))
