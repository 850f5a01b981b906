"""What a person wrote, out of mailboxes, mails, lines of JSON and texts as programs make them."""

from __future__ import annotations

import json
import mailbox
import os
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import click
import pytest

from guarded_agent.cli import mails
from guarded_agent.cli.mail_text import as_text, own_words, parse_mail
from guarded_agent.cli.mails import Mail, Skipped, gather


def message(body: str = "The report is ready.", subject: str = "Report") -> EmailMessage:
    made = EmailMessage()
    made["From"] = "ann@acme.example"
    made["To"] = "bo@acme.example"
    made["Subject"] = subject
    made.set_content(body)
    return made


def texts(root: Path) -> list[str]:
    return [one.text for one in gather(root) if isinstance(one, Mail)]


def whys(root: Path) -> list[str]:
    return [one.why for one in gather(root) if isinstance(one, Skipped)]


def test_each_mail_of_a_mailbox_has_its_place(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "inbox.mbox")
    box.add(message("One is here.\nFrom here on it goes down."))
    box.add(message("Two is here.", "Grüße"))
    box.close()
    before = (tmp_path / "inbox.mbox").read_bytes()
    assert list(gather(tmp_path)) == [
        Mail("inbox.mbox, mail 1", "mbox", "Report One is here.\nFrom here on it goes down."),
        Mail("inbox.mbox, mail 2", "mbox", "Grüße Two is here."),
    ]
    assert (tmp_path / "inbox.mbox").read_bytes() == before


def test_a_mailbox_without_an_ending_and_a_maildir_are_known(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "Sent")
    box.add(message("In the box."))
    box.close()
    maildir = mailbox.Maildir(tmp_path / "Mail")
    maildir.add(message("In the folder."))
    assert sorted(texts(tmp_path)) == ["Report In the box.", "Report In the folder."]


def test_of_alternatives_the_plain_one_is_read_and_attachments_are_not() -> None:
    made = message("Plain words.")
    made.add_alternative("<p>Marked up words.</p>", subtype="html")
    made.add_attachment("Attached words.", filename="notes.txt")
    made.add_attachment(message("Forwarded words."))
    assert parse_mail(made.as_bytes()) == "Report Plain words."


def test_markup_is_read_without_quotes_styles_and_scripts() -> None:
    made = EmailMessage()
    made["Subject"] = "Report"
    made.set_content(
        "<html><head><title>T</title><style>p {}</style><body><p>Fish &amp; chips\nat noon<br>"
        "or one?</p><script>x()</script><blockquote>Old <blockquote>older</blockquote>"
        "</blockquote><p>Ann</p></body></html>",
        subtype="html",
    )
    assert parse_mail(made.as_bytes()) == "Report Fish & chips at noon\nor one?\n\nAnn"


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("<p>One<!-- <p>two --> three</p>", "One three"),
        ("<HEAD><META x=1><body class='b'>One</BODY>", "One"),
        ("One<blockquote>two<blockquote>three</blockquote>four</blockquote>five", "Onefive"),
        ("a < b &amp;&lt;p&gt; <3", "a < b &<p> <3"),
        ("One</blockquote> two<script>three", "One two"),
        ("<a href='x'>One</a><br/>two<img src=x>", "One\ntwo"),
    ],
)
def test_markup_in_any_form_shows_its_words(markup: str, shown: str) -> None:
    mail = f"Content-Type: text/html\nSubject: S\n\n{markup}\n"
    assert parse_mail(mail.encode()) == f"S {shown}"


@pytest.mark.parametrize("piece", ["<!--", "<a b='", "<", "<script>", "<blockquote>", "<![CDATA["])
def test_markup_that_nothing_ends_is_read_in_one_pass(piece: str) -> None:
    mail = f"Content-Type: text/html\nSubject: S\n\n{piece * 100_000}\n"
    parse_mail(mail.encode())  # the standard library's parser takes minutes


