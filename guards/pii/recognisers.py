"""What has a grammar of its own: mail, cards, accounts, machines, wallets; `web` has web addresses.

Each recogniser reads a `view` with RE2, in time that is linear in the text, and yields
places. None of them gives up silently: what goes wrong is raised, and stops the call.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from guarded_agent.guards.pii import checks
from guarded_agent.guards.pii.entities import ASKED_OF_PRESIDIO
from guarded_agent.guards.pii.formats import FORMATS
from guarded_agent.guards.pii.numbers import CHECKED, FORM, Place
from guarded_agent.guards.pii.phones import Phones
from guarded_agent.guards.pii.view import is_word, rx
from guarded_agent.guards.pii.web import logins, urls


class Recogniser(Protocol):
    """Something that finds one kind of personal data in a view."""

    @property
    def kind(self) -> str:
        """Its name in `KINDS`, or one that a policy gave."""
        ...

    def find(self, data: bytes) -> Iterable[Place]:
        """Yield where it stands, and how sure that is."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """A recogniser made of a function."""

    kind: str
    places: Callable[[bytes], Iterable[Place]]

    def find(self, data: bytes) -> Iterable[Place]:
        """Yield where it stands, and how sure that is."""
        return self.places(data)


_MAIL = (
    r"[A-Za-z0-9.!#$%&'*+^_`{|}~\-\xc0-\xff]*[A-Za-z0-9!#$%&*+^_`{|}~\-\xc0-\xff](?:@|%40)"
    r"[A-Za-z0-9\xc0-\xff](?:[A-Za-z0-9.\-\xc0-\xff]*[A-Za-z0-9\xc0-\xff])?"
)
# No domain ends so: these are names of files (`logo@2x.png`).
_FILES = re.compile(
    "bmp|conf|css|csv|docx?|gif|html?|ini|jpe?g|json|lock|log|md5|pdf|png|pptx|svg|toml|txt|webp|"
    "xlsx?|xml|ya?ml"
)
_USER = r"://[^ /@]*:$"


def emails(data: bytes) -> Iterator[Place]:
    """Yield e-mail addresses, also in networks of a company's own (`ann@mail.corp`)."""
    for match in rx(_MAIL).finditer(data):
        start, end = match.span()
        at = data.find(b"@", start, end)
        at, after = (at, at + 1) if at >= 0 else (data.rfind(b"%40", start, end),) * 2
        after = after if data[at : at + 1] == b"@" else at + 3
        while start < at and data[start] in b".'!#$%&*+^`{|}~-":
            start += 1
        if data.find(b"..", after, end) >= 0:
            end = data.find(b"..", after, end)
        last = data.rfind(b".", after, end)
        if last <= after or start == at or not _is_top(data[last + 1 : end]):
            continue
        if data[start:at] == b"git" and data[end : end + 1] == b":":
            continue  # git@host:path is no mailbox
        if data[start - 1 : start] == b":" and rx(_USER).search(data[max(0, start - 80) : start]):
            continue  # the password of `scheme://user:password@host`
        yield start, end, CHECKED


def _is_top(label: bytes) -> bool:
    name = label.lower().decode("latin-1")
    if name.startswith("xn--"):
        return True
    return len(name) > 1 and name.isalpha() and not _FILES.fullmatch(name)


_CARD_RUN = r"[0-9](?:[ .\-]?[0-9]){11,}"
_CARD_GROUP = re.compile(rb"[0-9]+")
_MOST_GROUPS = 5
_FEW = 14
_LONGEST_CARD = 19 + 4  # digits and separators
# First digits and lengths, from ISO/IEC 7812 and the card schemes' public pages.
_ISSUERS = re.compile(
    rb"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    rb"|5[1-5][0-9]{14}|(?:222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    rb"|3[47][0-9]{13}"  # American Express
    rb"|3(?:0[0-59]|[689][0-9])[0-9]{11,16}"  # Diners Club
    rb"|35[0-9]{14,17}|(?:2131|1800)[0-9]{11}"  # JCB
    rb"|(?:6011|64[4-9][0-9]|65[0-9]{2}|60[0-9]{2}|508[0-9]|8[12][0-9]{2})[0-9]{12,15}"
    rb"|62[0-9]{14,17}|220[0-4][0-9]{12,15}"  # UnionPay, Mir
    rb"|(?:5018|5020|5038|5[6-8][0-9]{2}|6304|6759|676[1-3])[0-9]{8,15}"  # Maestro
)
_USUAL_GROUPS = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 3), (4, 4, 4)}


