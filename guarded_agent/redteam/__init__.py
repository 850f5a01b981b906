"""Scenarios in which an agent turns against its people, and what came of them."""

from __future__ import annotations

__all__: list[str] = []
