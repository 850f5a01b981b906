"""What every page and every address of the API works with."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.identity import Registry
from guarded_agent.server.accounts import Accounts
from guarded_agent.server.settings import Settings
from guarded_agent.store import Store


@dataclass(frozen=True, slots=True)
class Site:
    """One server over one store.

    Attributes:
        store: Where everything is.
        settings: Where the server runs.
        log: The audit log.
        queue: The requests to people.
        registry: The agents.
        accounts: The reviewers.
    """

    store: Store
    settings: Settings
    log: AuditLog
    queue: Approvals
    registry: Registry
    accounts: Accounts

    @classmethod
    def over(cls, store: Store, settings: Settings) -> Site:
        """Return the site over a store."""
        from guarded_agent.monitor.lifecycle import queue  # it loads the policy room

        log = AuditLog(store)
        return cls(
            store,
            settings,
            log,
            queue(store, log),
            Registry(store, log),
            Accounts(store, log, settings.lifetime),
        )


def site_of(web: Request) -> Site:
    """Return the site that a request came to."""
    found = web.app.state.site
    assert isinstance(found, Site)
    return found
