"""Ask an Open Policy Agent server as well, over HTTP: an answer that is not plain denies.

The question is `POST /v1/data/...` with `{"input": ...}`; the answer is the document there, as
`{"result": ...}`. A rule that is undefined for an input gives no result at all, so no result is
a denial, and so are another status, another type, too much text, and no answer in time.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import json
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, cast
from urllib.parse import urlsplit

from guarded_agent.core.action import Action
from guarded_agent.core.canonical import digest
from guarded_agent.core.context import Context
from guarded_agent.core.effect import Effect
from guarded_agent.core.errors import Problem
from guarded_agent.core.tool import Sink, ToolSpec
from guarded_agent.policy.around import around
from guarded_agent.policy.destinations import url_host
from guarded_agent.policy.trials import Trial

WITHIN = 1.0
"""Seconds in which the whole answer must be there."""

FRESH = 2.0
"""Seconds for which an answer holds for exactly the same question: a call is judged twice, when
it is proposed and when it begins."""

_HEADERS = {"Content-Type": "application/json", "Connection": "close"}
_MOST = 64 * 1024
_KEPT = 256
_EFFECTS = {"allow": Effect.ALLOW, "approve": Effect.APPROVE, "deny": Effect.DENY}
_WORDS = 500


class Opa:
    """Decides by a document of an OPA server.

    The document is `true` or `false`, or `"allow"`, `"approve"` or `"deny"`, or an object with
    one of those as `effect`, and with `because` and `message` if it likes.

    Args:
        url: The document's address, under `/v1/data/`: https, or http to this machine.
        within: Seconds in which the answer must be there.

    Raises:
        ValueError: The address is none of these.

    Example:
        >>> Opa("http://opa.acme.com/v1/data/agent/verdict")
        Traceback (most recent call last):
        ...
        ValueError: http is for an OPA on this machine (127.0.0.1, [::1] or localhost): use https
    """

    def __init__(self, url: str, *, within: float = WITHIN) -> None:
        self._host = url_host(url)
        parts = urlsplit(url)
        if parts.scheme == "http" and not _is_this_machine(self._host):
            raise ValueError(
                "http is for an OPA on this machine (127.0.0.1, [::1] or localhost): use https"
            )
        if not parts.path.startswith("/v1/data/") or parts.query or parts.fragment:
            raise ValueError("the address of a document begins with /v1/data/ and has no query")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (80 if self._tls is None else 443)
        self._path = parts.path
        self._within = within
        self._sinks: Mapping[str, Sequence[Sink]] = {}
        self._recent: OrderedDict[str, tuple[float, Trial]] = OrderedDict()
        self._lock = Lock()
        self.fingerprint = f"opa:{url}"

    def check(self, tools: Sequence[ToolSpec]) -> list[Problem]:
        """Return nothing: what the server holds may change, and is asked when it counts."""
        self._sinks = {spec.name: spec.sinks for spec in tools}
        return []

    def decide(self, action: Action, context: Context, now: float) -> Trial:
        """Return what the server says of `action`; whatever is not clear is an error."""
        question = {
            "input": {
                "tool": action.tool,
                "args": dict(action.args),
                "agent": action.agent_id,
                "thread": action.thread_id,
                "around": around(action, context, now, self._sinks.get(action.tool, ())),
            }
        }
        key = digest(question)
        begun = time.monotonic()
        with self._lock:
            at, trial = self._recent.get(key, (0.0, None))
        if trial is not None and begun - at < FRESH:
            return trial
        try:
            trial = _trial(self._ask(json.dumps(question).encode(), begun + self._within))
        except TimeoutError:
            return _broken(f"OPA did not answer within {self._within:g} s")
        except ValueError as error:
            return _broken(str(error))
        except Exception as error:
            return _broken(f"OPA could not be asked ({type(error).__name__})")
        with self._lock:
            self._recent[key] = begun, trial
            while len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
        return trial

    def _ask(self, body: bytes, until: float) -> Any:
        connection = (
            http.client.HTTPConnection(self._host, self._port, timeout=self._within)
            if self._tls is None
            else http.client.HTTPSConnection(
                self._host, self._port, timeout=self._within, context=self._tls
            )
        )
        said = bytearray()
        try:
            connection.connect()
            channel = connection.sock
            channel.settimeout(_left(until))
            connection.request("POST", self._path, body, _HEADERS)
            # Read by hand: one that drips its bytes would never run into a socket's time-out.
            while piece := channel.recv(8192):
                said += piece
                if len(said) > _MOST:
                    raise ValueError("OPA's answer is too long")
                channel.settimeout(_left(until))
        finally:
            connection.close()
        response = http.client.HTTPResponse(cast("socket.socket", _Arrived(said)))
        response.begin()
        if response.status != 200:
            raise ValueError(f"OPA answered with status {response.status}")
        try:
            return json.loads(response.read())
        except ValueError:
            raise ValueError("OPA's answer is not JSON") from None


class _Arrived:
    """What has arrived already, as a response reads it."""

    def __init__(self, said: bytearray) -> None:
        self._said = bytes(said)

    def makefile(self, mode: str) -> io.BytesIO:  # noqa: ARG002  # it is read only
        return io.BytesIO(self._said)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _trial(answer: Any) -> Trial:
    document: Any = cast("Mapping[str, Any]", answer).get("result") if _is_map(answer) else None
    because = message = ""
    if _is_map(document):
        said = cast("Mapping[str, Any]", document)
        because, message = _words(said.get("because")), _words(said.get("message"))
        document = said.get("effect")
    if document is None:
        raise ValueError("OPA gave no result: the document is not defined for this call")
    if isinstance(document, bool):
        document = "allow" if document else "deny"
    effect = _EFFECTS.get(document) if isinstance(document, str) else None
    if effect is None:
        raise ValueError("OPA's result is none of true, false, allow, approve and deny")
    return Trial("opa", effect, True, because=because, message=message)


def _words(said: Any) -> str:
    if said is not None and not isinstance(said, str):
        raise ValueError("OPA's reason is not text")
    return (said or "")[:_WORDS]


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _broken(why: str) -> Trial:
    return Trial("opa", Effect.DENY, False, why)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