@pytest.mark.parametrize("charset", ["latin-1", "utf-8", "cp1252", "utf-16", "iso-2022-jp"])
def test_a_body_is_read_in_its_charset(charset: str) -> None:
    words = "日本語です。" if charset == "iso-2022-jp" else "Das Café schließt früh."
    made = MIMEText(words, "plain", charset)
    made["Subject"] = "Report"
    assert parse_mail(made.as_bytes()) == f"Report {words}"


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: =?no-such?q?a?=",
        b"Subject: =?utf-8?b?!!!?=",
        b"Subject: caf\xe9",
        b"Content-Type: text/plain; charset=no-such",
        b"Content-Type: text/plain; charset*0=x; charset*=''%ff",
        b"Content-Type: multipart/mixed",
        b"Content-Transfer-Encoding: base64\nContent-Type: text/plain; charset=\xff",
        b"Content-Disposition: \xff; filename*=utf-8''%ff",
    ],
)
def test_a_broken_header_breaks_nothing_else(header: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(header + b"\n\nThe report is ready.\n")
    (tmp_path / "b.eml").write_bytes(message().as_bytes())
    found = list(gather(tmp_path))
    assert len(found) == 2
    assert isinstance(found[1], Mail)


def test_parts_in_parts_without_end_are_left_out(tmp_path: Path) -> None:
    inner: MIMEMultipart | MIMEText = MIMEText("Deep words.")
    for _ in range(60):
        outer = MIMEMultipart()
        outer.attach(inner)
        inner = outer
    (tmp_path / "deep.eml").write_bytes(inner.as_bytes())
    lines = [f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(3000)]
    (tmp_path / "deeper.eml").write_text("".join(lines) + "Words.")
    assert texts(tmp_path) == []
    assert len(whys(tmp_path)) == 2


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Yes.\n> No?\n>> Yes!\nFine.", "Yes.\nFine."),
        ("Yes.\n\nOn Mon, 3 Aug 2026 at 10:00, Bo Li\n<bo@x.example> wrote:\n> No?", "Yes."),
        ("Ja.\n\nAm 03.08.2026 um 10:00 schrieb Bo Li:\n> Nein?", "Ja."),
        ("Oui.\n\nLe lundi 3 août, Bo a écrit :\n> Non ?", "Oui."),
        ("Yes.\n\n-----Original Message-----\nFrom: Bo\nOld.", "Yes."),
        ("Yes.\n\nFrom: Bo Li\nSent: Monday\nTo: Ann\n\nOld.", "Yes."),
        ("Von: hier\nan wird es besser.", "Von: hier\nan wird es besser."),
        ("Look:\n---------- Forwarded message ---------\nOld.", "Look:"),
        ("Best\n-- \nAnn\nCFO", "Best"),
        ("a -- b\n---\nc", "a -- b\n---\nc"),
        ("On Friday we wrote:\nto the bank.", "to the bank."),
        ("> all\n> quoted", ""),
    ],
)
def test_history_and_signature_are_not_the_writers_words(text: str, own: str) -> None:
    assert own_words(text) == own


def test_long_texts_of_one_line_or_many_are_looked_through_at_once() -> None:
    assert len(own_words("on " + "wrote " * 50_000)) > 100_000
    assert own_words("on x wrote\n" * 20_000)


def test_lines_of_json_have_their_numbers(tmp_path: Path) -> None:
    lines = [{"text": "One is here."}, {"subject": "S", "body": "Two.", "id": 7}, {"text": " "}]
    body = "\n\n".join(map(json.dumps, lines))
    (tmp_path / "a.jsonl").write_text(f"\ufeff{body}\n", "utf-8")
    assert list(gather(tmp_path)) == [
        Mail("a.jsonl:1", "jsonl", "One is here."),
        Mail("a.jsonl:3", "jsonl", "S Two."),
        Skipped("a.jsonl:5", "no text of its own"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'["text"]', '{"text": "..."}'),
        (b'{"text": 7}', '{"text": "..."}'),
        (b'{"subject": "S"}', '{"text": "..."}'),
        ('{"text": "é"}'.encode("latin-1"), "no text in UTF-8"),
    ],
)
def test_a_bad_line_of_json_is_named(line: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "One."}\n' + line + b"\n")
    with pytest.raises(click.ClickException) as caught:
        list(gather(tmp_path))
    assert caught.value.message.startswith("a.jsonl:2: ")
    assert words in caught.value.message


def test_a_text_is_read_in_utf_8_or_else_in_latin_1(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Café".encode("latin-1"))
    (tmp_path / "b.txt").write_bytes("\ufeffCafé\r\nzu".encode())
    (tmp_path / "c.txt").write_bytes("Café".encode("utf-16"))
    assert texts(tmp_path) == ["Café", "Café\nzu", "Café"]
    assert as_text(b"\x81\xe9") == "\x81é"


def test_what_is_no_mail_is_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / ".hidden.txt").write_text("The report is ready.")
    (tmp_path / "b.txt").write_bytes(b"\0\1\2")
    (tmp_path / "c.eml").write_bytes(b"")
    (tmp_path / "d.mbox").write_bytes(b"")
    os.mkfifo(tmp_path / "e.txt")
    kind = "neither .mbox, .eml, .jsonl nor .txt"
    assert whys(tmp_path) == [kind, kind, "no text", "no text of its own", "empty", "no plain file"]


def test_a_mailbox_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_text("Subject: x\n\nThe report is ready.\n")
    with pytest.raises(click.ClickException, match=r"^a\.mbox:1: no mailbox"):
        list(gather(tmp_path))


def test_a_huge_mail_is_left_out_and_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mails, "LONGEST", 2000)
    box = mailbox.mbox(tmp_path / "a.mbox")
    box.add(message("large " * 1000))
    box.add(message("small"))
    box.close()
    (tmp_path / "b.eml").write_bytes(message("large " * 1000).as_bytes())
    (tmp_path / "c.txt").write_text("large " * 1000)
    assert texts(tmp_path) == ["Report small"]
    assert whys(tmp_path) == ["larger than 32 MiB"] * 3
    (tmp_path / "d.jsonl").write_text(json.dumps({"text": "large " * 1000}))
    with pytest.raises(click.ClickException, match=r"^d\.jsonl:1: the line is larger"):
        list(gather(tmp_path))


def test_a_link_to_a_folder_above_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The report is ready.")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert texts(tmp_path) == ["The report is ready."]
