"""Everything that carries text: looked through, replaced, and built again as what it was."""

from __future__ import annotations

import enum
import sys
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import attrs
import pytest
from langchain_core.messages import AIMessage, ToolMessage
from pydantic import BaseModel, ConfigDict

from guarded_agent.guards.scrub import Hit, scrub
from guarded_agent.guards.text import MAX_NODES, Unscannable, leaves

CARD = "4111111111111111"


def find(text: str) -> list[Hit]:
    hits: list[Hit] = []
    at = text.find(CARD)
    while at >= 0:
        hits.append(Hit(at, at + 16, "card", "[CARD]"))
        at = text.find(CARD, at + 16)
    return hits


def cleaned(value: Any, **options: Any) -> Any:
    return scrub(value, find, **options).value


class Row(NamedTuple):
    note: str
    pages: int


class Note(BaseModel):
    model_config = ConfigDict(extra="allow")
    body: str
    number: int = 1


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    body: str


@dataclass(frozen=True)
class Letter:
    body: str
    number: int = 1
    parts: list[str] = field(default_factory=list)


@attrs.frozen
class Parcel:
    body: str


class Plain:
    def __init__(self, body: str) -> None:
        self.body = body
        self.pages = 3


class Word(str):
    __slots__ = ()


class Colour(enum.Enum):
    RED = f"red {CARD}"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ({"a": f"x {CARD}"}, {"a": "x [CARD]"}),
        ([CARD, ["b"]], ["[CARD]", ["b"]]),
        ((CARD, 1), ("[CARD]", 1)),
        ({CARD, "b"}, {"[CARD]", "b"}),
        (frozenset({CARD}), frozenset({"[CARD]"})),
        (deque([CARD, "b"], maxlen=5), deque(["[CARD]", "b"], maxlen=5)),
        (Row(CARD, 2), Row("[CARD]", 2)),
        (OrderedDict(a=CARD), OrderedDict(a="[CARD]")),
        (MappingProxyType({"a": CARD}), {"a": "[CARD]"}),
        (Note(body=CARD), Note(body="[CARD]")),
        (Note(body="b", more=CARD), Note(body="b", more="[CARD]")),  # type: ignore[call-arg]
        (Frozen(body=CARD), Frozen(body="[CARD]")),
        (Letter(CARD, parts=[CARD]), Letter("[CARD]", parts=["[CARD]"])),
        (Parcel(CARD), Parcel("[CARD]")),
        (SimpleNamespace(body=CARD), SimpleNamespace(body="[CARD]")),
        (CARD.encode(), b"[CARD]"),
        (bytearray(CARD, "ascii"), bytearray(b"[CARD]")),
        (memoryview(CARD.encode()), memoryview(b"[CARD]")),
        ([int(CARD), float(CARD)], ["[CARD]", "[CARD]"]),
        ([Colour.RED, Colour.BLUE], ["red [CARD]", Colour.BLUE]),
        (PurePosixPath("/in") / CARD, "/in/[CARD]"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_is_found_and_the_type_stays(value: Any, clean: Any) -> None:
    done = cleaned(value)
    assert done == clean
    assert type(done) is type(clean)


def test_a_field_for_numbers_keeps_a_number() -> None:
    assert cleaned(Note(body="b", number=int(CARD))).number == 0
    assert cleaned(Letter("b", number=int(CARD))).number == 0


def test_a_plain_object_is_copied_not_changed() -> None:
    before = Plain(CARD)
    after = cleaned(before)
    assert (type(after), after.body, after.pages) == (Plain, "[CARD]", 3)
    assert before.body == CARD


def test_a_defaultdict_keeps_its_default() -> None:
    value = defaultdict(list, a=[CARD])
    assert cleaned(value)["other"] == []


@pytest.mark.parametrize("kind", ["message", "tool result"])
def test_messages_are_looked_through_whole(kind: str) -> None:
    calls = [{"name": "pay", "args": {"card": CARD, "n": [int(CARD)]}, "id": "1"}]
    message: Any = (
        AIMessage([{"type": "reasoning", "reasoning": CARD}], tool_calls=calls)
        if kind == "message"
        else ToolMessage("done", tool_call_id="1", artifact={"rows": [CARD, Plain(CARD)]})
    )
    after = cleaned(message)
    assert type(after) is type(message)
    assert CARD not in str(after)
    if kind == "tool result":
        assert after.artifact["rows"][1].body == "[CARD]"


def raised() -> Exception:
    try:
        try:
            raise KeyError(f"first {CARD}")
        except KeyError as cause:
            error = OSError(5, f"reading {CARD}")
            error.add_note(f"a note on {CARD}")
            raise error from cause
    except OSError as error:
        return error


def test_errors_are_looked_through_with_notes_and_causes() -> None:
    error = raised()
    after = cleaned(error)
    assert (type(after), str(after)) == (OSError, "[Errno 5] reading [CARD]")
    assert after.__notes__ == ["a note on [CARD]"]
    assert str(after.__cause__) == "'first [CARD]'"
    assert after.__traceback__ is error.__traceback__


def test_a_group_of_errors_is_looked_through() -> None:
    after = cleaned(ExceptionGroup(f"two {CARD}", [ValueError(CARD), ValueError("b")]))
    assert str(after).startswith("two [CARD]")
    assert [str(each) for each in after.exceptions] == ["[CARD]", "b"]


def test_keys_are_looked_through_where_it_is_asked_for() -> None:
    value = {CARD: 1, f"{CARD} ": {"b": CARD}, 4111111111111111: 2, "c": 3}
    assert cleaned(value)[CARD] == 1
    assert cleaned(value, keys=True) == {
        "[CARD]": 1,
        "[CARD] ": {"b": "[CARD]"},
        "[CARD] (2)": 2,
        "c": 3,
    }
    spots = scrub({CARD: 1}, find, keys=True).spots
    assert [(spot.path, spot.span) for spot in spots] == [("?", (0, 16))]


@pytest.mark.parametrize(
    "value",
    [
        {"a": ["b", (1, {"c"}), deque(["d"])]},
        Note(body="b"),
        Letter("b", parts=["c"]),
        Plain("b"),
        AIMessage("hello"),
        [b"bytes", Colour.BLUE],
    ],
)
def test_a_value_without_findings_is_the_very_same_object(value: Any) -> None:
    assert cleaned(value) is value


def test_parts_without_findings_stay_the_very_same_objects() -> None:
    rest = {"deep": ["b"]}
    value = {"a": CARD, "rest": rest}
    assert cleaned(value)["rest"] is rest


def test_lists_that_hold_each_other_end() -> None:
    circle: list[Any] = []
    circle.append(circle)
    tower: Any = []
    for _ in range(50):
        tower = [tower, tower]
    for endless in (circle, tower):
        with pytest.raises(Unscannable, match=r"nested deeper|more than"):
            leaves(endless)
    assert MAX_NODES < 1_000_000


@pytest.mark.parametrize("value", [object(), open, sys, iter([]), (n for n in ()), lambda: 1])
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(Unscannable, match="not plain data"):
        leaves([value])


def test_arrays_of_numpy_are_looked_through() -> None:
    numpy = pytest.importorskip("numpy")
    texts = numpy.array([[CARD, "b"], ["c", CARD]])
    after = cleaned(texts)
    assert after.tolist() == [["[CARD]", "b"], ["c", "[CARD]"]]
    assert (after.dtype.kind, after.shape) == ("U", (2, 2))
    numbers = cleaned([numpy.int64(CARD), numpy.str_(CARD), numpy.float64(CARD), numpy.int64(3)])
    assert numbers == ["[CARD]", "[CARD]", "[CARD]", 3]
    same = numpy.array([1.5, 2.5])
    assert cleaned(same) is same


def test_tables_of_pandas_are_looked_through_once_for_each_value() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(
        {"card": [CARD, CARD, "b"], "n": [1, int(CARD), 2], "x": [0.5, None, 1.5]},
        index=["r1", CARD, "r3"],
    )
    seen: list[str] = []

    def counting(text: str) -> list[Hit]:
        seen.append(text)
        return find(text)

    after = scrub(table, counting).value
    assert after["card"].tolist() == ["[CARD]", "[CARD]", "b"]
    assert after["n"].tolist() == [1, "[CARD]", 2]
    assert after.index.tolist() == ["r1", "[CARD]", "r3"]
    assert after["x"].equals(table["x"].set_axis(after.index))
    assert seen[0].count(CARD) == 3
    assert cleaned(pandas.Series(["a", "b"], dtype="category")).dtype == "category"
