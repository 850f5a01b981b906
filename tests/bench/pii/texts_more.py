# ruff: noqa: E501 - sentences and shapes are read whole
"""Write a second set of our own: the kinds that `texts.py` does not draw.

    /tmp/evaluator/bin/pip install python-stdnum
    /tmp/evaluator/bin/python tests/bench/pii/texts_more.py --seed 1 --count 3000 --out FILE.jsonl

It is a set of its own so that the figures of the first stay what they are. Voices, prose and
what is held out are those of `texts.py`. Where `python-stdnum` has no check digit for a
number, the rule of its issuing office is written out here, apart from the product's.
"""

from __future__ import annotations

import random
import string
from importlib import import_module
from typing import Any

from texts import (
    LASTS,
    NAMES_FIRST,
    NEAR,
    Stock,
    Value,
    dated,
    digits,
    grouped,
    known,
    letters,
    run,
)


def checked(make: Value, is_valid: Any) -> Value:
    """Return what draws until a rule that is written out here holds."""

    def draw(rng: random.Random) -> str:
        while not is_valid(value := make(rng)):
            pass
        return value

    return draw


def broken(kind: str) -> Value:
    """Return a value of the same form whose last digit or letter is not the right one."""

    def draw(rng: random.Random) -> str:
        value = VALUES[kind](rng)
        among = string.digits if value[-1].isdigit() else string.ascii_uppercase
        return value[:-1] + rng.choice(among.replace(value[-1], ""))

    return draw


def _sum(text: str) -> int:
    return sum(int(char) for char in text)


def npi(rng: random.Random) -> str:
    """Return a US provider number: Luhn over it with the prefix 80840 (45 CFR 162.406)."""
    luhn: Any = import_module("stdnum.luhn")
    body = f"{rng.choice('12')}{digits(rng, 8)}"
    return body + str(luhn.calc_check_digit(f"80840{body}"))


def dea(rng: random.Random) -> str:
    """Return a DEA number: odd digits and twice the even ones add up to the last one."""
    body = digits(rng, 6)
    check = (_sum(body[::2]) + 2 * _sum(body[1::2])) % 10
    return f"{rng.choice('ABFGMPR')}{rng.choice(LASTS)[0]}{body}{check}"


def medicare(rng: random.Random) -> str:
    """Return an Australian Medicare card number (weights 1 3 7 9, then the issue)."""
    body = f"{rng.choice('23456')}{digits(rng, 7)}"
    check = sum(int(d) * w for d, w in zip(body, (1, 3, 7, 9) * 2, strict=True)) % 10
    value = f"{body}{check}{rng.randint(1, 9)}"
    return grouped(value, (4, 5, 1), " ") if rng.random() < 0.6 else value


def _crossed(text: str, weights: tuple[int, ...]) -> int:
    products = (int(d) * w for d, w in zip(text, weights, strict=True))
    return sum(_sum(str(product)) for product in products) % 10


def pension(rng: random.Random) -> str:
    """Return a German insurance number (VKVV, section 4), as on the papers or typed in one."""
    area, first = rng.choice(["02", "10", "12", "15", "28", "52", "65"]), letters(rng, 1)
    body = f"{area}{dated(rng, '{d:02}{m:02}{y:02}')}"
    serial = f"{rng.randint(0, 99):02}"
    number = f"{body}{ord(first) - 64:02}{serial}"
    check = _crossed(number, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1))
    value = f"{body}{first}{serial}{check}"
    form = rng.random()
    if form < 0.5:
        return value
    return grouped(value, (2, 6, 1, 3) if form < 0.8 else (2, 6, 1, 2, 1), " ")


def health(rng: random.Random) -> str:
    """Return the fixed part of a German health insurance number (section 290 SGB V)."""
    first, body = letters(rng, 1), digits(rng, 8)
    value = f"{first}{body}{_crossed(f'{ord(first) - 64:02}{body}', (1, 2) * 5)}"
    return grouped(value, (4, 3, 3), " ") if rng.random() < 0.2 else value


def driver(rng: random.Random) -> str:
    """Return a British driver number: name, birth, initials (DVLA)."""
    name = rng.choice([*LASTS, "Lee", "Ng", "Fox", "Macdonald"]).upper()[:5].ljust(5, "9")
    month = rng.randint(1, 12) + rng.choice([0, 50])
    birth = f"{rng.randint(4, 9)}{month:02}{rng.randint(1, 28):02}{rng.randint(0, 9)}"
    initials = letters(rng, 1) + rng.choice(["9", letters(rng, 1)])
    value = f"{name}{birth}{initials}{rng.randint(2, 9)}{letters(rng, 2)}"
    return grouped(value, (5, 6, 5), " ") if rng.random() < 0.2 else value


