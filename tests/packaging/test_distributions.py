"""What is built holds the package once, whole, and nothing at the top level but it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def expected() -> set[str]:
    """Every file of the package in this checkout, at the place where it is installed."""
    found: set[str] = set()
    for room, home in {
        "guarded_agent": "guarded_agent",
        "guards": "guarded_agent/guards",
        "tools": "guarded_agent/tools",
    }.items():
        for path in (ROOT / room).rglob("*"):
            inside = path.relative_to(ROOT / room)
            linked = room == "guarded_agent" and inside.parts[0] in {"guards", "tools"}
            hidden = any(part.startswith((".", "__pycache__")) for part in inside.parts)
            if path.is_file() and not linked and not hidden:
                found.add(f"{home}/{inside.as_posix()}")
    return found


def test_a_linked_tree_gives_a_wheel_with_every_file_of_both_rooms(wheel: Path) -> None:
    held = {name for name in names(wheel) if ".dist-info/" not in name}

    assert held == expected()
    assert "guarded_agent/guards/__init__.py" in held
    assert "guarded_agent/tools/__init__.py" in held


def test_no_file_is_in_the_wheel_twice(wheel: Path) -> None:
    assert len(names(wheel)) == len(set(names(wheel)))


def test_a_wheel_installs_nothing_at_the_top_level_but_the_package(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"guarded_agent"}


def test_the_wheel_says_that_it_is_typed_and_under_which_licence(wheel: Path) -> None:
    held = names(wheel)

    assert "guarded_agent/py.typed" in held
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)


def test_the_source_distribution_holds_the_rooms_where_the_repository_does(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    held = {member.name.split("/", 1)[1] for member in members if member.isfile()}

    assert not [member.name for member in members if member.issym() or member.islnk()]
    assert {"guards/__init__.py", "tools/__init__.py", "hatch_build.py", "LICENSE"} <= held
    assert not [name for name in held if name.startswith("guarded_agent/guards")]
    assert not [name for name in held if "__pycache__" in name]


def test_the_wheel_of_the_source_distribution_is_the_wheel_of_the_tree(
    wheel: Path, wheel_of_sdist: Path
) -> None:
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(wheel_of_sdist) as other:
        assert {name: one.read(name) for name in one.namelist()} == {
            name: other.read(name) for name in other.namelist()
        }


def test_the_installed_wheel_works_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    program = (
        "import guarded_agent, guarded_agent.guards, guarded_agent.tools, guarded_agent.cli\n"
        "[getattr(guarded_agent, name) for name in guarded_agent.__all__]\n"
        "print(guarded_agent.guards.__file__)\n"
    )

    place = run(installed, program, tmp_path)

    assert Path(place).is_relative_to(installed.parents[1])


def test_a_users_own_tools_and_guards_modules_stay_theirs(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("MINE = 'my tools'\n")
    (tmp_path / "guards.py").write_text("MINE = 'my guards'\n")
    program = "import guarded_agent.tools, tools, guards; print(tools.MINE, guards.MINE)"

    assert run(installed, program, tmp_path) == "my tools my guards"


def test_the_default_policy_loads_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    program = "from guarded_agent import Policy; print(Policy.default().digest)"

    assert len(run(installed, program, tmp_path)) == 64


def test_a_bare_checkout_finds_its_rooms_without_links(tree: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    for room in ("guards", "tools"):
        shutil.copytree(tree / room, bare / room)
    package = bare / "guarded_agent"
    shutil.copytree(
        tree / "guarded_agent", package, ignore=shutil.ignore_patterns("guards", "tools")
    )
    program = (
        f"import sys; sys.path.insert(0, {str(bare)!r})\n"
        "import guarded_agent.guards, guarded_agent.tools\n"
        "print(guarded_agent.guards.__file__, guarded_agent.tools.__file__, sep='\\n')"
    )

    places = run(Path(sys.executable), program, tmp_path).splitlines()

    assert [Path(place).parent for place in places] == [bare / "guards", bare / "tools"]


def run(python: Path, program: str, where: Path) -> str:
    """Run `program` in `where` and return what it printed."""
    done = subprocess.run(
        [python, "-c", program], cwd=where, capture_output=True, text=True, env={"PATH": ""}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
