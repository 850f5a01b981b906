"""Phone numbers: the number plans of `phonenumbers`, read by RE2.

`phonenumbers` knows which numbers exist in which country, but asks every region about
every run of digits, at a tenth of a millisecond each. Here its patterns are joined into
one for all regions of a policy. What may be taken for a number is decided by how it is
written: `+` and a country, a form of the region, or a word such as `call` near it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from guarded_agent.guards.pii.numbers import Place
from guarded_agent.guards.pii.view import LEAF, is_digit, is_labelled, is_word, rx, words

_EXT = r"[ ,;]{0,3}(?:x|X|[Ee]xt\.?)[ :.]?[0-9]{1,6}"
_RUN = (
    r"(?:\+|\(\+?|\[)?[0-9](?:[)\]]?[ \-./]{0,3}[(\[]?[0-9])+[)\]]?"
    rf"(?:{_EXT})?"
)
GATE = r"[0-9](?:[ \-./()\[\]]{0,4}[0-9]){6}"
# On a few dozen characters Python's own patterns are faster than calling RE2.
_EXTENSION = re.compile(rf"{_EXT}$".encode())
_BLOCK = re.compile(rb"[^ ]+")
_MOST_BLOCKS = 7
_FEWEST = 7  # digits; what is shorter is no number by itself
_MOST = 17
_SHORTEST = 7  # characters
_BESIDE = 4  # characters between a word and the number that it announces
_ROW = 40  # blocks
_LIST = 400  # characters of a list of numbers that one word announces
_FAR = 300  # characters over which nearness would come to nothing
_SPOKEN, _SURE = 0.92, 0.9
_DATE = re.compile(
    rb"(?:19|20)[0-9]{2}[-./ ][0-9]{1,2}[-./ ][0-9]{1,2}|"
    rb"[0-9]{1,2}[-./ ][0-9]{1,2}[-./ ](?:19|20)[0-9]{2}|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{2}"
)
_OCTET = "(?:0|1[0-9]{0,2}|2(?:[0-4][0-9]?|5[0-5]?|[6-9])?|[3-9][0-9]?)"
_IP = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}".encode())
_DECIMAL = re.compile(rb"(?:0|[1-9][0-9]{0,2})\.[0-9]{4,}")
_TRAILS = re.compile(
    rb"[ (,\-]{0,3}(?:office|home|work|mobile|cell|fax|tel|phone|direct)(?![a-z])", re.IGNORECASE
)
# A word that another number stands beside speaks of that one, unless a list goes on.
_OWNED = re.compile(
    rb"(?:(?:[0-9][ ./()-]{0,3}){7}|\x1d)[^0-9]*?(?<![a-z])(?!and|or|und|oder|et|ou)[A-Za-z]{3}"
)
_NANP_FORM = re.compile(
    rb"(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[0-9]{3}[-. ][0-9]{4}|"
    rb"\([2-9][0-9]{2}\)[ -]{0,2}[0-9]{3}[-. ]?[0-9]{4}"
)
_NOT_DIGITS = bytes(byte for byte in range(256) if not 48 <= byte <= 57)
_SPEAKS = (
    r"(?:tele|smart|home ?|work ?|cell ?|office ?)?phones?|tel|t\xe9l|t[e\xe9]l[e\xe9]phone|"
    r"telefon[a-z]{0,8}|telefoon|"
    r"tel\xe9fonos?|tlf|mobil[ea]?s?|m\xf3vil(?:es)?|mobil(?:e ?)?(?:nummer|nr|number)|"
    r"cell(?:ular|ulare)?|handy(?:nummer)?|"
    r"portable|gsm|(?:tele)?fax|calls?|called|calling|dial|rings?|rang|sms|text(?:ed|ing)?|"
    r"whats ?app|"
    r"hotline|helpline|reach(?:ed|able)?|landline|rufnummer|durchwahl|appele[rz]|appel|"
    r"llam(?:ar|e|ada)|"
    r"chiam(?:are|ata|a)|cellulare|bellen|bel|zadzwo\w*|numer telefonu|ringa|mobilnummer|"
    r"contact(?: number| no)?|desk|messages?|answering|"
    r"ph|voicemail|extension|phone (?:no|number)|direct line"
)
_AHEAD, _BEHIND = 44, 20
_MORE_FORMS = {"[0-9]{2}-[0-9]{3}-[0-9]{2}-[0-9]{2}", "[0-9]{3}-[0-9]{2}-[0-9]{2}-[0-9]{2}"}


class Phones:
    """Finds phone numbers.

    Args:
        regions: Countries whose national forms count.
    """

    kind = "PHONE_NUMBER"

    def __init__(self, regions: Sequence[str]) -> None:
        self._regions = tuple(regions)

    def find(self, data: bytes) -> Iterator[Place]:
        """Yield where phone numbers stand in a view."""
        plan = _plan(self._regions)
        for run in rx(_RUN).finditer(data):
            start, end = run.span()
            if is_word(data, start - 1) or is_word(data, end):
                start, end = _trimmed(data, start, end)
            if end - start >= 7:
                yield from _numbers(data, start, end, plan)


def _trimmed(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Leave out the first or last block, which is glued to a letter."""
    if is_word(data, start - 1):
        space = data.find(b" ", start, end)
        start = end if space < 0 else space + 1
    if is_word(data, end):
        space = data.rfind(b" ", start, end)
        end = start if space < 0 else space
    return start, end


