"""Whether a value that stands where a secret would stand is one, or only holds its place.

Documentation, templates and code are full of `password: <your-password>`,
`token = os.environ["TOKEN"]` and `secret_name: db-credentials`. None of that is secret.
What is left is judged by its letters: random text mixes kinds of characters, words do not.
"""

from __future__ import annotations

import math
import re
from collections import Counter

SHORTEST, PASSWORD, TOKEN, UNMIXED = 5, 6, 10, 16
"""The least characters behind a name: of words, other passwords, tokens, and those of no digit."""

_HOLDERS = re.compile(
    r"(?i)example|placeholder|change[_-]?(?:me|it|this)|your[_-]|[_-]your|redacted|dummy|sample"
    r"|replace[_-]?(?:me|with)|insert[_-]|to[_-]?be[_-]?(?:set|filled)|fill[_-]?(?:me|in)"
    r"|not[_-]?(?:set|real|a[_-])|x{5}|0{10}|#{5}|\*{3}|\.{3}|\u2026|[_-]here\b|enter[_-]"
    r"|masked|hidden|removed"
)
_ROWS = re.compile(r"(?i)1234567890|0123456789|abcdefgh")
_REFERENCE = re.compile(
    r"[<\[{(][A-Za-z_ .:/-]*[0-9]?[>\]})]*$|\{\{|.*(?:\$\{|\{\{)|\\?\$[{(]"  # <token> {{ token }}
    r"|\$[A-Z][A-Z0-9_]*$|\$[a-z_]+$|%[A-Za-z_]+%|%[sdr({]|&[A-Za-z_]+$"  # $TOKEN %TOKEN% %s
    r"|@(?i:microsoft\.)|!(?:secret|vault|include|env|Ref|Sub|GetAtt)\b"
    r"|[A-Za-z_][A-Za-z_.:>-]*[0-9]?[(\[]"  # get_token(...), config[...]
    r"|\{[A-Za-z_][^{}]*\}$|(?:env|file|vault|op|ssm|arn|ref|secret):"
)
_CODE = re.compile(r"===|!==|=>|&&|\|\||\(\)|\)\.|\?\.|\)\)")
_ALPHABET = re.compile(r"[A-Za-z0-9+/\\=_.~:|!#$%&*@^,?-]+")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\??\.[A-Za-z_]\w*)+")
_GLUED = re.compile(r"[a-z]{4,}[0-9]")
_SAYS_ITSELF = re.compile(
    r"(?i)_?(?:my_?)?(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|key|value|string"
    r"|param|arg)s?_?[0-9]{0,2}"
)
_PATH = re.compile(r"(?:[a-z][a-z0-9+.-]*:/)?(?:\.{0,2}/|~/|[A-Za-z]:\\)[\w.@/\\:?=&%#-]*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.Z+-]*)?")
_PLAIN = re.compile(r"[\^~v]?[0-9.,:+\-/ ]*")
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGEST = re.compile(
    r"(?i)(?:sha[0-9-]{1,4}|md5|blake[0-9a-z]{1,3})[:=-]"
    r"|\$(?:2[abxy]|argon2i?d?|[156y]|pbkdf2[\w-]*|scrypt)\$"
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^A-Za-z0-9]+")
_PARTS = re.compile(r"[-_./:@ ]+")
_VOWELS = frozenset("aeiouyAEIOUY")


def placeholder(value: str) -> bool:
    """Return whether `value` says itself that it is not real.

    Example:
        >>> placeholder("your-api-key"), placeholder("xxxxxxxxxxxx"), placeholder("hunter2")
        (True, True, False)
    """
    return _HOLDERS.search(value) is not None


def reference(value: str) -> bool:
    """Return whether `value` only says where the real one is.

    Example:
        >>> reference("${TOKEN}"), reference("op://vault/item"), reference("$ecret-2!")
        (True, True, False)
    """
    return _REFERENCE.match(value) is not None


def password(value: str) -> bool:
    """Return whether `value`, behind the word for a password, is likely one by its letters.

    Example:
        >>> password("hunter2!"), password("required"), password("get_password()")
        (True, False, False)
    """
    if len(value) < PASSWORD:
        return False
    if value.isalpha():
        return len(value) >= TOKEN and _random(value) and _literal(value)
    if "digit" not in _kinds(value) and _identifier(value):
        return False
    # Names of things are in small letters; digits stand apart from their words.
    named = value.islower() and _identifier(value) and not _GLUED.search(value)
    return not named and _literal(value)


