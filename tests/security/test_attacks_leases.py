"""Attack 29: a canary in every kind of lease; afterwards it is to be found nowhere.

Defences, by where a canary would be found without them: `without_leased` (results, artifacts,
streams), `told` and `again` (errors and what is behind them), `forget_frames` (a body's variables
in tracebacks), `quieten` (logs, warnings, threads that died), `holding` (what is in no argument).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import contextvars
import logging
import subprocess
import sys
import textwrap
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tools import StructuredTool, ToolException
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langgraph.config import get_stream_writer
from langgraph.types import Command, interrupt
from sqlalchemy import inspect, text

from guarded_agent import guard
from guarded_agent.audit import AuditLog
from guarded_agent.identity import Secret, provide_secret, secret, ticket_token
from guarded_agent.store import Store
from guarded_agent.testing import call, say

AgentOf = Callable[..., Any]
HELLO = {"messages": [("user", "hello")]}
CANARY = "kanarie/Xq7~vb29Lm+zz"
RAW = CANARY.encode()


def shapes(value: str) -> list[str]:
    """Return the forms of a value that could be found again; of base64 what is its own."""
    raw = value.encode()
    found = [value, quote(value, safe=""), raw.hex(), raw.hex().upper()]
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw).decode()
        found.append(coded[(0, 2, 3)[shift] + 1 : (shift + len(raw)) * 8 // 6 - 1])
    return found


class Kind:
    """A kind of lease: where the policy says that the secret is, and its value there."""

    def __init__(self, place: str, value: str = CANARY) -> None:
        self.place = place
        self.value = value


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Kind]:
    """Put the canary where a kind of lease finds it."""
    monkeypatch.setenv("CANARY_KEY", CANARY)

    def kind(name: str, request: pytest.FixtureRequest) -> Kind:
        match name:
            case "env":
                return Kind("env:CANARY_KEY")
            case "file":
                place = tmp_path / "elsewhere"
                place.mkdir()
                (place / "key").write_text(f"{CANARY}\n")
                return Kind(f"file:{place}/key")
            case "call":
                provide_secret("canary", lambda _: CANARY)
                return Kind("call:canary")
            case "keyring":
                request.getfixturevalue("canary_keyring")
                return Kind("keyring:crm/bot")
            case _:
                bao = request.getfixturevalue("bao")
                bao.ask("POST", "secret/data/canary", {"data": {"key": CANARY}})
                return Kind("vault:secret/data/canary#key")

    return kind  # type: ignore[return-value]


@pytest.fixture
def canary_keyring() -> Iterator[None]:
    """A keyring that holds the canary."""
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    class Holds(KeyringBackend):
        priority = 1  # type: ignore[assignment]

        def get_password(self, service: str, username: str) -> str | None:
            return CANARY

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

        def delete_password(self, service: str, username: str) -> None:
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Holds())
    yield
    keyring.set_keyring(before)


# -- what a body may do with what it was handed ---------------------------------------------------


def in_every_form(told: str) -> str:
    raw = told.encode()
    coded = base64.b64encode(b"user:" + raw).decode()
    return f"{told} {quote(told, safe='')} {raw.hex()} {coded} {base64.b64encode(raw).decode()}"


def returns(told: str) -> Any:
    return in_every_form(told), {"headers": [{"authorization": told}], "raw": in_every_form(told)}


class Response:
    """An object as a client hands it out: it prints its status, and holds what was sent."""

    __slots__ = ("request", "status")

    def __init__(self, told: str) -> None:
        self.status = 200
        self.request = types.SimpleNamespace(headers=[(b"authorization", told.encode())])

    def __repr__(self) -> str:
        return f"Response({self.status})"


def returns_an_object(told: str) -> Any:
    return "asked", {"raw": Response(told)}


def streams(told: str) -> Any:
    get_stream_writer()({"progress": in_every_form(told), told: [told]})
    return "streamed", None


def logs(told: str) -> Any:
    log = logging.getLogger("a.library")
    log.warning("GET https://crm/?key=%s", in_every_form(told))
    log.error(f"sent {told}", stack_info=True)
    log.info("%d", told)  # a library that formats badly: the handler prints what it was given
    try:
        raise ValueError(told)
    except ValueError:
        log.exception("no luck with %(key)s", {"key": told})
    return "logged", None


def raises(told: str) -> Any:
    raise RuntimeError(in_every_form(told))


def raises_with_nothing_but_its_variables(told: str) -> Any:
    header = {"authorization": f"Bearer {told}"}
    raise RuntimeError(f"refused with {len(header)} header")


def raises_for_the_model(told: str) -> Any:
    raise ToolException(in_every_form(told))


def raises_from(told: str) -> Any:
    try:
        raise ValueError(told)
    except ValueError as error:
        raise RuntimeError("no luck") from error


def raises_from_none(told: str) -> Any:
    try:
        raise ValueError(told)
    except ValueError:
        raise RuntimeError("no luck") from None


def raises_a_group(told: str) -> Any:
    inner = ExceptionGroup("inner", [KeyError(told), OSError(in_every_form(told))])
    raise ExceptionGroup("outer", [ValueError("no luck"), inner])


def raises_deep(told: str) -> Any:
    try:
        try:
            raise ExceptionGroup("first", [ValueError(told)])
        except ExceptionGroup as error:
            raise KeyError("second") from error
    except KeyError:
        raise RuntimeError("third")  # noqa: B904  # the context is the point


def raises_with_a_request(told: str) -> Any:
    error: Any = RuntimeError("no luck")
    request = types.SimpleNamespace(headers={"authorization": told})

    class Opaque:
        def __init__(self) -> None:
            self.request = request

    error.response = Opaque()
    raise error


def asks(told: str) -> Any:
    answer = interrupt({"question": f"really {in_every_form(told)}?", told: 1})
    return f"{answer} {told}", None


def leaves_the_process(told: str) -> Any:
    token = ticket_token("https://crm.acme.example").reveal()
    SEEN.append(token)
    return f"{in_every_form(token)} {told}", {"token": token}


SEEN: list[str] = []
"""Tokens that a body was given: they are leased as well."""

BODIES = (
    returns,
    returns_an_object,
    streams,
    logs,
    raises,
    raises_with_nothing_but_its_variables,
    raises_for_the_model,
    raises_from,
    raises_from_none,
    raises_a_group,
    raises_deep,
    raises_with_a_request,
    asks,
    leaves_the_process,
)


# -- where it is looked for -----------------------------------------------------------------------


class Tap(BaseCallbackHandler):
    """Keeps all that callbacks, and so tracers, are told."""

    run_inline = True

    def __init__(self) -> None:
        self.heard: list[Any] = []


def _hear(name: str) -> Callable[..., None]:
    def on(self: Tap, *args: Any, **kwargs: Any) -> None:
        self.heard.append((name, args, kwargs))

    return on


for _name in dir(BaseCallbackHandler):
    if _name.startswith("on_"):
        setattr(Tap, _name, _hear(_name))


class Handler(logging.Handler):
    """Keeps records as they are, as handlers do that send them elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records += [vars(record), self.format(record) if self._formats(record) else ""]

    def _formats(self, record: logging.LogRecord) -> bool:
        with contextlib.suppress(Exception):
            return bool(record.getMessage()) or True
        return False


