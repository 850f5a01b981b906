"""Credentials that are known by what stands around them: blocks, headers, names, addresses.

A row has the same parts as a format's, and a judge that looks at what was found: inside
`https://ann:...@host` stands a password, or a place for one. What is assigned to a name
such as `api_key` is the business of `named`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

from guarded_agent.guards.secrets.likely import placeholder, reference, token

Judge = Callable[[str], bool]
"""Returns whether the value that was found is a credential."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a credential that has no format of its own.

    Attributes:
        category: What stands in the replacement.
        mark: An RE2 pattern that matches in every text in which `pattern` does.
        pattern: An RE2 pattern; its group is the credential.
        judge: Whether what was found is a credential.
        source: The document that describes the form, or what is meant.
    """

    category: str
    mark: str
    pattern: str
    judge: Judge
    source: str

    @property
    def sure(self) -> bool:
        """Whether what is inside is a credential whatever it looks like."""
        return self.judge is _always


def _always(value: str) -> bool:
    return bool(value.strip())


def _in_url(value: str) -> bool:
    """A password inside an address may be any word, but not a place for one."""
    return not (
        placeholder(value)
        or reference(value)
        or re.fullmatch(r"\W+|[A-Z_]{4,}|(?i:pass|passwd|password|pwd)", value)
    )


def _header(value: str) -> bool:
    if _holds_colon(value):
        return True
    return len(value) >= 12 and not placeholder(value) and token(value)


def _auth(value: str) -> bool:
    return _holds_colon(value)


def _holds_colon(value: str) -> bool:
    """Return whether `value` is base64 of `user:password`."""
    plain = _decoded(value)
    return ":" in plain and plain.isprintable()


def _decoded(value: str) -> str:
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return plain.decode() if plain.isascii() else ""


_SEP = r"(?:[\s\"'+,>|]|\\{1,2}[rnt])*"
_LINES = rf"(?:{_SEP}(?:[A-Za-z0-9+/=]{{16,}}|(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|Subject):[^\n\x1e]{{0,}}))*"
_SHORT = rf"{_SEP}[A-Za-z0-9+/=]{{1,80}}"

# fmt: off
# ruff: noqa: E501 - one row, one line
FRAMES: tuple[Frame, ...] = (
    Frame("private-key", "PRIVATE KEY", rf"(-{{4,5}} ?BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)? ?-{{4,5}}{_LINES}(?:(?:{_SHORT}){{0,2}}{_SEP}-{{4,5}} ?END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)? ?-{{4,5}}|{_SHORT})?)", _always, "RFC 7468; RFC 4716; RFC 9580, section 6.2"),
    Frame("private-key", "Private-Lines:", rf"Private-Lines: [0-9]{{1,4}}({_LINES}(?:(?:{_SHORT})?{_SEP}Private-(?:MAC|Hash): ?[a-f0-9]{{16,80}}|{_SHORT})?)", _always, "PuTTY User Manual, appendix C: PPK file format"),
    Frame("private-key", "\"d\"", r"\"d\"\s?:\s?\"([A-Za-z0-9_-]{40,})\"", _always, "RFC 7518, section 6: private parts of keys"),
    Frame("private-key", "\"oct\"", r"\"oct\"[^{}]{0,160}\"k\"\s?:\s?\"([A-Za-z0-9_-]{20,})\"", _always, "RFC 7518, section 6.4: symmetric keys"),
    Frame("authorization", "(?i:authorization)", r"(?i:authorization)\\?[\"'`]?[\])]?\s{0,3}(?::|=>|=|,|\x1f)\s{0,3}\\?[\"'`]?(?i:(?:bearer|basic|token|api-?token|api-?key|bot|ssws|key|oauth|genie ?key)[ :=]{1,2})?([A-Za-z0-9+/=_.~:|-]{8,})", _header, "RFC 9110, section 11.6.2"),
    Frame("authorization", "(?i:bearer|basic)", r"(?i:\b(?:bearer|basic)) ([A-Za-z0-9+/=_.~:|-]{12,})", _header, "RFC 6750, section 2.1; RFC 7617"),
    Frame("authorization", "\"auth\"", r"\"auth\"\s?:\s?\"([A-Za-z0-9+/=]{8,})\"", _auth, "Docker: config.json, auths"),
    Frame("password", "://", r"\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/@\"'<>\x1e]{0,}:([^\s/\"'<>\x1e]{1,})@", _in_url, "RFC 3986, section 3.2.1"),
    Frame("password", "(?i:[;?&](?:password|pwd|passwd)[ ]?=)", r"(?i:[;?&] ?(?:password|pwd|passwd)) ?= ?([^;&\s\"'<>\\]{2,})", _in_url, "Microsoft: Connection string syntax; JDBC URLs of MySQL and PostgreSQL"),
    Frame("password", "-u|--user", r"\s(?:-u|--user)[ =]{0,3}[\"']?[^\s:\"'/<]{0,80}[\"']?:[\"']?([^\s\"'>]{3,200})", _in_url, "curl manual: -u, --user"),
    Frame("token", "-u|--user", r"\s(?:-u|--user)[ =]{0,3}[\"']?([^\s:\"'/<]{10,200}):[\"'\s]", token, "curl manual: -u, --user; a token in place of the user"),
    Frame("password", "(?i:login)", r"(?i:\blogin)\s{1,4}\S{1,}\s{1,4}(?i:password)\s{1,4}(\S{3,})", _in_url, "GNU inetutils: The .netrc file"),
    Frame("password", ":[0-9]{4}:", r"[A-Za-z0-9.*-]{1,}:(?:5432|6432|3306|\*):[^:\s]{1,60}:[^:\s]{1,60}:([^\s\"']{3,})", _in_url, "PostgreSQL: The password file"),
)
# fmt: on
