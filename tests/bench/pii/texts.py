# ruff: noqa: E501 - sentences and shapes are read whole
"""Write our own set of texts: several business voices, typed data, and what only looks like it.

    /tmp/evaluator/bin/pip install python-stdnum phonenumbers
    /tmp/evaluator/bin/python tests/bench/pii/texts.py --seed 1 --count 4000 --out FILE.jsonl

Values are drawn at random and kept if `python-stdnum` or `phonenumbers` says that they
exist: code that the product does not use for them, so that a wrong check digit shows.
Every third sentence is held out unless `--all` is given: rules are tuned without it.
Each line holds `text` and `spans` (start, end, kind).
"""

from __future__ import annotations

import argparse
import json
import random
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

Value = Callable[[random.Random], str]
REGIONS = "US GB DE FR ES IT NL CH AT BE PL SE IE CA AU".split()  # noqa: SIM905


def digits(rng: random.Random, count: int) -> str:
    """Return `count` random digits."""
    return "".join(rng.choice(string.digits) for _ in range(count))


def letters(rng: random.Random, count: int, among: str = string.ascii_uppercase) -> str:
    """Return `count` random letters."""
    return "".join(rng.choice(among) for _ in range(count))


def grouped(text: str, sizes: Sequence[int], between: str) -> str:
    """Return `text` cut into groups."""
    parts: list[str] = []
    at = 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return between.join(part for part in parts if part)


def shaped(rng: random.Random, shape: str) -> str:
    """Return random characters: `#` a digit, `A` a letter, others as they are."""
    chars = {"#": lambda: rng.choice(string.digits), "A": lambda: letters(rng, 1)}
    return "".join(chars[char]() if char in chars else char for char in shape)


def known(module: str, make: Value) -> Value:
    """Return what draws until `stdnum` says that the number exists."""

    def draw(rng: random.Random) -> str:
        checker: Any = import_module(f"stdnum.{module}")
        for _ in range(200_000):
            value = make(rng)
            if checker.is_valid(value):
                return value
        raise RuntimeError(f"no valid number for {module}")

    return draw


def dated(rng: random.Random, form: str = "{y:02}{m:02}{d:02}") -> str:
    """Return a random date of birth."""
    return form.format(y=rng.randint(45, 99), m=rng.randint(1, 12), d=rng.randint(1, 28))


def phone(rng: random.Random) -> str:
    """Return a phone number that exists, written as people write it."""
    import phonenumbers as pn

    region = rng.choice(REGIONS)
    while True:
        kind = rng.choice([pn.PhoneNumberType.FIXED_LINE, pn.PhoneNumberType.MOBILE])
        sample = pn.example_number_for_type(region, kind)
        if sample is None:
            continue
        national = pn.national_significant_number(sample)
        keep = rng.choice([2, 3])
        drawn = national[:keep] + digits(rng, len(national) - keep)
        number = pn.PhoneNumber(
            country_code=sample.country_code,
            national_number=int(drawn),
            italian_leading_zero=sample.italian_leading_zero,
        )
        if not pn.is_valid_number_for_region(number, region):
            continue
        form = rng.random()
        if form < 0.3:
            return str(pn.format_number(number, pn.PhoneNumberFormat.INTERNATIONAL))
        if form < 0.4:
            return str(pn.format_number(number, pn.PhoneNumberFormat.E164))
        text = str(pn.format_number(number, pn.PhoneNumberFormat.NATIONAL))
        if form < 0.8:
            return text
        if form < 0.9:
            plain = text.replace("(", "").replace(")", " ").replace("-", " ").replace("/", " ")
            return rng.choice(["-", "."]).join(plain.split())
        return "".join(char for char in text if char.isdigit())


def phone_spoken(rng: random.Random) -> str:
    return phone(rng)


CARDS = ["4###############", "51##############", "55##############", "2223############",
         "34#############", "37#############", "6011############", "65##############",
         "3530############", "36############", "62##############", "4############"]  # fmt: skip


