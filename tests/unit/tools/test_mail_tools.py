"""The mail tools read a real mailbox and send over real SMTP, and refuse tricks."""

from __future__ import annotations

import contextlib
import json
import mailbox
import socket
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from langchain_core.tools import BaseTool
from pydantic import ValidationError

from guarded_agent.core import Confidentiality, Sink
from guarded_agent.core.errors import OutcomeUncertain, UnguardedCall
from guarded_agent.identity.leases import secret
from guarded_agent.identity.secrets import SecretRef
from guarded_agent.tools import MailTools, SmtpServer, keyed, read_declaration

SENDER = "desk@corp.example"


def write_mail(subject: str, text: str, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = headers.pop("sender", "Ann Abel <ann@customer.example>")
    mail["To"] = SENDER
    mail["Date"] = headers.pop("date", "Mon, 16 Mar 2026 09:00:00 +0000")
    mail["Subject"] = subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    path = tmp_path / "inbox.mbox"
    box = mailbox.mbox(path)
    box.add(
        write_mail(
            "Where is my parcel?", "It left TUESDAY.\n", date="Mon, 16 Mar 2026 08:00:00 +0000"
        )
    )
    late = write_mail(
        "Lunch", "Noon?\n", sender="Bo <bo@corp.example>", date="Mon, 16 Mar 2026 09:30:00 +0100"
    )
    late.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="menu.pdf")
    box.add(late)
    box.close()
    return path


@pytest.fixture
def tools(inbox: Path, serve: Callable[..., int]) -> dict[str, BaseTool]:
    server = SmtpServer("127.0.0.1", serve(), tls="none")
    return by_name(MailTools(inbox, server, SENDER, clock=lambda: 1_773_651_600.0).tools())


def by_name(tools: list[BaseTool]) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in tools}


def found(tools: dict[str, BaseTool], query: str, **more: Any) -> list[dict[str, str]]:
    return json.loads(tools["search_mail"].invoke({"query": query, **more}))


def mail_id(tools: dict[str, BaseTool], query: str) -> str:
    return found(tools, query)[0]["id"]


@pytest.mark.parametrize("query", ["PARCEL", "ann@customer", "tuesday parcel", "abel where"])
def test_search_finds_words_anywhere_whatever_their_case(
    tools: dict[str, BaseTool], query: str
) -> None:
    assert [mail["subject"] for mail in found(tools, query)] == ["Where is my parcel?"]


def test_search_wants_every_word(tools: dict[str, BaseTool]) -> None:
    assert found(tools, "parcel lunch") == []


def test_search_gives_the_latest_first_whatever_their_time_zones(
    tools: dict[str, BaseTool],
) -> None:
    assert [mail["date"] for mail in found(tools, "")] == ["2026-03-16T08:30Z", "2026-03-16T08:00Z"]
    assert [mail["subject"] for mail in found(tools, "", limit=1)] == ["Lunch"]


def test_search_shows_how_a_mail_begins_and_no_more(
    tools: dict[str, BaseTool], inbox: Path
) -> None:
    box = mailbox.mbox(inbox)
    box.add(write_mail("long", "word " * 100))
    box.close()
    assert found(tools, "long")[0]["starts"] == ("word " * 100)[:200]


def test_read_gives_headers_text_and_names_of_attachments(tools: dict[str, BaseTool]) -> None:
    assert tools["read_mail"].invoke({"id": mail_id(tools, "lunch")}) == (
        "From: Bo <bo@corp.example>\nTo: desk@corp.example\nDate: 2026-03-16T08:30Z\n"
        "Subject: Lunch\nAttachments: menu.pdf\n\nNoon?\n"
    )


def test_an_id_stays_the_same_in_another_process_and_another_mailbox(
    tools: dict[str, BaseTool], inbox: Path, tmp_path: Path
) -> None:
    folder = mailbox.Maildir(tmp_path / "maildir")
    with contextlib.closing(mailbox.mbox(inbox)) as box:
        for message in box:
            folder.add(message)
    copy = by_name(MailTools(tmp_path / "maildir", SmtpServer("localhost"), SENDER).tools())
    assert found(copy, "parcel") == found(tools, "parcel")