def _numbers(data: bytes, start: int, end: int, plan: _Plan) -> Iterator[Place]:
    tail = _EXTENSION.search(data, start, end)
    blocks = [m.span() for m in _BLOCK.finditer(data, start, tail.start() if tail else end)]
    gap: int | None = None  # asked for only if something may be a number
    labelled = False
    # A long row of plain numbers is a table: none of them goes on in the next.
    table = len(blocks) > _ROW and data[start:end].translate(None, b" ").isdigit()
    at = done = 0
    while at < len(blocks):
        found = 0
        most = 1 if table and blocks[at][0] - start > _LIST else _MOST_BLOCKS
        for last in range(min(at + most, len(blocks)), at, -1):
            low, high = _balanced(data, blocks[at][0], blocks[last - 1][1])
            if high - low < _SHORTEST:
                break
            digits = data[low:high].translate(None, _NOT_DIGITS)
            if not _FEWEST - 1 <= len(digits) <= _MOST or data.count(b"(", low, high) > 1:
                continue
            if gap is None:
                gap, labelled = _gap(data, start, end), is_labelled(data, start)
            near = gap if low - start < _LIST else -1
            cut = near < 0 and last - at > 1 and _goes_on(data, blocks, done, at, last)
            if (cut or labelled) and data[low] not in b"+(0":
                continue
            if _is_other(data, low, high):
                continue
            if last - at > 1 and any(_is_date(data, *block) for block in blocks[at:last]):
                continue
            score = _score(data, low, high, digits.decode("ascii"), plan, near)
            if score and (score >= _SURE or not (labelled or cut)):
                yield low, end if tail and last == len(blocks) else high, score
                found = done = last
                break
        at = found or at + 1


def _balanced(data: bytes, low: int, high: int) -> tuple[int, int]:
    """Leave out a bracket at either end that has no partner."""
    opened, closed = data.count(b"(", low, high), data.count(b")", low, high)
    while opened > closed and data[low : low + 1] == b"(":
        low, opened = low + 1, opened - 1
    while closed > opened and data[high - 1 : high] == b")":
        high, closed = high - 1, closed - 1
    return low, high


def _goes_on(data: bytes, blocks: Sequence[tuple[int, int]], done: int, at: int, last: int) -> bool:
    """Return whether other digits stand beside some blocks: they are part of a longer number."""
    beside = [*(blocks[at - 1 : at] if at > done else ()), *blocks[last : last + 1]]
    return any(data[low:high].isdigit() and high - low < _FEWEST for low, high in beside)


