"""How long the text guards take. Figures only: nothing here fails for being slow."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.core import Context, Effect, Stage, Subject
from guarded_agent.guards import HoldBack, PiiGuard, Redactor, SecretsGuard

CLEAN = "The meeting with 12 people on the second floor went well, and notes follow. "
DENSE = "Mail ann@example.com, call +1 212-736-5000, card 4111 1111 1111 1111, ip 10.1.2.3. "


def subject(text: str) -> Subject:
    return Subject(Stage.FINAL_OUTPUT, text, Context("a", "t"))


@pytest.mark.parametrize("size", [100, 1_000, 10_000, 100_000])
def test_pii_in_clean_text(benchmark: Any, size: int) -> None:
    guard, text = PiiGuard(), (CLEAN * (size // len(CLEAN) + 1))[:size]
    verdict = benchmark(guard.check, subject(text))
    assert verdict.effect is Effect.ALLOW


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_pii_in_dense_text(benchmark: Any, size: int) -> None:
    guard, text = PiiGuard(), (DENSE * (size // len(DENSE) + 1))[:size]
    verdict = benchmark(guard.check, subject(text))
    assert "4111 1111 1111 1111" not in verdict.payload


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_secrets_in_clean_text(benchmark: Any, size: int) -> None:
    guard, text = SecretsGuard(), (CLEAN * (size // len(CLEAN) + 1))[:size]
    assert benchmark(guard.check, subject(text)).effect is Effect.ALLOW


def test_a_stream_of_small_chunks(benchmark: Any) -> None:
    redactor, text = Redactor(keep=()), (CLEAN * 3 + DENSE) * 4

    def run() -> str:
        stream = HoldBack(redactor.edits)
        chunks = [text[at : at + 5] for at in range(0, len(text), 5)]
        return "".join(stream.push(chunk) for chunk in chunks) + stream.flush()

    assert benchmark(run) == redactor.redact_text(text)
