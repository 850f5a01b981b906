"""Where a secret is found. Policies and code hold references, never values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

Kind = Literal["env", "file", "keyring", "vault", "call"]
"""What a secret can be found in."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_ENTRY = re.compile(r"[^\x00-\x20\x7f#]{1,200}/[^\x00-\x20\x7f/#]{1,200}")
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_-][A-Za-z0-9._@-]{0,99}){1,9}")
_CALL = re.compile(r"[a-z_][a-z0-9_]{0,99}(/[A-Za-z0-9._@/-]{1,200})?")
_FIELD = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret's value is found.

    Attributes:
        kind: `env`, `file`, `keyring`, `vault` or `call`.
        place: Where it is: a variable's name, a file's absolute path, `service/user`, a path of an
            OpenBao or Vault server, or a name that the app gave to `provide_secret`.
        field: Which of the values there; empty where there is one.

    Example:
        >>> SecretRef.parse("vault:secret/data/crm#key")
        SecretRef(kind='vault', place='secret/data/crm', field='key')
    """

    kind: Kind
    place: str
    field: str = ""

    @classmethod
    def parse(cls, text: str) -> SecretRef:
        """Return the reference that `text` writes.

        Args:
            text: `env:NAME`, `file:/absolute/path`, `keyring:service/user`,
                `vault:path/to/it#field` or `call:name`, `call:name/place`, `call:name/place#field`.

        Raises:
            ValueError: It is none of them. The message does not repeat `text`, since people
                paste the secret itself here.
        """
        kind, _, place = text.partition(":")
        if kind in ("vault", "call"):
            place, hash_, field = place.partition("#")
            good = _FIELD.fullmatch(field) if hash_ else kind == "call"
            if good and (_PATH if kind == "vault" else _CALL).fullmatch(place):
                return cls(cast("Kind", kind), place, field)
        elif kind == "file":
            if Path(place).is_absolute() and "\0" not in place:
                return cls("file", place)
        elif (kind == "env" and _VARIABLE.fullmatch(place)) or (
            kind == "keyring" and _ENTRY.fullmatch(place)
        ):
            return cls(cast("Kind", kind), place)
        raise ValueError(
            "this is no secret reference: write env:NAME, file:/absolute/path, "
            "keyring:service/user, vault:path#field or call:name, never the value"
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}" + (f"#{self.field}" if self.field else "")