def _is_date(data: bytes, start: int, end: int) -> bool:
    return _DATE.fullmatch(data, start, end) is not None


def _is_other(data: bytes, low: int, high: int) -> bool:
    """Return whether it has the form of a date, an IP address or an amount of money."""
    if _IP.fullmatch(data, low, high) or _is_date(data, low, high):
        return True
    return _is_money(data, low, high)


def _gap(data: bytes, start: int, end: int) -> int:
    """Return how far from a word such as `call` a number stands, in the same text; -1: none."""
    before = data[max(0, start - _AHEAD) : start].rpartition(LEAF)[2]
    after = data[end : end + _BEHIND].partition(LEAF)[0]
    if _TRAILS.match(after) is not None:
        return 0
    gaps: list[int] = []
    for match in words(_SPEAKS).finditer(before):
        between = before[match.end() :]
        if not _OWNED.search(between):  # of two words the later one counts
            gaps = [len(between)]
    gaps += [match.start() for match in words(_SPEAKS).finditer(after)][:1]
    return max(0, min(gaps)) if gaps else -1


def _score(data: bytes, low: int, high: int, digits: str, plan: _Plan, gap: int) -> float:
    """Return how sure it is that this is one phone number; 0 if it is none."""
    raw = data[low:high].decode("latin-1")
    beside = 0 <= gap <= _BESIDE
    if len(digits) < _FEWEST and not (beside and len(raw) > len(digits)):
        return 0.0
    if raw.count("(") != raw.count(")"):
        return 0.0
    if raw.lstrip("([").startswith("+"):
        return plan.abroad(digits, raw, gap)
    if digits.startswith("00") and len(digits) >= 10:
        score = plan.abroad(digits[2:], raw, gap)
        if score:
            return min(score, _SURE - 0.01)
    if len(digits) > _MOST - 2 or is_labelled(data, low) or not _is_free(data, low, high):
        return 0.0
    if not beside and _DECIMAL.fullmatch(data, low, high):
        return 0.0
    return plan.at_home(digits, raw, gap)


def _is_money(data: bytes, low: int, high: int) -> bool:
    if low and (data[low - 1] in b"$%\xa3\xa5" or data[max(0, low - 2) : low] in (b"$ ", b"\xa3 ")):
        return True
    after = data[high : high + 5]
    return (
        after[:1] in (b"$", b"%")
        or after[1:2] == b"$"
        or after[1:4] in _CURRENCIES
        or (after[:1] == b"," and is_digit(data, high + 1) and not is_digit(data, high + 4))
    )


_CURRENCIES = (b"EUR", b"USD", b"GBP", b"CHF", b"PLN", b"SEK", b"CAD", b"AUD", b"INR", b"JPY")


def _is_free(data: bytes, low: int, high: int) -> bool:
    """Return whether the number is no part of a name such as `#123` or `a-123`."""
    before = data[low - 1 : low]
    if before in (b"#", b"_") or (before in (b"-", b"/", b".") and is_word(data, low - 2)):
        return False
    if before == b":" and is_digit(data, low - 2):  # the seconds of a time
        return False
    return not (high < len(data) and data[high] in b"_@" and is_word(data, high + 1))


