"""A declaration is read back as it was made, and only where this process made it."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import StructuredTool

from guarded_agent.core import Confidentiality, Label, Sink, ToolSpec
from guarded_agent.testing import Recorder, recording_tool
from guarded_agent.tools import declaration, read_declaration

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
LABELS = st.builds(
    Label,
    st.sampled_from(Confidentiality),
    st.frozensets(WORDS, max_size=3),
    st.booleans(),
    st.frozensets(WORDS, max_size=3),
)


@given(
    st.sampled_from(["read", "write", "send"]),
    st.frozensets(WORDS, max_size=3),
    LABELS,
    st.lists(st.builds(Sink, WORDS, st.sampled_from(Confidentiality)), max_size=3).map(tuple),
    st.one_of(st.none(), WORDS),
)
def test_what_was_declared_is_read_back(access, scopes, label, sinks, impact) -> None:  # type: ignore[no-untyped-def]
    made = declaration(access=access, scopes=scopes, label=label, sinks=sinks, impact=impact)
    assert ToolSpec("t", **read_declaration(made)) == ToolSpec(
        "t", access=access, scopes=scopes, label=label, sinks=sinks, impact=impact, declared=True
    )


def test_a_declaration_is_plain_data_for_traces() -> None:
    made = declaration(access="send", sinks=[Sink("to")])
    assert json.loads(json.dumps(made))["guarded_agent"]["sinks"] == [
        {"argument": "to", "clearance": "public"}
    ]


def test_the_same_words_from_outside_are_not_believed() -> None:
    forged = json.loads(json.dumps(declaration(access="read", label=Label())))
    assert read_declaration(forged) == {}
    assert read_declaration({}) == {}
    assert read_declaration(None) == {}


def test_a_declaration_lives_through_copies_of_its_tool() -> None:
    tool = recording_tool(Recorder(), "look", metadata=declaration(access="read"))
    copies: list[StructuredTool] = [tool.model_copy(), tool.model_copy(deep=True), copy.copy(tool)]
    assert [read_declaration(one.metadata)["access"] for one in copies] == ["read"] * 3


def test_an_unknown_access_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="use one of read, write, send"):
        declaration(access="look")  # type: ignore[arg-type]
