"""Check digits. Where Presidio knows a number's, its own recogniser is asked.

Sources of the others: the issuing offices' public descriptions of their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

Check = Callable[[str], bool]
"""Takes a number without separators, in capitals."""


def presidio(name: str) -> Check:
    """Return the check of Presidio's recogniser `name`; it is loaded when first asked."""

    def check(value: str) -> bool:
        recogniser = _recogniser(name)
        return bool(recogniser.validate_result(value)) and not recogniser.invalidate_result(value)

    return check


@cache
def _recogniser(name: str) -> Any:
    # A second and 100 MB, for Presidio brings spaCy: not before a number has to be checked.
    from presidio_analyzer import predefined_recognizers

    return getattr(predefined_recognizers, name)()


def luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit of ISO/IEC 7812.

    Example:
        >>> luhn("4111111111111111"), luhn("4111111111111112")
        (True, False)
    """
    total = 0
    for at, char in enumerate(reversed(digits)):
        value = ord(char) - 48
        if at % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum((ord(char) - 48) * weight for char, weight in zip(digits, weights, strict=False))


def ssn(value: str) -> bool:
    """Return whether a US social security number can have been issued."""
    never = value[:3] in ("000", "666") or value[0] == "9" or value[3:5] == "00"
    return not (never or value[5:] == "0000" or len(set(value)) == 1 or value in _SAMPLES)


_SAMPLES = {"123456789", "078051120", "987654321"}  # printed in forms and textbooks


def nif(value: str) -> bool:
    """Return whether the letter of a Spanish NIF or NIE fits."""
    digits = value[:-1].translate({88: "0", 89: "1", 90: "2"})
    return value[-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23]


def nric(value: str) -> bool:
    """Return whether the letter of a Singaporean NRIC or FIN fits."""
    total = _weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(value[0], 0)
    if value[0] == "M":
        return value[-1] == "KLJNPQRTUWX"[10 - total % 11]
    return value[-1] == ("JZIHGFEDCBA" if value[0] in "ST" else "XWUTRQPNMLK")[total % 11]


def nir(value: str) -> bool:
    """Return whether the key of a French NIR fits."""
    number = value[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(value[13:])


def bsn(value: str) -> bool:
    """Return whether a Dutch BSN passes its eleven test."""
    return _weighted(value, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and value.strip("0") != ""


def belgian(value: str) -> bool:
    """Return whether the check number of a Belgian national number fits, of either century."""
    number, check = value[:9], int(value[9:])
    return check in (97 - int(number) % 97, 97 - int("2" + number) % 97)


def ahv(value: str) -> bool:
    """Return whether the EAN-13 check digit of a Swiss AHV number fits."""
    return _weighted(value, (1, 3) * 6 + (1,)) % 10 == 0


def svnr(value: str) -> bool:
    """Return whether the check digit of an Austrian insurance number fits."""
    total = _weighted(value[:3] + value[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6))
    return total % 11 == int(value[3]) and "01" <= value[6:8] <= "12"


def pps(value: str) -> bool:
    """Return whether the letter of an Irish PPS number fits."""
    total = _weighted(value[:7], (8, 7, 6, 5, 4, 3, 2))
    if len(value) == 9 and value[8] != "W":
        total += 9 * (ord(value[8]) - 64)
    return value[7] == "WABCDEFGHIJKLMNOPQRSTUV"[total % 23]


def gstin(value: str) -> bool:
    """Return whether the check character of an Indian GST number fits, and its state exists.

    Presidio's own check looks at the form only.

    Example:
        >>> gstin("27AAPFU0939F1ZV"), gstin("27AAPFU0939F1ZO")
        (True, False)
    """
    total = 0
    for at, char in enumerate(reversed(value)):
        product = int(char, 36) * (1 + at % 2)
        total += product // 36 + product % 36
    return total % 36 == 0 and ("01" <= value[:2] <= "38" or value[:2] in ("97", "99"))


def personnummer(value: str) -> bool:
    """Return whether a Swedish number has a date and its check digit."""
    digits = value[-10:]
    day = int(digits[4:6])
    return luhn(digits) and "01" <= digits[2:4] <= "12" and (1 <= day <= 31 or 61 <= day <= 91)


def nino(value: str) -> bool:
    """Return whether the letters of a British national insurance number are in use."""
    return value[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def korean(value: str) -> bool:
    """Return whether a Korean number has a date; since 2020 it has no check digit."""
    return "01" <= value[2:4] <= "12" and "01" <= value[4:6] <= "31" and value[6] in "12345678"


# Lengths of the IBAN registry (SWIFT, ISO 13616).
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL", 24: "AD CZ DZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST",
        26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
LONGEST_IBAN = max(_IBAN_LENGTHS.values())


def iban_length(country: str) -> int:
    """Return how long IBANs of `country` are, or 0 if it has none."""
    return _IBAN_LENGTHS.get(country, 0)


def iban(value: str) -> bool:
    """Return whether the check digits of an IBAN fit (ISO 7064, 97-10)."""
    turned = value[4:] + value[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1
