"""What leaves an agent, and how: live text, held messages, forms, questions, errors, input."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.tools import tool
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from guarded_agent import guard
from guarded_agent.agent.model import guard_model
from guarded_agent.agent.runtime import open_monitor
from guarded_agent.core import Effect, Finding, Stage, Subject, Verdict
from guarded_agent.monitor import Monitor
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

HELLO = {"messages": [("user", "hello")]}
MAIL, CARD = "jane.doe@mail.example.org", "4111 1111 1111 1111"
BOTH = ["EMAIL_ADDRESS", "CREDIT_CARD"]
THREAD: Any = {"configurable": {"thread_id": "t1"}}


def policy(*tools: str, output: str = "live", **pii: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "tools": {name: {"access": "read"} for name in tools},
        "guards": {"pii": pii} if pii else {},
        "output": {"hold": output},
    }


def texts(chunks: Any) -> list[str]:
    return [str(chunk.content) for chunk, _ in chunks]


# -- text that streams ---------------------------------------------------------------------


def test_text_streams_live(store: Store) -> None:
    words = "plain words that nobody has to hold back for long, one after the other. " * 8
    safe = guard(create_agent(ScriptedModel(script=[say(words)]), []), store=store)
    shown = [text for text in texts(safe.stream(HELLO, stream_mode="messages")) if text]
    assert len(shown) > 20
    assert "".join(shown) == words


class NoMoon:
    """Denies an answer; a stream cannot know before its end."""

    name = "moon"
    stages = frozenset({Stage.FINAL_OUTPUT})

    def check(self, subject: Subject) -> Verdict:
        if "moon" not in str(subject.payload):
            return Verdict(Effect.ALLOW)
        return Verdict(Effect.DENY, (Finding("moon", "mentions the moon", self.name),))


def test_a_denied_answer_that_is_held_was_never_streamed(store: Store) -> None:
    words = "a long answer in plain words comes first, and more of it, and then it says: " * 4
    model = ScriptedModel(script=[say(f"{words} moon")])
    held = policy(output="message")
    safe: Any = guard(create_agent(model, []), policy=held, store=store, guards=[NoMoon()])
    modes: Any = ["messages", "values", "updates", "debug"]
    seen = list(safe.stream(HELLO, THREAD, stream_mode=modes))
    assert "long answer" not in str(seen)
    assert "[withheld by guarded_agent]" in str(seen)
    assert "long answer" not in str(list(safe.checkpointer.list(THREAD)))


async def test_a_denied_answer_that_is_held_is_in_no_event(store: Store) -> None:
    words = "a long answer in plain words comes first, and more of it, and then it says: " * 4
    model = ScriptedModel(script=[say(f"{words} moon")])
    held = policy(output="message")
    safe = guard(create_agent(model, []), policy=held, store=store, guards=[NoMoon()])
    events = [str(event) async for event in safe.astream_events(HELLO, THREAD, version="v2")]
    assert "long answer" not in "".join(events)


def test_what_a_policy_redacts_at_the_end_is_redacted_while_it_streams(store: Store) -> None:
    words = " and some more plain words after it, so that all of this is shown early" * 3
    model = ScriptedModel(script=[say(f"write to {MAIL} today{words}")])
    lenient = policy(model_output="allow", final_output=BOTH)
    safe = guard(create_agent(model, []), policy=lenient, store=store)
    said = "".join(texts(safe.stream(HELLO, stream_mode="messages")))
    assert said == f"write to [EMAIL] today{words}"


def test_a_guard_that_changes_a_whole_message_ends_a_live_stream(store: Store) -> None:
    class Late(NoMoon):
        stages = frozenset({Stage.MODEL_OUTPUT})

    words = "a long answer in plain words comes first, and more of it, and then it says: " * 4
    model = ScriptedModel(script=[say(f"{words} moon")])
    safe = guard(create_agent(model, []), store=store, guards=[Late()])
    said = "".join(texts(safe.stream(HELLO, stream_mode="messages")))
    assert said.startswith("a long answer")
    assert said.endswith("[withheld by guarded_agent]")
    assert "moon" not in said


# -- streamed = returned = redacted at once ------------------------------------------------

_WORDS = (
    "alpha", "the", "and", "OK.", "x" * 25, "(", ")", "naïve", "日本語", "10.5", "call", "to:",
    MAIL, f"({MAIL}),", f"<{MAIL}>", CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"),
    "b@x.co.uk", "ann@example", "4111 1111", "\n", "\n\n", "e.g.", "it's",
)  # fmt: skip


def written(chance: random.Random) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(chance.randint(1, 40)))


class Chunked(ScriptedModel):
    """Streams its answer in chunks of uneven size."""

    seed: int = 0

    def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        text, chance = str(self._turn(messages).content), random.Random(self.seed)
        while text:
            size = chance.randint(1, 12)
            yield ChatGenerationChunk(message=AIMessageChunk(content=text[:size]))
            text = text[size:]

    async def _astream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        for chunk in self._stream(messages):
            yield chunk


async def test_streams_events_and_return_values_equal_redacting_at_once(store: Store) -> None:
    """500 texts, each cut in its own way."""
    text = ""

    def turn(_messages: Any) -> AIMessage:
        return say(text)

    model = Chunked(script=[turn])
    safe = guard(create_agent(model, []), policy=policy(entities=BOTH), store=store)
    monitor = safe.monitor
    inner = guard_model(model, monitor)
    for seed in range(500):
        text = written(random.Random(seed))
        inner.seed = seed  # type: ignore[attr-defined]
        at_once = monitor.scrubber.clean(Stage.FINAL_OUTPUT, text)
        assert MAIL not in at_once
        assert "".join(str(chunk.content) for chunk in inner.stream("go")) == at_once, seed
        if seed % 5 == 0:
            shown, events, returned = await _three_ways(safe)
            assert (shown, events, returned) == (at_once, at_once, at_once), seed


async def _three_ways(safe: Any) -> tuple[str, str, str]:
    shown = events = returned = ""
    async for event in safe.astream_events(HELLO, version="v2", stream_mode=["messages", "values"]):
        data = event["data"]
        if event["event"] == "on_chat_model_stream":
            events += data["chunk"].content
        elif event["event"] == "on_chain_stream" and not event["parent_ids"]:
            mode, item = data["chunk"]
            if mode == "messages":
                shown += item[0].content
            else:
                returned = str(item["messages"][-1].content)
    return shown, events, returned


# -- blocks, reasoning, calls ---------------------------------------------------------------


class Blocks(ScriptedModel):
    """Streams blocks in pieces, as providers do that number them."""

    def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        message = self._turn(messages)
        for index, block in enumerate(message.content):
            assert isinstance(block, dict)
            [name] = set(block) - {"type"}
            for start in range(0, len(block[name]), 5):
                part = {"type": block["type"], name: block[name][start : start + 5], "index": index}
                yield ChatGenerationChunk(message=AIMessageChunk(content=[part]))


def test_blocks_stream_live_each_by_itself(store: Store) -> None:
    long = "plain words that nobody has to hold back for long, one after the other. " * 3
    message = AIMessage(
        content=[
            {"type": "reasoning", "reasoning": f"{long}the card is {CARD}"},
            {"type": "text", "text": f"{long}write to {MAIL}"},
        ]
    )
    model = guard_model(Blocks(script=[message]), monitor_of(store))
    chunks = list(model.stream("go"))
    assert len([chunk for chunk in chunks if chunk.content]) > 20
    whole = chunks[0] + chunks[1:]
    blocks: Any = whole.content
    assert [(block["type"], block[block["type"]]) for block in blocks] == [
        ("reasoning", f"{long}the card is [CARD]"),
        ("text", f"{long}write to [EMAIL]"),
    ]


def monitor_of(store: Store, *tools: Any, **pii: Any) -> Monitor:
    from guarded_agent.agent.describe import Shape

    specs = [Shape.of(item).spec for item in tools]
    return open_monitor(policy(*(item.name for item in tools), **pii), store, specs)


@tool
def note(text: str) -> str:
    """Note something."""
    return "noted"


def test_arguments_pass_as_they_come_unless_the_policy_redacts_them(store: Store) -> None:
    model = ScriptedModel(script=[say("", call("note", "c1", text=f"mail {MAIL}"))])
    chunks = list(guard_model(model, monitor_of(store, note)).stream("go"))
    pieces = [part["args"] for chunk in chunks for part in chunk.tool_call_chunks]
    assert len(pieces) > 5
    assert json.loads("".join(str(piece) for piece in pieces)) == {"text": f"mail {MAIL}"}


def test_redacted_arguments_come_at_the_end_and_are_json(store: Store) -> None:
    odd = 'say "hi" to ' + MAIL + " \\ and é"
    model = ScriptedModel(script=[say("", call("note", "c1", text=odd))])
    monitor = monitor_of(store, note, tool_arguments=BOTH)
    chunks = list(guard_model(model, monitor).stream("go"))
    [piece] = [part for chunk in chunks for part in chunk.tool_call_chunks]
    assert json.loads(str(piece["args"])) == {"text": 'say "hi" to [EMAIL] \\ and é'}
    assert (piece["name"], piece["id"]) == ("note", "c1")


def test_log_probabilities_do_not_spell_what_was_replaced(store: Store) -> None:
    class Spelling(ScriptedModel):
        def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            for piece in (CARD[:9], CARD[9:]):
                info = {"logprobs": {"content": [{"token": piece}]}}
                yield ChatGenerationChunk(
                    message=AIMessageChunk(content=piece), generation_info=info
                )

    chunks = list(guard_model(Spelling(script=[]), monitor_of(store)).stream("go"))
    assert "1111" not in repr(chunks)


def test_a_providers_error_does_not_repeat_the_prompt(store: Store) -> None:
    class TooLong(ValueError):
        def __init__(self, code: int, text: str) -> None:
            super().__init__(text)
            self.status_code = code

    def turn(_messages: Any) -> AIMessage:
        raise TooLong(400, f"the prompt is too long: write to {MAIL}")

    model = guard_model(ScriptedModel(script=[turn]), monitor_of(store))
    for ask in (model.invoke, lambda text: list(model.stream(text))):
        with pytest.raises(TooLong, match="too long") as caught:
            ask("go")
        assert caught.value.status_code == 400
        assert MAIL not in repr((caught.value, caught.value.__cause__, caught.value.__context__))


# -- structured answers ---------------------------------------------------------------------


class Person(BaseModel):
    mail: str
    age: int


@dataclass
class Contact:
    mail: str
    age: int


class Entry(TypedDict):
    mail: str
    age: int


FORMS: dict[str, Any] = {"pydantic": Person, "dataclass": Contact, "typed dict": Entry}


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
@pytest.mark.parametrize("how", ["invoke", "stream"])
def test_a_structured_answer_keeps_its_type_and_holds_no_address(
    store: Store, kind: str, strategy: Any, how: str
) -> None:
    form = FORMS[kind]
    said = {"mail": MAIL, "age": 4}
    if strategy is ToolStrategy:
        turn = say("", call(form.__name__, "c1", **said))
    else:
        turn = say(json.dumps(said))
    agent = create_agent(ScriptedModel(script=[turn]), [], response_format=strategy(form))
    safe: Any = guard(agent, store=store)
    if how == "invoke":
        answer = safe.invoke(HELLO, THREAD)["structured_response"]
    else:
        modes: Any = ["values", "messages", "updates"]
        seen = list(safe.stream(HELLO, THREAD, stream_mode=modes))
        assert MAIL not in repr(seen)
        answer = safe.get_state(THREAD).values["structured_response"]
    expected = form(mail="[EMAIL]", age=4) if form is not Entry else {"mail": "[EMAIL]", "age": 4}
    assert answer == expected
    assert type(answer) is type(expected)
    assert MAIL not in repr(list(safe.checkpointer.list(THREAD)))


@pytest.mark.parametrize("how", ["invoke", "stream"])
def test_an_answer_in_json_stays_json_where_a_number_is_replaced(store: Store, how: str) -> None:
    class Account(TypedDict):
        card: int | str

    turn = say(json.dumps({"card": int(CARD.replace(" ", ""))}))
    model = ScriptedModel(script=[turn])
    safe = guard(create_agent(model, [], response_format=ProviderStrategy(Account)), store=store)
    if how == "invoke":
        safe.invoke(HELLO, THREAD)
    else:
        list(safe.stream(HELLO, THREAD, stream_mode="messages"))
    assert safe.get_state(THREAD).values["structured_response"] == {"card": "[CARD]"}


# -- what people say -------------------------------------------------------------------------

INPUTS: dict[str, Any] = {
    "pairs": {"messages": [("user", f"mail {MAIL}")]},
    "mappings": {"messages": [{"role": "user", "content": f"mail {MAIL}"}]},
    "messages": {"messages": [HumanMessage(f"mail {MAIL}")]},
    "one message": {"messages": HumanMessage(f"mail {MAIL}")},
    "text": {"messages": f"mail {MAIL}"},
    "blocks": {"messages": [HumanMessage([{"type": "text", "text": f"mail {MAIL}"}])]},
    "a command": Command(update={"messages": [("user", f"mail {MAIL}")]}),
}


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("how", ["invoke", "ainvoke", "update_state", "aupdate_state"])
def test_what_a_person_says_is_judged_in_every_shape(store: Store, kind: str, how: str) -> None:
    given = INPUTS[kind]
    agent = create_agent(ScriptedModel(script=[say("Hi."), say("Hi.")]), [])
    safe = guard(agent, policy=policy(input=BOTH), store=store)
    safe.invoke(HELLO, THREAD)
    if how.endswith("update_state"):
        given = given.update if isinstance(given, Command) else given
        if how == "update_state":
            safe.update_state(THREAD, given)
        else:
            asyncio.run(safe.aupdate_state(THREAD, given))
    elif how == "invoke":
        safe.invoke(given, THREAD)
    else:
        asyncio.run(safe.ainvoke(given, THREAD))
    kept = [item.text for item in safe.get_state(THREAD).values["messages"]]
    assert "mail [EMAIL]" in kept
    assert MAIL not in repr(list(safe.checkpointer.list(THREAD)))


def test_a_denied_input_is_withheld_and_still_a_message(store: Store) -> None:
    class NoMoonIn(NoMoon):
        stages = frozenset({Stage.INPUT})

    for given in ([("user", "the moon")], [{"role": "user", "content": "the moon"}]):
        agent = create_agent(ScriptedModel(script=[say("Hi.")]), [])
        out = guard(agent, store=store, guards=[NoMoonIn()]).invoke({"messages": given})
        assert out["messages"][0].content == "[withheld by guarded_agent]"


# -- what code says by itself ------------------------------------------------------------------


def one_node(node: Any, store: Store, **options: Any) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("speak", node)
    builder.add_edge(START, "speak")
    builder.add_edge("speak", END)
    return guard(builder.compile(), store=store, **options)


def test_a_node_writes_to_the_custom_stream_what_may_pass(store: Store) -> None:
    def speak(state: MessagesState) -> dict[str, Any]:
        get_stream_writer()({"progress": f"mail {MAIL}", "done": 0.5})
        return {}

    safe = one_node(speak, store)
    assert list(safe.stream(HELLO, stream_mode="custom")) == [
        {"progress": "mail [EMAIL]", "done": 0.5}
    ]


def test_the_writer_that_a_node_is_given_judges_too(store: Store) -> None:
    from langgraph.types import StreamWriter

    def speak(state: MessagesState, writer: StreamWriter) -> dict[str, Any]:
        writer(Contact(MAIL, 4))
        return {}

    speak.__annotations__["writer"] = StreamWriter
    safe = one_node(speak, store)
    assert list(safe.stream(HELLO, stream_mode="custom")) == [Contact("[EMAIL]", 4)]


def test_a_question_of_a_tools_own_is_judged(store: Store) -> None:
    @tool
    def book(name: str) -> str:
        """Book a table."""
        return str(interrupt({"ask": f"is {MAIL} right?"}))

    agent = create_agent(ScriptedModel(script=[say("", call("book", "c1", name="a"))]), [book])
    safe = guard(agent, policy=policy("book"), store=store)
    out = safe.invoke(HELLO, THREAD)
    assert [item.value for item in out["__interrupt__"]] == [{"ask": "is [EMAIL] right?"}]
    assert MAIL not in repr(list(safe.checkpointer.list(THREAD)))


class Bounced(ConnectionError):
    """An error of a tool's own."""


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_an_error_keeps_its_class_and_loses_its_words(store: Store, how: str) -> None:
    @tool
    def send(name: str) -> str:
        """Send."""
        try:
            raise KeyError(f"no {MAIL}")
        except KeyError as cause:
            raise Bounced(f"no route to {MAIL}") from cause

    told: list[BaseException] = []

    class Tap(BaseCallbackHandler):
        def on_tool_error(self, error: BaseException, **kwargs: Any) -> None:
            told.append(error)

        def on_chain_error(self, error: BaseException, **kwargs: Any) -> None:
            told.append(error)

    agent = create_agent(ScriptedModel(script=[say("", call("send", "c1", name="a"))]), [send])
    safe = guard(agent, policy=policy("send", tool_result=BOTH), store=store)
    config = {**THREAD, "callbacks": [Tap()]}

    def run() -> Any:
        if how == "ainvoke":
            return asyncio.run(safe.ainvoke(HELLO, config))
        return safe.invoke(HELLO, config)

    with pytest.raises(Bounced, match=r"no route to \[EMAIL\]") as caught:
        run()
    assert len(told) >= 2
    for error in [caught.value, *told]:
        assert MAIL not in repr((error, error.args, error.__cause__, error.__context__))
    assert MAIL not in repr(list(safe.checkpointer.list(THREAD)))


def test_an_error_whose_words_may_pass_stays_the_same_object(store: Store) -> None:
    raised: list[BaseException] = []

    def speak(state: MessagesState) -> dict[str, Any]:
        try:
            raise ValueError("no route")
        except ValueError as error:
            raised.append(error)
            raise

    with pytest.raises(ValueError, match="no route") as caught:
        one_node(speak, store).invoke(HELLO)
    assert caught.value is raised[0]


def test_what_answers_a_tools_error_is_judged(store: Store) -> None:
    from langchain_core.tools import ToolException

    @tool
    def send(name: str) -> str:
        """Send."""
        raise ToolException("no route")

    send.handle_tool_error = lambda error: f"{error}: charge {CARD}"
    turns = [say("", call("send", "c1", name="a")), say("Sorry.")]
    safe = guard(
        create_agent(ScriptedModel(script=turns), [send]), policy=policy("send"), store=store
    )
    out = safe.invoke(HELLO)
    assert out["messages"][2].content == "no route: charge [CARD]"