class _Plan:
    """The number plans of some regions."""

    def __init__(self, regions: Sequence[str]) -> None:
        from phonenumbers.phonemetadata import PhoneMetadata  # big; only with a number in sight

        trunk: list[str] = []
        bare: list[str] = []
        grouped: list[tuple[str, list[str]]] = []
        for region in regions:
            data: Any = PhoneMetadata.metadata_for_region(region)
            numbers = _national(data)
            if data.national_prefix == "0":
                numbers = f"0(?:{numbers})"
            bare.append(numbers)
            if data.national_prefix == "0" or region == "IT":
                trunk.append(numbers)
            if data.national_prefix is None:
                formats: list[Any] = data.number_format or []
                forms = {form.pattern.replace(")(", ")-(") for form in formats}
                grouped.append((numbers, sorted(forms | _MORE_FORMS)))
        self._bare = rx(f"^(?:{'|'.join(bare)})$") if bare else None
        self._trunk = rx(f"^(?:{'|'.join(trunk)})$") if trunk else None
        self._grouped = [
            (rx(f"^(?:{numbers})$"), rx(f"^(?:{'|'.join(forms)})$")) for numbers, forms in grouped
        ]
        self._america = rx(f"^1?(?:{_american(regions)})$") if {"US", "CA"} & set(regions) else None

    def abroad(self, digits: str, raw: str, gap: int) -> float:
        """Judge a number that begins with a country's code."""
        code = _country(digits)
        if not code or len(digits) > 15 + len(code):
            return 0.0
        rest = digits[len(code) :]
        if "(0)" in raw:
            rest = rest.replace("0", "", 1)
        plan = _abroad(int(code))
        if plan.search(rest.encode()) or (rest[:1] == "0" and plan.search(rest[1:].encode())):
            return 0.95
        separated = len(raw) - len(digits) > 2
        return 0.6 if len(digits) >= 10 and (separated or gap >= 0) else 0.0

    def at_home(self, digits: str, raw: str, gap: int) -> float:
        """Judge a number that is written as at home."""
        data = digits.encode()
        separated = len(raw) > len(digits)
        america = self._america is not None and (
            (separated and _NANP_FORM.fullmatch(raw.encode("latin-1")) is not None)
            or self._america.search(data) is not None
        )
        trunk = (
            digits[0] == "0" and self._trunk is not None and self._trunk.search(data) is not None
        )
        if gap >= 0:
            exists = america or trunk or (self._bare is not None and self._bare.search(data))
            if exists or (len(digits) <= 13 and (separated or gap <= _BESIDE)):
                return (_SPOKEN if exists else _SPOKEN - 0.1) - gap / _FAR
        if america and (separated or len(digits) >= 10):
            return 0.7 if separated else 0.5
        if trunk and (
            10 <= len(digits) <= 11 or (separated and len(digits) >= 9 and _begins_short(raw))
        ):
            return 0.65 if separated else 0.5
        if separated and len(digits) >= 9:
            plain = "-".join(_groups(raw)).encode()
            for numbers, forms in self._grouped:
                if numbers.search(data) and forms.search(plain):
                    return 0.6
        return 0.0


def _groups(raw: str) -> list[str]:
    return [group for group in "".join(c if c.isdigit() else " " for c in raw).split() if group]


def _begins_short(raw: str) -> bool:
    groups = _groups(raw)
    return 2 <= len(groups[0]) <= 6 and len(groups) <= 6


@cache
def _plan(regions: tuple[str, ...]) -> _Plan:
    return _Plan(regions)


def _national(data: Any) -> str:
    """Return the pattern of all numbers of a region's metadata."""
    kinds = (
        data.fixed_line, data.mobile, data.toll_free, data.premium_rate, data.shared_cost,
        data.voip, data.personal_number, data.pager, data.uan, data.voicemail,
    )  # fmt: skip
    patterns = [kind.national_number_pattern for kind in kinds if kind is not None]
    return "|".join(f"(?:{pattern})" for pattern in patterns if pattern)


def _american(regions: Sequence[str]) -> str:
    from phonenumbers.phonemetadata import PhoneMetadata

    chosen = [region for region in ("US", "CA") if region in regions]
    return "|".join(_national(PhoneMetadata.metadata_for_region(region)) for region in chosen)


def _country(digits: str) -> str:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    for length in (1, 2, 3):
        if digits[:length].isdigit() and int(digits[:length]) in COUNTRY_CODE_TO_REGION_CODE:
            return digits[:length]
    return ""


@cache
def _abroad(code: int) -> Any:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.phonemetadata import PhoneMetadata

    found: list[str] = []
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        world = region == "001"
        found.append(
            _national(
                PhoneMetadata.metadata_for_nongeo_region(code)
                if world
                else PhoneMetadata.metadata_for_region(region)
            )
        )
    return rx(f"^(?:{'|'.join(found)})$")