def tax(rng: random.Random) -> str:
    """Return a tax number of Germany, the US, Britain, Poland or the Philippines."""
    makers: list[Value] = [
        known("de.stnr", lambda r: grouped(digits(r, 10), (2, 3, 5), "/")),
        known("de.stnr", lambda r: grouped(digits(r, 11), (3, 3, 5), "/")),
        known("us.ein", lambda r: grouped(digits(r, 9), (2, 7), "-")),
        known("gb.utr", lambda r: digits(r, 10)),
        known("gb.utr", lambda r: grouped(digits(r, 10), (5, 5), " ")),
        lambda r: grouped(f"{digits(r, 9)}{r.choice(['000', ''])}", (3, 3, 3, 3), "-"),
    ]
    return rng.choice(makers)(rng)


GERMAN_CARD = "CFGHJKLMNPRTVWXYZ"  # no vowels, no letters that look like digits


def _german_card(rng: random.Random) -> str:
    """Return what the front shows; some copy the check digit behind it from the back."""
    body = rng.choice("LMNPRTVWXY") + letters(rng, 8, GERMAN_CARD + string.digits)
    numbers = [int(char, 36) for char in body]
    check = sum(n * w for n, w in zip(numbers, (7, 3, 1) * 3, strict=True)) % 10
    return f"{body}{check}" if rng.random() < 0.2 else body


def _polish_card(rng: random.Random) -> str:
    def is_valid(value: str) -> bool:
        numbers = [int(char, 36) for char in value.replace(" ", "")]
        total = sum(n * w for n, w in zip(numbers, (7, 3, 1, 0, 7, 3, 1, 7, 3), strict=True))
        return total % 10 == numbers[3]

    between = rng.choice(["", " "])
    return checked(lambda r: f"{letters(r, 3)}{between}{digits(r, 6)}", is_valid)(rng)


CARDS: dict[str, tuple[Value, list[str]]] = {
    "de": (_german_card, ["Personalausweis {v}", "Ausweisnummer: {v}", "ID card {v}"]),
    "pl": (_polish_card, ["dow\u00f3d osobisty {v}", "identity card no. {v}"]),
    "it": (lambda r: f"CA{digits(r, 5)}{letters(r, 2)}", ["carta d'identit\u00e0 {v}", "Italian ID card {v}"]),
    "fr": (lambda r: digits(r, 12), ["carte d'identit\u00e9 {v}", "carte nationale d'identit\u00e9 n\u00b0 {v}", "CNI {v}"]),
    "be": (known("be.eid", lambda r: grouped(digits(r, 12), (3, 7, 2), "-")), ["identiteitskaart {v}", "identity card {v}"]),
    "ph": (lambda r: f"{digits(r, 4)}-{digits(r, 7)}-{digits(r, 1)}", ["UMID {v}", "CRN {v}"]),
}  # fmt: skip


def birth(rng: random.Random) -> str:
    """Return a date of birth as it is written in several countries."""
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1940, 2012)
    english = MONTHS[month - 1]
    forms = [
        f"{day:02}/{month:02}/{year}", f"{day}.{month}.{year}", f"{day:02}.{month:02}.{year % 100:02}",
        f"{year}-{month:02}-{day:02}", f"{day:02}-{month:02}-{year}", f"{month}/{day}/{year}",
        f"{day} {english} {year}", f"{english} {day}, {year}", f"{day} {english[:3]} {year}",
        f"{english[:3]} {day}, {year}", f"{day}th of {english} {year}",
    ]  # fmt: skip
    return rng.choice(forms)


def birth_abroad(rng: random.Random) -> tuple[str, str]:
    """Return a sentence of another language and the date in it."""
    day, at, year = rng.randint(1, 28), rng.randint(0, 11), rng.randint(1940, 2012)
    before, names, form = rng.choice(ABROAD)
    return before, form.format(d=day, m=names.split()[at], y=year)


MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
ABROAD = [
    ("geboren am ", "Januar Februar M\u00e4rz April Mai Juni Juli August September Oktober November Dezember", "{d}. {m} {y}"),
    ("n\u00e9e le ", "janvier f\u00e9vrier mars avril mai juin juillet ao\u00fbt septembre octobre novembre d\u00e9cembre", "{d} {m} {y}"),
    ("nacida el ", "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre", "{d} de {m} de {y}"),
    ("nato il ", "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre", "{d} {m} {y}"),
    ("geboortedatum: ", "januari februari maart april mei juni juli augustus september oktober november december", "{d} {m} {y}"),
]  # fmt: skip


