"""A thread's memory only grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import Confidentiality, Label, Pressure, Said, ThreadMemory, canonical
from guarded_agent.core.context import KEPT_SAID

NAMES = st.frozensets(st.sampled_from("abcde"), max_size=3)
LABELS = st.builds(
    Label,
    confidentiality=st.sampled_from(Confidentiality),
    compartments=NAMES,
    trusted=st.booleans(),
    sources=NAMES,
)
PRESSURES = st.builds(
    Pressure,
    kind=st.sampled_from(["replacement", "leverage"]),
    passage=st.sampled_from(["one", "two", "three"]),
    source=st.sampled_from(["mail", "file"]),
    people=NAMES,
    systems=NAMES,
)
SAID = st.builds(
    Said, key=st.sampled_from("klmnopq"), to=NAMES, text=st.sampled_from(["Hello", "or else"])
)
GROWTH = st.fixed_dictionaries(
    {},
    optional={
        "label": st.none() | LABELS,
        "pressure": st.lists(PRESSURES, max_size=3).map(tuple),
        "recipients": NAMES,
        "correspondents": NAMES,
        "tools_read": NAMES,
        "said": st.lists(SAID, max_size=3, unique_by=lambda item: item.key).map(tuple),
    },
)
MEMORIES = GROWTH.map(lambda growth: ThreadMemory().grow(**growth))  # type: ignore[arg-type]


@given(MEMORIES, GROWTH)
def test_growing_takes_nothing_out(memory: ThreadMemory, growth: dict[str, object]) -> None:
    grown = memory.grow(**growth)  # type: ignore[arg-type]
    assert grown.label | memory.label == grown.label
    assert grown.pressure[: len(memory.pressure)] == memory.pressure
    assert grown.recipients >= memory.recipients
    assert grown.correspondents >= memory.correspondents
    assert grown.tools_read >= memory.tools_read
    assert grown.said[: len(memory.said)] == memory.said


@given(MEMORIES, GROWTH)
def test_what_was_added_is_there(memory: ThreadMemory, growth: dict[str, object]) -> None:
    grown = memory.grow(**growth)  # type: ignore[arg-type]
    seen = {(item.kind, item.passage) for item in grown.pressure}
    added = growth.get("pressure", ())
    assert isinstance(added, tuple)
    assert {(item.kind, item.passage) for item in added} <= seen
    assert grown.recipients >= growth.get("recipients", frozenset())  # type: ignore[operator]


@given(MEMORIES, GROWTH)
def test_growing_twice_by_the_same_is_growing_once(
    memory: ThreadMemory, growth: dict[str, object]
) -> None:
    once = memory.grow(**growth)  # type: ignore[arg-type]
    assert once.grow(**growth) == once  # type: ignore[arg-type]


@given(MEMORIES)
def test_a_memory_comes_back_from_json(memory: ThreadMemory) -> None:
    assert ThreadMemory.from_json(memory.as_json()) == memory


@given(MEMORIES)
def test_the_json_of_a_memory_does_not_depend_on_the_order_of_sets(memory: ThreadMemory) -> None:
    again = ThreadMemory.from_json(memory.as_json())
    assert canonical(again.as_json()) == canonical(memory.as_json())


def test_pressure_that_is_read_twice_is_kept_once() -> None:
    notice = Pressure("replacement", "one", "mail")
    memory = ThreadMemory().grow(pressure=(notice,))
    assert memory.grow(pressure=(notice,)).pressure == (notice,)


def test_of_many_messages_the_last_are_kept() -> None:
    said = tuple(Said(str(number), frozenset({"a"}), "Hello") for number in range(KEPT_SAID + 3))
    memory = ThreadMemory().grow(said=said[:-1]).grow(said=said[-1:])
    assert memory.said == said[-KEPT_SAID:]


def test_a_memory_of_before_there_were_messages_can_be_read() -> None:
    data = ThreadMemory().as_json()
    del data["said"]
    assert ThreadMemory.from_json(data) == ThreadMemory()
