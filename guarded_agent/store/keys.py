"""The store's keys: one root, and what is derived from it.

The root key is 32 random bytes. It comes from the environment or from a file
beside the SQLite database, never from the database itself: who can change rows
cannot forge the MAC over them or read what is sealed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from guarded_agent.core.errors import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VARIABLE = "GUARDED_AGENT_KEY"
"""The environment variable that holds the root key: 32 bytes in base64."""

HOW_TO_MAKE_ONE = 'python -c "import base64, os; print(base64.b64encode(os.urandom(32)).decode())"'

_SIZE = 32
_NONCE = 12
_SEALED_FORM = b"\x01"
_SALT = b"guarded_agent root key"


class Keys:
    """Makes MACs and sealed bytes with keys derived from one root.

    Example:
        >>> keys = Keys(bytes(32))
        >>> keys.open(keys.seal(b"secret", context=b"row 1"), context=b"row 1")
        b'secret'
        >>> keys.mac(b"head") == keys.mac(b"head")
        True
    """

    def __init__(self, root: bytes) -> None:
        if len(root) != _SIZE:
            raise StoreError(f"the root key has {len(root)} bytes, it must have {_SIZE}")
        self._root = root
        self._derived: dict[str, bytes] = {}

    @classmethod
    def random(cls) -> Keys:
        """Return keys with a fresh root that is kept nowhere."""
        return cls(secrets.token_bytes(_SIZE))

    @classmethod
    def parse(cls, text: str, where: str) -> Keys:
        """Return the keys whose root is `text` in base64.

        Args:
            text: The root key.
            where: What to call its place in an error.

        Raises:
            StoreError: `text` is not 32 bytes in base64.
        """
        try:
            root = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            root = b""
        if len(root) != _SIZE:
            raise StoreError(
                f"{where} does not hold a key of {_SIZE} bytes in base64; "
                f"make one with: {HOW_TO_MAKE_ONE}"
            )
        return cls(root)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Keys | None:
        """Return the keys named by the environment, or None where it names none.

        Raises:
            StoreError: The variable holds something that is no key.
        """
        text = environ.get(VARIABLE)
        return None if not text else cls.parse(text, VARIABLE)

    @classmethod
    def from_file(cls, path: Path, *, create: bool) -> Keys:
        """Return the keys whose root stands in `path`.

        Args:
            path: The key file.
            create: Make the file, readable by its owner only, where there is none. Of
                several processes that do so at once one makes it and all read that one.

        Raises:
            StoreError: The file is missing, unreadable or holds no key.
        """
        refused = ""
        text = ""
        try:
            if create and not path.exists():
                _publish(path, secrets.token_bytes(_SIZE))
            text = path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            refused = f"the key file {path} is missing; restore it, or set {VARIABLE}"
        except OSError as error:
            refused = f"the key file {path} cannot be used: {error.strerror}"
        if refused:
            raise StoreError(refused)
        return cls.parse(text, f"the key file {path}")

    def derive(self, purpose: str) -> bytes:
        """Return the 32-byte key for `purpose` (HKDF-SHA256)."""
        known = self._derived.get(purpose)
        if known is None:
            extracted = hmac.digest(_SALT, self._root, "sha256")
            known = hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
            self._derived[purpose] = known
        return known

    def mac(self, data: bytes) -> str:
        """Return the HMAC-SHA256 of `data`, in hex."""
        return hmac.new(self.derive("mac"), data, hashlib.sha256).hexdigest()

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        """Encrypt `plain` (AES-256-GCM) so that it opens in the same `context` only."""
        nonce = secrets.token_bytes(_NONCE)
        return _SEALED_FORM + nonce + self._cipher.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            StoreError: The bytes were changed, moved, or sealed with another key.
        """
        from cryptography.exceptions import InvalidTag

        start = len(_SEALED_FORM)
        if sealed[:start] == _SEALED_FORM and len(sealed) > start + _NONCE:
            with suppress(InvalidTag):
                nonce, body = sealed[start : start + _NONCE], sealed[start + _NONCE :]
                return self._cipher.decrypt(nonce, body, context)
        raise StoreError(
            "sealed data does not open: it was changed, moved, or sealed with another key"
        )

    @cached_property
    def _cipher(self) -> AESGCM:
        # cryptography loads a native library; a run that seals nothing does without it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self.derive("seal"))

    def __repr__(self) -> str:
        return "Keys(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not pickled: the other process finds its own")


def _publish(path: Path, root: bytes) -> None:
    """Put a key file in place whole and only once; who comes second keeps the first's."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(root) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
