"""For whom a run acts, and what that person may do: what the app says in the config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from guarded_agent.core.errors import ActionError

USER = "user"
"""The key under `configurable` that names the person."""

USER_SCOPES = "user_scopes"
"""The key under `configurable` that lists what the person may do."""


class Acting(TypedDict):
    """The person of an action, as `Monitor.action` takes them."""

    user: str | None
    user_scopes: tuple[str, ...] | None


def acting(config: Mapping[str, Any]) -> Acting:
    """Return for whom the run with this config acts.

    Raises:
        ActionError: What it says is no name, or no list of scopes.

    Example:
        >>> acting({"configurable": {"user": "ann@acme.com", "user_scopes": ["crm.read"]}})
        {'user': 'ann@acme.com', 'user_scopes': ('crm.read',)}
    """
    around = config.get("configurable", {})
    user, scopes = around.get(USER), around.get(USER_SCOPES)
    if user is not None and not isinstance(user, str):
        raise ActionError("the config's user is no text: nothing runs for them.", path=USER)
    if scopes is None:
        return {"user": user, "user_scopes": None}
    listed = cast("list[Any]", scopes)
    if not isinstance(scopes, (list, tuple, set, frozenset)) or not all(
        isinstance(scope, str) for scope in listed
    ):
        raise ActionError(
            "the config's user_scopes is no list of scopes: nothing runs for this user.",
            path=USER_SCOPES,
        )
    return {"user": user, "user_scopes": tuple(listed)}
