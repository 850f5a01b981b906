"""The room's public face: every name is importable, and importing it loads little."""

from __future__ import annotations

import subprocess
import sys

import pytest

import guarded_agent.tools as room


def test_every_public_name_is_there_and_sorted() -> None:
    assert room.__all__ == sorted(room.__all__)
    assert all(getattr(room, name).__name__ == name for name in room.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'RocketTools'"):
        _ = room.RocketTools


@pytest.mark.slow
@pytest.mark.parametrize("module", ["sqlalchemy", "smtplib", "langchain_core.tools"])
def test_importing_the_room_loads_no_tool(module: str) -> None:
    code = f"import sys, guarded_agent.tools; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
