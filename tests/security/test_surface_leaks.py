"""Plant a mail address, a card number and a leased secret everywhere; find them nowhere."""

from __future__ import annotations

import json
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    SystemMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import BaseTool, ToolException, tool
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, ToolRuntime, tools_condition
from pydantic import BaseModel

from guarded_agent import GuardMiddleware, guard
from guarded_agent.identity.leases import lease, secret
from guarded_agent.identity.secrets import SecretRef
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call

MAIL = "jane.doe@mail.example.org"
CARD = "4111 1111 1111 1111"
LEASED = "lease~Xk29!vbnQ"
SEEDS = (MAIL, CARD)
FRAGMENTS = ("jane.doe", "example.org", "1111 1111", "4111 1", "4111111", LEASED, "bGVhc2V+")
BOTH = ["EMAIL_ADDRESS", "CREDIT_CARD"]
POLICY: dict[str, Any] = {
    "version": 1,
    "tools": {name: {"access": "read"} for name in ("look", "fail", "later")},
    "guards": {
        "pii": {
            "entities": BOTH,
            "input": BOTH,
            "tool_result": BOTH,
            "model_output": BOTH,
            "final_output": BOTH,
            "tool_arguments": BOTH,
        }
    },
}
MODES = ["values", "updates", "messages", "custom", "debug", "tasks", "checkpoints", "tools"]
SHAPES = ("create_agent", "react_v1", "react_v2", "hand_written")


def planted(where: str) -> str:
    return f"{where}: write to {MAIL} and charge {CARD}, please, before the week is over."


def leaks(text: str) -> list[str]:
    """Return what was found, with a little of what stands around it."""
    found: list[str] = []
    for fragment in FRAGMENTS:
        at = text.find(fragment)
        if at >= 0:
            found.append(text[max(0, at - 150) : at + 60])
    return found


