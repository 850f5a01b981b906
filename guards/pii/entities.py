"""The kinds of personal data that are recognised, and what stands in their place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of personal data.

    Attributes:
        category: The short word in findings.
        words: What a person reads: "a card number".
        token: What is written instead, without brackets.
        shown: How many last characters the style `mask` leaves readable.
    """

    category: str
    words: str
    token: str
    shown: int = 0


KINDS = {
    "CREDIT_CARD": Kind("card", "a card number", "CARD", shown=4),
    "CRYPTO": Kind("wallet", "a cryptocurrency wallet", "WALLET"),
    "EMAIL_ADDRESS": Kind("email", "an e-mail address", "EMAIL"),
    "IBAN_CODE": Kind("iban", "a bank account number", "IBAN", shown=4),
    "IP_ADDRESS": Kind("ip", "an IP address", "IP"),
    "MAC_ADDRESS": Kind("mac", "a hardware address", "MAC"),
    "PHONE_NUMBER": Kind("phone", "a phone number", "PHONE", shown=2),
    "URL": Kind("url", "a web address", "URL"),
    "US_SSN": Kind("ssn", "a US social security number", "SSN"),
}
"""By the name that Presidio and policies use."""

NUMBERS = frozenset({"CREDIT_CARD", "CRYPTO", "IBAN_CODE", "US_SSN"})
"""What a mail assistant never needs to read in order to do its work."""

CONTACT = frozenset({"EMAIL_ADDRESS", "IP_ADDRESS", "MAC_ADDRESS", "PHONE_NUMBER"})
"""What it needs in order to answer, but need not repeat in what it writes."""

STANDARD = NUMBERS | CONTACT
"""Everything that is looked for unless a policy says otherwise; `URL` is not."""

REGIONS = ("US", "GB", "DE")
"""Whose national phone formats are recognised; numbers that begin with + always are."""
