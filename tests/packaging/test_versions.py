"""One range of versions, wherever it is written; and the page that says what was run with it.

`WRITE_VERSIONS=1` writes the page anew.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

from guarded_agent.agent.versions import TESTED, Range

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/versions.md"


def pins(path: str) -> dict[str, str]:
    """Return the versions that a constraints file names."""
    text = (ROOT / path).read_text("utf-8")
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)$", text, re.MULTILINE))


LOWEST, HIGHEST = pins(".ci/lowest.txt"), pins("constraints.txt")


def declared() -> set[str]:
    """Return the ranges that pip is told, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [item for group in project["optional-dependencies"].values() for item in group]
    return {*project["dependencies"], *extras}


@pytest.mark.parametrize("entry", TESTED, ids=lambda entry: entry.package)
def test_a_range_is_the_same_for_pip_for_the_self_test_and_for_the_runs(entry: Range) -> None:
    assert LOWEST[entry.package] == entry.lowest
    assert HIGHEST[entry.package] == entry.newest
    low = re.sub(r"(\.0)+$", "", entry.lowest)
    low = low if "." in low else f"{low}.0"
    assert f"{entry.package}>={low},<{entry.below}" in declared()


def test_every_package_that_is_run_low_is_run_high_too() -> None:
    assert set(LOWEST) <= set(HIGHEST)
    assert {entry.package for entry in TESTED} <= set(LOWEST)


def rows() -> list[str]:
    ranges = {entry.package: entry for entry in TESTED}
    found: list[str] = []
    for package in sorted(LOWEST):
        entry = ranges.get(package)
        taken = f"`>={entry.lowest},<{entry.below}`" if entry else "as the others need it"
        why = entry.why if entry else ""
        found.append(f"| `{package}` | {taken} | {LOWEST[package]} | {HIGHEST[package]} | {why} |")
    return found


TEXT = """\
# Versions

After this page you know which LangGraph and LangChain are taken, and what was run with them.

What is read of LangGraph is not public, so a range ends where the tests end. A version outside of
it is refused when `guarded_agent` is imported. Within it, a self-test looks for every part that is
read, and the [canary](../how-to/prove-an-agent.md) for what no name can tell.

| Package | Taken | Lowest run | Highest run | Why not lower |
| --- | --- | --- | --- | --- |
{rows}

| Run | With |
| --- | --- |
| every test (`.ci/test`) | the highest: `constraints.txt` |
| the agent layer and the monitor (`.ci/lowest`) | the lowest: `.ci/lowest.txt` |

Python {pythons} are declared. Everything else is as in `constraints.txt`, in both runs.

Made from `.ci/lowest.txt`, `constraints.txt` and `guarded_agent/agent/versions.py` by
`tests/packaging/test_versions.py`, which fails when this page is not what they say.
"""


def page() -> str:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    *most, last = re.findall(r"Python :: (3\.\d+)", project)
    return TEXT.format(rows="\n".join(rows()), pythons=f"{', '.join(most)} and {last}")


def test_the_page_says_what_was_run() -> None:
    if os.environ.get("WRITE_VERSIONS"):
        PAGE.write_text(page(), "utf-8")
    assert PAGE.read_text("utf-8") == page()
