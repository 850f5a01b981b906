"""What names a secret: the words, what turns their meaning, and how a value follows a name.

`api_token` names a secret; `token_count`, `public_key` and `passport` do not. Whether a value
follows at all is decided inside RE2, by `PATTERN`; `named` looks at what is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from guarded_agent.guards.secrets.likely import SHORTEST, UNMIXED

QUIET_AFTER = frozenset(
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
NAME_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORD = re.compile(r"(?i)pass|pwd|kennwort|secret|api|access|client|bearer|auth|private")
_SAYS_PASSWORD = re.compile(
    r"(?i)pass|pwd|kennwort|contrase|senha|wachtwoord|(?-i:(?:\bpw|_pw|_PW)\b)"
)


# What names a secret. `key` alone names too much else.
PASSWORDS = (
    r"pass(?:wor[dt]|wd|phrase|code)?|passwrd|pwd|(?-i:(?:\bpw|_pw|_PW)\b)"
    r"|kennwort|contrase(?:n|\xf1)a|senha|wachtwoord"
)
"""A word that names a password."""

_TOKENS = (
    r"secret|token|credentials?|auth|api[_. -]?key"
    r"|(?:access|private|secret|auth|encrypt(?:ion)?|sign(?:ing|ature)?|master|account|service"
    r"|storage|admin|session|license|webhook|client|app|application|consumer|subscription|deploy"
    r"|project|rest|write|read|shared|host|server|security|integration|bot|user|jwt|hmac|aes)"
    r"[_. -]?key"
)
WORD = f"{PASSWORDS}|{_TOKENS}"
"""A word that names a secret."""

_SPLIT = re.compile(f"(?i){WORD}")
_GOES_ON = re.compile(  # passport, authority
    r"[a-z](?!s\b|s?[^a-z]|key|token|secret|code)[a-z]|[A-Z](?!S\b|S?[^A-Z]|KEY|TOKEN|SECRET|CODE)[A-Z]{2}"
)

IS = (
    r"[\"'`*]{0,2}[ \t]{1,2}(?:(?:(?:is|was|has been) )?(?:now )?(?:re)?(?:set|changed) to"
    r"|(?:is|was|will be)(?: now| still| currently)?|ist|lautet|es|est)[ \t]?:?\s{1,2}"
)
"""As in: the password is ..."""

_SETS = (
    r"(?:[ \t]{0,8}(?:=>|:{0,3}=|\?=|\+=|\.=|\|\||:)[ \t]{0,8}"  # = : := => ?=
    r"|:?[ \t]{1,3}[A-Za-z]{1,12}(?:\[[A-Za-z]{1,12}\])?(?: \| None)?"
    r"[ \t]{0,3}:?=[ \t]{0,3}"  # password: str = , token string :=
    r"|[\"'][ \t]{0,2},[ \t]{0,2}[\"'`]"  # "token", "..."
    r"|(?:[ \t][^<>\n]{0,60})?>\s{0,40}"  # <password>
    r"|[\"']?,?\s{1,20}[\"']?[vV]alue[\"']?[ \t]{0,2}[:=][ \t]{0,2}"  # name: TOKEN / value: ...
    r"|\x1f\n"  # the name of a field in data
    rf"|{IS}"
    r")"
)
_SPACE = r"[ \t]{1,2}"
_CLOSES, _CLOSES_MORE = r"[\"'`\])]{0,2}\\?[\"']?", r"[\"'`]?(?:[\])][\"'`\])]?\\?|\\)[\"']?"
_CHAR = r"(?:[^\s\"'`\\\x1e\x1f]|\\[^\"'nrt\s])"
_PREFIX = r"[bBfrRu]|Bearer |Basic |Token "
_OPENS = rf"(?:(?:{_PREFIX})?\\{{0,3}}[\"'`]{{1,3}})?(?:Bearer |Basic |Token )?"
_OPENS_MORE = (
    rf"(?:(?:{_PREFIX}|\\{{1,3}})\\{{0,3}}[\"'`]{{1,3}}|[\"'`]{{0,3}}(?:Bearer |Basic |Token ))"
)

MARK = f"(?i:{WORD})"
"""Stands in every text in which `PATTERN` matches."""

NAME = rf"{MARK}[A-Za-z0-9_.-]{{0,40}}"
"""The name of a secret from the word on."""


def _before(word: str, value: str) -> str:
    """Return a pattern of a name with `word` in it and of the beginning of the value behind it.

    A mere space leads to a value only behind an option, or where a bracket closes or a value
    opens. What else stands behind such a word, as in most sentences, never leaves RE2.
    """
    name = rf"((?i:{word})[A-Za-z0-9_.-]{{0,40}})"
    return (
        rf"(?:{name}(?:{_CLOSES}{_SETS}{_OPENS}|{_CLOSES_MORE}{_SPACE}{_OPENS}"
        rf"|{_CLOSES}{_SPACE}{_OPENS_MORE})"
        rf"|-[A-Za-z0-9_-]{{0,40}}?{name}{_CLOSES}{_SPACE}{_OPENS})({value})"
    )


# A token without a digit is long; what is not of one byte may be a digit too.
_TOKEN = rf"{_CHAR}{{{UNMIXED}}}|{_CHAR}{{0,{UNMIXED - 2}}}[0-9?\x80-\xff]"
PATTERN = f"{_before(PASSWORDS, f'{_CHAR}{{{SHORTEST}}}')}|{_before(_TOKENS, _TOKEN)}"
"""Twice three groups: the name from the word on, the same of an option, the value's beginning."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a name says of the value behind it.

    Attributes:
        tells: Whether it is the name of a secret.
        password: Whether of a password rather than of a token.
        own: Whether it says more than a mere `token` does.
    """

    tells: bool
    password: bool
    own: bool

    @property
    def category(self) -> str:
        """What stands in the replacement."""
        return "password" if self.password else "token"


class Names(dict[str, Name]):
    """The names of one text: each is read once, however often it stands there."""

    def __missing__(self, name: str) -> Name:
        read = self[name] = _read(name)
        return read


def _read(name: str) -> Name:
    named_password = _SAYS_PASSWORD.search(name) is not None
    words = [each for each in _SPLIT.finditer(name) if not _GOES_ON.match(name, each.end() - 1)]
    if not words:
        return Name(False, named_password, False)
    split = words[-1]
    before = [word.lower() for word in NAME_WORDS.findall(name[: split.start()])]
    after = [word.lower() for word in NAME_WORDS.findall(name[split.end() :])]
    quiet = QUIET_AFTER.intersection(after) or _QUIET_BEFORE.intersection(before[-2:])
    own = bool(before) or _SECRET_WORD.search(name) is not None
    return Name(not quiet, named_password, own)