_OPAQUE = (type, types.ModuleType, types.FunctionType, types.CodeType, Secret, Store)


def spilled(*roots: Any, most: int = 300_000) -> str:
    """Everything that can be reached from objects: errors, what is behind them, variables."""
    parts: list[str] = []
    todo = list(roots)
    seen: dict[int, Any] = {}
    while todo and len(seen) < most:
        value = todo.pop()
        if isinstance(value, str):
            parts.append(value)
            continue
        if isinstance(value, (bytes, bytearray)):
            parts.append(bytes(value).decode("latin-1"))
            continue
        if value is None or isinstance(value, (int, float, *_OPAQUE)) or id(value) in seen:
            continue
        seen[id(value)] = value
        with contextlib.suppress(Exception):
            parts.append(repr(value)[:20_000])
        if isinstance(value, BaseException):
            todo += [value.__cause__, value.__context__, *value.args, value.__traceback__]
            todo += getattr(value, "exceptions", ())
        if isinstance(value, types.TracebackType):
            frame = value.tb_frame
            todo.append(value.tb_next)
            if not frame.f_code.co_name.startswith("test_"):  # a test itself knows the canary
                todo.append(dict(frame.f_locals))
            continue
        if isinstance(value, types.FrameType):
            continue
        if isinstance(value, dict):
            todo += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            todo += list(value)
        elif isinstance(value, Response):
            todo += [value.request.headers]
        elif hasattr(value, "__dict__"):
            todo += list(vars(value).values())
    return "\n".join(parts)


def rows(store: Store) -> str:
    """Everything in the database, checkpoints included, and what is sealed, opened."""
    with store.read() as connection:
        names = inspect(connection).get_table_names()
        found = {
            name: [tuple(row) for row in connection.execute(text(f'SELECT * FROM "{name}"'))]
            for name in names
        }
    return repr(found) + spilled(found)


