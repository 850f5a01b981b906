from __future__ import annotations

import pytest

from guarded_agent.core import Context, Effect, Stage, Subject, ToolSpec, Verdict
from guarded_agent.guards import ScopeGuard

SEND = ToolSpec("send_email", scopes=frozenset({"mail.send", "mail.read"}))


def judge(
    granted: frozenset[str] | None, tool: ToolSpec | None = SEND, stage: Stage = Stage.ACTION
) -> Verdict:
    context = Context("mail", "t1", tool=tool, granted=granted)
    return ScopeGuard().check(Subject(stage, {"deep": [{"x": "y" * 10_000}]}, context))


def test_a_call_without_a_scope_is_denied_and_the_scope_named() -> None:
    verdict = judge(frozenset({"mail.read"}))
    assert verdict.effect is Effect.DENY
    assert verdict.message == "send_email needs the scope mail.send, which mail was not granted."


def test_each_missing_scope_is_a_finding() -> None:
    assert len(judge(frozenset()).findings) == 2


@pytest.mark.parametrize(
    "granted",
    [None, frozenset({"mail.send", "mail.read"}), frozenset({"mail.send", "mail.read", "x"})],
)
def test_a_call_with_all_of_them_is_let_through(granted: frozenset[str] | None) -> None:
    assert judge(granted).effect is Effect.ALLOW


def test_a_scope_is_a_whole_name_and_no_prefix() -> None:
    assert judge(frozenset({"mail", "mail.*", "mail.sendall", "mail.read"})).effect is Effect.DENY


def test_a_tool_that_needs_nothing_is_let_through() -> None:
    assert judge(frozenset(), ToolSpec("clock", access="read")).effect is Effect.ALLOW


def test_a_limited_identity_cannot_use_a_tool_of_which_nothing_is_known() -> None:
    assert judge(frozenset({"mail.send"}), None).effect is Effect.DENY


def test_results_are_none_of_its_business() -> None:
    assert judge(frozenset(), stage=Stage.TOOL_RESULT).effect is Effect.ALLOW
