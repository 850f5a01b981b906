"""Ten thousand random nested values: shape and types stay, nothing planted survives."""

from __future__ import annotations

import base64
import enum
import json
import random
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from pydantic import BaseModel

from guarded_agent.core import Stage
from guarded_agent.guards import PiiGuard, SecretsGuard
from guarded_agent.guards.scrub import in_turn, scrub

VALUES = 10_000
SHARDS = 10

CARD = "4111111111111111"
MAIL = "jane.doe@mail.example.org"
KEY = "gh" + "p_" + "a1B2" * 9
PLANTS = {
    "a card": CARD,
    "a mail address": MAIL,
    "a key": KEY,
    "a card in groups": "4111 1111 1111 1111",
    "in full width": CARD.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789"}),
    "with what draws nothing": "\u200b".join(CARD),
    "with hard spaces": "4111\u00a01111\u00a01111\u00a01111",
    "in base64": base64.b64encode(f"card {CARD}".encode()).decode(),
    "in base64 twice": base64.b64encode(base64.b64encode(MAIL.encode())).decode(),
    "in hexadecimal": MAIL.encode().hex(),
    "in percent signs": quote(MAIL),
    "in percent signs in base64": base64.b64encode(quote(MAIL).encode()).decode(),
    "in JSON": json.dumps({"to": [MAIL], "card": int(CARD)}),
    "in JSON in JSON": json.dumps({"body": json.dumps({"to": f"\n{MAIL}"})}),
}
FORMS = tuple(
    dict.fromkeys(
        form
        for plant in PLANTS.values()
        for form in (plant, json.dumps(plant)[1:-1], CARD, MAIL, KEY, "jane.doe", "1111111111")
    )
)
TEXT = "the invoice of march was paid on time and nobody asked for more café naïve 東京 \n"
WORDS = TEXT.split(" ")


class Note(BaseModel):
    body: Any
    pages: int = 2


@dataclass
class Letter:
    body: Any
    pages: int = 2


class Row(NamedTuple):
    body: Any
    pages: int = 2


class Plain:
    def __init__(self, body: Any) -> None:
        self.body = body


class Colour(enum.Enum):
    BLUE = "blue"


WRAPS: list[Callable[[Any], Any]] = [
    lambda part: [part],
    lambda part: [1, part, None],
    lambda part: (part, "b"),
    lambda part: {"body": part, "n": 3},
    lambda part: OrderedDict(body=part),
    lambda part: deque([part]),
    lambda part: Note(body=part),
    Letter,
    Row,
    Plain,
    lambda part: Note(body={"x": [part]}),
    ValueError,
]
SCALARS: list[Any] = [None, True, 7, 0.5, Decimal("1.5"), Colour.BLUE, b"bytes", "", "a word"]


def value_of(rng: random.Random, leaf: Any) -> Any:
    value = leaf
    for _ in range(rng.randint(1, 6)):
        value = rng.choice(WRAPS)(value)
        if rng.random() < 0.5:
            value = [value, *rng.choices(SCALARS, k=rng.randint(1, 3))]
    return value


def leaf_of(rng: random.Random, plant: str | None) -> Any:
    text = " ".join(rng.choices(WORDS, k=rng.randint(0, 12)))
    if plant is None:
        return rng.choice([text, text.encode(), {text}, json.dumps({"a": text}), 12345])
    if plant.startswith("{"):
        return rng.choice([plant, plant.encode()])
    spoken = f"{text} {plant} {text}".strip()
    kinds: list[Any] = [spoken, plant, spoken.encode(), {spoken}, frozenset({plant})]
    kinds += [bytearray(spoken.encode()), json.dumps({"a": [spoken]})]
    return rng.choice([int(CARD), float(CARD), Decimal(CARD), *kinds] if plant == CARD else kinds)


def shape(value: Any, *, field: bool = False) -> Any:
    """What must stay of a value: its types, its names and how many parts it has."""
    if isinstance(value, dict):
        return type(value), {key: shape(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, deque)):
        return type(value), [shape(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return type(value), len(value)
    if isinstance(value, BaseException):
        return type(value), [shape(item) for item in value.args]
    if is_dataclass(value) or isinstance(value, (BaseModel, Plain)):
        return type(value), {name: shape(item, field=True) for name, item in vars(value).items()}
    # A number that is replaced becomes a text, but not in the field of an object.
    number = isinstance(value, (int, float, Decimal)) and abs(value) > 10**8
    return str if number and not field else type(value)


def said(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {said(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple, deque, set, frozenset)):
        return " ".join(map(said, value))
    if isinstance(value, BaseException):
        return said(value.args)
    if is_dataclass(value) or isinstance(value, (BaseModel, Plain)):
        return said(vars(value))
    return value.decode() if isinstance(value, (bytes, bytearray)) else str(value)


def finder() -> Any:
    finds = (guard.find_at(Stage.FINAL_OUTPUT) for guard in (SecretsGuard(), PiiGuard()))
    return in_turn([find for find in finds if find is not None])


@pytest.mark.parametrize("shard", range(SHARDS))
def test_of_any_value_the_shape_stays_and_what_was_planted_goes(shard: int) -> None:
    rng = random.Random(shard)
    find = finder()
    for number in range(VALUES // SHARDS):
        name = rng.choice(list(PLANTS)) if number % 2 else None
        before = value_of(rng, leaf_of(rng, None if name is None else PLANTS[name]))
        result = scrub(before, find)
        if name is None:
            assert result.value is before, before
            assert result.spots == ()
            continue
        assert result.spots, (name, before)
        assert shape(result.value) == shape(before), (name, before)
        left = [form for form in FORMS if form in said(result.value)]
        assert left == [], (name, before, result.value)
        assert scrub(result.value, find).value is result.value, (name, result.value)
