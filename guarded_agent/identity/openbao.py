"""Secrets of an OpenBao or Vault server, over its HTTP interface.

A place is the path as that interface has it: `secret/data/crm` for a value in the
key-value store (version 2), `database/creds/readonly` for credentials that the server
makes for this call. Those are revoked as the call ends.

It follows no redirect and uses no proxy: both would be told the server's token.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

from guarded_agent.core.errors import Denied
from guarded_agent.identity.providers import WAIT, Handed

_LARGEST = 1024 * 1024


class OpenBao:
    """One server, and the token to ask it with.

    Args:
        address: Such as `https://bao.acme.example:8200`. Plain HTTP only on this machine.
        token: The token.
        namespace: The namespace, where there are any.
        authority: A file with the certificates to trust; by default the system's.

    Raises:
        Denied: The address cannot be used.
    """

    def __init__(
        self, address: str, token: str, *, namespace: str = "", authority: str = ""
    ) -> None:
        url = urlsplit(address)
        host = url.hostname or ""
        if url.scheme not in ("http", "https") or not host or url.username is not None:
            raise Denied("the server's address is no https address")
        if url.scheme == "http" and not _is_here(host):
            raise Denied("the server's token would travel in clear: use an https address")
        self._host, self._base = host, url.path.rstrip("/")
        self._tls = url.scheme == "https"
        self._port = url.port or (443 if self._tls else 80)
        self._authority = authority
        self._headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
        if namespace:
            self._headers["X-Vault-Namespace"] = namespace

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> OpenBao:
        """Return the server that the environment names, in the words of its own command line.

        `BAO_ADDR`, `BAO_TOKEN`, `BAO_NAMESPACE` and `BAO_CACERT`, or the same with `VAULT_`. In
        place of the token, `BAO_TOKEN_FILE` may name a file that an agent keeps fresh.

        Raises:
            Denied: There is no address, or no token.
        """

        def said(name: str) -> str:
            return environ.get(f"BAO_{name}") or environ.get(f"VAULT_{name}") or ""

        token, file = said("TOKEN"), said("TOKEN_FILE")
        if not token and file:
            try:
                token = Path(file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                token = ""
        if not said("ADDR") or not token:
            raise Denied("set BAO_ADDR and BAO_TOKEN, or VAULT_ADDR and VAULT_TOKEN")
        return cls(said("ADDR"), token, namespace=said("NAMESPACE"), authority=said("CACERT"))

    def lease(self, place: str) -> Handed:
        """Return what the server has, or makes, at a path.

        Raises:
            Denied: It refuses, has nothing there, or cannot be reached.
        """
        answer = self._ask("GET", quote(place))
        data = answer.get("data")
        fields = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        inner, about = fields.get("data"), fields.get("metadata")
        if isinstance(about, dict) and "version" in about and "data" in fields:
            fields = cast("dict[str, Any]", inner) if isinstance(inner, dict) else {}
        values = {name: item for name, item in fields.items() if isinstance(item, str)}
        id_ = answer.get("lease_id")
        return Handed(
            values,
            id_ if isinstance(id_, str) else "",
            _good_for(answer) if id_ else None,
            answer.get("renewable") is True,
        )

    def renew(self, handed: Handed) -> Handed:
        """Make credentials good for as long again as they were at first.

        Raises:
            Denied: The server refuses.
        """
        body = {"lease_id": handed.id, "increment": int(handed.seconds or 0)}
        answer = self._ask("POST", "sys/leases/renew", body)
        renewable = answer.get("renewable") is True
        return Handed(handed.values, handed.id, _good_for(answer), renewable)

    def revoke(self, handed: Handed) -> None:
        """End credentials now.

        Raises:
            Denied: The server refuses.
        """
        if handed.id:
            self._ask("POST", "sys/leases/revoke", {"lease_id": handed.id, "sync": True})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        problem = ""
        said: Any = None
        connection = self._connection()
        try:
            sent = None if body is None else json.dumps(body).encode()
            connection.request(method, f"{self._base}/v1/{path}", sent, self._headers)
            response = connection.getresponse()
            data = response.read(_LARGEST + 1)
            # What the server says of an error may repeat the request: it is not passed on.
            if response.status not in (200, 204):
                problem = _REFUSED.get(response.status, f"the server answered {response.status}")
            elif len(data) > _LARGEST:
                problem = "the server's answer is too large"
            elif data:
                said = json.loads(data)
        except (OSError, http.client.HTTPException) as error:
            problem = f"the server cannot be reached ({type(error).__name__})"
        except (ValueError, RecursionError):
            problem = "the server's answer is no JSON"
        finally:
            connection.close()
        if problem:
            raise Denied(problem)
        return cast("dict[str, Any]", said) if isinstance(said, dict) else {}

    def _connection(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=WAIT)
        context = ssl.create_default_context(cafile=self._authority or None)
        return http.client.HTTPSConnection(self._host, self._port, timeout=WAIT, context=context)


def _good_for(answer: dict[str, Any]) -> float | None:
    seconds = answer.get("lease_duration")
    return seconds if isinstance(seconds, (int, float)) and seconds > 0 else None


_REFUSED = {
    403: "the server refused the token (403)",
    404: "there is nothing at this path (404)",
    503: "the server is sealed or down (503)",
}


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
