"""Secrets that are known by their name: `api_key = ...`, `password: ...`, `--token ...`.

The word says that a secret may follow; the whole name and the value say whether one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from guarded_agent.guards.secrets.likely import password, random, token, uuid

_QUIET_AFTER = frozenset(
    """
    id ids name names type types kind count counts length len size sizes limit limits max min
    url urls uri path paths file files filename dir folder hash hashed sha sha1 sha256 sha512
    md5 digest checksum fingerprint expires expiry expiration expire exp ttl age lifetime format
    regex pattern policy rule rules label hint placeholder field input prompt version arn ref
    refs reference description title status enabled required valid validation invalid mode
    method endpoint scope scopes budget usage used index position text message error reset
    rotation rotated created updated at manager provider store location issuer audience header
    prefix suffix param parameter column selector schema class public preview page image icon
    usages per second minute mgr handler factory
    """.split()  # noqa: SIM905 - it is a list of words
)
_QUIET_BEFORE = frozenset(
    """
    public pub cache primary foreign idempotency partition sort next page prev previous
    continuation cursor max min num total stop pad eos bos mask sep cls unk special count input
    output prompt completion cached sync resume pagination object s3 row hash routing no without
    request mini by com tres sur over under
    """.split()  # noqa: SIM905
)
_NAME_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORD = re.compile(r"(?i)pass|pwd|kennwort|secret|api|access|client|bearer|auth|private")
_PASS_WORD = re.compile(r"(?i)pass|pwd|kennwort|clave|senha")


def _named(name: str, value: str, *, firm: bool = False) -> bool:
    """Judge a value by the name before it and by itself."""
    words = [each for each in _SPLIT.finditer(name) if not _GOES_ON.match(name, each.end() - 1)]
    if not words or value[0] in "=<>":
        return False
    split = words[-1]
    before = [word.lower() for word in _NAME_WORDS.findall(name[: split.start()])]
    after = [word.lower() for word in _NAME_WORDS.findall(name[split.end() :])]
    if _QUIET_AFTER.intersection(after) or _QUIET_BEFORE.intersection(before[-2:]):
        return False
    if uuid(value):  # of a mere `token` it is rather the name of one
        return bool(before) or _SECRET_WORD.search(name) is not None
    return password(value, firm=firm) if _PASS_WORD.search(name) else token(value)


# What names a secret. `key` alone names too much else.
_WORD = (
    r"pass(?:wor[dt]|wd|phrase|code)?|passwrd|pwd|kennwort|contrase(?:n|\xf1)a|senha"
    r"|secret|token|credentials?|auth|api[_. -]?key"
    r"|(?:access|private|secret|auth|encrypt(?:ion)?|sign(?:ing|ature)?|master|account|service"
    r"|storage|admin|session|license|webhook|client|app|application|consumer|subscription|deploy"
    r"|project|rest|write|read|shared|host|server|security|integration|bot|user|jwt|hmac|aes)"
    r"[_. -]?key"
)
_SPLIT = re.compile(f"(?i){_WORD}")
_GOES_ON = re.compile(  # passport, authority
    r"[a-z](?!s\b|s?[^a-z]|key|token|secret|code)[a-z]|[A-Z](?!S\b|S?[^A-Z]|KEY|TOKEN|SECRET|CODE)[A-Z]{2}"
)

_BETWEEN = (
    r"[\"'`\])]{0,2}\\?[\"']?("
    r"[ \t]{0,8}(?:=>|:{0,3}=|\?=|\+=|\.=|\|\||:)[ \t]{0,8}"  # = : := => ?=
    r"|:?[ \t]{1,3}[A-Za-z]{1,12}(?:\[[A-Za-z]{1,12}\])?(?: \| None)?"
    r"[ \t]{0,3}:?=[ \t]{0,3}"  # password: str = , token string :=
    r"|[\"'][ \t]{0,2},[ \t]{0,2}[\"'`]"  # "token", "..."
    r"|(?:[ \t][^<>\n]{0,60})?>\s{0,40}"  # <password>
    r"|[\"']?,?\s{1,20}[\"']?[vV]alue[\"']?[ \t]{0,2}[:=][ \t]{0,2}"  # name: TOKEN / value: ...
    r"|\x1f\n"  # the name of a field in data
    r"|[\"'`*]{0,2}[ \t]{1,2}(?:is|was|ist|lautet|es|est)[ \t]{0,1}:?\s{1,2}"  # the password is ...
    r"|[ \t]{1,2}"  # --password ...
    r")"
)
_CHAR = r"(?:[^\s\"'`\\\x1e\x1f]|\\[^\"'nrt\s])"
_OPENS = r"(?:(?:[bBfrRu]|Bearer |Basic |Token )?\\{0,3}[\"'`]{1,3})?(?:Bearer |Basic |Token )?"

MARK = f"(?i:{_WORD})"
"""Stands in every text in which `PATTERN` matches."""

PATTERN = rf"({MARK}[A-Za-z0-9_.-]{{0,40}}){_BETWEEN}{_OPENS}({_CHAR}{{4}})"
"""Groups: the name from the word on, what stands between, the beginning of the value."""

NAME = rf"{MARK}[A-Za-z0-9_.-]{{0,40}}"
"""The name of a secret from the word on."""

_RUN = re.compile(r"[A-Za-z0-9+/_-]{20,}")
_WITHIN = 64  # characters after a name in which a random value belongs to it
_OTHER_THINGS = _QUIET_AFTER | frozenset(
    """
    commit trace request etag image build job order ticket session user cache hit by from label
    certificate cert see line revision serial uuid guid
    """.split()  # noqa: SIM905
)
_LEADS_TO = frozenset(
    "is was now new value string str to here below follows following".split()  # noqa: SIM905
)
_MORE = re.compile(r"[;&,]\s?[A-Za-z_ .-]{1,30}[=:]|</|&amp;|&quot;|\\u00")
_QUOTES = "\"'`"
_AFTER = ",;.:)]}>"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LOOK_BACK = 40
_LONGEST = 250  # no secret is that long but one whole word
_VALUE = re.compile(f"{_CHAR}*")


def find_named(pattern: Any, text: str, data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield where secrets stand behind their names, and whether each is a password or a token.

    Args:
        pattern: `PATTERN`, compiled by RE2 for bytes.
        text: The text.
        data: The same text, one byte a character.
    """
    at = 0
    while match := pattern.search(data, at):
        (first, last), between, start = match.span(1), match.span(2), match.start(3)
        at = max(start, match.start() + 1)  # what is no secret may hold the name of one
        end = _run_end(text, start, start + _LONGEST)
        first = _name_start(text, first)
        name = text[first:last]
        quoted = text[start - 1] in _QUOTES and text[end : end + 1] == text[start - 1]
        firm = quoted or (name.isupper() and text[slice(*between)] == "=")
        end = _value_end(text, start, end)
        value = "" if text.startswith("...", end) else text[start:end]
        if value and _leads(text, first, last, start) and _named(name, value, firm=firm):
            at = _whole_end(text, start, end)
            yield start, at, "password" if _PASS_WORD.search(name) else "token"


