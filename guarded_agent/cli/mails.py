"""Mails from files: mailboxes, single mails, lines of JSON and plain texts.

What comes out is what a person wrote in that mail: no attachment, no quoted history, no
signature. Nothing is fetched, and no file is changed.
"""

from __future__ import annotations

import json
import mailbox
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import click

from guarded_agent.cli.mail_text import as_text, own_words, parse_mail

Format = Literal["mbox", "eml", "jsonl", "txt"]

LONGEST = 32 * 1024 * 1024
"""The largest mail or text that is read, in bytes, attachments included."""

_BY_NAME: Mapping[str, Format] = {
    ".mbox": "mbox",
    ".mbx": "mbox",
    ".eml": "eml",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".txt": "txt",
    ".text": "txt",
}
_MAILDIR = ("cur", "new")
_TOO_LARGE = f"larger than {LONGEST // 1024 // 1024} MiB"


@dataclass(frozen=True, slots=True)
class Mail:
    """The text of one mail.

    Attributes:
        place: Where it stands, such as `inbox.mbox, mail 12` or `sent.jsonl:7`.
        format: What kind of file that is.
        text: Subject and body, as the guard reads the arguments of a tool that sends.
    """

    place: str
    format: Format
    text: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was left out.

    Attributes:
        place: Where it stands.
        why: Why, in the same words for all that are left out for the same reason.
    """

    place: str
    why: str


def gather(root: Path) -> Iterator[Mail | Skipped]:
    """Yield what stands in a file, or in every file below a folder, in order of the names.

    Raises:
        click.ClickException: There is no such file, or one is not what its name says.
        OSError: A file or folder cannot be read.
    """
    if root.is_dir():
        for path in _files(root):
            yield from _file(path, path.relative_to(root).as_posix())
    elif root.exists():
        yield from _file(root, root.name)
    else:
        raise click.ClickException(f"there is no file or folder {str(root)!r}.")


def _files(root: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error  # a folder that cannot be read is not a folder without mail

    for folder, below, names in os.walk(root, onerror=fail):
        below.sort()
        yield from (Path(folder, name) for name in sorted(names))


def _file(path: Path, place: str) -> Iterator[Mail | Skipped]:
    if not path.is_file():
        yield Skipped(place, "no plain file")
        return
    kind = _format(path)
    if kind is None:
        yield Skipped(place, "neither .mbox, .eml, .jsonl nor .txt")
        return
    yield from _READERS[kind](path, place)


def _format(path: Path) -> Format | None:
    if path.name.startswith("."):
        return None
    if path.parent.name in _MAILDIR:
        return "eml"
    known = _BY_NAME.get(path.suffix.lower())
    if known is None and not path.suffix and _begins_as_mailbox(path):
        return "mbox"  # as mail programs name them: Sent, INBOX
    return known


def _begins_as_mailbox(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"From "


def _mbox(path: Path, place: str) -> Iterator[Mail | Skipped]:
    if path.stat().st_size == 0:
        yield Skipped(place, "empty")
        return
    if not _begins_as_mailbox(path):
        raise click.ClickException(f"{place}:1: no mailbox: it does not begin with 'From '.")
    box = mailbox.mbox(path, create=False)
    try:
        for number, key in enumerate(box.keys(), 1):
            with box.get_file(key) as file:
                raw = file.read(LONGEST + 1)
            raw = raw.replace(b"\n>From ", b"\nFrom ")  # as mailboxes hide it: no quote
            yield _mail(raw, f"{place}, mail {number}", "mbox")
    finally:
        box.close()


def _eml(path: Path, place: str) -> Iterator[Mail | Skipped]:
    yield _mail(_bytes(path), place, "eml")


def _mail(raw: bytes, place: str, kind: Format) -> Mail | Skipped:
    if len(raw) > LONGEST:
        return Skipped(place, _TOO_LARGE)
    try:
        text = parse_mail(raw)
    except (Exception, RecursionError) as error:  # the parser meets whatever people send
        return Skipped(place, f"no mail that can be read ({type(error).__name__})")
    return Mail(place, kind, text) if text else Skipped(place, "no text of its own")


def _jsonl(path: Path, place: str) -> Iterator[Mail | Skipped]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST + 1):
            number += 1
            where = f"{place}:{number}"
            if len(line) > LONGEST:
                raise click.ClickException(f"{where}: the line is {_TOO_LARGE}.")
            if not line.strip(b"\xef\xbb\xbf \t\r\n"):
                continue
            text = own_words(_line(line, where))
            yield Mail(where, "jsonl", text) if text else Skipped(where, "no text of its own")


def _line(line: bytes, where: str) -> str:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise click.ClickException(f"{where}: no text in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{where}: no JSON: {error}.") from None
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    for names in (("text",), ("subject", "body")):
        if all(isinstance(fields.get(name), str) for name in names):
            return " ".join(fields[name] for name in names)
    raise click.ClickException(
        f'{where}: write {{"text": "..."}} or {{"subject": "...", "body": "..."}} in each line.'
    )


def _txt(path: Path, place: str) -> Iterator[Mail | Skipped]:
    raw = _bytes(path)
    if len(raw) > LONGEST:
        yield Skipped(place, _TOO_LARGE)
    elif b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield Skipped(place, "no text")
    else:
        text = own_words(as_text(raw))
        yield Mail(place, "txt", text) if text else Skipped(place, "no text of its own")


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST + 1)


_READERS: Mapping[Format, Callable[[Path, str], Iterator[Mail | Skipped]]] = {
    "mbox": _mbox,
    "eml": _eml,
    "jsonl": _jsonl,
    "txt": _txt,
}
