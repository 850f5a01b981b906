"""What the documentation shows is true: its code runs, its policies load, its links lead on.

A page's ```python blocks run in order, in one namespace, in an empty folder. A block
with `title="name"` is first written to that file, and a titled Python block is written only.
`<!-- not run: reason -->` above a block leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from guarded_agent import Policy

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<word>\w+)?(?P<options>[^`]*)$")
_TITLE = re.compile(r'title="([^"]+)"')
_SKIP = re.compile(r"<!-- not run: \S.* -->")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    title: str | None
    runs: bool
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    lines = page.read_text("utf-8").splitlines()
    number = 0
    above = ""
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        if opening is None:
            above = lines[number].strip() or above
            number += 1
            continue
        start = number + 1
        indent = len(opening["indent"])
        number = start
        while lines[number].strip() != "```":
            number += 1
        text = "\n".join(line[indent:] for line in lines[start:number]) + "\n"
        title = _TITLE.search(opening["options"])
        yield Block(
            page,
            start,
            opening["word"] or "",
            title[1] if title else None,
            _SKIP.fullmatch(above) is None,
            text,
        )
        above = ""
        number += 1


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


ALL = [block for page in PAGES for block in blocks(page)]
CODE_PAGES = sorted({block.page for block in ALL if block.language == "python" and block.runs})
POLICIES = [
    block
    for block in ALL
    if block.language in {"yaml", "yml"} and block.runs and re.search("(?m)^version:", block.text)
]


@pytest.mark.parametrize("page", CODE_PAGES, ids=name)
def test_the_code_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if block.title is not None:
            Path(block.title).write_text(block.text, "utf-8")
        elif block.language == "python" and block.runs:
            # Blank lines in front make a traceback's line the page's line.
            source = "\n" * block.line + block.text
            exec(compile(source, str(page), "exec", dont_inherit=True), namespace)


@pytest.mark.parametrize("block", POLICIES, ids=lambda block: f"{name(block.page)}:{block.line}")
def test_a_policy_on_a_page_loads(block: Block) -> None:
    Policy.from_text(block.text)


@pytest.mark.parametrize(
    "block",
    [block for block in ALL if block.language in {"yaml", "yml"} and block.runs],
    ids=lambda block: f"{name(block.page)}:{block.line}",
)
def test_every_piece_of_yaml_is_yaml(block: Block) -> None:
    yaml.safe_load(block.text)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_page_begins_with_its_title(page: Path) -> None:
    assert page.read_text("utf-8").startswith("# ")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in PAGES[1:]]

    assert [page for page in pages if page not in navigation] == []
