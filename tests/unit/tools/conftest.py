"""A real SMTP server on a free port of this machine, for the mail tools."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


class PostOffice:
    """Takes mails, refuses some, and can hang up in the middle."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.refuse: set[str] = set()
        self.answer = "250 taken"
        self.hang_up = False

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.hang_up:
            server.transport.close()
        content = cast("bytes", envelope.content).replace(b"\r\n", b"\n")
        self.mails.append(cast("EmailMessage", message_from_bytes(content, policy=default)))
        self.recipients.append(list(envelope.rcpt_tos))
        return self.answer


class FreePort(Controller):
    """A server that takes whichever port is free, without a moment in between."""

    def _create_server(self) -> Any:
        bound = socket.create_server(("127.0.0.1", 0))
        self.port = bound.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=bound)


@pytest.fixture
def office() -> PostOffice:
    return PostOffice()


@pytest.fixture
def serve(office: PostOffice) -> Iterator[Callable[..., int]]:
    """Start the server with these options; return its port."""
    started: list[FreePort] = []

    def start(**options: Any) -> int:
        context: ssl.SSLContext | None = options.pop("ssl_context", None)
        names = {"hostname": "127.0.0.1", "server_hostname": "localhost"}  # no name is looked up
        controller = FreePort(office, **names, ssl_context=context, **options)
        controller.start()
        started.append(controller)
        return controller.port

    yield start
    for controller in started:
        controller.stop()