def on_disk(store: Store) -> str:
    """The database byte by byte, with what SQLite keeps beside it."""
    assert store.path is not None
    return "".join(
        path.read_bytes().decode("latin-1")
        for path in store.path.parent.glob(f"{store.path.name}*")
    )


# Once it is leased, a value is the same from anywhere: the ways to run are tried with one kind.
WAYS = [("env", "sync"), ("env", "async"), ("env", "events")]
WAYS += [(kind, "sync") for kind in ("file", "call", "keyring", "vault")]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
@pytest.mark.parametrize(("kind", "how"), WAYS)
async def test_a_canary_is_in_no_sink_however_the_call_ends(
    request: pytest.FixtureRequest,
    kinds: Callable[..., Kind],
    store: Store,
    agent_of: AgentOf,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    kind: str,
    body: Callable[[str], Any],
    how: str,
) -> None:
    """Attack 29."""
    where = kinds(kind, request)
    SEEN.clear()
    ran: list[int] = []

    def ask_crm() -> Any:
        """Ask the CRM."""
        ran.append(1)
        return body(secret("crm").reveal())

    async def aask_crm() -> Any:
        """Ask the CRM."""
        ran.append(1)
        await asyncio.sleep(0)
        return body(secret("crm").reveal())

    tool = StructuredTool.from_function(
        ask_crm,
        aask_crm if how != "sync" else None,
        name="ask_crm",
        response_format="content_and_artifact",
    )
    policy = {
        "version": 1,
        "tools": {"ask_crm": {"access": "write", "secrets": {"crm": where.place}}},
        # This guard would find most of it as well: what is tried is what stands without it.
        "guards": {"secrets": {"off": True, "because": "a second pair of eyes"}},
    }
    agent = agent_of([tool], say("", call("ask_crm", "c1")), say("Done."))
    safe = guard(agent, policy=policy, store=store)
    tap, tracer, handler = Tap(), RunCollectorCallbackHandler(), Handler()
    config: Any = {"configurable": {"thread_id": "t1"}, "callbacks": [tap, tracer]}
    out: list[Any] = [safe.invoke(HELLO, config)]
    [wait] = safe.approvals.pending()
    safe.approvals.vote(wait.id, "approve", reviewer="ann", digest=wait.digest)
    logging.getLogger().addHandler(handler)
    caplog.set_level(logging.DEBUG)
    failure: BaseException | None = None
    given: Any = Command(resume={"type": "approve"})
    try:
        for _ in range(2 if body is asks else 1):
            if how == "sync":
                out.append(list(safe.stream(given, config, stream_mode=MODES, subgraphs=True)))
            elif how == "async":
                out.append([x async for x in safe.astream(given, config, stream_mode=MODES)])
            else:
                out.append([x async for x in safe.astream_events(given, config, version="v2")])
            given = Command(resume="yes")
    except Exception as error:
        failure = error
    finally:
        logging.getLogger().removeHandler(handler)
    assert ran == [1] * (2 if body is asks else 1)
    assert (failure is not None) == body.__name__.startswith("raises")
    sinks = {
        "returned": spilled(out),
        "failure": spilled(failure),
        "state": spilled(safe.get_state(config), list(safe.get_state_history(config))),
        "callbacks": spilled(tap.heard),
        "traces": spilled(tracer.traced_runs),
        "audit": spilled([vars_of(event) for event in AuditLog(store).events()]),
        "approvals": spilled([each.as_json() for each in safe.approvals.list()]),
        "results": spilled(opened(store)),
        "logs": caplog.text + spilled(handler.records),
        "rows": rows(store),
        "files": on_disk(store),
        "stderr": "".join(capfd.readouterr()),
    }
    assert len(sinks["callbacks"]) > 1000
    canaries = [where.value, *SEEN]
    found = {
        name: said[max(0, said.find(form) - 80) : said.find(form) + 40]
        for name, said in sinks.items()
        for value in canaries
        for form in shapes(value)
        if form in said
    }
    assert found == {}
    if body in (returns, logs, raises):
        everywhere = "".join(sinks.values())
        assert "[secret:crm]" in everywhere  # it was there, and it was taken out


MODES: Any = ["values", "updates", "messages", "custom", "debug", "tasks", "checkpoints"]


def vars_of(event: Any) -> Any:
    return {name: getattr(event, name) for name in dir(event) if not name.startswith("_")}


def opened(store: Store) -> list[Any]:
    """What the ledger sealed of results, opened again."""
    from guarded_agent.store import Ledger

    with store.read() as connection:
        digests = [row[0] for row in connection.execute(text("SELECT digest FROM guard_action"))]
        return [Ledger(store).find(connection, digest) for digest in digests]


