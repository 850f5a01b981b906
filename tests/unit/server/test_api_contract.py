"""The API keeps the contract that it publishes, whatever is sent to it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from guarded_agent.server.site import Site

HOST = {"Host": "127.0.0.1:8383"}
FEW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


@pytest.fixture
def token(app: FastAPI) -> str:
    """The token of an admin who may do everything."""
    site: Site = app.state.site
    with site.store.write() as connection:
        site.accounts.reviewers.add(connection, "ann@acme.example", roles=["admin"], by="a test")
    scopes = ["read", "vote", "vote:high", "admin"]
    return site.accounts.tokens.make("ann@acme.example", label="a test", scopes=scopes)[0]


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_breaks_the_contract(
    app: FastAPI, token: str, ask: Any, mode: GenerationMode
) -> None:
    """Schemathesis checks each answer: no 500, and nothing but what the description says."""
    for number in range(3):
        ask(f"c{number}")
    contract = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=HOST)
    tried: Counter[str] = Counter()

    @FEW
    @given(data=st.data())
    def call(data: Any) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        # In a query everything is text, so that no other type can be sent there.
        left_out = [negative_data_rejection] if case.method == "GET" else []
        case.call_and_validate(
            headers={**HOST, "Authorization": f"Bearer {token}"}, excluded_checks=left_out
        )
        tried[operation.label] += 1

    for found in contract.get_all_operations():
        operation = found.ok()
        # Nothing can be wrong about a request that takes nothing.
        with suppress(Unsatisfiable):
            call()

    assert len(tried) >= 6, tried
