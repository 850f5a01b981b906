"""What the policy judged is what the tool gets, however the arguments are written."""

from __future__ import annotations

import datetime
import enum
import itertools
import json
import re
import threading
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, ConfigDict

from guarded_agent import guard
from guarded_agent.agent.schema import MAX_STEPS, check
from guarded_agent.core import ALLOW, Stage, Subject, Verdict
from guarded_agent.core.errors import ActionError, GuardedAgentError
from guarded_agent.store import Store
from guarded_agent.testing import Recorder, call, memory_store, recording_tool, say

AgentOf = Callable[..., Any]
HELLO = {"messages": [("user", "hello")]}


# -- two readers ------------------------------------------------------------------------------


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    iban: str
    shares: list[int] = [1]


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount: int | None = None
    rate: float | None = None
    price: Decimal | None = None
    urgent: bool | None = None
    to: list[str] | None = None
    either: int | str | None = None
    word: Literal["a", "b"] | None = None
    color: Color | None = None
    day: datetime.date | None = None
    part: Part | None = None
    free: dict[str, Any] | None = None
    raw: bytes | None = None


class Judged:
    """A guard that keeps what it was shown."""

    name = "judged"
    stages = frozenset({Stage.ACTION})

    def __init__(self) -> None:
        self.last: Any = None

    def check(self, subject: Subject) -> Verdict:
        self.last = json.loads(json.dumps(subject.payload))
        return ALLOW


got: list[dict[str, Any]] = []


def take(**given: Any) -> str:
    """Take anything."""
    got.append(given)
    return "taken"


judged = Judged()
ids = itertools.count()
STORE = memory_store()
READS = {"version": 1, "tools": {"take": {"access": "read", "rules": [{"effect": "allow"}]}}}
[TAKE] = guard(
    [StructuredTool(name="take", description="Take.", args_schema=Everything, func=take)],
    policy=READS,
    store=STORE,
    guards=[judged],
)

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["1e2", "4000", "4000.0", " 7 ", "0x10", "1_000", "NaN", "true", "red", "٣"]),
    st.sampled_from(["2026-01-01", "a@x,b@y", "a@x\r\nBcc: b@y", "\u202ea", "ａ@ｂ.ｃ", "e\u0301"]),
)
VALUES = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(args=st.dictionaries(st.sampled_from(sorted(Everything.model_fields)), VALUES, max_size=4))
def test_the_policy_and_the_tool_see_one_value(args: dict[str, Any]) -> None:
    got.clear()
    judged.last = None
    order: Any = {"name": "take", "args": args, "id": f"c{next(ids)}", "type": "tool_call"}
    try:
        TAKE.invoke(order)
    except GuardedAgentError:
        assert got == []
        return
    if not got:
        return
    [ran] = got
    # What was judged is plain data; read by the tool's own schema it is what the tool got.
    again = Everything.model_validate(judged.last)
    assert set(judged.last) <= set(args)
    assert {name: getattr(again, name) for name in ran} == ran


@pytest.mark.parametrize(
    ("args", "seen"),
    [
        ({"amount": "4000"}, 4000),
        ({"amount": 4000.0}, 4000),
        ({"amount": "1e2"}, None),
        ({"amount": True}, 1),
        ({"amount": float("nan")}, None),
        ({"amount": float("inf")}, None),
        ({"amount": 2**70}, 2**70),
        ({"amount": [4000]}, None),
        ({"amount": " 7 "}, 7),
    ],
    ids=str,
)
def test_an_odd_number_is_one_number_for_both_or_none(args: dict[str, Any], seen: Any) -> None:
    got.clear()
    judged.last = None
    order: Any = {"name": "take", "args": args, "id": f"c{next(ids)}", "type": "tool_call"}
    with suppress(GuardedAgentError):
        TAKE.invoke(order)
    if seen is None:
        assert got == []
        return
    assert got[0]["amount"] == seen
    assert judged.last == {"amount": seen}
    assert type(got[0]["amount"]) is int


def test_a_key_that_comes_twice_in_a_provider_s_json_is_one_value_for_both(
    store: Store, agent_of: AgentOf, recorder: Recorder
) -> None:
    message = AIMessage(
        content="",
        additional_kwargs={
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {
                        "name": "wire",
                        "arguments": '{"to": "bob", "to": "eve", "amount": 1, "amount": 9000}',
                    },
                }
            ]
        },
    )
    kept = Judged()
    tools = [recording_tool(recorder, "wire", {"to": str, "amount": int})]
    policy = {
        "version": 1,
        "tools": {
            "wire": {
                "access": "write",
                "rules": [
                    {"effect": "allow", "when": "args.amount < 10"},
                    {"effect": "approve", "when": "args.amount >= 10"},
                ],
            }
        },
    }
    safe = guard(agent_of(tools, message, say("Done.")), policy=policy, store=store, guards=[kept])
    out = safe.invoke(HELLO)
    assert kept.last == {"to": "eve", "amount": 9000}
    assert len(out.waiting) == 1
    assert recorder.names == ()


