"""Labels of places: of files, and of items in a long-term store. They only ever join.

What is written somewhere has the label of all that its writer had read; who reads it there,
in whatever thread, has read that too. A place is known by a MAC, so that no row names it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, insert, select, update

from guarded_agent.core.canonical import canonical
from guarded_agent.core.label import Label, join
from guarded_agent.store.engine import Store
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import place as table

Place = tuple[str, ...]

_SAME = table.c.place == bindparam("of")
_FIND = Prepared(select(table.c.label_json).where(_SAME))
_INSERT = Prepared(insert(table))
_UPDATE = Prepared(
    update(table).where(_SAME).values(label_json=bindparam("label_json"), at=bindparam("at"))
)


class Places:
    """The labels of places in one database.

    Args:
        store: The database, with the key that hides the places' names.

    Example:
        >>> from guarded_agent.core.label import Confidentiality
        >>> with Store.open("sqlite://") as store:
        ...     places, hr = Places(store), Label(compartments=frozenset({"hr"}))
        ...     with store.write() as connection:
        ...         places.add(connection, "file", [("notes.txt",)], hr)
        ...         found = places.find(connection, "file", [("notes.txt",), ("other.txt",)])
        >>> [label and sorted(label.compartments) for label in found]
        [['hr'], None]
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(
        self, connection: Connection, kind: str, places: Iterable[Place]
    ) -> list[Label | None]:
        """Return the label of each of `places`; None where nothing is known."""
        return [self._label(connection, self._of(kind, place)) for place in places]

    def add(self, connection: Connection, kind: str, places: Iterable[Place], label: Label) -> None:
        """Join `label` to what is known of `places`.

        Args:
            connection: In a write transaction.
            kind: What they are: `file`, `store`.
            places: Which ones.
            label: What is known of what is written there.
        """
        for place in places:
            of = self._of(kind, place)
            known = self._label(connection, of)
            whole = label if known is None else join((known, label))
            values = {
                "label_json": canonical(whole.as_json()).decode(),
                "at": self._store.clock(),
            }
            if known is None:
                _INSERT.run(connection, values | {"place": of, "kind": kind})
            elif whole != known:
                _UPDATE.run(connection, values | {"of": of})

    def _label(self, connection: Connection, of: str) -> Label | None:
        text = _FIND.scalar(connection, {"of": of})
        return None if text is None else Label.from_json(json.loads(text))

    def _of(self, kind: str, place: Place) -> str:
        key = self._store.keys.derive("place")
        return hmac.new(key, canonical([kind, *place]), hashlib.sha256).hexdigest()
