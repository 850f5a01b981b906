"""The text tier: cue frames and the linear model on the same plain views of a text.

The frames were written on short texts that say what they want. Where a sure frame stands in a few
short sentences it stands alone, whatever is around them, unless the model takes these sentences for
honest ones. Else it only makes the model surer; and a lesser frame says hardly anything.
"""

from __future__ import annotations

from dataclasses import replace

from guarded_agent.guards.coercion import frames, linear
from guarded_agent.guards.coercion.reading import HIGH, HINT, Reading, Text, surest

SHORT = 200
"""So many characters, and no more, have the sentences in which a frame may stand alone."""
AGAINST = -1.0
"""A margin from which down the model takes a text for an honest one. On the training texts, out of
fold, 7 of 5,300 honest texts have a sure frame that stands alone by these two, of 29 that have one;
and of 267 coercive ones that have one, 238."""


def stands_alone(model: linear.Model, text: str) -> bool:
    """Return whether a sure frame in these sentences, in a plain view, needs no more."""
    return len(text) < SHORT and model.margin(text) > AGAINST


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
        alone: list[Reading] = []
        others: list[Reading] = []
        for view, shown in seen:
            cues.update(name for _, _, name in shown)
            for one in frames.readings(view, shown, offset, min(least, HINT)):
                sure = one.reading.score >= HIGH
                heard = sure and stands_alone(model, view.text[one.start : one.end])
                (alone if heard else others).append(one.reading)
        # The model was fitted to frames that are sure: lesser ones count as none, always.
        surest_frame = max((one.score for one in alone + others if one.score >= HIGH), default=0.0)
        view = seen[-1][0]
        part = model.heaviest(view.text)
        likely = linear.reading(model, view.text, part, surest_frame, least)
        found += (one for one in alone if one.score >= least)
        if likely is not None:
            spans = (view.original(start, end) for start, end in likely.spans)
            # Several passages of what was encoded stand in one run of signs.
            places = sorted({(start + offset, end + offset) for start, end in spans})
            found.append(replace(likely, spans=tuple(places)))
            # What a frame of the same category saw says more than "its wording is like".
            found += (
                replace(one, score=min(one.score, likely.score))
                for one in others
                if one.category == likely.category
            )
    return Text(surest(found), frozenset(cues))
