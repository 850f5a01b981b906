"""Editable installs see guards/ and tools/ inside the package.

A wheel holds the two rooms at guarded_agent/guards and guarded_agent/tools.
In a checkout they lie beside guarded_agent/, so an editable install adds one
directory link for each: Git ignores the links, and no build ships them.
Without them (Windows outside Developer Mode, a bare checkout) the package
still finds its rooms when it runs; only editors and type checkers need them.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOMS = ("guards", "tools")


class LinkRooms(BuildHookInterface[Any]):
    """Link the rooms into the package, in editable builds only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Make the links that are missing."""
        if version != "editable":
            return
        for room in ROOMS:
            link = Path(self.root, "guarded_agent", room)
            if not link.exists():
                with contextlib.suppress(OSError):
                    link.symlink_to(Path("..", room), target_is_directory=True)
