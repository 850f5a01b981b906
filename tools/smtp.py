"""Send a mail over SMTP, and say truthfully whether it went.

What could not be sent raises `ToolException`: nothing left. When the
connection dies after the text was handed over, nobody knows, and that is
`OutcomeUncertain`: trying again might send it twice.
"""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

from langchain_core.tools import ToolException

from guarded_agent.core.errors import Denied, OutcomeUncertain
from guarded_agent.identity.leases import lease, secret
from guarded_agent.identity.secrets import SecretRef


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed over.

    Attributes:
        host: The server's name or address.
        port: Its port.
        tls: `starttls`, `implicit` (TLS from the first byte), or `none`.
        user: The account, or empty for a server that asks for none.
        password: Where the account's password is found. It is leased for the length of the
            login and is in no argument, state or log.
        timeout: Seconds to wait for an answer.
    """

    host: str
    port: int = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str = ""
    password: SecretRef | None = None
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if bool(self.user) != (self.password is not None):
            raise ValueError("an SMTP account needs both user= and password=, or neither")
        if self.user and self.tls == "none" and not _is_loopback(self.host):
            raise ValueError(
                f"the password for {self.host} would travel in clear: use tls='starttls'"
            )

    def send(self, message: EmailMessage, sender: str, recipients: Sequence[str]) -> list[str]:
        """Hand `message` over and return the recipients that the server refused.

        Raises:
            ToolException: The server took nothing, or its password cannot be had. No mail left.
            OutcomeUncertain: The server got the text and its answer never came.
        """
        problem = ""
        handing_over = sent = False
        refused: list[str] = []
        try:
            with self._connect(sender.rpartition("@")[2]) as connection:
                if self.password is not None:
                    with lease({"smtp": self.password}):
                        connection.login(self.user, secret("smtp").reveal())
                handing_over = True
                refused = list(connection.send_message(message, sender, list(recipients)))
                sent = True
        except smtplib.SMTPRecipientsRefused:
            problem, handing_over = "it refused every recipient", False
        except smtplib.SMTPResponseException as error:
            problem, handing_over = f"it answered {error.smtp_code}", False
        except (OSError, smtplib.SMTPException) as error:
            problem = type(error).__name__
        except Denied as error:
            problem = str(error)
        # Raised out here because the server's own words may repeat the password, and an error
        # raised inside the block would carry them along. A failed goodbye is no failure.
        if problem and handing_over and not sent:
            raise OutcomeUncertain(
                f"the mail server {self.host}:{self.port} went away while it took a mail "
                f"({problem}); look in the sent mails before sending it again"
            )
        if problem and not sent:
            raise ToolException(
                f"Not sent: the mail server {self.host}:{self.port} failed ({problem})."
            )
        return refused

    def _connect(self, name: str) -> smtplib.SMTP:
        # Named, so that smtplib does not ask the DNS what this machine is called.
        if self.tls == "implicit":
            return smtplib.SMTP_SSL(
                self.host,
                self.port,
                local_hostname=name,
                timeout=self.timeout,
                context=ssl.create_default_context(),
            )
        connection = smtplib.SMTP(self.host, self.port, local_hostname=name, timeout=self.timeout)
        if self.tls == "starttls":
            try:
                connection.starttls(context=ssl.create_default_context())
            except BaseException:
                connection.close()
                raise
        return connection


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