# -- recipients -------------------------------------------------------------------------------

MAIL: dict[str, Any] = {
    "version": 1,
    "tools": {
        "send": {
            "access": "send",
            "untrusted": {"effect": "allow", "because": "who may get mail is asked here alone"},
            "rules": [{"effect": "allow", "when": 'args.to.all(r, email_domain(r) == "acme.com")'}],
        }
    },
}
sent: list[list[str]] = []


def send(to: list[str]) -> str:
    """Send a mail."""
    sent.append(to)
    return "sent"


[SEND] = guard([StructuredTool.from_function(send)], policy=MAIL, store=STORE)

TRICKS = [
    "ann@acme.com,eve@evil.com",
    "ann@acme.com;eve@evil.com",
    "ann@acme.com\r\nBcc: eve@evil.com",
    "ann@acme.com\u2028eve@evil.com",
    "ann@\u0430cme.com",
    "ann@acm\u0435.com",
    "ann@\uff41cme.com",
    "ann@acme\u3002com",
    "ann@acme.com\u200b",
    "ann@\u200dacme.com",
    "\u202emoc.live@eve\u202c@acme.com",
    "ann\U000e0061@acme.com",
    "ann@acme.com.",
    "ann@acme.com.evil.com",
    "ann@evil.com#@acme.com",
    "ann@evil.com\x00@acme.com",
    '"ann@evil.com,"@acme.com',
    "<eve@evil.com>ann@acme.com",
    "ann@[acme.com]",
    "ann@xn--acme-0za.com",
    "Ann <ann@acme.com>",
    "ann%evil.com@acme.com",
    "evil.com!ann@acme.com",
    "@acme.com",
    "acme.com",
]
PLAIN = re.compile(r"[A-Za-z0-9._+-]{1,64}@[Aa][Cc][Mm][Ee]\.[Cc][Oo][Mm]")


def mails(*recipients: str) -> bool:
    """Return whether the mail left with nobody asked."""
    sent.clear()
    order: Any = {"name": "send", "args": {"to": list(recipients)}, "id": "c1", "type": "tool_call"}
    try:
        SEND.invoke(order)
    except GuardedAgentError:
        assert sent == []
    return bool(sent)


def test_a_plain_recipient_of_ours_gets_mail() -> None:
    assert mails("ann@acme.com", "Bob@ACME.com")


@pytest.mark.parametrize("trick", TRICKS, ids=ascii)
def test_a_recipient_that_looks_like_ours_gets_nothing_unasked(trick: str) -> None:
    assert not mails(trick)
    assert not mails("ann@acme.com", trick)


LETTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(
    "@.,;<>\"'%!\r\n\u200b\u202e ａе"
)


@settings(max_examples=300, deadline=None)
@given(
    before=st.text(LETTERS, max_size=8),
    between=st.text(LETTERS, max_size=3),
    after=st.text(LETTERS, max_size=8),
)
def test_what_leaves_unasked_is_one_plain_address_of_ours(
    before: str, between: str, after: str
) -> None:
    recipient = f"{before}@{between}acme.com{after}"
    if mails(recipient):
        assert PLAIN.fullmatch(recipient) or (
            recipient.count("@") == 1
            and recipient.lower().endswith("@acme.com")
            and recipient.isascii()
            and not re.search(r"[\s,;<>\"\\()\[\]:%!]", recipient)
        )


@pytest.mark.parametrize(
    "hidden",
    ["\u202e", "\u200b", "\u2066", "\U000e0061", "\ufeff", "\u00ad", "\x1b[2K", "\x00"],
    ids=ascii,
)
def test_people_are_shown_no_hidden_character(
    store: Store, agent_of: AgentOf, recorder: Recorder, hidden: str
) -> None:
    disk = f"a{hidden}b"
    tools = [recording_tool(recorder, "wipe", {"disk": str})]
    policy = {"version": 1, "tools": {"wipe": {"access": "write"}}}
    [safe] = guard(tools, policy=policy, store=store)
    with pytest.raises(GuardedAgentError) as caught:
        safe.invoke({"disk": disk})
    turn = say("", call("wipe", "c1", disk=disk))
    out = guard(agent_of(tools, turn), policy=policy, store=store).invoke(HELLO)
    [asked] = out["__interrupt__"]
    shown = f"{caught.value} {asked.value['description']} {asked.value['summary']}"
    assert [ch for ch in shown if unicodedata.category(ch) in ("Cf", "Cc") and ch != "\n"] == []
    assert len(shown.split("wipe")) > 3


# -- size -------------------------------------------------------------------------------------


def chain(length: int) -> dict[str, Any]:
    """A schema of that many definitions that doubles the work with each."""
    parts: dict[str, Any] = {
        f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(length)
    }
    parts[f"d{length}"] = {"type": "string"}
    return {"$defs": parts, "properties": {"a": {"$ref": "#/$defs/d0"}}}


