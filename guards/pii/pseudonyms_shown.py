"""What a reviewer sees of a pseudonym: the end of a card, the domain of an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from guarded_agent.approvals import Request
from guarded_agent.guards.hiding import unhidden
from guarded_agent.guards.pii.entities import KINDS
from guarded_agent.guards.pii.pseudonyms_match import restored, tokens, written
from guarded_agent.guards.text import Unscannable, leaves
from guarded_agent.store import Store
from guarded_agent.store.vault import Id, Value, Vault

_SHOWN = {kind.token: kind.shown for kind in KINDS.values()}
_HIDDEN = "***"


def shown(store: Store, request: Request) -> Request:
    """Return a request whose pseudonyms say, masked, what they stand for.

    Only what is read at this moment changes: the record keeps the pseudonyms.

    Args:
        store: Where the vault is.
        request: The request.
    """
    try:
        preview = dict(request.preview)
        read = [*leaves(preview), *leaves(request.summary)]
        ids = {token.id for leaf in read for token in tokens(leaf.text)}
        if not ids:
            return request
        held = Vault(store).find(request.agent_id, request.thread_id, ids)
        words = {each: _told(each, value) for each, value in held.items()}
        return replace(
            request, preview=restored(preview, words), summary=str(restored(request.summary, words))
        )
    except Unscannable:
        return request


def with_values(store: Store, request: Request, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's real arguments with what its pseudonyms stand for.

    It is for a reviewer whose looking is recorded.

    Args:
        store: Where the vault is.
        request: The request.
        arguments: Its arguments as the agent gave them.
    """
    vault = Vault(store)
    arguments = unhidden(vault, request.agent_id, request.thread_id, arguments)
    ids = {token.id for leaf in leaves(arguments) for token in tokens(leaf.text)}
    held = vault.find(request.agent_id, request.thread_id, ids)
    known = {each: value for each, value in held.items() if value is not None}
    return dict(restored(arguments, known))


def masked(value: Value) -> str:
    """Return what may be read of a value.

    Example:
        >>> masked(Value("EMAIL", "bo@example.com", "")), masked(Value("CARD", "4111111111111111", ""))
        ('b***@example.com', '***1111')
    """  # noqa: E501
    if value.kind == "EMAIL":
        name, at, domain = value.text.rpartition("@")
        return f"{name[:1] if len(name) > 1 else ''}{_HIDDEN}{at}{domain}"
    last = _SHOWN.get(value.kind, 0)
    return _HIDDEN + (value.text[-last:] if last else "")


def _told(each: Id, value: Value | None) -> Value:
    said = "forgotten" if value is None else masked(value)
    return Value(each[0], f"{written(*each)} ({said})", "")