def url(rng: random.Random) -> str:
    """Return a web address."""
    host = rng.choice(["example", "initech", "kontor", "nordlicht-gmbh", "acme-labs", "contoso"])
    top = rng.choice(["com", "org", "de", "co.uk", "io", "fr", "pl", "net", "shop", "in"])
    path = rng.choice(
        ["", "/", "/login", f"/orders/{digits(rng, 6)}", "/a/b.html?id=3&lang=de", "/docs#start"]
    )
    form = rng.random()
    if form < 0.6:
        port = rng.choice(["", "", "", ":8443"])
        return f"{rng.choice(['https', 'https', 'http'])}://{rng.choice(['', 'www.', 'shop.'])}{host}.{top}{port}{path}"
    return f"www.{host}.{top}{path}" if form < 0.8 else f"{host}.{top}{path}"


VALUES: dict[str, Value] = {
    "US_NPI": npi,
    "MEDICAL_LICENSE": dea,
    "AU_ACN": known("au.acn", lambda r: grouped(digits(r, 9), (3, 3, 3), r.choice([" ", " ", ""]))),
    "AU_MEDICARE": medicare,
    "TH_TNIN": known("th.pin", lambda r: _thai(r)),
    "NG_NIN": lambda r: f"{r.randint(1, 9)}{digits(r, 10)}",  # its digits mean nothing (NIMC)
    "IN_GSTIN": lambda r: _gstin(r),
    "IN_VOTER": known("in_.epic", lambda r: f"{letters(r, 3)}{digits(r, 7)}"),
    "DE_SOCIAL_SECURITY": pension,
    "DE_HEALTH_INSURANCE": health,
    "TAX_NUMBER": tax,
    "UK_DRIVING_LICENCE": driver,
    "DATE_OF_BIRTH": birth,
    "URL": url,
}


def _thai(rng: random.Random) -> str:
    value = f"{rng.randint(1, 8)}{digits(rng, 12)}"
    return grouped(value, (1, 4, 5, 2, 1), rng.choice(["-", "-", " ", ""]))


def _gstin(rng: random.Random) -> str:
    checker: Any = import_module("stdnum.in_.gstin")
    while True:
        pan = f"{letters(rng, 3)}{letters(rng, 1, 'PCFHT')}{letters(rng, 1)}{digits(rng, 4)}{letters(rng, 1)}"
        body = f"{rng.randint(1, 37):02}{pan}{rng.randint(1, 3)}Z"
        for last in string.digits + string.ascii_uppercase:
            if checker.is_valid(body + last):
                return body + last


SAID: dict[str, list[str]] = {
    "US_NPI": ["NPI {v}", "NPI: {v}", "the clinic's NPI number is {v}", "National Provider Identifier {v}", "billed under NPI# {v}",
        "rendering provider (NPI {v})", "{v} is her NPI", "npi={v}", "provider number {v}"],
    "MEDICAL_LICENSE": ["DEA {v}", "DEA number {v}", "DEA#: {v}", "the prescriber's DEA registration is {v}", "DEA no. {v} on the script",
        "Dr. Weber, DEA {v}", "dea_number={v}", "her medical license {v} was renewed"],
    "AU_ACN": ["ACN {v}", "ACN: {v}", "Kontor Pty Ltd (ACN {v})", "Australian Company Number {v}", "registered with ASIC, ACN {v}",
        "the tenant is Nordlicht Holdings Pty Ltd ACN {v}", "acn={v}"],
    "AU_MEDICARE": ["Medicare {v}", "Medicare card {v}", "medicare number: {v}", "Medicare no. {v}, exp 04/28", "bulk billed to Medicare card number {v}",
        "her Medicare is {v}", "medicare_no={v}"],
    "TH_TNIN": ["Thai ID {v}", "Thai national ID {v}", "TNIN {v}", "Thai identification number: {v}", "the guest showed a Thai ID card, {v}",
        "Thai ID no. {v}", "thai_id={v}"],
    "NG_NIN": ["NIN {v}", "NIN: {v}", "her NIN is {v}", "National Identification Number {v}", "link the SIM to NIN {v}", "NIMC slip {v}",
        "nin={v}", "customer in Lagos, NIN {v}"],
    "IN_GSTIN": ["GSTIN {v}", "GSTIN: {v}", "GST no. {v}", "billed to Contoso India, GSTIN {v}", "supplier {v}", "place of supply Kerala, {v}",
        "gstin={v}", "GST registration {v} was cancelled"],
    "IN_VOTER": ["Voter ID {v}", "voter id card {v}", "EPIC {v}", "EPIC no. {v}", "KYC done with voter card {v}", "Election card {v}",
        "electors photo identity card {v}", "voter_id={v}"],
    "DE_SOCIAL_SECURITY": ["Sozialversicherungsnummer {v}", "SV-Nummer {v}", "RV-Nummer: {v}", "Rentenversicherungsnummer {v}", "pension insurance {v}",
        "the new hire sent {v}", "Versicherungsnummer {v} laut Ausweis", "VSNR {v}"],
    "DE_HEALTH_INSURANCE": ["KVNR {v}", "Krankenversichertennummer {v}", "Versichertennummer: {v}", "health insurance number {v}", "Krankenkasse: TK, {v}",
        "auf der Gesundheitskarte steht {v}", "Versicherten-Nr. {v}", "eGK {v}"],
    "TAX_NUMBER": ["tax number {v}", "Steuernummer {v}", "St.-Nr. {v}", "EIN {v}", "UTR {v}", "TIN: {v}", "tax reference {v}", "Tax ID no. {v}",
        "Finanzamt Mitte, {v}", "her tax identification number is {v}"],
    "UK_DRIVING_LICENCE": ["driving licence {v}", "licence no {v}", "DVLA record {v}", "driver number {v}", "the hire desk noted {v}", "UK licence: {v}",
        "licence number is {v}", "driving_licence={v}"],
    "DATE_OF_BIRTH": ["DOB {v}", "DOB: {v}", "date of birth {v}", "born {v}", "she was born on {v}", "Birthday: {v}", "patient, born {v}, was seen",
        "dob={v}", "Geburtsdatum: {v}", "date of birth is {v}", "(b. {v})", "d.o.b. {v}"],
    "URL": ["see {v}", "{v}", "the page {v} is down", "({v})", "open {v} and sign in", "docs at {v}.", "link: {v}", "GET {v} 200", "from {v}, then reload"],
}  # fmt: skip


