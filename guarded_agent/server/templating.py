"""How pages are written: every value is text, with nothing in it that hides.

A template cannot forget it: what `{{ }}` prints is made visible, then escaped. An undefined
name is an error and no empty place.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from guarded_agent.core.visible import visible


@cache
def templates() -> Environment:
    """Return the environment of the package's templates."""
    made = Environment(
        loader=PackageLoader("guarded_agent.server", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["visible"] = visible
    return made


def _shown(value: Any) -> Any:
    """Make visible what a text hides; markup comes from templates alone and stays."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value, keep="\n\t")
    return value
