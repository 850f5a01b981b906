"""Send what stands in the outbox: each message once, again if that failed, and not for ever."""

from __future__ import annotations

import json
import logging
import os
import secrets
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from sqlalchemy import select, update

from guarded_agent.approvals import outbox, rows
from guarded_agent.approvals.posting import Lookup, PostRefused, lookup, post
from guarded_agent.approvals.request import Request
from guarded_agent.approvals.signing import signature
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.visible import visible
from guarded_agent.store.engine import Store
from guarded_agent.store.schema import outbox as table

_log = logging.getLogger(__name__)

WAITS = (5.0, 30.0, 120.0, 600.0, 3600.0, 4 * 3600.0)
"""Seconds after each try that failed; after the last one a message is dead."""

_WORDS = {
    "requested": "waits for a decision",
    "escalated": "still waits for a decision: others may decide now",
    "expiring": "expires soon",
    "decided": "is decided",
}


class Notifier:
    """Sends the messages of a store. Any number may run: each message is sent by one of them.

    Args:
        store: Where the outbox is.
        public_url: Where people reach the queue, for links.
        environ: Holds the URLs and secrets that policies name.
        look: Looks up names.
        tls: How to check certificates; by the system's authorities if None.

    Example:
        >>> from guarded_agent.store import Store
        >>> with Store.open("sqlite://") as store:
        ...     Notifier(store).step()
        False
    """

    def __init__(
        self,
        store: Store,
        *,
        public_url: str = "",
        environ: Mapping[str, str] | None = None,
        look: Lookup = lookup,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._store = store
        self._public = public_url.rstrip("/")
        self._environ = os.environ if environ is None else environ
        self._look = look
        self._tls = tls
        self._name = f"notifier-{secrets.token_hex(8)}"
        self._stop = threading.Event()

    def step(self) -> bool:
        """Try to send one message that is due; return whether there was one."""
        row = self._claim()
        if row is None:
            return False
        try:
            self._send(row)
        except Exception as error:
            self._failed(row, error)
        else:
            self._set(row, state="sent", error="")
        return True

    def run(self, every: float = 1.0) -> None:
        """Send what is due, and what becomes due, until `stop` is called."""
        while not self._stop.is_set():
            try:
                while not self._stop.is_set() and self.step():
                    pass
            except Exception:
                _log.exception("the outbox cannot be read")
            self._stop.wait(every)

    def stop(self) -> None:
        """Let `run` end."""
        self._stop.set()

    def dead(self) -> list[tuple[str, str, str]]:
        """Return id, request and last error of each message that is not tried any more."""
        with self._store.read() as connection:
            found = connection.execute(
                select(table.c.id, table.c.request_id, table.c.error)
                .where(table.c.state == "dead")
                .order_by(table.c.due_at)
            )
            return [(row.id, row.request_id, row.error) for row in found]

    def _claim(self) -> Any:
        now = self._store.clock()
        with self._store.read() as connection:  # mostly nothing is due: then nothing is locked
            due = (table.c.state == "waiting", table.c.due_at <= now, table.c.until <= now)
            if connection.execute(select(table.c.id).where(*due).limit(1)).first() is None:
                return None
        with self._store.write() as connection:
            row = connection.execute(
                select(table)
                .where(*due)
                .order_by(table.c.due_at, table.c.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if row is not None:
                connection.execute(
                    update(table)
                    .where(table.c.id == row.id)
                    .values(worker=self._name, until=now + 60.0, tries=row.tries + 1)
                )
            return row

    def _send(self, row: Any) -> None:
        fields = {name: getattr(row, name) for name in ("id", "request_id", "event", "target_json")}
        if not secrets.compare_digest(outbox.seal(self._store.keys, fields), row.mac):
            raise _Dead("the message was changed in the database")
        target = json.loads(row.target_json)
        url = self._named(target["url"])
        with self._store.read() as connection:
            request = rows.by_id(connection, self._store.keys, row.request_id)
        now = self._store.clock()
        body = self._body(row, target["kind"], request.at(now))
        headers: dict[str, str] = {}
        if target["kind"] == "webhook":
            at = int(now)
            headers = {
                "webhook-id": row.id,
                "webhook-timestamp": str(at),
                "webhook-signature": signature(self._named(target["secret"]), row.id, at, body),
            }
        post(url, body, headers, private=target["private"], look=self._look, tls=self._tls)

    def _named(self, name: str) -> str:
        if not name.startswith("env:"):
            return name
        value = self._environ.get(name.removeprefix("env:"), "")
        if not value:
            raise PostRefused(f"{name} is not set where messages are sent")
        return value

    def _body(self, row: Any, kind: str, request: Request) -> bytes:
        """Return a message: what waits, and where to look. Never what the agent says."""
        link = f"{self._public}/approvals/{quote(request.id)}" if self._public else ""
        names = {"agent": visible(request.agent_id), "tool": visible(request.tool)}
        if kind == "slack":
            # What Slack would read as markup, a mention or a link stays text.
            agent, tool = (_plain(names[key]) for key in ("agent", "tool"))
            impact = f" ({_plain(request.impact)})" if request.impact else ""
            text = f"{agent}: {tool}{impact} {_WORDS[row.event]} [{request.id}]"
            if row.event == "decided":
                text += f": {request.state}"
            return json.dumps({"text": f"{text} {link}".strip()}).encode()
        data = {"id": request.id, **names, "impact": request.impact, "link": link}
        if row.event == "decided":
            data["state"] = request.state
        at = int(self._store.clock())
        message = {"type": f"approval.{row.event}", "timestamp": at, "data": data}
        return json.dumps(message).encode()

    def _failed(self, row: Any, error: Exception) -> None:
        known = isinstance(error, (PostRefused, ValueError, VoteRefused, _Dead))
        why = str(error) if known else type(error).__name__
        if isinstance(error, _Dead) or row.tries >= len(WAITS):
            _log.error("message %s about request %s is dead: %s", row.id, row.request_id, why)
            self._set(row, state="dead", error=why[:400])
            return
        self._set(row, due_at=self._store.clock() + WAITS[row.tries], error=why[:400])

    def _set(self, row: Any, **values: Any) -> None:
        with suppress(Exception), self._store.write() as connection:
            connection.execute(
                update(table)
                .where(table.c.id == row.id, table.c.worker == self._name)
                .values(worker="", until=0.0, **values)
            )


class _Dead(Exception):
    """A message that will never be sent."""


def _plain(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.translate(str.maketrans("*_~`|@", "      "))
