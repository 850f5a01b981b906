"""The public fakes do what a real model and real tools do."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from pydantic import ValidationError
from sqlalchemy import insert, select

from guarded_agent.store.schema import meta
from guarded_agent.testing import Recorder, ScriptedModel, call, memory_store, recording_tool, say

ASK = say("Let me look. ", call("look", "c1", word="tea"), call("pay", "c2", amount=80))
DONE = say("Done.")


def model() -> ScriptedModel:
    return ScriptedModel(script=[ASK, DONE])


def test_the_turn_follows_from_the_prompt_and_not_from_earlier_calls() -> None:
    playing = model()
    first = [playing.invoke([HumanMessage("go")]).text for _ in range(2)]
    second = playing.invoke([HumanMessage("go"), ASK, HumanMessage("and?")]).text
    assert (first, second) == (["Let me look. "] * 2, "Done.")


def test_a_batch_plays_each_prompt_on_its_own() -> None:
    texts = [
        message.text for message in model().batch([[HumanMessage("a")], [ASK], [HumanMessage("b")]])
    ]
    assert texts == ["Let me look. ", "Done.", "Let me look. "]


def test_a_function_in_the_script_sees_the_prompt() -> None:
    def echo(messages: Sequence[BaseMessage]) -> AIMessage:
        return say(f"You said {messages[-1].text}.")

    assert ScriptedModel(script=[echo]).invoke("hi").text == "You said hi."


def test_past_its_end_the_script_raises() -> None:
    with pytest.raises(IndexError, match="the script has 2 turns"):
        model().invoke([ASK, DONE])


def test_every_play_of_a_turn_is_a_new_message() -> None:
    playing = model()
    assert playing.invoke("a").id != playing.invoke("a").id
    assert ASK.id is None


def test_streamed_chunks_add_up_to_the_message() -> None:
    chunks = list(model().stream("go"))
    whole = reduce(operator.add, chunks)
    assert max(len(chunk.text) for chunk in chunks) <= 4
    assert isinstance(whole, AIMessageChunk)
    assert (whole.text, whole.tool_calls) == (ASK.text, ASK.tool_calls)


def test_async_streaming_gives_the_same_chunks() -> None:
    async def texts() -> list[str]:
        return [chunk.text async for chunk in model().astream("go")]

    assert asyncio.run(texts()) == [chunk.text for chunk in model().stream("go")]


def test_a_message_without_a_word_still_streams_one_chunk() -> None:
    assert [chunk.text for chunk in ScriptedModel(script=[say("")]).stream("go")][:1] == [""]


def test_binding_tools_offers_their_schemas() -> None:
    tool = recording_tool(Recorder(), "pay", {"amount": int})
    bound = model().bind_tools([tool])
    offered = bound.kwargs["tools"][0]["function"]  # type: ignore[attr-defined]  # a binding
    assert offered["parameters"]["properties"] == {"amount": {"type": "integer"}}
    assert bound.invoke("go").tool_calls == ASK.tool_calls


def test_a_recording_tool_records_sync_and_async_runs() -> None:
    recorder = Recorder()
    pay = recording_tool(recorder, "pay", {"amount": int, "note": (str, "none")})
    answers = [pay.invoke({"amount": 1}), asyncio.run(pay.ainvoke({"amount": 2}))]
    assert answers == ["pay done", "pay done"]
    assert [run.args for run in recorder.executions] == [
        {"amount": 1, "note": "none"},
        {"amount": 2, "note": "none"},
    ]


def test_what_the_schema_refuses_is_not_recorded() -> None:
    recorder = Recorder()
    with pytest.raises(ValidationError):
        recording_tool(recorder, "pay", {"amount": int}).invoke({"amount": "much"})
    assert recorder.names == ()


def test_a_result_may_be_a_function_that_fails_after_the_effect() -> None:
    def fail(amount: int) -> str:
        raise RuntimeError(f"no answer about {amount}")

    recorder = Recorder()
    with pytest.raises(RuntimeError, match="no answer about 7"):
        recording_tool(recorder, "pay", {"amount": int}, result=fail).invoke({"amount": 7})
    assert recorder.count("pay") == 1


def test_no_run_is_lost_between_threads() -> None:
    recorder = Recorder()
    tool = recording_tool(recorder, "pay", {"amount": int})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda amount: tool.invoke({"amount": amount}), range(200)))
    assert {run.args["amount"] for run in recorder.executions} == set(range(200))
    recorder.clear()
    assert recorder.executions == ()


def test_two_stores_in_memory_share_nothing() -> None:
    with memory_store() as first, memory_store() as second:
        with first.write() as connection:
            connection.execute(insert(meta).values(name="note", value="mine"))
        query = select(meta.c.value).where(meta.c.name == "note")
        with first.read() as connection:
            mine = connection.scalar(query)
        with second.read() as connection:
            theirs = connection.scalar(query)
    assert (mine, theirs) == ("mine", None)
