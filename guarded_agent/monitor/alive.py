"""Whether the agent may act at all, asked of the store so often that nobody waits for a stop.

Each call asks within the transaction that starts it. Texts, and the pieces of a stream, ask
here: at most `OFTEN` seconds pass between two looks at the store, so a process that runs
stops well within two seconds, at its next guard. A store that does not answer stops it too.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from guarded_agent.core.errors import Denied
from guarded_agent.monitor.parts import Parts

OFTEN = 0.5
"""Seconds for which one look at the store is good for texts. No clock of the wall counts."""


class Alive(Parts):
    """The monitor's side that heeds the agent's state."""

    def require_active(self, *, fresh: bool = False) -> None:
        """Return if the agent may act.

        Args:
            fresh: Ask the store now, however lately it was asked.

        Raises:
            Denied: It was suspended or decommissioned, or waits to be approved.
            StoreError: The store cannot be asked.
        """
        now = time.monotonic()
        if fresh or not 0 <= now - self._asked < OFTEN:
            with self.store.read() as connection:
                self.registry.require_active(connection, self.agent_id)
            self._asked = now

    async def arequire_active(self, *, fresh: bool = False) -> None:
        """Do what `require_active` does, from an event loop."""
        if not fresh and 0 <= time.monotonic() - self._asked < OFTEN:
            return
        if self.store.reads_at_once:
            self.require_active(fresh=True)
        else:
            await asyncio.to_thread(self.require_active, fresh=True)

    def _stopped(self, connection: Any, tool: str) -> str:
        """Return why the result of a call is not given out, if its agent was stopped meanwhile."""
        try:
            self.registry.require_active(connection, self.agent_id)
        except Denied as error:
            return f"{error}. {tool} had begun before; what came of it is recorded, not given out."
        return ""