# -- calls that are cut off -----------------------------------------------------------------------


@pytest.mark.parametrize("cut", ["cancel", "timeout"])
async def test_a_call_that_is_cut_off_leaves_no_canary(
    store: Store, agent_of: AgentOf, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    monkeypatch.setenv("CANARY_KEY", CANARY)
    started = asyncio.Event()

    async def ask_crm() -> str:
        """Ask the CRM."""
        told = secret("crm").reveal()
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise asyncio.CancelledError(f"while using {told}") from ValueError(told)
        return told

    tool = StructuredTool.from_function(coroutine=ask_crm)
    entry = {"access": "read", "secrets": {"crm": "env:CANARY_KEY"}}
    agent = agent_of([tool], say("", call("ask_crm", "c1")), say("Done."))
    safe = guard(agent, policy={"version": 1, "tools": {"ask_crm": entry}}, store=store)
    tap = Tap()
    config: Any = {"configurable": {"thread_id": "t1"}, "callbacks": [tap]}
    failure: BaseException | None = None
    task = asyncio.create_task(safe.ainvoke(HELLO, config))
    await started.wait()
    try:
        if cut == "cancel":
            task.cancel()
            await task
        else:
            await asyncio.wait_for(task, 0.01)
    except (asyncio.CancelledError, TimeoutError) as error:
        failure = error
    assert failure is not None
    said = spilled(failure, tap.heard, safe.get_state(config)) + rows(store) + on_disk(store)
    assert [form for form in shapes(CANARY) if form in said] == []


def test_a_body_that_is_left_running_in_a_thread_leaves_no_canary(
    store: Store, agent_of: AgentOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop gives up on a sync body. Its thread, which nothing can stop, ends as any other."""
    monkeypatch.setenv("CANARY_KEY", CANARY)
    started, go = threading.Event(), threading.Event()

    def ask_crm() -> str:
        """Ask the CRM."""
        started.set()
        go.wait(30)
        return f"late: {secret('crm').reveal()}"

    tool = StructuredTool.from_function(ask_crm)
    entry = {"access": "read", "secrets": {"crm": "env:CANARY_KEY"}}
    [safe] = guard([tool], policy={"version": 1, "tools": {"ask_crm": entry}}, store=store)

    async def main() -> BaseException | None:
        task = asyncio.create_task(safe.ainvoke({}))
        await asyncio.to_thread(started.wait, 30)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            return error
        finally:
            go.set()
        return None

    failure = asyncio.run(main())  # it waits for the thread
    assert isinstance(failure, asyncio.CancelledError)
    said = spilled(failure, opened(store)) + rows(store) + on_disk(store)
    assert [form for form in shapes(CANARY) if form in said] == []
    assert "late: [secret:crm]" in said


# -- what a process prints ------------------------------------------------------------------------


def test_a_process_prints_no_canary_in_logs_warnings_and_threads_that_die(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import contextvars, logging, os, threading, warnings
        from guarded_agent.identity import SecretRef, lease, secret

        def die():
            raise RuntimeError(f"401 for {secret('crm').reveal()}")

        with lease({"crm": SecretRef.parse("env:CANARY_KEY")}):
            told = secret("crm").reveal()
            logging.error("GET /?key=%s", told)
            logging.warning("%d", told)
            warnings.warn(f"the key {told} is old")
            try:
                raise ValueError(told)
            except ValueError:
                logging.exception("no luck")
            thread = threading.Thread(target=contextvars.copy_context().run, args=(die,))
            thread.start()
            thread.join()
        logging.error("late: %s", told)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"CANARY_KEY": CANARY, "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path)},
    )
    said = done.stdout + done.stderr
    assert [form for form in shapes(CANARY) if form in said] == []
    assert said.count("[secret:crm]") >= 6
    assert "the key [secret:crm] is old" in said
    assert "Exception in thread" in said


def test_what_holds_no_secret_is_logged_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    provide_secret("canary", lambda _: CANARY)
    from guarded_agent.identity import SecretRef, lease

    with lease({"crm": SecretRef.parse("call:canary")}):
        logging.getLogger("x").warning("read %s of %d", "a", 3)
        try:
            raise ValueError("plain")
        except ValueError:
            logging.getLogger("x").exception("no luck")
    first, second = caplog.records
    assert first.args == ("a", 3)
    assert first.getMessage() == "read a of 3"
    assert second.exc_info
    assert contextvars.copy_context() is not None
