"""What this package reads of LangGraph and LangChain is listed, and missed where it is gone."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from guarded_agent.agent import selftest, versions
from guarded_agent.agent.selftest import ONCE_LOADED, OPTIONAL, PARTS, WORDS, Part
from guarded_agent.agent.versions import TESTED, refused
from guarded_agent.core.errors import UnprovableGraph

ROOM = Path(selftest.__file__).parent
SOURCES = [path for path in sorted(ROOM.glob("*.py")) if path.name != "selftest.py"]
THEIRS = ("langchain", "langchain_core", "langgraph", "langsmith")
OF_PYTHON = {
    name
    for kind in (types.FunctionType, types.MethodType, types.ModuleType, types.CodeType, type, dict)
    for name in dir(kind)
} | {*dir(builtins), *dir(BaseException), "__wrapped__", "__notes__", "_make"}
ELSEWHERE = {
    "__attrs_attrs__": "how attrs marks its classes",
    "__root__": "LangGraph's word for a state that is one bare value; public in its documentation",
    "__type": "the key of `ToolCallWithContext`; the canary's calls travel in one",
    "_Exception": "the name of a tool that langchain_classic runs for itself",
}
"""Names with an underscore that no self-test can look for, and why."""


def docstrings(tree: ast.AST) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            found |= {id(item.value) for item in body if isinstance(item, ast.Expr)}
    return found


def ours(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a module, its classes and their instances define."""
    for node in ast.walk(tree):
        match node:
            case ast.Module(body=body) | ast.ClassDef(body=body):
                for item in body:
                    match item:
                        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                            yield item.name
                        case ast.Assign(targets=[ast.Name(id=name)]):
                            yield name
                        case ast.AnnAssign(target=ast.Name(id=name)):
                            yield name
                        case _:
                            pass
            case ast.Attribute(attr=name, value=ast.Name(id="self"), ctx=ast.Store()):
                yield name
            case _:
                pass


def private_names() -> set[str]:
    """Return every name with an underscore that the room uses and does not define."""
    used, own, inherited = set[str](), set[str](), set[str]()
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        own |= set(ours(tree))
        text = docstrings(tree)
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
                    inherited.add(name)
                case ast.Attribute(attr=name):
                    used.add(name)
                case ast.Constant(value=str(word)) if id(node) not in text:
                    used.add(word)
                case ast.ImportFrom(module=str(module), names=names) if module.startswith(THEIRS):
                    used |= {item.name for item in names}
                case _:
                    pass
    theirs = (used - own) | inherited
    private = {name for name in theirs if re.fullmatch(r"__?[a-zA-Z]\w*|[a-z]\w*__", name)}
    return {name for name in private - OF_PYTHON if not name.startswith("__guarded_agent")}


def private_imports() -> set[tuple[str, str]]:
    """Return what the room imports from modules that are not public."""
    return {
        (node.module, item.name)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module is not None
        if node.module.startswith(THEIRS) and "._" in node.module
        for item in node.names
    }


def listed() -> set[str]:
    parts = [*PARTS, *ONCE_LOADED]
    names = {name for part in parts for name in (part.name, *part.uses)}
    return names | set(WORDS) | set(OPTIONAL) | set(ELSEWHERE)


def test_every_private_name_that_is_used_is_listed() -> None:
    assert private_names() - listed() == set()


def test_everything_from_a_private_module_is_listed() -> None:
    assert private_imports() - {(part.module, part.name) for part in PARTS} == set()


def test_nothing_is_listed_that_is_no_longer_used() -> None:
    source = "\n".join(path.read_text("utf-8") for path in SOURCES)
    names = {name for name in listed() if name.startswith("_") or name.endswith("__")}
    assert {name for name in names if name not in source} == set()


@pytest.mark.parametrize("part", [*PARTS, *ONCE_LOADED], ids=lambda part: part.name)
def test_what_is_listed_is_there(part: Part) -> None:
    assert list(part.missing()) == []


@pytest.mark.parametrize("part", [*PARTS, *ONCE_LOADED], ids=lambda part: part.name)
def test_what_is_gone_is_named(part: Part) -> None:
    gone = Part(part.module, part.name, (*part.uses, "_no_such_name"), part.example)
    assert list(gone.missing()) == [f"{part.name}._no_such_name"]
    moved = Part(part.module, "_NoSuchName", part.uses, part.example)
    assert list(moved.missing()) == [f"{part.module}._NoSuchName"]


def fails(program: str) -> str:
    """Run a program that fails; return the last line that it wrote."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "broken",
    [
        "import langgraph.prebuilt as them; del them.ToolNode._run_one",
        "import langgraph.func as them; del them._TaskFunction",
        "import langgraph._internal._constants as them; them.CONFIG_KEY_SCRATCHPAD = 'scratch'",
        "import sys; sys.modules['langgraph._internal._runnable'] = None",
    ],
)
def test_importing_fails_with_what_is_gone_and_with_the_versions(broken: str) -> None:
    line = fails(f"{broken}\nfrom guarded_agent import guard")
    assert "UnprovableGraph: guarded_agent cannot guard anything with what is installed" in line
    assert "there is no " in line
    for package, number in versions.versions():
        assert f"{package} {number}" in line


def test_importing_fails_where_a_version_is_not_taken() -> None:
    line = fails(
        "import importlib.metadata as them\n"
        "real = them.version\n"
        "them.version = lambda name: '1.1.10' if name == 'langgraph' else real(name)\n"
        "from guarded_agent import guard"
    )
    assert f"langgraph 1.1.10 is not among {TESTED[0].lowest} to {TESTED[0].newest}" in line
    assert f"pip install '{TESTED[0].taken}'" in line


def test_a_builder_of_agents_that_moved_its_model_call_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factory = pytest.importorskip("langchain.agents.factory")
    monkeypatch.setattr(factory, "create_agent", lambda: None)
    selftest._problem_of.cache_clear()
    with pytest.raises(UnprovableGraph, match=r"create_agent\._execute_model_sync"):
        selftest.selftest()
    selftest._problem_of.cache_clear()


def test_the_versions_that_are_installed_are_taken() -> None:
    assert refused() == []


@pytest.mark.parametrize("entry", TESTED, ids=lambda entry: entry.package)
def test_a_range_holds_both_its_ends_and_nothing_beyond(entry: versions.Range) -> None:
    assert not entry.refuses(entry.lowest)
    assert not entry.refuses(entry.newest)
    assert not entry.refuses(f"{entry.newest}.post1")
    assert entry.refuses(entry.below)
    assert entry.refuses(f"{entry.below}.0rc1")
    assert entry.newer(f"{entry.newest}.1")
    assert not entry.newer(entry.newest)


def test_a_package_that_is_not_installed_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(versions, "version", none)
    assert versions.versions() == ()
    assert refused() == []