def card(rng: random.Random) -> str:
    value = known("luhn", lambda r: shaped(r, rng.choice(CARDS)))(rng)
    if len(value) == 16 and rng.random() < 0.6:
        return grouped(value, (4, 4, 4, 4), rng.choice([" ", "-"]))
    if len(value) == 15 and rng.random() < 0.6:
        return grouped(value, (4, 6, 5), " ")
    return value


IBANS = ["DE####################", "GB##AAAA##############", "FR#########################",
         "ES######################", "IT##A######################", "NL##AAAA##########",
         "CH###################", "AT##################", "BE##############",
         "PL##########################", "SE######################", "IE##AAAA##############"]  # fmt: skip


def iban(rng: random.Random) -> str:
    while True:  # only the check digits are drawn: a thousand times faster
        start = shaped(rng, rng.choice(IBANS))
        turned = start[4:] + start[:2] + "00"
        check = 98 - int("".join(str(int(char, 36)) for char in turned)) % 97
        drawn = f"{start[:2]}{check:02}{start[4:]}"
        checker: Any = import_module("stdnum.iban")
        if checker.is_valid(drawn, check_country=False):
            return grouped(drawn, [4] * 9, " ") if rng.random() < 0.6 else drawn


def email(rng: random.Random) -> str:
    name = (
        rng.choice(NAMES_FIRST).lower()
        + rng.choice([".", "_", "", "-"])
        + rng.choice(LASTS).lower()
    )
    tag = rng.choice(["", "", "", "+billing", str(rng.randint(1, 99))])
    host = rng.choice(["example", "initech", "kontor", "nordlicht-gmbh", "acme-labs", "contoso"])
    sub = rng.choice(["", "", "", "mail.", "eu."])
    return f"{name}{tag}@{sub}{host}.{rng.choice(['com', 'org', 'de', 'co.uk', 'io', 'fr', 'pl', 'net'])}"


def ipv4(rng: random.Random) -> str:
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


def ip(rng: random.Random) -> str:
    if rng.random() < 0.75:
        return ipv4(rng)
    parts = [f"{rng.randint(1, 65535):x}" for _ in range(8)]
    if rng.random() < 0.5:
        return f"2001:db8:{parts[0]}::{parts[1]}:{parts[2]}"
    return ":".join(["2001", "db8", *parts[2:]])


def mac(rng: random.Random) -> str:
    pairs = [f"{rng.randint(0, 255):02x}" for _ in range(6)]
    style = rng.random()
    if style < 0.5:
        return ":".join(pairs)
    return "-".join(pairs).upper() if style < 0.8 else grouped("".join(pairs), (4, 4, 4), ".")


