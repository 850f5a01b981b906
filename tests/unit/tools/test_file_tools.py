"""The file tools do their work inside one folder and cannot be led out of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.tools import BaseTool
from pydantic import ValidationError

from guarded_agent.core import Confidentiality, Label
from guarded_agent.tools import FileTools, read_declaration
from guarded_agent.tools.jail import Jail, check_path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder, with a file beside it that nobody inside may reach."""
    (tmp_path / "secret.txt").write_text("outside")
    folder = tmp_path / "root"
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "a.txt").write_text("hello")
    return folder


@pytest.fixture
def tools(root: Path) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in FileTools(root, max_bytes=100).tools()}


def test_a_file_is_read(tools: dict[str, BaseTool]) -> None:
    assert tools["read_file"].invoke({"path": "notes/a.txt"}) == "hello"


def test_a_file_is_written_with_its_folders(tools: dict[str, BaseTool], root: Path) -> None:
    answer = tools["write_file"].invoke({"path": "new/deep/b.txt", "content": "grün"})
    assert (answer, (root / "new/deep/b.txt").read_text()) == (
        "Wrote 5 bytes to new/deep/b.txt.",
        "grün",
    )


def test_a_file_is_replaced_at_once_and_keeps_its_permissions(
    tools: dict[str, BaseTool], root: Path
) -> None:
    path = root / "notes" / "a.txt"
    path.chmod(0o600)
    with path.open() as old:
        tools["write_file"].invoke({"path": "notes/a.txt", "content": "new"})
        assert old.read() == "hello"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert os.listdir(root / "notes") == ["a.txt"]


def test_files_are_listed_with_what_they_are(tools: dict[str, BaseTool], root: Path) -> None:
    (root / "link").symlink_to(root.parent / "secret.txt")
    listed = json.loads(tools["list_files"].invoke({}))
    assert [(entry["name"], entry["kind"]) for entry in listed] == [
        ("link", "link, not followed"),
        ("notes", "folder"),
    ]
    assert json.loads(tools["list_files"].invoke({"path": "notes"})) == [
        {"name": "a.txt", "kind": "file", "bytes": 5}
    ]


def test_a_folder_is_deleted_with_everything_in_it(tools: dict[str, BaseTool], root: Path) -> None:
    (root / "notes" / "out").symlink_to(root.parent)
    assert tools["delete_path"].invoke({"path": "notes"}) == "Deleted notes."
    assert os.listdir(root) == []
    assert (root.parent / "secret.txt").read_text() == "outside"


def test_deleting_a_link_leaves_what_it_points_to(tools: dict[str, BaseTool], root: Path) -> None:
    (root / "link").symlink_to(root.parent / "secret.txt")
    tools["delete_path"].invoke({"path": "link"})
    assert not (root / "link").is_symlink()
    assert (root.parent / "secret.txt").exists()


BAD_PATHS = [
    "..",
    "../secret.txt",
    "notes/../../secret.txt",
    "notes/..",
    "/etc/passwd",
    "//etc/passwd",
    "",
    ".",
    "./notes/a.txt",
    "notes//a.txt",
    "notes/",
    "notes/./a.txt",
    "notes\\a.txt",
    "..\\secret.txt",
    "notes/a.txt\x00.png",
    "notes/a.txt\n",
    "a" * 300,
    "/".join("a" * 30),
]


@pytest.mark.parametrize("path", BAD_PATHS)
@pytest.mark.parametrize("name", ["read_file", "write_file", "delete_path"])
def test_every_place_has_one_spelling(
    tools: dict[str, BaseTool], root: Path, name: str, path: str
) -> None:
    order = {"path": path} | ({"content": "x"} if name == "write_file" else {})
    with pytest.raises(ValidationError):
        tools[name].invoke(order)
    assert (root / "notes" / "a.txt").read_text() == "hello"


@pytest.mark.parametrize("path", BAD_PATHS)
def test_the_schema_that_is_judged_refuses_them_too(tools: dict[str, BaseTool], path: str) -> None:
    schema: Any = tools["delete_path"].tool_call_schema
    with pytest.raises(ValidationError):
        schema.model_validate({"path": path})


@pytest.mark.parametrize("path", ["out/secret.txt", "out", "link"])
def test_no_link_leads_out(tools: dict[str, BaseTool], root: Path, path: str) -> None:
    (root / "out").symlink_to(root.parent)
    (root / "link").symlink_to(root.parent / "secret.txt")
    assert "was left alone" in tools["read_file"].invoke({"path": path})
    assert "was left alone" in tools["write_file"].invoke({"path": path, "content": "x"})
    assert "was left alone" in tools["list_files"].invoke({"path": path})
    assert (root.parent / "secret.txt").read_text() == "outside"


