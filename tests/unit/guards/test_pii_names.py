"""The preset `strict`: names, places and organisations, with a model or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.core import Context, Effect, Stage, Subject
from guarded_agent.guards import PiiGuard
from guarded_agent.guards.pii import names

with_model = pytest.mark.skipif(
    names.model() is None, reason=f"needs the small English model: {names.INSTALL}"
)


def cleaned(text: Any, **options: Any) -> Any:
    guard = PiiGuard(preset="strict", **options)
    verdict = guard.check(Subject(Stage.FINAL_OUTPUT, text, Context("mail", "t1")))
    return verdict.payload if verdict.effect is Effect.REDACT else text


@with_model
def test_strict_finds_people_places_and_organisations_beside_the_rest() -> None:
    text = "Maria Keller of Acme Corp flew from Berlin to Paris with 4111 1111 1111 1111."
    assert (
        cleaned(text)
        == "[PERSON] of [ORGANIZATION] flew from [LOCATION] to [LOCATION] with [CARD]."
    )


@with_model
def test_a_name_can_be_treated_apart() -> None:
    text = "Maria Keller flew to Paris."
    assert cleaned(text, actions={"LOCATION": "allow"}) == "[PERSON] flew to Paris."


@with_model
def test_names_are_found_in_every_piece_of_a_long_text() -> None:
    filler = "The meeting went well and notes follow below. "
    done = cleaned(f"{filler * 200}Maria Keller flew to Paris. {filler * 200}")
    assert "Maria" not in done
    assert "Paris" not in done


@with_model
def test_a_tool_result_keeps_the_names_that_an_answer_needs() -> None:
    guard = PiiGuard(preset="strict")
    subject = Subject(Stage.TOOL_RESULT, "Maria Keller called.", Context("mail", "t1"))
    assert guard.check(subject).effect is Effect.ALLOW


@with_model
def test_the_model_reads_bounded_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = names._read
    monkeypatch.setattr(names, "_read", lambda piece: read.append(len(piece)) or real(piece))
    cleaned("Ab " * 3000 + "x" * 9000)
    assert read
    assert max(read) <= names.PIECE


@with_model
def test_a_text_that_takes_too_long_stops_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "SECONDS", -1.0)
    with pytest.raises(TimeoutError):
        cleaned("Maria Keller flew to Paris.")


@with_model
def test_only_what_finds_names_is_loaded() -> None:
    assert names._loaded().pipe_names == ["tok2vec", "ner"]


def test_without_a_model_a_policy_that_asks_for_names_does_not_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(names, "find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match=r"guards.pii.preset: .*pip install 'guarded-agent\[ner\]'"
    ):
        PiiGuard(preset="strict")
    with pytest.raises(ValueError, match=r"guards.pii: .*pip install 'guarded-agent\[ner\]'"):
        PiiGuard(final_output=["PERSON"])
    assert PiiGuard().stages


def test_pieces_are_cut_at_white_space_and_lose_nothing() -> None:
    text = "one two  three\nfour" + "x" * 50 + " end"
    parts = list(names.pieces(text, 10))
    assert "".join(part for _, part in parts) == text
    assert all(text.startswith(part, at) and len(part) <= 10 for at, part in parts)