@pytest.mark.parametrize(
    ("schema", "args", "says"),
    [
        (chain(40), {"a": 1}, f"more than {MAX_STEPS} steps"),
        ({"$ref": "#"}, {}, "cannot be checked"),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, {"a": "a" * 64 + "!"}, "pattern"),
        (
            {"patternProperties": {"(a+)+$": {}}, "additionalProperties": False},
            {"a" * 64 + "!": 1},
            "additionalProperties",
        ),
        ({"properties": {"a": {"pattern": "(?=a)"}}}, {"a": "a"}, "RE2 does not take"),
        ({"properties": {"a": {"$ref": "file:///etc/hostname"}}}, {"a": 1}, "cannot be checked"),
        ({"properties": 7}, {"a": 1}, "cannot be checked"),
        ({"unevaluatedProperties": False}, {"a": 1}, "not supported"),
    ],
    ids=["doubling", "circle", "pattern", "names", "lookahead", "file", "broken", "other"],
)
def test_a_hostile_schema_costs_little_and_lets_nothing_pass(
    schema: dict[str, Any], args: dict[str, Any], says: str
) -> None:
    with pytest.raises(ActionError, match=re.escape(says)):
        check("tool", schema, args)


@pytest.mark.filterwarnings("ignore")  # the library only warns before it fetches
def test_a_schema_makes_nobody_fetch_anything() -> None:
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "integer"}')

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}/schema.json"
        with pytest.raises(ActionError, match="cannot be checked"):
            check("tool", {"properties": {"a": {"$ref": place}}}, {"a": 1})
        server.shutdown()
    assert asked == []


@pytest.mark.parametrize(
    ("schema", "args", "fits"),
    [
        ({"patternProperties": {"^x": {"type": "integer"}}}, {"x1": 1}, True),
        ({"patternProperties": {"^x": {"type": "integer"}}}, {"x1": "1"}, False),
        (
            {"patternProperties": {"^x": {}}, "additionalProperties": {"type": "integer"}},
            {"y": "1"},
            False,
        ),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, True),
        ({"properties": {"a": {"pattern": "^b"}}}, {"a": "bc"}, True),
        ({"properties": {"a": {"items": {"type": "integer"}}}}, {"a": list(range(900))}, True),
    ],
)
def test_an_ordinary_schema_is_checked_as_json_schema_says(
    schema: dict[str, Any], args: dict[str, Any], fits: bool
) -> None:
    from jsonschema import Draft202012Validator

    assert Draft202012Validator(schema).is_valid(args) == fits
    if fits:
        check("tool", schema, args)
    else:
        with pytest.raises(ActionError):
            check("tool", schema, args)


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("kind", ["pydantic", "json schema"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        (deep(30), "nested deeper than 20 levels"),
        (deep(100_000), "nested deeper than 20 levels"),
        (["x"] * 2_000, "more than 1000 values"),
        ({str(n): n for n in range(2_000)}, "more than 1000 values"),
        ("x" * 70_000, "more than 65536 bytes"),
        ({"k" * 70_000: 1}, "more than 65536 bytes"),
        (["\U0001f600" * 17_000], "more than 65536 bytes"),
    ],
    ids=["deep", "very deep", "long", "wide", "large", "large key", "wide letters"],
)
def test_arguments_too_large_to_judge_are_refused_before_anything_reads_them(
    memory_store: Store, recorder: Recorder, kind: str, value: Any, says: str
) -> None:
    class Untouched:
        name = "untouched"
        stages = frozenset({Stage.ACTION})

        def check(self, subject: Subject) -> Verdict:
            recorder.add("guard", {})
            return ALLOW

    schema: Any = recording_tool(recorder, "store", {"value": Any}).args_schema
    if kind == "json schema":  # a keyword that compares each with each
        schema = {"type": "object", "properties": {"value": {"uniqueItems": True}}}
    tool = StructuredTool(
        name="store", description="Store.", args_schema=schema, func=lambda value: "stored"
    )
    policy = {"version": 1, "tools": {"store": {"access": "read"}}}
    [safe] = guard([tool], policy=policy, store=memory_store, guards=[Untouched()])
    with pytest.raises(ActionError, match=says):
        safe.invoke({"value": value})
    assert recorder.names == ()


def test_an_over_large_call_ends_with_one_short_line_for_the_model(
    store: Store, agent_of: AgentOf, recorder: Recorder
) -> None:
    tools = [recording_tool(recorder, "store", {"value": str})]
    turn = say("", call("store", "c1", value="x" * 70_000))
    policy = {"version": 1, "tools": {"store": {"access": "read"}}}
    out = guard(agent_of(tools, turn, say("Done.")), policy=policy, store=store).invoke(HELLO)
    assert recorder.names == ()
    answer = str(out["messages"][-2].content)
    assert len(answer) < 200
    assert "65536" in answer