def test_nothing_is_deleted_through_a_link(tools: dict[str, BaseTool], root: Path) -> None:
    (root / "out").symlink_to(root.parent)
    assert "was left alone" in tools["delete_path"].invoke({"path": "out/secret.txt"})
    assert (root.parent / "secret.txt").exists()


def test_what_is_no_file_is_not_read(tools: dict[str, BaseTool], root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert "not a regular file" in tools["read_file"].invoke({"path": "pipe"})
    assert "was left alone" in tools["read_file"].invoke({"path": "notes"})
    assert "was left alone" in tools["write_file"].invoke({"path": "notes", "content": "x"})


def test_large_files_are_neither_read_nor_written(tools: dict[str, BaseTool], root: Path) -> None:
    (root / "big.txt").write_text("x" * 101)
    assert "larger than 100 bytes" in tools["read_file"].invoke({"path": "big.txt"})
    assert "Nothing was written" in tools["write_file"].invoke({"path": "b", "content": "ü" * 51})
    assert not (root / "b").exists()


def test_what_is_no_text_is_not_shown(tools: dict[str, BaseTool], root: Path) -> None:
    (root / "raw").write_bytes(b"\xff\xfe")
    assert tools["read_file"].invoke({"path": "raw"}) == "raw is not a text file."


def test_errors_name_no_place_outside(tools: dict[str, BaseTool], root: Path) -> None:
    answer = tools["read_file"].invoke({"path": "none.txt"})
    assert answer == "'none.txt' was left alone: there is nothing of that name."


def test_a_long_listing_is_cut(tools: dict[str, BaseTool], root: Path) -> None:
    for number in range(501):
        (root / f"{number:03}").touch()
    answer = tools["list_files"].invoke({})
    assert answer.endswith("(the first 500 of 502)")


SEPARATORS = st.sampled_from(["/", "//", "/./", "/../", "\\", "\x00", ""])
NAMES = st.one_of(
    st.sampled_from(["..", ".", "notes", "out", "inner", "a.txt", "secret.txt", "~", "%2e%2e"]),
    st.text(max_size=8),
)


@st.composite
def paths(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(["", "/", "./", "../"]))
    for _ in range(draw(st.integers(1, 5))):
        text += draw(NAMES) + draw(SEPARATORS)
    return text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(path=paths(), content=st.binary(max_size=20))
def test_whatever_the_path_nothing_outside_is_read_or_changed(
    tmp_path: Path, path: str, content: bytes
) -> None:
    outside = tmp_path / "outside"
    inside = outside / "root"
    inside.mkdir(parents=True, exist_ok=True)
    (outside / "secret.txt").write_bytes(b"the secret outside")
    for link, target in (("out", outside), ("inner", inside)):
        if not (inside / link).is_symlink():
            (inside / link).symlink_to(target)
    jail = Jail(inside, 1_000)
    for attempt in (
        lambda: jail.write(path, content),
        lambda: jail.read(path),
        lambda: jail.entries(path),
        lambda: jail.delete(path),
    ):
        try:
            got = attempt()
        except (ValueError, OSError):
            continue
        assert got != b"the secret outside"
        assert check_path(path) == path or path == "."
    assert sorted(os.listdir(outside)) == ["root", "secret.txt"]
    assert (outside / "secret.txt").read_bytes() == b"the secret outside"


@given(st.lists(st.text(min_size=1, max_size=10), min_size=1, max_size=4).map("/".join))
def test_an_accepted_path_is_its_own_normal_form(path: str) -> None:
    try:
        accepted = check_path(path)
    except ValueError:
        return
    assert os.path.normpath(accepted) == accepted
    assert not os.path.isabs(accepted)


def test_the_label_of_the_folder_is_declared_for_its_reads_only(root: Path) -> None:
    label = Label(Confidentiality.CONFIDENTIAL, frozenset({"roadmap"}))
    declared = {
        tool.name: read_declaration(tool.metadata) for tool in FileTools(root, label=label).tools()
    }
    assert [declared[name]["label"] for name in ("list_files", "read_file")] == [label, label]
    assert declared["write_file"]["label"] == Label()
    assert (declared["delete_path"]["impact"], declared["delete_path"]["scopes"]) == (
        "destructive",
        {"files.delete"},
    )


def test_a_missing_folder_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileTools(tmp_path / "none")
