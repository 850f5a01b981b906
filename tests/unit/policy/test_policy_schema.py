"""The JSON Schema of policy files: true to the model, to what is published, and to what loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from guarded_agent.core.errors import PolicyError
from guarded_agent.policy import Policy
from guarded_agent.policy.schema import json_schema

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "docs/reference/policy-schema.json"
SCHEMA = Draft202012Validator(json_schema())


def test_what_is_published_is_what_the_model_says() -> None:
    assert json.loads(PUBLISHED.read_text("utf-8")) == json_schema(), (
        "run: guarded-agent policy schema > docs/reference/policy-schema.json"
    )


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("file", sorted((ROOT / "examples/policies").glob("*.yaml")), ids=str)
def test_the_examples_validate(file: Path) -> None:
    assert not list(SCHEMA.iter_errors(yaml.safe_load(file.read_text("utf-8"))))


WRONG: list[dict[str, Any]] = [
    {},
    {"version": 2},
    {"version": 1, "tols": {}},
    {"version": 1, "tools": {"pay": {"acess": "read"}}},
    {"version": 1, "tools": {"pay": {"access": "reads"}}},
    {"version": 1, "tools": {"pay": {"rules": [{"effect": "alow"}]}}},
    {"version": 1, "tools": {"pay": {"rules": {"effect": "allow"}}}},
    {"version": 1, "tools": {"pay": {"rules": [{"effect": "allow", "id": "Not A Slug"}]}}},
    {"version": 1, "tools": {"pay": {"limits": {"per_day": {"sum": "args.n"}}}}},
    {"version": 1, "tools": {"pay": {"limits": {"per_day": {"max": 3}}}}},
    {
        "version": 1,
        "tools": {"pay": {"limits": {"per_day": {"max": 3, "sum": "n", "count": True}}}},
    },
    {"version": 1, "tools": {"pay": {"approval": {"quorum": 0}}}},
    {"version": 1, "tools": {"pay": {"reveals": [1]}}},
    {"version": 1, "approvals": {"decide_within": "half an hour"}},
    {"version": 1, "guards": {"pi": {}}},
    {"version": 1, "fusion": [{"compartments": [], "effect": "deny"}]},
]


@pytest.mark.parametrize("data", WRONG, ids=str)
def test_what_does_not_load_does_not_validate(data: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        Policy.from_mapping(data)
    assert list(SCHEMA.iter_errors(data))


RIGHT: list[dict[str, Any]] = [
    {"version": 1},
    {"version": 1, "tools": {"mail_*": {"reveals": ["email"]}}},
    {"version": 1, "tools": {"pay": {"reveals": {"to": ["email"]}}}},
    {"version": 1, "tools": {"pay": {"limits": {"per_day": {"max": 3, "count": True}}}}},
    {"version": 1, "tools": {"pay": {"limits": {"per_day": [{"max": 3, "sum": "args.n"}]}}}},
    {"version": 1, "approvals": {"decide_within": "30m"}},
    {"version": 1, "agent": {"id": "mail", "scopes": ["mail.send"], "pins": "all"}},
]


@pytest.mark.parametrize("data", RIGHT, ids=str)
def test_what_loads_validates(data: dict[str, Any]) -> None:
    Policy.from_mapping(data)
    assert not list(SCHEMA.iter_errors(data))


def test_an_editor_is_told_what_a_key_is_for() -> None:
    rule = json_schema()["$defs"]["RuleEntry"]["properties"]
    assert rule["message"]["description"] == "What the model is told. It never sees the condition."
    assert json_schema()["properties"]["fusion"]["description"].startswith("What must not")
    window = json_schema()["$defs"]["WindowEntry"]["properties"]
    assert "description" in window["sum"]