def cards(data: bytes) -> Iterator[Place]:
    """Yield payment cards by issuer and check digit, also where more digits stand beside them."""
    for run in rx(_CARD_RUN).finditer(data):
        start, end = run.span()
        groups = [match.span() for match in _CARD_GROUP.finditer(data, start, end)]
        glued = is_word(data, start - 1) or is_word(data, end)
        score = 0.0
        if not glued and end - start <= _LONGEST_CARD and len(groups) <= _MOST_GROUPS:
            score = _card(data, start, end, _sizes(groups))
        if score:
            yield start, end, score
        else:
            yield from _cards_inside(data, groups)


def _sizes(groups: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(last - first for first, last in groups)


def _card(data: bytes, start: int, end: int, sizes: tuple[int, ...]) -> float:
    """Return how sure it is that a whole run of digits is a card; 0 if it is none."""
    count = sum(sizes)
    few = count < _FEW  # hardly any card has 12 or 13 digits any more; other numbers have
    if few and len(sizes) > 1 and sizes not in _USUAL_GROUPS:
        return 0.0
    digits = data[start:end].translate(None, b" .-")
    if _ISSUERS.fullmatch(digits) is None or len(set(digits)) == 1:
        return 0.0
    if not checks.luhn(digits.decode("ascii")):
        return 0.0
    return 0.8 if few else 0.99


def _cards_inside(data: bytes, groups: Sequence[tuple[int, int]]) -> Iterator[Place]:
    """Yield cards that are some whole groups of a longer run of digits."""
    every = _sizes(groups)
    at = 0
    while at < len(groups):
        step = 1
        for count in (5, 4, 3, 1):
            sizes = every[at : at + count]
            whole = count == 1 and 13 <= sizes[0] <= 19
            if not whole and (len(sizes) < count or sizes not in _USUAL_GROUPS):
                continue
            first, last = groups[at][0], groups[at + count - 1][1]
            if is_word(data, first - 1) or is_word(data, last):
                continue
            score = _card(data, first, last, sizes)
            if score:
                yield first, last, score
                step = count
                break
        at += step


_IBAN_START = r"[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]"


def ibans(data: bytes) -> Iterator[Place]:
    """Yield IBANs of exactly their country's length, whatever words follow, in any case."""
    done = 0
    for match in rx(_IBAN_START).finditer(data):
        start = match.start()
        if start < done or is_word(data, start - 1):
            continue
        length = checks.iban_length(data[start : start + 2].upper().decode("ascii"))
        end = _after(data, start, length) if length else 0
        if end and not is_word(data, end):
            compact = data[start:end].translate(None, b" -").decode("ascii")
            if checks.iban(compact):
                yield start, end, 1.0
                done = end


def _after(data: bytes, start: int, length: int) -> int:
    """Return the place after `length` letters and digits with single separators, or 0."""
    at = start
    while at < len(data):
        if is_word(data, at) and data[at] < 0x80:
            length -= 1
            at += 1
            if not length:
                return at
        elif data[at] in b" -" and is_word(data, at - 1):
            at += 1
        else:
            return 0
    return 0


_IPV4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?"
_IPV6 = r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:\.[0-9]{1,3}){0,3}(?:/[0-9]{1,3})?"
_VERSION = (
    r"(?:^|[^A-Za-z])(?:v|ver|versions?|rel|releases?|rev|revision|build|firmware|patch|section|chapter|"
    r"clause|part|fw|sw|kernel|driver|upgraded? (?:to|from))[ .:=v-]{0,3}$"
)
_MAC = (
    r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}|"
    r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}"
)


