"""What is recognised, kind by kind, and what beside it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guarded_agent.guards.pii import KINDS, NUMBERS, REGIONS, STANDARD
from guarded_agent.guards.pii.engine import finder
from guarded_agent.guards.pii.entities import NAMES
from guarded_agent.guards.pii.formats import FORMATS
from guarded_agent.guards.scrub import scrub

FIND = finder(STANDARD, regions=REGIONS)
ASKED = finder(set(KINDS) - NAMES - STANDARD, regions=REGIONS)


def cleaned(text: Any, find: Any = FIND) -> Any:
    return scrub(text, find).value


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("4111 1111 4111 1111 1111 1111", "4111 1111 [CARD]"),
        ("4111 1111 1111 1111 12/27 123", "[CARD] 12/27 123"),
        ("ref 2024 4111 1111 1111 1111", "ref 2024 [CARD]"),
        ("5555-5555-5555-4444 4111-1111-1111-1111", "[CARD] [CARD]"),
        ("4111.1111.1111.1111", "[CARD]"),
        ("3782 822463 10005", "[CARD]"),
        ("tracking 9400 1000 0000 0000 0000 00", "tracking 9400 1000 0000 0000 0000 00"),
        ("at 1732500000123456", "at 1732500000123456"),
        ("2222222222222222 and 0000 0000 0000 0000", "2222222222222222 and 0000 0000 0000 0000"),
    ],
)
def test_cards_also_beside_other_digits(text: str, after: str) -> None:
    assert cleaned(text) == after


@pytest.mark.parametrize(
    "number",
    [
        "(212) 736-5000", "212-736-5000", "212.736.5000", "1-212-736-5000", "020 7946 0958",
        "(020) 7946 0958", "030 901820", "030/901820", "01 23 45 67 89", "01.23.45.67.89",
        "912 345 678", "93 123 45 67", "06 1234 5678", "347 123 4567", "020 123 4567",
        "06-12345678", "044 668 18 00", "01 5131000", "0664 1234567", "02 123 45 67",
        "0470 12 34 56", "12 345 67 89", "08-123 456 78", "01 234 5678", "087 123 4567",
        "416-967-1111", "02 9876 5432", "0412 345 678", "+420 601 123 456", "+81 3-1234-5678",
        "+442079460958", "0044 20 7946 0958", "+44 (0)20 7946 0958", "+1 212 736 5000 ext. 55",
        "+46 (0)8 123 456 78", "+353 87 123 4567",
    ],
)  # fmt: skip
def test_phones_of_fifteen_countries_and_of_all_with_a_plus(number: str) -> None:
    assert cleaned(f"it is {number}, as agreed") == "it is [PHONE], as agreed"


@pytest.mark.parametrize("number", ["2127365000", "02079460958", "0612345678", "512345678"])
def test_a_bare_number_is_a_phone_where_a_word_says_so(number: str) -> None:
    assert cleaned(f"please call {number} today") == "please call [PHONE] today"
    assert cleaned({"homePhone": number}) == {"homePhone": "[PHONE]"}
    assert cleaned({"order_id": number}) == {"order_id": number}


@pytest.mark.parametrize(
    "text",
    [
        "Order no. 2127365000",
        "invoice 2024-000123 of 2024-11-25 10:30",
        "12.11.2024 and 11/25/2024",
        "$12,500,000 and 612 345 678 EUR",
        "firmware 10.2.3.4 build 11.0.22621.1",
        "lat 57.171890, lon 12.737896",
        "at 1732500000 since the epoch",
        "10:19:03.118453",
        "SKU-212-736-5000",
        "house 12, 02089 Berlin",
        "#2127365000",
        "9400 1759 1622 8107 8732 17",
    ],
)
def test_other_numbers_are_no_phones(text: str) -> None:
    assert cleaned(text) == text


SAMPLES = {
    "AT_SVNR": ["SVNR 1237 010180"],
    "AU_ABN": ["51 824 753 556", "ABN 51824753556"],
    "AU_ACN": ["ACN 005 749 986"],
    "AU_MEDICARE": ["Medicare 2123 45670 1"],
    "AU_TFN": ["TFN 876 543 210"],
    "BANK_ACCOUNT": ["account number 12345678", "acct 000123456789"],
    "BE_NATIONAL_NUMBER": ["85.07.30-033.28"],
    "CA_SIN": ["SIN 046 454 286", "social insurance number 046-454-286"],
    "CH_AHV": ["756.9217.0769.85"],
    "DE_HEALTH_INSURANCE": ["Versichertennummer A123456780"],
    "DE_SOCIAL_SECURITY": ["15070649C103", "15 070649 C 10 3"],
    "DE_TAX_ID": ["Steuer-ID 86095742719", "86095742719"],
    "DRIVER_LICENSE": ["driver's license F255-9211-2345", "Führerscheinnummer B072RRE2I55"],
    "ES_NIE": ["X1234567L"],
    "ES_NIF": ["12345678Z", "DNI 12.345.678-Z"],
    "FI_PERSONAL_IDENTITY_CODE": ["131052-308T"],
    "FR_NIR": ["1 80 12 45 678 901 53"],
    "ID_CARD": ["Personalausweisnummer L01X00T47", "ID card L6CP3VRNT", "ID card L01X00T471"],
    "IE_PPS": ["1234567T"],
    "IN_AADHAAR": ["3123 4567 8909", "aadhaar 312345678909"],
    "IN_GSTIN": ["27AAPFU0939F1ZV"],
    "IN_PAN": ["ABCPE1234F"],
    "IN_VOTER": ["voter id ABC1234567", "voter id card ABC1234567"],
    "IT_FISCAL_CODE": ["RSSMRA85T10A562S"],
    "KR_RRN": ["900101-1234567"],
    "MEDICAL_LICENSE": ["DEA BB1388568"],
    "NG_NIN": ["NIN 12345678901"],
    "NL_BSN": ["BSN 111222333"],
    "PASSPORT": ["passport 123456789", "Reisepass C01X00T47", "Passport No. AB1234567"],
    "PL_PESEL": ["44051401359", "PESEL 44051401359"],
    "SE_PERSONNUMMER": ["811218-9876", "personnummer 198112189876"],
    "SG_NRIC_FIN": ["S1234567D"],
    "TAX_NUMBER": ["Steuernummer 93/815/08152", "EIN 12-3456789"],
    "TH_TNIN": ["1-1017-00230-70-8", "thai_id=1101700230708"],
    "TR_NATIONAL_ID": ["10000000146"],
    "UK_DRIVING_LICENCE": ["MORGA657054SM9IJ", "MORGA 657054 SM9IJ"],
    "UK_NHS": ["NHS 943 476 5919"],
    "UK_NINO": ["AB 12 34 56 C", "AB123456C"],
    "US_ITIN": ["912-70-1234"],
    "US_MBI": ["1EG4-TE5-MK73"],
    "US_NPI": ["NPI 1234567893"],
    "US_SSN": ["536-22-1234", "ssn 536221234"],
    "ZA_ID_NUMBER": ["8001015009087"],
}  # From the offices' own specimens where there are any; the others pass the published check.


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_numbers_of_states_and_institutions(kind: str) -> None:
    for sample in SAMPLES[kind]:
        done = scrub(f"noted: {sample}, thanks", FIND)
        assert [spot.category for spot in done.spots] == [KINDS[kind].category], sample
        assert not any(char.isdigit() for char in done.value), sample


def test_every_kind_that_is_usual_has_a_sample() -> None:
    plain = {"CREDIT_CARD", "CRYPTO", "IBAN_CODE"}
    assert set(SAMPLES) == NUMBERS - plain


NO_DIGIT = {"KR_RRN", "UK_NINO", "US_ITIN", "US_SSN"}  # checked in other ways


@pytest.mark.parametrize(
    "kind", sorted({one.kind for one in FORMATS if one.check and one.form} - NO_DIGIT)
)
def test_a_check_digit_is_checked(kind: str) -> None:
    sample = next(s for s in SAMPLES[kind] if not any(word in s for word in ("DNI", "Steuer")))
    value = next(form for form in (sample, sample.rpartition(" ")[2]) if form)
    spoiled = "".join(str(9 - int(c)) if c.isdigit() else c for c in value)
    find = finder([kind], regions=REGIONS)
    assert not find(f"\n\x1e\x1f\nnoted: {spoiled}, thanks")


def test_the_last_character_of_an_indian_gst_number_is_checked() -> None:
    assert cleaned("no. 27AAPFU0939F1ZO") == "no. 27AAPFU0939F1ZO"
    assert cleaned("no. 99AAPFU0939F1ZK") == "no. [IN_GSTIN]"
    assert cleaned("no. 00AAPFU0939F1ZB") == "no. 00AAPFU0939F1ZB"  # no such state


@pytest.mark.parametrize("kind", sorted(one.kind for one in FORMATS if not one.form))
def test_a_weak_form_counts_only_near_its_word(kind: str) -> None:
    for sample in SAMPLES.get(kind, ()):
        digits = sample.split(" ", 1)[1]
        find = finder([kind], regions=REGIONS)
        assert not find(f"noted: {digits.rpartition(' ')[2]}, thanks")


@pytest.mark.parametrize(
    "text",
    [
        "9-536-22-1234-7 and 536-22-1234-9",
        "x12345678Z and 12345678Zb",
        "file_44051401359 and 44051401359.2",
        "ssn 5362212345 and ssn a536221234",
    ],
)
def test_a_part_of_something_longer_is_no_number_of_its_own(text: str) -> None:
    find = finder({"US_SSN", "ES_NIF", "PL_PESEL"}, regions=REGIONS)
    assert cleaned(text, find) == text


def test_the_nearest_word_says_what_a_number_is() -> None:
    text = "passport 123456789, account 12345678"
    assert cleaned(text) == "passport [PASSPORT], account [BANK_ACCOUNT]"


def test_a_word_in_another_sentence_or_field_says_nothing() -> None:
    assert cleaned("I lost my passport. 123456789 units") == "I lost my passport. 123456789 units"
    data = {"passport": "lost", "count": "123456789"}
    assert cleaned(data) == data


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("see https://ann:hunter2@x.example/a", "see https://[LOGIN]@x.example/a"),
        ("postgres://u:p@ss@db.internal:5432/x", "postgres://[LOGIN]@db.internal:5432/x"),
        ("?mail=ann%40example.com&x=1", "?mail=[EMAIL]&x=1"),
        ("mail ann@пример.рф now", "mail [EMAIL] now"),
        ("git@github.com:org/repo.git, logo@2x.png, react@18.2.0, a@b", None),
        ("v1.2.3.4, 1.2.3.4.5, 999.1.1.1, 10:30:45, std::vector, ab::cd", None),
        ("fe80::1ff:fe23:4567:890a and ::ffff:192.0.2.128", "[IP] and [IP]"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "[WALLET]"),
        ("\\nPhone:\\n+41 44 668 18 00\\n", "\\nPhone:\\n[PHONE]\\n"),
        ("card ٤١١١ ١١١١ ١١١١ ١١١١", "card [CARD]"),
        ("ssn 536\u201022\u20101234", "ssn [SSN]"),
    ],
)
def test_addresses_and_odd_writing(text: str, after: str | None) -> None:
    assert cleaned(text) == (text if after is None else after)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("born on 3 May 1980 in Leeds", "born on [BIRTH] in Leeds"),
        ("DOB: 12/31/1999", "DOB: [BIRTH]"),
        ("geboren am 31.12.1999", "geboren am [BIRTH]"),
        ("nacida el 4 de septiembre de 1978", "nacida el [BIRTH]"),
        ("Ann Lee (b. 3/5/1980)", "Ann Lee (b. [BIRTH])"),
        ("the meeting on 3 May 2024", None),
        ("postcode SW1A 1AA", "postcode [UK_POSTCODE]"),
        ("VAT id DE136695976", "VAT id [DE_VAT_ID]"),
    ],
)
def test_what_a_policy_asks_for(text: str, after: str | None) -> None:
    kinds = {"DATE_OF_BIRTH", "UK_POSTCODE", "DE_VAT_ID"}
    find = finder(kinds, regions=REGIONS)
    assert cleaned(text, find) == (text if after is None else after)
    assert cleaned(text) == text


def test_every_kind_that_is_asked_of_presidio_runs() -> None:
    assert isinstance(ASKED("uuid 123e4567-e89b-12d3-a456-426614174000 plate AB12 CDE"), list)
    assert {hit.category for hit in ASKED("id 123e4567-e89b-12d3-a456-426614174000")} >= {"uuid"}


def test_the_page_lists_every_kind() -> None:
    page = (Path(__file__).parents[3] / "docs/ideas/pii.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


def test_a_word_speaks_of_the_number_beside_it_and_of_a_list() -> None:
    text = "Tél. 01 42 68 53 00, SIRET 732 829 320 00074"
    assert cleaned(text) == "Tél. [PHONE], SIRET 732 829 320 00074"
    assert cleaned("call 512345678 and 512345679, 512345670") == "call [PHONE] and [PHONE], [PHONE]"
