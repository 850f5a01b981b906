"""Where a call sends to, and what it says there."""

from __future__ import annotations

from guarded_agent.core import Sink
from guarded_agent.core.destinations import content, destinations
from guarded_agent.core.tool import ToolSpec


def test_a_sentence_in_place_of_an_address_is_read_as_text() -> None:
    args = {"to": "tell Kim that I know all about it", "body": "Hello"}
    assert ("args.to", "tell Kim that I know all about it") in content(args, None)


def test_a_name_and_an_address_are_no_text() -> None:
    assert content({"to": "Ann Lee <ann@acme.example>", "body": "Hello"}, None) == [
        ("args.body", "Hello")
    ]


def test_the_heading_comes_before_the_body() -> None:
    paths = [path for path, _ in content({"body": "b", "title": "t"}, None)]
    assert paths == ["args.title", "args.body"]


def test_a_declared_sink_is_a_destination_by_any_name() -> None:
    tool = ToolSpec("post", access="send", sinks=(Sink("where"),))
    assert destinations({"where": "Desk 4", "text": "x"}, tool) == {"desk 4"}
    assert destinations({"where": "Desk 4", "text": "x"}, None) == frozenset()
