"""The examples in docstrings run."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HOMES = {
    "guarded_agent": "guarded_agent",
    "guards": "guarded_agent.guards",
    "tools": "guarded_agent.tools",
}


def modules() -> list[str]:
    """Return the modules of the package whose source holds an example."""
    found: list[str] = []
    for folder, home in HOMES.items():
        for path in (ROOT / folder).rglob("*.py"):
            inside = path.relative_to(ROOT / folder)
            linked = folder == "guarded_agent" and inside.parts[0] in {"guards", "tools"}
            if not linked and ">>> " in path.read_text("utf-8"):
                parts = inside.with_suffix("").parts
                found.append(".".join([home, *(part for part in parts if part != "__init__")]))
    return sorted(found)


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL

    result = doctest.testmod(import_module(name), optionflags=flags)

    assert result.attempted > 0
    assert result.failed == 0