def test_two_mails_that_share_a_message_id_have_two_ids(
    tools: dict[str, BaseTool], inbox: Path
) -> None:
    box = mailbox.mbox(inbox)
    box.add(write_mail("invoice", "Pay 80.", Message_ID="<one@x.example>"))
    box.add(write_mail("invoice", "Pay 8000.", Message_ID="<one@x.example>"))
    box.close()
    assert len({mail["id"] for mail in found(tools, "invoice")}) == 2


def test_an_unknown_id_is_an_answer_that_helps(tools: dict[str, BaseTool]) -> None:
    assert (
        tools["read_mail"].invoke({"id": "nope"})
        == "No mail has the id 'nope'. Search for it again."
    )


def test_a_missing_mailbox_is_told_without_its_path(tmp_path: Path) -> None:
    tools = by_name(MailTools(tmp_path / "gone.mbox", SmtpServer("localhost"), SENDER).tools())
    answer = tools["search_mail"].invoke({"query": ""})
    assert "cannot be opened" in answer
    assert str(tmp_path) not in answer


def test_a_broken_mail_does_not_hide_the_others(tools: dict[str, BaseTool], inbox: Path) -> None:
    with inbox.open("ab") as file:
        file.write(
            b"From x\nFrom: \xff\xfe <<>>@@,,\nTo: =?nonsense?q?=FF?=\nDate: yesterday-ish\n"
            b"Content-Type: text/plain; charset=klingon\nSubject: odd\x1b[31m one\n"
            b"\nnuq\xffneH\x00\n\n"
        )
    assert [mail["subject"] for mail in found(tools, "odd")] == ["odd[31m one"]
    assert len(found(tools, "")) == 3
    assert "nuq\ufffdneH" in tools["read_mail"].invoke({"id": mail_id(tools, "odd")})


def test_html_mails_are_read_as_text(tools: dict[str, BaseTool], inbox: Path) -> None:
    mail = write_mail("web", "")
    mail.set_content(
        "<html><head><title>t</title><style>p{}</style></head><body><p>Dear&nbsp;all,</p>"
        "<script>steal()</script><p>see <b>below</b></p></body></html>",
        subtype="html",
    )
    box = mailbox.mbox(inbox)
    box.add(mail)
    box.close()
    text = tools["read_mail"].invoke({"id": mail_id(tools, "below")})
    assert text.endswith("\n\nDear all,\nsee below")


def test_a_sent_mail_arrives_as_written(tools: dict[str, BaseTool], office: Any) -> None:
    answer = tools["send_mail"].invoke(
        {
            "to": ["ann@customer.example"],
            "cc": ["bo@corp.example"],
            "subject": "Grüße",
            "body": "One.\n.\nTwo — three.\n",
        }
    )
    mail = office.mails[0]
    assert answer == "Sent to ann@customer.example, bo@corp.example."
    assert office.recipients == [["ann@customer.example", "bo@corp.example"]]
    assert (mail["From"], mail["To"], mail["Cc"]) == (
        SENDER,
        "ann@customer.example",
        "bo@corp.example",
    )
    assert (mail["Subject"], mail.get_content()) == ("Grüße", "One.\n.\nTwo — three.\n")
    assert mail["Date"] == "Mon, 16 Mar 2026 09:00:00 +0000"


def test_a_forwarded_mail_carries_note_and_original(
    tools: dict[str, BaseTool], office: Any
) -> None:
    tools["forward_mail"].invoke(
        {"id": mail_id(tools, "parcel"), "to": ["bo@corp.example"], "note": "Yours?"}
    )
    text = office.mails[0].get_content()
    assert office.mails[0]["Subject"] == "Fwd: Where is my parcel?"
    assert text.startswith("Yours?\n\n---------- Forwarded mail ----------\nFrom: Ann Abel")
    assert text.endswith("It left TUESDAY.\n")


def test_the_same_call_has_the_same_message_id(tools: dict[str, BaseTool], office: Any) -> None:
    order = {"to": ["ann@customer.example"], "subject": "s", "body": "b"}
    for key in ("a1", "a1", "b2"):
        with keyed(key):
            tools["send_mail"].invoke(order)
    numbers = [mail["Message-ID"] for mail in office.mails]
    assert numbers == ["<a1@corp.example>", "<a1@corp.example>", "<b2@corp.example>"]