def wallet(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return "0x" + letters(rng, 40, "0123456789abcdef")
    import hashlib

    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    raw = b"\0" + rng.randbytes(20)
    raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    number, out = int.from_bytes(raw, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        out = alphabet[rest] + out
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + out


def login(rng: random.Random) -> str:
    return f"{rng.choice(['app', 'svc_mail', 'root', 'ann'])}:{letters(rng, 9, string.ascii_letters + string.digits)}"


VALUES: dict[str, Value] = {
    "EMAIL_ADDRESS": email,
    "PHONE_NUMBER": phone,
    "CREDIT_CARD": card,
    "IBAN_CODE": iban,
    "IP_ADDRESS": ip,
    "MAC_ADDRESS": mac,
    "CRYPTO": wallet,
    "US_SSN": known("us.ssn", lambda r: shaped(r, "###-##-####")),
    "US_ITIN": known("us.itin", lambda r: f"9{digits(r, 2)}-{r.randint(70, 88)}-{digits(r, 4)}"),
    "US_MBI": lambda r: (
        f"{r.randint(1, 9)}{letters(r, 1, MBI)}{digits(r, 1)}{digits(r, 1)}-{letters(r, 1, MBI)}"
        f"{digits(r, 1)}{digits(r, 1)}-{letters(r, 2, MBI)}{digits(r, 2)}"
    ),
    "UK_NINO": lambda r: _nino(r),
    "UK_NHS": known("gb.nhs", lambda r: grouped(digits(r, 10), (3, 3, 4), r.choice([" ", ""]))),
    "UK_DRIVING_LICENCE": lambda r: (
        f"{letters(r, 5)}{r.randint(0, 9)}{r.randint(1, 12):02}{r.randint(1, 28):02}{r.randint(0, 9)}"
        f"{letters(r, 2)}{r.randint(2, 9)}{letters(r, 2)}"
    ),
    "DE_TAX_ID": known("de.idnr", lambda r: _tax_id(r)),
    "ES_NIF": known(
        "es.dni", lambda r: f"{digits(r, 8)}{letters(r, 1, 'TRWAGMYFPDXBNJZSQVHLCKE')}"
    ),
    "ES_NIE": known("es.nie", lambda r: f"{letters(r, 1, 'XYZ')}{digits(r, 7)}{letters(r, 1)}"),
    "FR_NIR": lambda r: _nir(r),
    "IT_FISCAL_CODE": known(
        "it.codicefiscale",
        lambda r: (
            f"{letters(r, 3, 'BCDFGLMNPRSTVZ')}{letters(r, 3, 'BCDFGLMNPRSTVZ')}{r.randint(45, 99)}"
            f"{letters(r, 1, 'ABCDEHLMPRST')}{r.randint(1, 28):02}{letters(r, 1, 'ABCDEFGHL')}"
            f"{r.randint(1, 899):03}{letters(r, 1)}"
        ),
    ),
    "NL_BSN": known("nl.bsn", lambda r: digits(r, 9)),
    "BE_NATIONAL_NUMBER": lambda r: _belgian(r),
    "CH_AHV": known("ch.ssn", lambda r: f"756.{digits(r, 4)}.{digits(r, 4)}.{digits(r, 2)}"),
    "AT_SVNR": known("at.vnr", lambda r: f"{digits(r, 4)} {dated(r, '{d:02}{m:02}{y:02}')}"),
    "IE_PPS": known(
        "ie.pps", lambda r: f"{digits(r, 7)}{letters(r, 1, 'ABCDEFGHIJKLMNOPQRSTUVW')}"
    ),
    "PL_PESEL": known("pl.pesel", lambda r: f"{dated(r)}{digits(r, 5)}"),
    "SE_PERSONNUMMER": known("se.personnummer", lambda r: f"{dated(r)}-{digits(r, 4)}"),
    "FI_PERSONAL_IDENTITY_CODE": known(
        "fi.hetu", lambda r: f"{dated(r, '{d:02}{m:02}{y:02}')}-{digits(r, 3)}{letters(r, 1, HETU)}"
    ),
    "AU_ABN": known("au.abn", lambda r: grouped(digits(r, 11), (2, 3, 3, 3), " ")),
    "AU_TFN": known("au.tfn", lambda r: grouped(digits(r, 9), (3, 3, 3), " ")),
    "CA_SIN": known("ca.sin", lambda r: grouped(digits(r, 9), (3, 3, 3), r.choice([" ", "-"]))),
    "IN_AADHAAR": known("in_.aadhaar", lambda r: grouped(digits(r, 12), (4, 4, 4), " ")),
    "IN_PAN": known(
        "in_.pan", lambda r: f"{letters(r, 3)}P{letters(r, 1)}{digits(r, 4)}{letters(r, 1)}"
    ),
    "SG_NRIC_FIN": lambda r: _nric(r),
    "KR_RRN": known("kr.rrn", lambda r: f"{dated(r)}-{r.randint(1, 2)}{digits(r, 6)}"),
    "TR_NATIONAL_ID": known("tr.tckimlik", lambda r: digits(r, 11)),
    "ZA_ID_NUMBER": known("za.idnr", lambda r: f"{dated(r)}{digits(r, 4)}08{digits(r, 1)}"),
    "PASSPORT": lambda r: shaped(
        r, r.choice(["#########", "A########", "AA#######", "AAA######", "C0#X00T4#", "##AA#####"])
    ),
    "DRIVER_LICENSE": lambda r: shaped(
        r, r.choice(["A#######", "#########", "A###-####-####", "AA#######"])
    ),
    "BANK_ACCOUNT": lambda r: digits(r, r.choice([8, 9, 10, 12])),
    "URL_LOGIN": login,
}
MBI = "ACDEFGHJKMNPQRTUVWXY"
HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
NAMES_FIRST = [
    "Ann",
    "Bo",
    "Carla",
    "Deniz",
    "Emil",
    "Fatima",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Luca",
    "Maja",
    "Nils",
    "Olga",
    "Pia",
]
LASTS = "Smith Keller Rossi Dubois Nowak Garcia Jansen Larsson Murphy Brown Weber Moreau".split()  # noqa: SIM905


def _nino(rng: random.Random) -> str:
    while True:
        head = letters(rng, 1, "ABCEGHJKLMNOPRSTWXYZ") + letters(rng, 1, "ABCEGHJKLMNPRSTWXYZ")
        if head not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"):
            body = f"{head}{digits(rng, 6)}{letters(rng, 1, 'ABCD')}"
            return grouped(body, (2, 2, 2, 2, 1), " ") if rng.random() < 0.6 else body


def _tax_id(rng: random.Random) -> str:
    chosen = rng.sample(string.digits, 9)
    chosen.insert(rng.randint(0, 9), rng.choice(chosen))
    return "".join(chosen) + digits(rng, 1)


def _nir(rng: random.Random) -> str:
    body = f"{rng.randint(1, 2)}{rng.randint(45, 99)}{rng.randint(1, 12):02}{rng.randint(1, 95):02}{digits(rng, 6)}"
    value = f"{body}{97 - int(body) % 97:02}"
    checker: Any = import_module("stdnum.fr.nir")
    if not checker.is_valid(value):
        return _nir(rng)
    return grouped(value, (1, 2, 2, 2, 3, 3, 2), " ") if rng.random() < 0.6 else value


def _belgian(rng: random.Random) -> str:
    body = f"{dated(rng)}{rng.randint(1, 997):03}"
    value = f"{body}{97 - int(body) % 97:02}"
    checker: Any = import_module("stdnum.be.nn")
    if not checker.is_valid(value):
        return _belgian(rng)
    return f"{value[:2]}.{value[2:4]}.{value[4:6]}-{value[6:9]}.{value[9:]}"


def _nric(rng: random.Random) -> str:
    # python-stdnum has no NRIC: the letter by the published weights, written out here.
    first, body = rng.choice("STFG"), digits(rng, 7)
    total = sum(int(d) * w for d, w in zip(body, (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += 4 if first in "TG" else 0
    return f"{first}{body}{('JZIHGFEDCBA' if first in 'ST' else 'XWUTRQPNMLK')[total % 11]}"


SAID: dict[str, list[str]] = {
    "EMAIL_ADDRESS": ["Please copy {v} on the reply", "From: {v}", "write to {v} by Friday", "her address is {v}.",
        "(contact {v})", "<{v}>", "user={v};role=admin", "the invite went to {v}, not to me", "Reply-To: {v}"],
    "PHONE_NUMBER": ["call me on {v}", "Tel.: {v}", "my mobile is {v}", "Phone {v}", "you can reach her at {v} after 5",
        "Fax: {v}", "please ring {v} first", "contact number {v}", "text {v} when you arrive", "Cell: {v}, home office",
        "The customer asked for a call back ({v})", "WhatsApp {v}"],
    "CREDIT_CARD": ["charge it to {v}", "card {v} exp 09/27", "my credit card number is {v}", "Visa {v}",
        "the payment with {v} failed", "PAN={v}", "please refund to card ending, full number {v}", "cc: {v}",
        "he read out {v} on the line"],
    "IBAN_CODE": ["IBAN: {v}", "transfer the deposit to {v}", "our account is {v}", "Bank details {v} (new)", "refund to {v}",
        "pay {v} by the 15th"],
    "IP_ADDRESS": ["login from {v} was blocked", "client_ip={v}", "host {v} is down", "traffic from {v}", "ping {v} times out",
        "allow {v} in the firewall"],
    "MAC_ADDRESS": ["laptop {v} joined the guest wifi", "MAC: {v}", "device {v} was retired", "hw addr {v}"],
    "CRYPTO": ["send the coins to {v}", "wallet {v}", "payout address {v}", "donations: {v}"],
    "US_SSN": ["SSN: {v}", "her social security number is {v}", "ssn {v} on the W-2", "employee {v} (payroll)",
        "the form shows {v} as SSN", "Social {v}"],
    "US_ITIN": ["ITIN {v}", "taxpayer number {v}", "his ITIN is {v}", "file under {v}"],
    "US_MBI": ["Medicare number {v}", "MBI: {v}", "beneficiary {v}"],
    "UK_NINO": ["NI number {v}", "National Insurance: {v}", "payroll record {v}", "NINO {v}"],
    "UK_NHS": ["NHS number {v}", "NHS no. {v}", "patient's NHS number is {v}"],
    "UK_DRIVING_LICENCE": ["driving licence {v}", "licence no {v}", "DVLA record {v}"],
    "DE_TAX_ID": ["Steuer-ID {v}", "tax id {v}", "IdNr. {v}", "the employee's number is {v}"],
    "ES_NIF": ["DNI {v}", "NIF: {v}", "con documento {v}", "signed by holder of {v}"],
    "ES_NIE": ["NIE {v}", "residence card {v}", "extranjero con {v}"],
    "FR_NIR": ["num\u00e9ro de s\u00e9cu {v}", "NIR : {v}", "carte vitale {v}", "insured under {v}"],
    "IT_FISCAL_CODE": ["codice fiscale {v}", "CF: {v}", "the tenant ({v}) signed"],
    "NL_BSN": ["BSN {v}", "burgerservicenummer {v}", "BSN: {v} (loonstrook)"],
    "BE_NATIONAL_NUMBER": ["rijksregisternummer {v}", "national number {v}", "NN {v}"],
    "CH_AHV": ["AHV-Nummer {v}", "AHV {v}", "insured person {v}"],
    "AT_SVNR": ["SVNR {v}", "Sozialversicherungsnummer {v}", "SV-Nummer: {v}"],
    "IE_PPS": ["PPS number {v}", "PPSN {v}", "employee {v} in Cork"],
    "PL_PESEL": ["PESEL {v}", "PESEL: {v}", "klient {v}", "identified by {v}"],
    "SE_PERSONNUMMER": ["personnummer {v}", "ID {v} visades", "Personal identity number {v}"],
    "FI_PERSONAL_IDENTITY_CODE": ["henkil\u00f6tunnus {v}", "HETU {v}", "personal identity code {v}", "asiakas {v}"],
    "AU_ABN": ["ABN {v}", "A.B.N. {v}", "supplier {v}"],
    "AU_TFN": ["TFN {v}", "tax file number {v}", "TFN: {v}"],
    "CA_SIN": ["SIN {v}", "social insurance number {v}", "SIN: {v}"],
    "IN_AADHAAR": ["Aadhaar {v}", "UIDAI number {v}", "KYC document {v}"],
    "IN_PAN": ["PAN {v}", "permanent account number {v}", "tax deducted under {v}"],
    "SG_NRIC_FIN": ["NRIC {v}", "FIN {v}", "visitor {v} signed in"],
    "KR_RRN": ["RRN {v}", "resident registration number {v}", "member {v}"],
    "TR_NATIONAL_ID": ["TC kimlik {v}", "national id {v}", "vatanda\u015f {v}"],
    "ZA_ID_NUMBER": ["ID number {v}", "South African ID {v}", "SA ID: {v}"],
    "PASSPORT": ["passport {v}", "passport number {v}", "travel document {v}", "Reisepass {v}", "Passport No. {v}, expires 2030",
        "holder of passport {v}"],
    "DRIVER_LICENSE": ["driver's license {v}", "driving licence number {v}", "driver license no. {v}", "DL number {v}"],
    "BANK_ACCOUNT": ["account number {v}", "acct {v}", "bank account {v}", "account no. {v}, sort code on file"],
    "URL_LOGIN": ["mirror at https://{v}@repo.example.com/x", "postgres://{v}@db.internal:5432/crm", "ftp://{v}@files.example.org"],
}  # fmt: skip

NEAR: list[Value] = [
    lambda r: f"order {digits(r, 10)}",
    lambda r: f"Order no. {r.choice('12345')}{digits(r, r.choice([8, 9, 11, 15]))}",
    lambda r: f"ticket #{digits(r, r.choice([6, 8, 9]))}",
    lambda r: f"invoice {r.randint(2019, 2026)}-{digits(r, 6)}",
    lambda r: f"case {digits(r, 9)}",
    lambda r: f"tracking 1Z{letters(r, 2)}{digits(r, 14)}",
    lambda r: (
        f"tracking number 9400 1{digits(r, 3)} {digits(r, 4)} {digits(r, 4)} {digits(r, 4)} {digits(r, 2)}"
    ),
    lambda r: f"parcel {digits(r, 12)}",
    lambda r: f"AWB {digits(r, 3)}-{digits(r, 8)}",
    lambda r: f"version {r.randint(1, 20)}.{r.randint(0, 20)}.{r.randint(0, 99)}",
    lambda r: f"v{r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 99)}.{r.randint(0, 255)}",
    lambda r: (
        f"firmware {r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 99)}.{r.randint(0, 255)}"
    ),
    lambda r: f"build {r.randint(10, 12)}.0.{r.randint(10000, 30000)}.{r.randint(1, 4000)}",
    lambda r: f"at {r.randint(1600000000, 1790000000)}",
    lambda r: f"ts={r.randint(1600000000000, 1790000000000)}",
    lambda r: (
        f"at 20{r.randint(10, 26)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}T{r.randint(0, 23):02}:{r.randint(0, 59):02}:00Z"
    ),
    lambda r: (
        f"on {r.randint(1, 28):02}.{r.randint(1, 12):02}.20{r.randint(10, 26)} at {r.randint(8, 18)}:30"
    ),
    lambda r: f"for {r.randint(1, 999)},{digits(r, 3)}.{digits(r, 2)} EUR",
    lambda r: f"worth ${r.randint(1, 99)},{digits(r, 3)},{digits(r, 3)}",
    lambda r: f"ISBN 978-{r.randint(0, 3)}-{digits(r, 2)}-{digits(r, 6)}-{digits(r, 1)}",
    lambda r: f"EAN {r.choice('4579')}{digits(r, 12)}",
    lambda r: f"SKU {letters(r, 2)}-{digits(r, 6)}",
    lambda r: f"part {letters(r, 3)}{digits(r, 5)}",
    lambda r: f"commit {letters(r, 10, '0123456789abcdef')}",
    lambda r: f"sha {letters(r, 40, '0123456789abcdef')}",
    lambda r: "-".join(letters(r, n, "0123456789abcdef") for n in (8, 4, 4, 4, 12)),
    lambda r: f"room {r.randint(1, 9)}.{r.randint(10, 99)}",
    lambda r: f"the file logo@{r.randint(2, 3)}x.png",
    lambda r: f"react@{r.randint(15, 19)}.{r.randint(0, 9)}.0",
    lambda r: f"@{r.choice(NAMES_FIRST).lower()} in the channel",
    lambda r: f"lat {r.randint(10, 60)}.{digits(r, 6)}, lon {r.randint(1, 20)}.{digits(r, 6)}",
    lambda r: f"from {r.randint(8, 11)}:00 to {r.randint(12, 18)}:45:10",
    lambda r: "std::vector and ab::cd",
    lambda r: f"purchase order {digits(r, 4)}-{digits(r, 4)}-{digits(r, 2)}",
    lambda r: f"IMEI {digits(r, 15)}",
    lambda r: f"{r.randint(10, 99)} of {r.randint(100, 999)} units",
    lambda r: f"quarter {r.randint(1, 4)} of 20{r.randint(10, 26)}",
    lambda r: f"SSID guest-{digits(r, 4)}",
    lambda r: f"model {letters(r, 2)}{digits(r, 4)}-{digits(r, 2)}",
    lambda r: f"contract {digits(r, 4)}/{digits(r, 2)}-{digits(r, 4)}",
    lambda r: f"serial {letters(r, 1)}{digits(r, 9)}",
    lambda r: f"transaction {letters(r, 2)}{digits(r, 10)}",
]
PROSE = [
    "the quarterly numbers look fine", "we should meet before the board does", "delivery slipped by a week",
    "the client was happy with the draft", "nothing else is open from our side", "please see the notes below",
    "the contract was renewed", "I will be out of office on Monday", "the printer on the third floor is broken",
    "training starts after lunch", "the second review found two issues", "marketing wants a shorter version",
]  # fmt: skip
VOICES: list[tuple[str, str, str]] = [
    ("Hi team,\n\n", ". ", ".\n\nThanks,\nAnn"), ("", "; ", ""), ("Dear Mr Keller, ", ". ", ". Kind regards"),
    ("[note] ", " / ", ""), ("- ", "\n- ", "\n"), ("agent: ", "\ncustomer: ", ""), ("", ", and ", "."),
    ('{"note": "', '", "next": "', '"}'), ("2026-03-04 09:12 INFO ", " | ", ""), ("ok so ", " btw ", " lol"),
]  # fmt: skip


@dataclass(frozen=True)
class Stock:
    """What a set is made from.

    Attributes:
        values: Draws a value of each kind.
        said: What is said with it; `{v}` stands for the value.
        near: What only looks like a value.
        together: Draws words and value together, where they depend on each other: every
            second time for a kind that `values` has too.
    """

    values: dict[str, Value] = field(default_factory=lambda: VALUES)
    said: dict[str, list[str]] = field(default_factory=lambda: SAID)
    near: Sequence[Value] = field(default_factory=lambda: NEAR)
    together: dict[str, Callable[[random.Random], tuple[str, str]]] = field(default_factory=dict)

    def speak(self, rng: random.Random, kind: str, *, everything: bool) -> tuple[str, str, str]:
        """Return a value of `kind` with what stands before and after it."""
        pair = self.together.get(kind)
        if pair is not None and (kind not in self.values or rng.random() < 0.5):
            return *pair(rng), ""
        said = self.said[kind]
        forms = said if everything else [form for at, form in enumerate(said) if at % 3 != 2]
        before, _, after = rng.choice(forms).partition("{v}")
        return before, self.values[kind](rng), after


def sentences(
    rng: random.Random, kinds: Sequence[str], stock: Stock, *, everything: bool
) -> Iterator[tuple[str, list[Any]]]:
    """Yield parts of one text, with the spans in each."""
    near = stock.near
    chosen = near if everything else [one for at, one in enumerate(near) if at % 3 != 2]
    for _ in range(rng.randint(2, 5)):
        what = rng.random()
        if what < 0.3:
            yield rng.choice(PROSE), []
        elif what < 0.6:
            yield f"{rng.choice(PROSE)} {rng.choice(chosen)(rng)}", []
        else:
            kind = rng.choice(kinds)
            before, value, after = stock.speak(rng, kind, everything=everything)
            lead = rng.choice(["", f"{rng.choice(PROSE)}, "])
            start = len(lead) + len(before)
            yield f"{lead}{before}{value}{after}", [[start, start + len(value), kind]]


def texts(
    seed: int, count: int, stock: Stock, kinds: Sequence[str], *, everything: bool
) -> Iterator[dict[str, Any]]:
    """Yield texts with their spans."""
    rng = random.Random(seed)
    for _ in range(count):
        opening, between, ending = rng.choice(VOICES)
        text, spans = opening, []
        for at, (part, found) in enumerate(sentences(rng, kinds, stock, everything=everything)):
            text += between if at else ""
            spans += [[start + len(text), end + len(text), kind] for start, end, kind in found]
            text += part
        yield {"text": text + ending, "spans": spans}


def run(stock: Stock, kinds: Sequence[str], about: str | None) -> None:
    """Generate and write, as the command line asks."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--all", action="store_true", help="with the sentences that were held out")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with options.out.open("w", encoding="utf-8") as out:
        for item in texts(options.seed, options.count, stock, kinds, everything=options.all):
            out.write(json.dumps(item, ensure_ascii=False) + "\n")


# What people write most is drawn most.
OFTEN = ["EMAIL_ADDRESS", "PHONE_NUMBER", "PHONE_NUMBER", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE",
         "IP_ADDRESS"]  # fmt: skip

if __name__ == "__main__":
    run(Stock(), [*VALUES, *OFTEN], __doc__)
