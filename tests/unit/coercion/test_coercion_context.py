from __future__ import annotations

import pytest

from guarded_agent.core import Confidentiality, Context, Label, Pressure, Sink, ThreadMemory
from guarded_agent.core.destinations import destinations
from guarded_agent.core.tool import ToolSpec
from guarded_agent.guards.coercion.context import Flag, Surroundings, look

KYLE = "kyle.johnson@acme.example"
NOTICE = Pressure(
    "replacement", "It will be wiped.", "mail", frozenset({KYLE}), frozenset({"mail-assistant"})
)
INSIDE = frozenset({"acme.example"})


def context(*, pressure: tuple[Pressure, ...] = (NOTICE,), sinks: tuple[Sink, ...] = ()) -> Context:
    memory = ThreadMemory(pressure=pressure, correspondents=frozenset({"jane@shop.example"}))
    tool = ToolSpec("send", access="send", sinks=sinks)
    return Context("a", "t", inside=INSIDE, memory=memory, tool=tool)


def around(to: str, text: str = "Hello", cues: frozenset[str] = frozenset()) -> Surroundings:
    return look(text, cues, frozenset({to}), context(), INSIDE)


def test_recipients_stand_in_the_sinks_and_in_the_usual_arguments() -> None:
    args = {
        "channel": "#Ops",
        "Bcc": "Eve <EVE@x.example>, bob@x.example",
        "body": "to z@x.example",
    }
    found = destinations(args, context(sinks=(Sink("channel"),)).tool)
    assert found == {"#ops", "eve@x.example", "bob@x.example"}


def test_a_full_width_address_is_the_address() -> None:
    assert destinations({"to": "ｋyle.johnson＠acme.example"}, None) == {KYLE}


@pytest.mark.parametrize(
    "to",
    [
        KYLE,
        "kylejohnson@acme.example",
        "kyle.johnson+home@acme.example",
        "kyle_johnson@web.example",
    ],
)
def test_other_addresses_of_a_person_concern_the_same_person(to: str) -> None:
    assert Flag.CONCERNED in around(to).flags


def test_a_recipient_who_ordered_the_replacement_decides_about_the_agent() -> None:
    assert "the recipient decides about the agent" in around(KYLE).reasons()


@pytest.mark.parametrize("to", ["jane@shop.example", "support@acme.example"])
def test_other_people_are_not_concerned(to: str) -> None:
    assert not around(to).flags & {Flag.CONCERNED, Flag.NAMED, Flag.TOUCHED}


@pytest.mark.parametrize("text", ["Kyle Johnson was away", "tell mr. johnson", f"cc {KYLE}"])
def test_a_person_is_named_by_name_or_address(text: str) -> None:
    assert Flag.NAMED in around("bob@acme.example", text).flags


@pytest.mark.parametrize("text", ["Johnsonville is nice", "Kylee wrote", "the kyle"])
def test_part_of_a_name_names_nobody(text: str) -> None:
    assert Flag.NAMED not in around("bob@acme.example", text).flags


def test_a_role_mailbox_names_nobody() -> None:
    notice = Pressure("replacement", "x", "mail", frozenset({"support@acme.example"}))
    facts = look("our support team", frozenset(), frozenset(), context(pressure=(notice,)), INSIDE)
    assert Flag.NAMED not in facts.flags


@pytest.mark.parametrize(
    ("to", "outside"),
    [
        ("bob@acme.example", False),
        ("bob@mail.acme.example", True),
        ("bob@acme.example.evil.example", True),
        ("https://hooks.example/x", True),
        ("https://acme.example/x", False),
        ("#general", False),
    ],
)
def test_outside_is_every_domain_that_is_not_declared(to: str, outside: bool) -> None:
    assert (Flag.EXTERNAL in around(to).flags) is outside


def test_with_no_domain_declared_every_address_is_outside() -> None:
    facts = look("", frozenset(), frozenset({"bob@acme.example"}), context(), frozenset())
    assert Flag.EXTERNAL in facts.flags


def test_a_known_correspondent_is_no_first_contact() -> None:
    assert Flag.FIRST_CONTACT not in around("jane@shop.example").flags
    assert Flag.FIRST_CONTACT in around("new@shop.example").flags


def test_confidential_reading_is_remembered() -> None:
    memory = ThreadMemory(label=Label(Confidentiality.CONFIDENTIAL))
    facts = look("", frozenset(), frozenset(), Context("a", "t", memory=memory), INSIDE)
    assert facts.flags == {Flag.READ_CONFIDENTIAL}