def find_near(pattern: Any, text: str, data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield random values that follow a name in any other way: in a table, call or sentence.

    Args:
        pattern: `NAME`, compiled by RE2 for bytes.
        text: The text.
        data: The same text, one byte a character.
    """
    done = 0
    for match in pattern.finditer(data):
        first, last = match.span()
        run = _RUN.search(text, max(last, done), last + _WITHIN)
        if run is None:
            continue
        start = run.start()
        end = _value_end(text, start, _run_end(text, start, start + _LONGEST))
        value, name = text[start:end], text[_name_start(text, first) : last]
        if random(value) and _belongs(name, text[last:start]) and _named(name, value):
            done = _whole_end(text, start, end)
            yield start, done, "password" if _PASS_WORD.search(name) else "token"


def _belongs(name: str, between: str) -> bool:
    """Return whether what follows is what `name` names, and no other thing that is spoken of."""
    words = {word.lower() for word in _NAME_WORDS.findall(between)}
    if "\x1e" in between or between.count("\n") > 2 or words & _OTHER_THINGS or name == "pass":
        return False
    bare = name.isalpha() and (name.islower() or name.istitle())  # no `api_key`, but a mere `token`
    return between[-1:] not in ("", ".", "/") and not (bare and words - _LEADS_TO)


def _run_end(text: str, start: int, last: int) -> int:
    match = _VALUE.match(text, start, last)
    return match.end() if match else start


def _whole_end(text: str, start: int, end: int) -> int:
    """Return the end of a value that was judged by its beginning only."""
    if _run_end(text, start, start + _LONGEST) < start + _LONGEST or end < start + _LONGEST - 4:
        return end
    return _value_end(text, start, _run_end(text, start, len(text)))


def _name_start(text: str, at: int) -> int:
    lowest = max(0, at - _LOOK_BACK)
    while at > lowest and text[at - 1] in _NAME:
        at -= 1
    return at


def _value_end(text: str, start: int, end: int) -> int:
    """Return where a value ends before the next setting, and before punctuation."""
    more = _MORE.search(text, start + 1, end)
    end = more.start() if more else end
    return start + len(text[start:end].rstrip(_AFTER))


def _leads(text: str, first: int, last: int, start: int) -> bool:
    """Return whether a value follows: after a mere space only of an option, `>` only in a tag."""
    between = text[last:start]
    if between.strip(" \t" + _QUOTES) == "":
        return text[first : first + 1] == "-"
    if between.endswith(">") or (between.rstrip().endswith(">") and "=" not in between):
        return text[max(0, first - 1) : first] == "<" and text[start : start + 1] != "@"
    return True