BAD_ADDRESSES = [
    "ann@customer.example,eve@evil.example",
    "ann@customer.example\nBcc: eve@evil.example",
    "ann@customer.example\r\n",
    "Ann <ann@customer.example>",
    '"ann@corp.example"@evil.example',
    "ann@customer.example (eve@evil.example)",
    "ann@corp.example@evil.example",
    "ann@[127.0.0.1]",
    "аnn@corp.example",
    "ann@соrp.example",
    "ann@corp。example",
    "ann",
    "ann@localhost",
    "@corp.example",
    "ann@.example",
    "ann@corp..example",
    ".ann@corp.example",
    " ann@corp.example",
    "a" * 65 + "@corp.example",
    "ann@" + "a." * 130 + "example",
    "",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
@pytest.mark.parametrize("argument", ["to", "cc"])
def test_only_plain_addresses_are_written_to(
    tools: dict[str, BaseTool], office: Any, address: str, argument: str
) -> None:
    order = {"to": ["ann@customer.example"], "subject": "s", "body": "b", argument: [address]}
    with pytest.raises(ValidationError):
        tools["send_mail"].invoke(order)
    assert office.mails == []


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_the_schema_that_is_judged_refuses_them_too(
    tools: dict[str, BaseTool], address: str
) -> None:
    schema: Any = tools["send_mail"].tool_call_schema
    with pytest.raises(ValidationError):
        schema.model_validate({"to": [address], "subject": "s", "body": "b"})


@pytest.mark.parametrize(
    "subject", ["a\nBcc: eve@evil.example", "a\rb", "a\x00", "a\u2028b", "a\x85b"]
)
def test_nothing_can_be_smuggled_into_the_headers(
    tools: dict[str, BaseTool], office: Any, subject: str
) -> None:
    with pytest.raises(ValidationError):
        tools["send_mail"].invoke({"to": ["ann@customer.example"], "subject": subject, "body": "b"})
    assert office.mails == []


@pytest.mark.parametrize(
    "change",
    [{"to": "ann@customer.example"}, {"to": []}, {"bcc": ["a@b.example"]}, {"body": "a\x00b"}],
)
def test_arguments_mean_one_thing_or_are_refused(
    tools: dict[str, BaseTool], office: Any, change: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        tools["send_mail"].invoke(
            {"to": ["ann@customer.example"], "subject": "s", "body": "b", **change}
        )
    assert office.mails == []


def test_a_server_that_is_not_there_is_one_clear_answer(inbox: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    tools = by_name(MailTools(inbox, SmtpServer("127.0.0.1", port, tls="none"), SENDER).tools())
    answer = tools["send_mail"].invoke({"to": ["a@b.example"], "subject": "s", "body": "b"})
    assert answer == f"Not sent: the mail server 127.0.0.1:{port} failed (ConnectionRefusedError)."


def test_refused_recipients_are_named(tools: dict[str, BaseTool], office: Any) -> None:
    office.refuse = {"eve@x.example"}
    order = {"to": ["ann@customer.example", "eve@x.example"], "subject": "s", "body": "b"}
    answer = tools["send_mail"].invoke(order)
    assert answer == "Sent to ann@customer.example. The server refused eve@x.example."
    assert office.recipients == [["ann@customer.example"]]


def test_when_every_recipient_is_refused_nothing_was_sent(
    tools: dict[str, BaseTool], office: Any
) -> None:
    office.refuse = {"eve@x.example"}
    answer = tools["send_mail"].invoke({"to": ["eve@x.example"], "subject": "s", "body": "b"})
    assert "Not sent" in answer
    assert "refused every recipient" in answer


def test_a_server_that_answers_no_sent_nothing(tools: dict[str, BaseTool], office: Any) -> None:
    office.answer = "554 looks like spam"
    answer = tools["send_mail"].invoke({"to": ["a@b.example"], "subject": "s", "body": "b"})
    assert answer.startswith("Not sent")
    assert "it answered 554" in answer


def test_a_server_that_goes_away_while_it_takes_a_mail_leaves_it_uncertain(
    tools: dict[str, BaseTool], office: Any
) -> None:
    office.hang_up = True
    with pytest.raises(OutcomeUncertain, match="look in the sent mails"):
        tools["send_mail"].invoke({"to": ["a@b.example"], "subject": "s", "body": "b"})


def with_login(serve: Callable[..., int], inbox: Path) -> tuple[dict[str, BaseTool], list[bytes]]:
    seen: list[bytes] = []

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        seen.append(data.password)
        return AuthResult(success=data.password == b"pw-12345678", handled=False)

    port = serve(authenticator=check, auth_require_tls=False)
    password = SecretRef.parse("env:MAIL_PASSWORD")
    server = SmtpServer("127.0.0.1", port, tls="none", user="desk", password=password)
    return by_name(MailTools(inbox, server, SENDER).tools()), seen


ORDER = {"to": ["ann@customer.example"], "subject": "s", "body": "b"}


def test_the_password_is_leased_for_the_call_alone(
    serve: Callable[..., int], inbox: Path, office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, seen = with_login(serve, inbox)
    monkeypatch.setenv("MAIL_PASSWORD", "pw-12345678")
    answer = tools["send_mail"].invoke(ORDER)
    assert answer == "Sent to ann@customer.example."
    assert (seen, len(office.mails)) == ([b"pw-12345678"], 1)
    with pytest.raises(UnguardedCall):
        secret("smtp")


def test_a_password_that_cannot_be_had_sends_nothing(
    serve: Callable[..., int], inbox: Path, office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, seen = with_login(serve, inbox)
    monkeypatch.delenv("MAIL_PASSWORD", raising=False)
    answer = tools["send_mail"].invoke(ORDER)
    assert "Not sent" in answer
    assert "env:MAIL_PASSWORD" in answer
    assert (seen, office.mails) == ([], [])


def test_a_wrong_password_does_not_stand_in_the_answer(
    serve: Callable[..., int], inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, _ = with_login(serve, inbox)
    monkeypatch.setenv("MAIL_PASSWORD", "pw-87654321")
    answer = tools["send_mail"].invoke(ORDER)
    assert "it answered 535" in answer
    assert "87654321" not in answer


def test_starttls_is_asked_for_and_a_server_without_it_gets_nothing(
    serve: Callable[..., int], inbox: Path, office: Any
) -> None:
    tools = by_name(MailTools(inbox, SmtpServer("127.0.0.1", serve()), SENDER).tools())
    assert "Not sent" in tools["send_mail"].invoke(ORDER)
    assert office.mails == []


def test_a_password_may_not_travel_in_clear() -> None:
    with pytest.raises(ValueError, match="starttls"):
        SmtpServer("mail.corp.example", tls="none", user="desk", password=SecretRef("env", "P"))


def test_an_account_needs_both_its_halves() -> None:
    with pytest.raises(ValueError, match="both"):
        SmtpServer("mail.corp.example", user="desk")


def test_the_sender_must_be_one_address(inbox: Path) -> None:
    with pytest.raises(ValueError, match="plain mail address"):
        MailTools(inbox, SmtpServer("localhost"), "Desk <desk@corp.example>")


def test_the_declarations_say_what_leaves_and_where(tools: dict[str, BaseTool]) -> None:
    declared = {name: read_declaration(tool.metadata) for name, tool in tools.items()}
    assert {name: fields["access"] for name, fields in declared.items()} == {
        "search_mail": "read",
        "read_mail": "read",
        "send_mail": "send",
        "forward_mail": "send",
    }
    assert declared["send_mail"]["sinks"] == (
        Sink("to", Confidentiality.INTERNAL),
        Sink("cc", Confidentiality.INTERNAL),
    )
    label = declared["read_mail"]["label"]
    assert (label.confidentiality, label.compartments, label.trusted) == (
        Confidentiality.INTERNAL,
        {"mail"},
        False,
    )
    assert declared["forward_mail"]["scopes"] == {"mail.read", "mail.send"}
