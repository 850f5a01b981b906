"""A copy of this checkout as an editable install leaves it, and what is built from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("guarded_agent", "guards", "tools")
ROOMS = ("guards", "tools")
LEFT_OUT = ("__pycache__", ".*", "*.pyc", "guards", "tools")


def sources() -> Iterator[Path]:
    """Yield the package's files in this checkout, relative to its root, links apart."""
    for room in SHIPPED:
        for path in sorted((ROOT / room).rglob("*")):
            relative = path.relative_to(ROOT)
            linked = relative.parts[:2] in {("guarded_agent", name) for name in ROOMS}
            hidden = any(part == "__pycache__" or part.startswith(".") for part in relative.parts)
            if path.is_file() and not linked and not hidden:
                yield relative


def build(tree: Path, target: str, out: Path) -> Path:
    """Build a wheel or sdist of `tree` offline, with this environment's hatchling."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the links that an editable install makes, and litter to leave out."""
    tree = tmp_path_factory.mktemp("checkout")
    for relative in sources():
        (tree / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / relative, tree / relative)
    for folder in ("docs", "examples", "tests"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns(*LEFT_OUT[:3]))
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith(".coverage"):
            shutil.copy(path, tree / path.name)
    for room in ROOMS:
        (tree / "guarded_agent" / room).symlink_to(Path("..", room), target_is_directory=True)
        (tree / room / "__pycache__").mkdir()
        (tree / room / "__pycache__" / "litter.cpython-311.pyc").write_bytes(b"")
    return tree


@pytest.fixture(scope="session")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the linked tree."""
    return build(tree, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of the linked tree."""
    return build(tree, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def wheel_of_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the source distribution alone."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (tree,) = unpacked.iterdir()
    return build(tree, "wheel", tmp_path_factory.mktemp("wheel_of_sdist"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel and borrows its dependencies.

    This environment's packages come last on its path, so that nothing is fetched and the
    wheel, not the checkout, is what `import guarded_agent` finds.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A line of a .pth file adds a folder without reading that folder's own .pth files,
    # where the checkout's editable install stands.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "python"