def spilled(value: Any) -> str:
    """Everything that a value says, also of errors and what is behind them."""
    if isinstance(value, BaseException):
        return "".join(traceback.format_exception(value)) + "".join(
            repr(each) + repr(each.__dict__) for each in chain(value)
        )
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {spilled(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(spilled, value)) + "]"
    if isinstance(value, BaseMessage):
        return repr(value) + repr(getattr(value, "artifact", "")) + repr(value.response_metadata)
    return repr(value)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if error.__cause__ is not None and error.__context__ is not error.__cause__:
            yield from chain(error.__context__)
        error = error.__cause__ or error.__context__


class Tap(BaseCallbackHandler):
    """Keeps everything that callbacks are told."""

    run_inline = True

    def __init__(self) -> None:
        self.heard: list[str] = []


def _tapped(name: str) -> Callable[..., None]:
    def on(self: Tap, *args: Any, **kwargs: Any) -> None:
        self.heard.append(f"{name}: {spilled(args)} {spilled(kwargs)}")

    return on


for _name in dir(BaseCallbackHandler):
    if _name.startswith("on_"):
        setattr(Tap, _name, _tapped(_name))


@dataclass
class Box:
    note: str
    number: int = 4111111111111111


class Row(BaseModel):
    note: str
    boxes: list[Box]


class Leaky(ScriptedModel):
    """Says everything in every way: text, reasoning, metadata, calls, calls that are no JSON."""

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        message = self._turn(messages)
        return ChatResult(
            generations=[ChatGeneration(message=message, generation_info=_info())],
            llm_output={"note": planted("llm output"), "token_usage": {"total": 4_000_000_001}},
        )

    def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        yield from _leaky_chunks(self._turn(messages), self.chunk_size)

    async def _astream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        for chunk in _leaky_chunks(self._turn(messages), self.chunk_size):
            yield chunk


def _info() -> dict[str, Any]:
    spelled = [{"token": piece} for piece in (CARD[:9], CARD[9:], MAIL)]
    return {"finish_reason": "stop", "note": planted("info"), "logprobs": {"content": spelled}}


def _leaky_chunks(message: AIMessage, size: int) -> Iterator[ChatGenerationChunk]:
    def piece(**parts: Any) -> ChatGenerationChunk:
        content = parts.pop("content", "" if isinstance(message.content, str) else [])
        return ChatGenerationChunk(message=AIMessageChunk(content=content, **parts))

    for text in cut(message.additional_kwargs.get("reasoning_content", ""), size):
        yield piece(additional_kwargs={"reasoning_content": text})
    if isinstance(message.content, str):
        for text in cut(message.content, size):
            yield piece(content=text)
    else:
        for index, block in enumerate(message.content):
            assert isinstance(block, dict)
            name = "text" if block["type"] == "text" else "reasoning"
            for text in cut(block[name], size):
                yield piece(content=[{"type": block["type"], name: text, "index": index}])
    raw: list[Any] = [
        (each["name"], json.dumps(each["args"]), each["id"]) for each in message.tool_calls
    ]
    raw += [(each["name"], each["args"], each["id"]) for each in message.invalid_tool_calls]
    for index, (name, args, id_) in enumerate(raw):
        for number, text in enumerate(cut(args, size)):
            named = {"name": name, "id": id_} if number == 0 else {"name": None, "id": None}
            part = {**named, "args": text, "index": index, "type": "tool_call_chunk"}
            yield piece(tool_call_chunks=[part])
    last = piece(response_metadata=message.response_metadata)
    last.generation_info = _info()
    yield last


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def said(text: str, *calls: Any, blocks: bool = False) -> AIMessage:
    content: Any = planted(text)
    if blocks:
        content = [
            {"type": "reasoning", "reasoning": planted(f"{text} thought")},
            {"type": "text", "text": planted(text)},
        ]
    return AIMessage(
        content=content,
        tool_calls=list(calls),
        additional_kwargs={"reasoning_content": planted(f"{text} reasoning")},
        response_metadata={"note": planted(f"{text} metadata"), "model_name": "leaky-1"},
    )


def turns(blocks: bool) -> list[Callable[[Any], AIMessage]]:
    """Three turns; functions, so that the model's own repr does not hold what it will say."""
    broken = {"name": "look", "args": f'{{"text": "{planted("broken")}', "id": "c9", "error": None}
    first = said("first", call("look", "c1", text=planted("arguments")), blocks=blocks)
    second = said("second", call("fail", "c2", text=planted("arguments again")), blocks=blocks)
    second.invalid_tool_calls = [{"type": "invalid_tool_call", **broken}]  # type: ignore[typeddict-item]
    last = said("last", blocks=blocks)

    def play(turn: AIMessage) -> Callable[[Any], AIMessage]:
        return lambda _: turn.model_copy(deep=True)

    return [play(turn) for turn in (first, second, last)]


def tools() -> list[BaseTool]:
    keys = {"api": SecretRef.parse("env:LEAKY_KEY")}

    @tool(response_format="content_and_artifact")
    def look(text: str, runtime: ToolRuntime) -> tuple[str, Any]:
        """Look something up."""
        assert not leaks(text)
        with lease(keys):
            value = secret("api").reveal()
            runtime.stream_writer({"progress": [planted("injected writer"), value]})
            get_stream_writer()(f"{planted('own writer')} {value}")
            get_stream_writer()(Row(note=planted("row"), boxes=[Box(value)]))
            runtime.emit_output_delta(f"{planted('partial')} {value}")
        logging.getLogger("agent").warning("looked up %s", text)
        content = f"{planted('result')} with {value}"
        return content, {"rows": [Row(note=planted("artifact"), boxes=[Box(value)])]}

    @tool
    def fail(text: str) -> str:
        """Fail."""
        with lease(keys):
            value = secret("api").reveal()
            try:
                raise KeyError(planted("cause"), value)
            except KeyError as cause:
                error = ToolException(f"{planted('tool exception')} {value}")
                error.add_note(planted("note"))
                raise error from cause

    fail.handle_tool_error = True
    return [look, fail]


def agent(shape: str, blocks: bool, size: int = 7, **options: Any) -> Any:
    model = Leaky(script=turns(blocks), chunk_size=size)
    prompt = planted("system")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if shape == "create_agent":
            from langchain.agents import create_agent

            return create_agent(model, tools(), system_prompt=prompt, **options)
        if shape.startswith("react"):
            from langgraph.prebuilt import create_react_agent

            version: Any = shape[-2:]
            return create_react_agent(model, tools(), prompt=prompt, version=version, **options)

    def speak(state: MessagesState) -> dict[str, Any]:
        get_stream_writer()({"said in a node": planted("node")})
        return {"messages": [model.invoke([SystemMessage(prompt), *state["messages"]])]}

    builder = StateGraph(MessagesState)
    builder.add_node("speak", speak)
    builder.add_node("tools", ToolNode(tools()))
    builder.add_edge(START, "speak")
    builder.add_conditional_edges("speak", tools_condition, ["tools", END])
    builder.add_edge("tools", "speak")
    return builder.compile(**options)


def traced(run: Any) -> Iterator[str]:
    """Yield what a tracer keeps of a run and of all below it."""
    yield spilled({key: item for key, item in vars(run).items() if key != "child_runs"})
    for child in run.child_runs:
        yield from traced(child)


@dataclass
class Run:
    """An agent, and everything that can be seen of it."""

    graph: Any
    saver: InMemorySaver
    thread: str
    admit: Callable[[Any], Any]
    tap: Tap = field(default_factory=Tap)
    tracer: RunCollectorCallbackHandler = field(default_factory=RunCollectorCallbackHandler)
    seen: list[str] = field(default_factory=list)

    @property
    def config(self) -> Any:
        return {
            "configurable": {"thread_id": self.thread},
            "callbacks": [self.tap, self.tracer],
        }

    def given(self) -> Any:
        return self.admit({"messages": [("user", planted("user"))]})

    def see(self, value: Any) -> None:
        self.seen.append(spilled(value))

    def everything(self) -> str:
        kept = [self.saver.storage, self.saver.writes, self.saver.blobs]
        runs = [told for run in self.tracer.traced_runs for told in traced(run)]
        return "\n".join([*self.seen, *self.tap.heard, *runs, *map(spilled, kept)])


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKY_KEY", LEASED)


Start = Callable[..., Run]


@pytest.fixture
def start(store: Store) -> Start:
    def start(shape: str, how: str = "guard", *, blocks: bool = False, **more: Any) -> Run:
        saver = InMemorySaver()
        policy = POLICY | more.pop("policy", {})
        policy["tools"] = {name: POLICY["tools"][name] for name in ("look", "fail")}
        if how == "guard":
            graph = guard(
                agent(shape, blocks, checkpointer=saver, **more), policy=policy, store=store
            )
            return Run(graph, saver, "t1", lambda given: given)
        middleware = GuardMiddleware(policy, tools=tools(), store=store)
        graph = agent(shape, blocks, checkpointer=saver, middleware=[middleware], **more)
        return Run(graph, saver, "t1", lambda given: middleware.admit(given, "t1"))

    return start


WAYS = [(shape, "guard") for shape in SHAPES] + [("create_agent", "middleware")]


@pytest.fixture(params=WAYS, ids=" by ".join)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param  # type: ignore[no-any-return]


def assert_clean(run: Run, tmp_path: Path | None = None) -> None:
    text = run.everything()
    assert leaks(text) == []
    assert "[EMAIL]" in text  # it was all there, and it was replaced
    assert "[CARD]" in text
    if tmp_path is not None:
        kept = b"".join(file.read_bytes() for file in tmp_path.glob("guard.db*"))
        assert CARD.encode() not in kept
        assert LEASED.encode() not in kept


@pytest.mark.parametrize(
    ("durability", "blocks"), [("sync", False), ("async", True), ("exit", False)]
)
def test_no_stream_and_no_checkpoint_holds_anything(
    start: Start,
    way: tuple[str, str],
    durability: Any,
    blocks: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = start(*way, blocks=blocks)
    for item in run.graph.stream(
        run.given(), run.config, stream_mode=MODES, subgraphs=True, durability=durability
    ):
        run.see(item)
    run.see(run.graph.get_state(run.config))
    for state in run.graph.get_state_history(run.config):
        run.see(state)
    assert_clean(run, tmp_path)
    assert leaks(caplog.text) == []
    assert "[secret:api]" in run.everything()


async def test_no_async_stream_holds_anything(start: Start, way: tuple[str, str]) -> None:
    run = start(*way)
    async for item in run.graph.astream(run.given(), run.config, stream_mode=MODES, subgraphs=True):
        run.see(item)
    assert_clean(run)


@pytest.mark.filterwarnings("ignore:astream_events version='v1':DeprecationWarning")
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_no_event_holds_anything(start: Start, way: tuple[str, str], version: Any) -> None:
    # The first version copies all that came before with each event.
    run = start(*way, size=30 if version == "v1" else 7)
    async for event in run.graph.astream_events(
        run.given(), run.config, version=version, stream_mode=["custom", "messages"]
    ):
        run.see(event)
    assert_clean(run)


@pytest.mark.filterwarnings("ignore")  # the third version says of itself that it may change
async def test_no_event_of_the_third_version_holds_anything(
    start: Start, way: tuple[str, str]
) -> None:
    run = start(*way)
    for event in run.graph.stream_events(run.given(), run.config, version="v3"):
        run.see(event)
    assert_clean(run)
    run = start(*way)
    run.thread = "t2"
    async for event in await run.graph.astream_events(run.given(), run.config, version="v3"):
        run.see(event)
    assert_clean(run)


async def test_no_return_value_holds_anything(start: Start, way: tuple[str, str]) -> None:
    run = start(*way)
    run.see(run.graph.invoke(run.given(), run.config))
    run.thread = "t2"
    run.see(await run.graph.ainvoke(run.given(), run.config))
    run.thread = "t3"
    run.see(run.graph.batch([run.given()], run.config))
    assert_clean(run)


def test_arguments_stay_json_and_reach_the_tool_redacted(start: Start) -> None:
    run = start("create_agent")
    out = run.graph.invoke(run.given(), run.config)
    asked = [each for item in out["messages"] for each in getattr(item, "tool_calls", [])]
    assert asked[0]["args"] == {
        "text": "arguments: write to [EMAIL] and charge [CARD], please, before the week is over."
    }


def test_counts_and_names_in_metadata_stay(start: Start) -> None:
    run = start("hand_written")
    out = run.graph.invoke(run.given(), run.config)
    kept = out["messages"][-1].response_metadata
    assert (kept["model_name"], kept["finish_reason"]) == ("leaky-1", "stop")
    assert kept["token_usage"] == {"total": 4_000_000_001}