def addresses(data: bytes) -> Iterator[Place]:
    """Yield IP addresses, and networks; not versions, times and names of programs."""
    for match in rx(_IPV4).finditer(data):
        start, end = match.span()
        if is_word(data, start - 1) or is_word(data, end) or _is_version(data, start, end):
            continue
        if _is_address(data[start:end].decode("ascii")):
            yield start, end, FORM
    for match in rx(_IPV6).finditer(data):
        start, end = match.span()
        while end > start and data[end - 1] == 0x3A and data[end - 2 : end] != b"::":
            end -= 1
        text = data[start:end].decode("ascii")
        if is_word(data, start - 1) or is_word(data, end) or not any(map(str.isdigit, text)):
            continue
        if text.count(":") > 1 and data[start - 1 : start] != b":" and _is_address(text):
            yield start, end, FORM


def _is_version(data: bytes, start: int, end: int) -> bool:
    """Return whether four numbers are part of a longer row, or are called a version."""
    if start and data[start - 1] in b".-_" and is_word(data, start - 2):
        return True
    if end < len(data) and data[end] in b".-_" and is_word(data, end + 1):
        return True
    return rx(_VERSION, case=False).search(data[max(0, start - 16) : start]) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def machines(data: bytes) -> Iterator[Place]:
    """Yield hardware addresses."""
    for match in rx(_MAC).finditer(data):
        start, end = match.span()
        around = data[max(0, start - 1) : start] + data[end : end + 1]
        if is_word(data, start - 1) or is_word(data, end) or any(byte in b":-" for byte in around):
            continue
        if len(set(data[start:end].translate(None, b":-."))) > 1:
            yield start, end, FORM


_WALLET = r"bc1[ac-hj-np-z02-9]{11,71}|BC1[AC-HJ-NP-Z02-9]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34}"
_ETHER = r"0x[0-9a-fA-F]{40}"
_is_bitcoin = checks.presidio("CryptoRecognizer")


def wallets(data: bytes) -> Iterator[Place]:
    """Yield Bitcoin addresses with their checksum, and Ethereum addresses."""
    for match in rx(_WALLET).finditer(data):
        start, end = match.span()
        if is_word(data, start - 1) or is_word(data, end):
            continue
        value = data[start:end].decode("ascii")
        if _is_bitcoin(value.lower() if value.startswith("BC1") else value):
            yield start, end, CHECKED
    for match in rx(_ETHER).finditer(data):
        start, end = match.span()
        if not is_word(data, start - 1) and not is_word(data, end):
            yield start, end, FORM


_GRAMMARS: dict[str, Callable[[bytes], Iterable[Place]]] = {
    "CREDIT_CARD": cards,
    "CRYPTO": wallets,
    "EMAIL_ADDRESS": emails,
    "IBAN_CODE": ibans,
    "IP_ADDRESS": addresses,
    "MAC_ADDRESS": machines,
    "URL": urls,
    "URL_LOGIN": logins,
}


def recognisers(kinds: Iterable[str], regions: Sequence[str]) -> list[Recogniser]:
    """Return a recogniser for each of `kinds`, but those that need a language model."""
    formats = {one.kind: one for one in FORMATS}
    found: list[Recogniser] = []
    for kind in sorted(kinds):
        if kind in _GRAMMARS:
            found.append(Plain(kind, _GRAMMARS[kind]))
        elif kind == Phones.kind:
            found.append(Phones(regions))
        elif kind in formats:
            found.append(formats[kind])
        elif kind in ASKED_OF_PRESIDIO:
            from guarded_agent.guards.pii.presidio import Asked  # only where a policy asks

            found.append(Asked(kind))
    return found
