"""The how-to's blocks and the example policies load, check and decide as they say."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from guarded_agent.core import Action, Confidentiality, Context, Label, ThreadMemory, ToolSpec
from guarded_agent.policy import Engine, Policy, check

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "policies").glob("*.yaml"))
HOW_TO = (ROOT / "docs" / "how-to" / "write-a-policy.md").read_text("utf-8")
BLOCKS = re.findall(r"```(yaml|python|text)\n(.*?)```", HOW_TO, re.DOTALL)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_policy_is_without_fault(path: Path) -> None:
    assert check(Policy.from_file(path)) == []


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "yaml"])
def test_a_block_of_the_how_to_is_a_policy_without_fault(text: str) -> None:
    assert check(Policy.from_text(text)) == []


def test_the_how_to_prints_what_it_says() -> None:
    ((_, program),) = [block for block in BLOCKS if block[0] == "python"]
    ((_, shown),) = [block for block in BLOCKS if block[0] == "text"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(program, {})
    assert printed.getvalue() == shown


def test_the_how_to_names_every_variable_and_function() -> None:
    from guarded_agent.policy.conditions import CONTEXT, FUNCTIONS

    assert [name for name in [*CONTEXT, *FUNCTIONS] if f"`{name}" not in HOW_TO] == []


def schema(**kinds: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": kinds}


MAIL_TOOLS = [
    ToolSpec("search_mail", schema=schema(query={"type": "string"})),
    ToolSpec("search_hr", schema=schema(query={"type": "string"})),
    ToolSpec("send_email", schema=schema(to={"type": "array", "items": {"type": "string"}})),
    ToolSpec("pay_invoice", schema=schema(amount={"type": "number"})),
    ToolSpec("delete_server", schema=schema(name={"type": "string"})),
]


@pytest.mark.parametrize(
    ("tool", "args", "level", "effect"),
    [
        ("search_mail", {"query": "x"}, 0, "allow"),
        ("send_email", {"to": ["ann@acme.com"]}, 2, "allow"),
        ("send_email", {"to": ["eve@evil.com"]}, 1, "approve"),
        ("send_email", {"to": ["eve@evil.com"]}, 2, "deny"),
        ("pay_invoice", {"amount": 100}, 0, "allow"),
        ("pay_invoice", {"amount": 100.5}, 0, "approve"),
        ("delete_server", {"name": "db"}, 0, "approve"),
    ],
)
def test_the_mail_assistant_decides_as_its_policy_reads(tool, args, level, effect) -> None:
    engine = Engine(Policy.from_file(ROOT / "examples/policies/mail-assistant.yaml"), MAIL_TOOLS)
    action = Action.build(tool=tool, args=args, call_id="c", thread_id="t", agent_id="a")
    memory = ThreadMemory(label=Label(Confidentiality(level)))
    decision = engine.decide(action, Context("a", "t", memory=memory), 0.0)
    assert str(decision.effect) == effect
