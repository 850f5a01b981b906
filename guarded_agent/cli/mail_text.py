"""What the writer of a mail wrote: its text parts, without history, signature and markup."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from html import unescape
from typing import cast

DEEPEST = 20
"""How deep parts may stand in parts; deeper ones are left out."""

_HISTORY = re.compile(
    r"-{2,} ?(?:original message|forwarded message|ursprüngliche nachricht|"
    r"weitergeleitete nachricht|message d'origine|mensaje original|messaggio originale|"
    r"mensagem original) ?-{2,}"
    r"|begin forwarded message:|_{20,}",
    re.IGNORECASE,
)
_OUTLOOK = re.compile(r"\*?(?:from|von|de|da)\*?: .+", re.IGNORECASE)
_OUTLOOK_NEXT = re.compile(
    r"\*?(?:sent|date|gesendet|datum|envoyé|enviado|enviada|inviato)\*?: .+", re.IGNORECASE
)
_WROTE = re.compile(
    r"(?:on|am|le|el|il|em|op)\b.{4,200}"
    r"\b(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef)\b.{0,120}:",
    re.IGNORECASE | re.DOTALL,
)
_BLOCKS = frozenset(
    {"br", "div", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p", "table", "tr", "ul"}
)
_TAG = re.compile(r"<!--|<(?P<end>/?)(?P<name>[a-z][a-z0-9]*)\b[^<>]*>|<[!?][^<>]*>", re.IGNORECASE)
_UNREAD = {
    "<!--": re.compile("-->"),
    **{
        name: re.compile(rf"</{name}\b[^<>]*>", re.IGNORECASE)
        for name in ("script", "style", "title")
    },
}
"""Where what is not read ends, by what begins it."""
_SPACES = re.compile(r"\s+")


def parse_mail(raw: bytes) -> str:
    """Return subject and own words of a mail as it was sent; empty if there is no body.

    A space stands between the two, as where the guard reads a call.

    Example:
        >>> parse_mail(b"Subject: Lunch\\n\\nAt noon?\\n\\n> When do we eat?\\n-- \\nAnn\\n")
        'Lunch At noon?'
    """
    message = message_from_bytes(raw)
    body = own_words("\n".join(_bodies(message, 0)))
    return f"{_subject(message)} {body}".strip() if body else ""


def _subject(message: Message) -> str:
    written = str(message.get("Subject", ""))
    try:
        return " ".join(str(make_header(decode_header(written))).split())
    except (HeaderParseError, LookupError, ValueError):
        return " ".join(written.split())


def _bodies(part: Message, depth: int) -> Iterator[str]:
    """Yield the texts that are read as the mail, of alternatives the plainest."""
    kind = part.get_content_type()
    if depth > DEEPEST or part.get_content_disposition() == "attachment" or part.get_filename():
        return
    if part.is_multipart():
        if part.get_content_maintype() != "multipart":
            return  # a whole mail within the mail: someone else's words
        below = cast("list[Message]", part.get_payload())
        if kind == "multipart/alternative":
            texts = [
                (one.get_content_type() != "text/plain", text)
                for one in below
                if (text := "\n".join(_bodies(one, depth + 1))).strip()
            ]
            yield from (text for _, text in sorted(texts, key=lambda one: one[0])[:1])
            return
        for one in below:
            yield from _bodies(one, depth + 1)
    elif kind in ("text/plain", "text/html"):
        data = part.get_payload(decode=True)
        text = as_text(data, part.get_content_charset()) if isinstance(data, bytes) else ""
        yield _unmarked(text) if kind == "text/html" else text


def as_text(data: bytes, charset: str | None = None) -> str:
    """Return the characters of `data`, as its charset says, else as UTF-8 or Windows-1252.

    Example:
        >>> as_text(b"caf\\xe9"), as_text("café".encode()), as_text(b"caf\\xe9", "no-such")
        ('café', 'café', 'café')
    """
    marked = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None
    for name in (marked, charset, "utf-8-sig", "cp1252"):
        try:
            if name is not None:
                return data.decode(name).replace("\r\n", "\n")
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("latin-1").replace("\r\n", "\n")


def own_words(text: str) -> str:
    """Return `text` without quoted lines, what was written before, and the signature.

    Example:
        >>> own_words("Yes.\\n\\nOn Monday, Bo wrote:\\n> Is it done?\\n\\nBest\\n-- \\nAnn, CFO")
        'Yes.\\n\\nBest'
    """
    lines = text.split("\n")
    kept: list[str] = []
    for number, line in enumerate(lines):
        bare = line.strip()
        if line.rstrip() == "--" or _HISTORY.fullmatch(bare):
            break
        if _OUTLOOK.fullmatch(bare) and any(
            _OUTLOOK_NEXT.fullmatch(after.strip()) for after in lines[number + 1 : number + 4]
        ):
            break
        if bare.startswith(">"):
            continue
        kept.append(line.rstrip())
        for size in (1, 2, 3):  # a long name breaks the line that says who wrote
            if _WROTE.fullmatch("\n".join(kept[-size:]).strip()):
                del kept[-size:]
                break
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _unmarked(markup: str) -> str:
    """Return what a mail in HTML shows, but for quoted history.

    The standard library's parser takes minutes for some mails of this size; this one passes
    each character once.
    """
    found: list[str] = []
    quotes, in_head, at = 0, False, 0
    while True:
        tag = _TAG.search(markup, at)
        if not quotes and not in_head:
            # Line breaks of the source are spaces.
            found.append(_SPACES.sub(" ", unescape(markup[at : tag.start() if tag else None])))
        if tag is None:
            break
        at = tag.end()
        name, begins = (tag["name"] or "").lower(), not tag["end"]
        unread = _UNREAD.get(name or tag[0]) if begins else None
        if unread is not None:
            closing = unread.search(markup, at)
            at = closing.end() if closing else len(markup)
        elif name == "blockquote":
            quotes = max(0, quotes + (1 if begins else -1))
        elif name in ("head", "body"):  # some forget to end the head
            in_head = name == "head" and begins
        elif name in _BLOCKS:
            found.append("\n")
    return "\n".join(" ".join(line.split()) for line in "".join(found).split("\n"))