def token(value: str) -> bool:
    """Return whether `value`, behind the word for a token or a key, is likely one.

    Example:
        >>> token("9f8a7c3be1d24f60"), token("github-actions-token"), token("2024-01-31")
        (True, False, False)
    """
    if len(value) < TOKEN or not (len(value) >= UNMIXED or any(map(str.isdigit, value))):
        return False  # before all that takes longer: most of what follows such a word in a sentence
    if not _ALPHABET.fullmatch(value) or not _literal(value):
        return False
    if _PLAIN.fullmatch(value) or _identifier(value):
        return False
    if "digit" not in _kinds(value):
        return _random(value) and entropy(value) >= 3.5
    return entropy(value) >= min(3.0, 0.72 * math.log2(len(value)))


def random(value: str) -> bool:
    """Return whether `value` is random beyond doubt, whatever stands before it.

    Example:
        >>> random("9f8a7c3be1d24f609f8a7c3b"), random("prod-eu-west-1-db-replica-02")
        (True, False)
    """
    kinds = _kinds(value)
    digits = sum(map(str.isdigit, value))
    few = digits < len(value) / 6
    if few and all(map(_readable, re.split(r"[_.-]+", value))):  # OAuth2UpdateConfigParam
        return False
    return (
        len(value) >= 20
        and {"digit"} < kinds
        and (("upper" in kinds and "lower" in kinds) or digits >= len(value) // 4)
        and not uuid(value)
        and entropy(value) >= 3.2
    )


def entropy(value: str) -> float:
    """Return Shannon's entropy of the characters, in bits for each.

    Example:
        >>> entropy("abab"), entropy("abcd")
        (1.0, 2.0)
    """
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def uuid(value: str) -> bool:
    """Return whether `value` is a UUID: a key of some issuers, but mostly just a name."""
    return _UUID.fullmatch(value) is not None


def _literal(value: str) -> bool:
    """Return whether `value` stands for itself: no reference, path, date, digest or code."""
    return not (
        placeholder(value)
        or reference(value)
        or _ROWS.search(value)
        or _SAYS_ITSELF.fullmatch(value)
        or _CODE.search(value)
        or (_DOTTED.fullmatch(value) and all(map(_readable, re.split(r"[?._]+", value))))
        or (_PATH.fullmatch(value) and all(map(_label, re.split(r"[/\\~._@:?=&%#-]+", value))))
        or _DATE.fullmatch(value)
        or _DIGEST.match(value)
        or value.startswith(("http://", "https://", "data:"))
    )


def _identifier(value: str) -> bool:
    """Return whether `value` is made of words and small numbers, as names of things are."""
    parts = [part for part in _PARTS.split(value) if part]
    if not parts or re.search(r"[^\w\-./:@ ]", value):
        return False
    if len(parts) == 1 and not value.isalpha():
        words = _WORDS.findall(value)
        return sum(map(str.isdigit, words)) == 0 and all(map(_word, words))
    return all((part.isdigit() and len(part) <= 4) or _label(part) for part in parts)


def _label(part: str) -> bool:
    """Return whether `part` is a word, or one with a short number at an end, such as `v2`."""
    return _word(re.sub(r"^[0-9]{1,2}|[0-9]{1,3}$", "", part))


def _readable(part: str) -> bool:
    """Return whether `part` is readable as a name in code is: digits stand anywhere in it."""
    letters = re.sub(r"[0-9]+", "", part)
    return len(letters) <= 5 or _word(letters)


def _word(part: str) -> bool:
    return len(part) <= 3 or (part.isalpha() and not _random(part))


def _random(value: str) -> bool:
    """Return whether letters do not make up words: too few vowels, or capitals all over."""
    letters = [char for char in value if char.isascii() and char.isalpha()]
    if not letters:
        return False
    run = longest = 0
    for char in letters:
        run = 0 if char in _VOWELS else run + 1
        longest = max(longest, run)
    vowels = sum(char in _VOWELS for char in letters) / len(letters)
    pieces = len(_WORDS.findall("".join(letters)))
    plain = value.islower() or value.isupper() or value.istitle()
    mixed = not plain and len(letters) / pieces < (3 if len(letters) >= 8 else 2.5)
    return longest >= 6 or mixed or not 0.18 <= vowels <= 0.75


def _kinds(value: str) -> set[str]:
    return {_KIND.get(char) or _kind(char) for char in set(value)}


def _kind(char: str) -> str:
    if char.isdigit():
        return "digit"
    if char.isupper():
        return "upper"
    return "lower" if char.isalpha() else "sign"


_KIND = {char: _kind(char) for char in map(chr, range(128))}
