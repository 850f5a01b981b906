"""Fixtures of the rooms' own tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _no_loop_of_guardrails() -> Iterator[None]:
    """Close the event loop that Guardrails' own `Guard` leaves behind where a test calls it."""
    yield
    if "guardrails" in sys.modules:
        from guarded_agent.guards.guardrails.quiet import no_loop_left

        with no_loop_left():
            pass