NEAR_MORE: list[Value] = [
    # A check digit that does not fit, said to be something else.
    lambda r: f"order {broken('US_NPI')(r)}",
    lambda r: f"meter {broken('AU_MEDICARE')(r)}",
    lambda r: f"lot {broken('DE_SOCIAL_SECURITY')(r)}",
    lambda r: f"article {broken('DE_HEALTH_INSURANCE')(r)}",
    lambda r: f"item {broken('IN_GSTIN')(r)}",
    lambda r: f"reference {broken('TH_TNIN')(r)}",
    # The right form and check digit, and nothing that speaks of it.
    lambda r: f"part {VALUES['MEDICAL_LICENSE'](r)}",
    lambda r: f"locker {VALUES['MEDICAL_LICENSE'](r)}",
    lambda r: f"booking {VALUES['IN_VOTER'](r)}",
    lambda r: f"SKU {VALUES['IN_VOTER'](r)}",
    lambda r: f"container {letters(r, 3)}U{digits(r, 7)}",
    lambda r: f"batch {health(r)}",
    lambda r: f"coupon {health(r)}",
    lambda r: f"dossier {digits(r, 11)}",
    lambda r: f"parcel {digits(r, 11)}",
    lambda r: f"membership {VALUES['AU_ACN'](r)}",
    lambda r: f"shipment {VALUES['AU_ACN'](r)}",
    lambda r: f"form {_polish_card(r)}",
    lambda r: f"asset {_german_card(r)}",
    lambda r: f"folder {digits(r, 2)}/{digits(r, 3)}/{digits(r, 5)}",
    lambda r: f"budget line {digits(r, 2)}-{digits(r, 7)}",
    lambda r: f"voucher {letters(r, 5)}{digits(r, 6)}{letters(r, 2)}",
    # Dates that are no one's birth, and what looks like a web address.
    lambda r: f"due {birth(r)}",
    lambda r: f"signed on {birth(r)}",
    lambda r: f"valid from {birth(r)}",
    lambda r: f"the meeting of {birth(r)}",
    lambda r: f"founded {birth(r)}",
    lambda r: (
        f"see {r.choice(['main', 'report', 'README', 'q3'])}.{r.choice(['py', 'pdf', 'md', 'xlsx', 'json'])}"
    ),
    lambda r: f"call {r.choice(['os.path', 'np.mean', 'self.run', 'app.start'])}()",
    lambda r: "with Node.js and ASP.NET",
    lambda r: f"e.g. rows {r.randint(1, 9)}-{r.randint(10, 99)}, i.e. all",
    lambda r: f"mail {r.choice(NAMES_FIRST).lower()} at extension {digits(r, 4)}",
]


def _card(rng: random.Random) -> tuple[str, str]:
    make, said = rng.choice(list(CARDS.values()))
    return rng.choice(said).partition("{v}")[0], make(rng)


STOCK = Stock(
    values=VALUES,
    said=SAID,
    near=[*NEAR, *NEAR_MORE],
    # Identity cards and dates abroad: the words go with the value's country.
    together={"ID_CARD": _card, "DATE_OF_BIRTH": birth_abroad},
)

if __name__ == "__main__":
    run(STOCK, [*VALUES, "ID_CARD"], __doc__)
