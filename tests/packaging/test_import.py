"""`import guarded_agent` is cheap, and its public names are the ones it promises."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import guarded_agent

HEAVY = (
    "cel_expr_python",
    "cryptography",
    "guardrails",
    "jinja2",
    "langchain.agents",
    "litellm",
    "numpy",
    "onnxruntime",
    "openai",
    "opentelemetry.sdk",
    "presidio_analyzer",
    "presidio_anonymizer",
    "psycopg",
    "pydantic_settings",
    "spacy",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "yaml",
)


def loaded(program: str) -> set[str]:
    """Return the modules that a new interpreter holds after `program`."""
    code = f"import sys\n{program}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    modules = loaded("import guarded_agent")

    assert "guarded_agent" in modules
    assert modules.isdisjoint(HEAVY)


def test_asking_for_an_error_class_loads_no_langgraph() -> None:
    assert "langgraph" not in loaded("from guarded_agent import GuardedAgentError")


def test_the_public_names_are_sorted_and_can_be_imported() -> None:
    assert guarded_agent.__all__ == sorted(guarded_agent.__all__)
    for name in guarded_agent.__all__:
        assert name in dir(guarded_agent)
        getattr(guarded_agent, name)


@pytest.mark.parametrize(
    "room",
    ["approvals", "audit", "core", "guards", "identity", "policy", "redteam", "store", "tools"],
)
def test_what_a_room_promises_can_be_imported(room: str) -> None:
    module = import_module(f"guarded_agent.{room}")

    assert len(module.__all__) == len(set(module.__all__))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_a_name_that_is_not_public_is_refused_by_name() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = guarded_agent.no_such_name
