"""A canary in everything that a call touches; afterwards no sink holds it."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tools import StructuredTool, ToolException
from sqlalchemy import inspect, text

from guarded_agent import guard
from guarded_agent.audit import AuditLog
from guarded_agent.core.errors import GuardedAgentError
from guarded_agent.identity.leases import lease, secret
from guarded_agent.identity.secrets import SecretRef
from guarded_agent.store import Store
from guarded_agent.testing import Recorder, call, say

AgentOf = Callable[..., Any]
HELLO = {"messages": [("user", "hello")]}
THREAD: dict[str, Any] = {"configurable": {"thread_id": "t1"}}
CANARY = "kanarie-Xq7~vb29Lm"
FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode()[:-2], CANARY.encode().hex())


class Tap(BaseCallbackHandler):
    """Keeps all that callbacks, and so tracers, are told."""

    run_inline = True

    def __init__(self) -> None:
        self.heard: list[str] = []


def _hear(name: str) -> Callable[..., None]:
    def on(self: Tap, *args: Any, **kwargs: Any) -> None:
        self.heard.append(f"{name} {spilled([args, kwargs])}")

    return on


for _name in dir(BaseCallbackHandler):
    if _name.startswith("on_"):
        setattr(Tap, _name, _hear(_name))


def spilled(value: Any) -> str:
    """Everything that a value says, and what stands behind an error."""
    if isinstance(value, BaseException):
        seen = "".join(traceback.format_exception(value, chain=False))
        behind = [value.__cause__, value.__context__]
        return (
            seen
            + repr(value.args)
            + repr(vars(value))
            + "".join(spilled(item) for item in behind if item)
        )
    if isinstance(value, dict):
        return "".join(f"{key} {spilled(item)} " for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(map(spilled, value))
    return f"{value!r} {value!s} {getattr(value, '__dict__', '')}"


def returns(told: str) -> Any:
    return f"the bank said {told}"


def returns_encoded(told: str) -> Any:
    return f"basic {base64.b64encode(told.encode()).decode()} {told.encode().hex()}"


def returns_nested(told: str) -> Any:
    return {"headers": [{"authorization": f"Bearer {told}"}]}


def raises(told: str) -> Any:
    raise RuntimeError(f"401 for {told}")


def raises_for_the_model(told: str) -> Any:
    raise ToolException(f"401 for {told}")


def raises_from(told: str) -> Any:
    try:
        raise ValueError(told)
    except ValueError as error:
        raise RuntimeError("no luck") from error


def raises_inside(told: str) -> Any:
    try:
        raise ValueError(told)
    except ValueError:
        raise RuntimeError("no luck")  # noqa: B904  # the context is the point


def raises_with_a_note(told: str) -> Any:
    error = RuntimeError("no luck")
    error.add_note(f"sent {told}")
    raise error


def raises_with_an_attribute(told: str) -> Any:
    error: Any = RuntimeError("no luck")
    error.request = {"authorization": told}
    raise error


BODIES = (
    returns,
    returns_encoded,
    returns_nested,
    raises,
    raises_for_the_model,
    raises_from,
    raises_inside,
    raises_with_a_note,
    raises_with_an_attribute,
)


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("answers", [True, False], ids=["answered", "raised"])
@pytest.mark.parametrize("body", BODIES)
async def test_a_leased_secret_is_in_no_sink(
    tmp_path: Path,
    store: Store,
    agent_of: AgentOf,
    recorder: Recorder,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    body: Callable[[str], Any],
    answers: bool,
    how: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    refs = {"bank": SecretRef.parse("env:BANK_KEY")}

    def wire(to: str) -> Any:
        """Wire money."""
        recorder.add("wire", {"to": to})
        with lease(refs, environ={"BANK_KEY": CANARY}):
            return body(secret("bank").reveal())

    policy = {"version": 1, "tools": {"wire": {"access": "write"}}}
    turns = (say("", call("wire", "c1", to="bob")), say("Done."))
    agent = agent_of([StructuredTool.from_function(wire)], *turns, handle_tool_errors=answers)
    safe = guard(agent, policy=policy, store=store)
    safe.invoke(HELLO, THREAD)
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)
    tap = Tap()
    config: Any = {**THREAD, "callbacks": [tap]}
    failure: BaseException | None = None
    out: Any = None
    try:
        out = await safe.aresume(config) if how == "async" else safe.resume(config)
    except Exception as error:
        failure = error
    assert recorder.names == ("wire",)
    assert (failure is not None) == (not answers and body.__name__.startswith("raises"))
    sinks = {
        "result": spilled(out),
        "error": spilled(failure) if failure else "",
        "callbacks": "\n".join(tap.heard),
        "state": spilled(
            [
                spilled(vars(item)) if hasattr(item, "__dict__") else spilled(list(item))
                for item in safe.get_state_history(THREAD)
            ]
        ),
        "rows": rows(store),
        "audit": spilled(
            [
                vars(event) if hasattr(event, "__dict__") else event
                for event in AuditLog(store).tail(1000)
            ]
        ),
        "requests": spilled([request.as_json() for request in safe.approvals.list()]),
        "log": caplog.text,
        "streams": "".join(capsys.readouterr()),
        "files": on_disk(tmp_path),
    }
    assert len(sinks["callbacks"]) > 100
    assert "wire" in sinks["rows"]
    found = [name for name, what in sinks.items() if any(form in what for form in FORMS)]
    assert found == []


def on_disk(folder: Path) -> str:
    """Everything in the folder: the database, what SQLite keeps beside it, the key."""
    return "".join(
        path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()
    )


def rows(store: Store) -> str:
    """Everything in the database, checkpoints included."""
    with store.read() as connection:
        names = inspect(connection).get_table_names()
        return "".join(
            repr([tuple(row) for row in connection.execute(text(f'SELECT * FROM "{name}"'))])
            for name in names
        )


def test_arguments_lie_in_no_table_and_no_log_in_the_clear(
    store: Store, agent_of: AgentOf, caplog: pytest.LogCaptureFixture
) -> None:
    """What the model wrote into a call is in the conversation; the guard adds no copy of it."""
    caplog.set_level(logging.DEBUG)
    card = "4111 1111 1111 1111"

    def pay(card: str) -> str:
        """Pay."""
        return "paid"

    policy = {"version": 1, "tools": {"pay": {"access": "write"}}}
    [safe] = guard([StructuredTool.from_function(pay)], policy=policy, store=store)
    with pytest.raises(GuardedAgentError) as caught:
        safe.invoke({"card": card})
    assert card not in spilled(caught.value) + rows(store) + caplog.text
    assert "pay" in rows(store)
