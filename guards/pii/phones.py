"""Phone numbers: the number plans of `phonenumbers`, read by RE2.

`phonenumbers` knows which numbers exist in which country, but asks every region about
every run of digits, at a tenth of a millisecond each. Here its patterns are joined into
one for all regions of a policy. What may be taken for a number is decided by how it is
written: `+` and a country, a form of the region, or a word such as `call` near it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from guarded_agent.guards.pii.formats import Place
from guarded_agent.guards.pii.view import LEAF, is_digit, is_labelled, is_word, rx, words

_EXT = r"[ ,;]{0,3}(?:x|X|[Ee]xt\.?)[ :.]?[0-9]{1,6}"
_RUN = (
    r"(?:\+|\(\+?|\[)?[0-9](?:[)\]]?[ \-./]{0,3}[(\[]?[0-9])+[)\]]?"
    rf"(?:{_EXT})?"
)
GATE = r"[0-9](?:[ \-./()\[\]]{0,4}[0-9]){6}"
_EXTENSION = f"{_EXT}$"
_BLOCK = r"[^ ]+"
_MOST_BLOCKS = 7
_FEWEST = 7  # digits; what is shorter is no number by itself
_SURE = 0.9
_DATE = (
    r"^(?:(?:19|20)[0-9]{2}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2}[-./](?:19|"
    r"20)?[0-9]{2}|"
    r"(?:19|20)[0-9]{2})$"
)
_IP = r"^(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})$"
_NANP_FORM = (
    r"^(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[0-9]{3}[-. ][0-9]{4}$|"
    r"^\([2-9][0-9]{2}\)[ -]{0,2}[0-9]{3}[-. ]?[0-9]{4}$"
)
_NANP = r"^1?[2-9][0-9]{2}[2-9][0-9]{6}$"
_SPEAKS = (
    r"(?:tele|smart|home ?|work ?|cell ?|office ?)?phones?|tel|t\xe9l|t[e\xe9]l[e\xe9]phone|"
    r"telefon[a-z]{0,8}|telefoon|"
    r"tel\xe9fonos?|tlf|mobil[ea]?s?|m\xf3vil(?:es)?|mobil(?:e ?)?(?:nummer|nr|number)|"
    r"cell(?:ular|ulare)?|handy(?:nummer)?|"
    r"portable|gsm|(?:tele)?fax|calls?|called|calling|dial|rings?|rang|sms|text(?:ed|ing)?|"
    r"whats ?app|"
    r"hotline|helpline|reach(?:ed|able)?|landline|rufnummer|durchwahl|appele[rz]|appel|"
    r"llam(?:ar|e|ada)|"
    r"chiam(?:are|ata|a)|cellulare|bellen|bel|zadzwo\w*|numer telefonu|ringa|mobilnummer|contact|"
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
    tail = rx(_EXTENSION).search(data, start, end)
    body_end = tail.start() if tail else end
    blocks = [match.span() for match in rx(_BLOCK).finditer(data, start, body_end)]
    speaks: bool | None = None
    at = done = 0
    while at < len(blocks):
        for last in range(min(at + _MOST_BLOCKS, len(blocks)), at, -1):
            low, high = blocks[at][0], blocks[last - 1][1]
            if high - low < 7:
                break
            raw = data[low:high].decode("latin-1")
            if last - at > 1 and any(_is_date(data, *block) for block in blocks[at:last]):
                continue
            cut = last - at > 1 and _goes_on(data, blocks, done, at, last)
            if speaks is None:
                speaks = _is_spoken_of(data, start, end)
            score = _score(data, low, high, raw, plan, speaks)
            if score and not (cut and not speaks and score < _SURE):
                if tail and last == len(blocks):
                    high = end
                yield low, high, score
                at = done = last
                break
        else:
            at += 1
            continue
        if high - low < 7:
            at += 1


def _goes_on(data: bytes, blocks: Sequence[tuple[int, int]], done: int, at: int, last: int) -> bool:
    """Return whether other digits stand beside some blocks: they are part of a longer number."""
    beside = [*(blocks[at - 1 : at] if at > done else ()), *blocks[last : last + 1]]
    return any(data[low:high].isdigit() and high - low < _FEWEST for low, high in beside)


def _is_date(data: bytes, start: int, end: int) -> bool:
    return rx(_DATE).search(data[start:end]) is not None


def _is_spoken_of(data: bytes, start: int, end: int) -> bool:
    """Return whether a word such as `call` stands near, in the same text."""
    before = data[max(0, start - _AHEAD) : start].rpartition(LEAF)[2]
    after = data[end : end + _BEHIND].partition(LEAF)[0]
    speaks = words(_SPEAKS)
    return speaks.search(before) is not None or speaks.search(after) is not None


def _score(data: bytes, low: int, high: int, raw: str, plan: _Plan, speaks: bool) -> float:
    """Return how sure it is that this is one phone number; 0 if it is none."""
    digits = "".join(char for char in raw if char.isdigit())
    if not 7 <= len(digits) <= 17 or raw.count("(") != raw.count(")") or _is_money(data, low, high):
        return 0.0
    if raw.lstrip("([").startswith("+"):
        return plan.abroad(digits, raw, speaks)
    if (
        digits.startswith("00")
        and len(digits) >= 10
        and (score := plan.abroad(digits[2:], raw, speaks))
    ):
        return score
    if _is_date(data, low, high) or rx(_IP).search(data[low:high]) or len(digits) > 15:
        return 0.0
    if is_labelled(data, low):
        return 0.0
    return plan.at_home(digits, raw, speaks) if _is_free(data, low, high) else 0.0


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
    return not (high < len(data) and data[high] in b"-_/@" and is_word(data, high + 1))


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
            bare.append(numbers)
            if data.national_prefix == "0":
                trunk.append(f"0(?:{numbers})")
            elif region == "IT":
                trunk.append(f"(?:{numbers})")
            if data.national_prefix is None:
                formats: list[Any] = data.number_format or []
                forms = {form.pattern.replace(")(", ")-(") for form in formats}
                grouped.append((numbers, sorted(forms | _MORE_FORMS)))
        self._bare = rx(f"^(?:0|1)?(?:{'|'.join(bare)})$") if bare else None
        self._trunk = rx(f"^(?:{'|'.join(trunk)})$") if trunk else None
        self._grouped = [
            (rx(f"^(?:{numbers})$"), rx(f"^(?:{'|'.join(forms)})$")) for numbers, forms in grouped
        ]
        self._america = rx(f"^1?(?:{_american(regions)})$") if {"US", "CA"} & set(regions) else None

    def abroad(self, digits: str, raw: str, speaks: bool) -> float:
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
        return 0.6 if len(digits) >= 10 and (separated or speaks) else 0.0

    def at_home(self, digits: str, raw: str, speaks: bool) -> float:
        """Judge a number that is written as at home."""
        data = digits.encode()
        separated = len(raw) > len(digits)
        america = self._america is not None and (
            (separated and rx(_NANP_FORM).search(raw.encode("latin-1")) is not None)
            or self._america.search(data) is not None
        )
        trunk = (
            digits[0] == "0" and self._trunk is not None and self._trunk.search(data) is not None
        )
        if speaks and (
            america
            or trunk
            or (self._bare is not None and self._bare.search(data) is not None)
            or (separated and len(digits) <= 13)
        ):
            return 0.8
        if america and (separated or len(digits) >= 10):
            return 0.7 if separated else 0.5
        if trunk and (10 <= len(digits) <= 11 or (separated and _begins_short(raw))):
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
