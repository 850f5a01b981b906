"""Agent identities and the states they may be in."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from sqlalchemy import text

from guarded_agent.core.errors import Denied
from guarded_agent.identity import Registry
from guarded_agent.identity.registry import MOVES, State
from guarded_agent.store.engine import Store

STATES: tuple[Any, ...] = get_args(State)


class Events:
    """A recorder that remembers what it was given."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, dict[str, Any]]] = []

    def append(
        self,
        connection: Any,
        kind: str,
        *,
        agent_id: str,
        thread_id: str = "",
        run_id: str = "",
        digest: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> int:
        self.kept.append((kind, dict(data or {})))
        return len(self.kept)


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def registry(any_store: Store, events: Events) -> Registry:
    return Registry(any_store, events)


def register(registry: Registry, **rest: str) -> Any:
    plain = {"owner": "it@acme.com", "purpose": "triage", "fingerprint": "f1"}
    return registry.register("mail", **plain | rest)


def require(registry: Registry, agent_id: str = "mail") -> Any:
    with registry._store.read() as connection:
        return registry.require_active(connection, agent_id)


def put(registry: Registry, state: State) -> None:
    """Bring the agent into `state` by legal moves; a draft is written, nothing leads there."""
    register(registry)
    if state == "draft":
        with registry._store.write() as connection:
            connection.execute(text("UPDATE guard_agent SET state = 'draft'"))
    elif state != "active":
        change(registry, state)


def change(registry: Registry, state: State) -> Any:
    method = {
        "active": registry.resume,
        "suspended": registry.suspend,
        "decommissioned": registry.decommission,
    }[state]
    return method("mail", by="ann@acme.com", reason="because")


def test_a_new_agent_is_active_and_recorded(registry: Registry, events: Events) -> None:
    known = register(registry)
    assert known.state == "active"
    require(registry)
    assert known == registry.get("mail")
    assert [kind for kind, _ in events.kept] == ["agent.registered"]


def test_registering_again_changes_nothing(registry: Registry, events: Events) -> None:
    assert register(registry) == register(registry)
    assert len(events.kept) == 1


def test_another_fingerprint_is_stored_and_recorded(registry: Registry, events: Events) -> None:
    register(registry)
    assert register(registry, fingerprint="f2").fingerprint == "f2"
    assert events.kept[-1] == ("agent.changed", {"fingerprint": "f2"})


def test_registering_again_revives_nothing(registry: Registry) -> None:
    put(registry, "suspended")
    assert register(registry, fingerprint="f2").state == "suspended"
    change(registry, "decommissioned")
    with pytest.raises(Denied, match="was decommissioned: nothing acts under this id again"):
        register(registry, fingerprint="f3")
    assert registry.get("mail").fingerprint == "f2"


@pytest.mark.parametrize("state", [state for state in STATES if state != "active"])
def test_only_an_active_agent_may_act(registry: Registry, state: State) -> None:
    put(registry, state)
    with pytest.raises(Denied, match=f"is {state}"):
        require(registry)


def test_an_unknown_agent_may_not_act(registry: Registry) -> None:
    for ask in (lambda: require(registry, "who"), lambda: registry.get("who")):
        with pytest.raises(Denied, match="no agent 'who' is registered"):
            ask()


@pytest.mark.parametrize(
    ("old", "new"), list(itertools.product(STATES, [item for item in STATES if item != "draft"]))
)
def test_only_the_moves_in_the_table_are_legal(
    registry: Registry, events: Events, old: State, new: State
) -> None:
    put(registry, old)
    before = len(events.kept)
    if new in MOVES[old]:
        known = change(registry, new)
        assert (known.state, known.reason, known.changed_by) == (new, "because", "ann@acme.com")
        assert events.kept[-1][1] == {"from": old, "to": new, "by": "ann@acme.com"}
    else:
        with pytest.raises(Denied, match=f"is {old} and cannot become {new}"):
            change(registry, new)
        assert len(events.kept) == before


@pytest.mark.parametrize("by", ["", "  ", "mail", " MAIL "])
def test_a_person_and_not_the_agent_changes_its_state(registry: Registry, by: str) -> None:
    put(registry, "suspended")
    with pytest.raises(Denied, match="a person must say"):
        registry.resume("mail", by=by, reason="because")
    assert registry.get("mail").state == "suspended"


def test_a_change_of_state_needs_a_reason(registry: Registry) -> None:
    register(registry)
    with pytest.raises(Denied, match="say why"):
        registry.suspend("mail", by="ann", reason=" ")


@pytest.mark.parametrize("agent_id", ["", "  ", "a\nb", "x" * 201, "a\u200bb"])
def test_an_id_that_nobody_can_read_is_refused(registry: Registry, agent_id: str) -> None:
    with pytest.raises(Denied, match="printable"):
        registry.register(agent_id, owner="o", purpose="p", fingerprint="f")


def test_agents_are_listed_by_id(registry: Registry) -> None:
    for name in ("b", "a"):
        registry.register(name, owner="o", purpose="p", fingerprint="f")
    assert [item.id for item in registry.list()] == ["a", "b"]
