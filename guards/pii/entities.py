"""The kinds of personal data that are recognised, and what stands in their place.

How a kind is recognised is told elsewhere: `recognisers` for what has its own grammar,
`formats` for numbers of states and institutions, `names` for people and places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Found = Literal["form", "word", "asked", "model"]
"""How a kind is found: by its form alone, only near a word, only on request, by a model."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of personal data.

    Attributes:
        category: The short word in findings.
        words: What a person reads: "a card number".
        token: What is written instead, without brackets.
        shown: How many last characters the style `mask` leaves readable.
        found: How it is found; what is found by `form` or `word` is looked for by default.
    """

    category: str
    words: str
    token: str
    shown: int = 0
    found: Found = "form"


def _number(name: str, words: str, found: Found = "form", shown: int = 0) -> tuple[str, Kind]:
    return name, Kind(name.lower(), words, name, shown, found)


_CONTACT = {
    "EMAIL_ADDRESS": Kind("email", "an e-mail address", "EMAIL"),
    "IP_ADDRESS": Kind("ip", "an IP address", "IP"),
    "MAC_ADDRESS": Kind("mac", "a hardware address", "MAC"),
    "PHONE_NUMBER": Kind("phone", "a phone number", "PHONE", shown=2),
}

_MONEY = {
    "BANK_ACCOUNT": Kind("bank_account", "a bank account number", "BANK_ACCOUNT", 4, "word"),
    "CREDIT_CARD": Kind("card", "a card number", "CARD", shown=4),
    "CRYPTO": Kind("wallet", "a cryptocurrency wallet", "WALLET"),
    "IBAN_CODE": Kind("iban", "an IBAN", "IBAN", shown=4),
}

_PAPERS = dict(
    [
        _number("PASSPORT", "a passport number", "word"),
        _number("DRIVER_LICENSE", "a driving licence number", "word"),
        _number("ID_CARD", "an identity card number", "word"),
        _number("TAX_NUMBER", "a tax number", "word"),
        _number("AT_SVNR", "an Austrian insurance number", "word"),
        _number("AU_ABN", "an Australian business number"),
        _number("AU_ACN", "an Australian company number", "word"),
        _number("AU_MEDICARE", "an Australian Medicare number", "word"),
        _number("AU_TFN", "an Australian tax file number", "word"),
        _number("BE_NATIONAL_NUMBER", "a Belgian national number"),
        _number("CA_SIN", "a Canadian social insurance number", "word"),
        _number("CH_AHV", "a Swiss AHV number"),
        _number("DE_HEALTH_INSURANCE", "a German health insurance number", "word"),
        _number("DE_SOCIAL_SECURITY", "a German pension insurance number"),
        _number("DE_TAX_ID", "a German tax id"),
        _number("ES_NIE", "a Spanish foreigner's number"),
        _number("ES_NIF", "a Spanish identity number"),
        _number("FI_PERSONAL_IDENTITY_CODE", "a Finnish personal identity code"),
        _number("FR_NIR", "a French social security number"),
        _number("IE_PPS", "an Irish PPS number"),
        _number("IN_AADHAAR", "an Indian Aadhaar number"),
        _number("IN_GSTIN", "an Indian GST number"),
        _number("IN_PAN", "an Indian PAN"),
        _number("IN_VOTER", "an Indian voter id", "word"),
        _number("IT_FISCAL_CODE", "an Italian fiscal code"),
        _number("KR_RRN", "a Korean registration number"),
        _number("MEDICAL_LICENSE", "a US DEA number", "word"),
        _number("NG_NIN", "a Nigerian identity number", "word"),
        _number("NL_BSN", "a Dutch citizen service number", "word"),
        _number("PL_PESEL", "a Polish PESEL"),
        _number("SE_PERSONNUMMER", "a Swedish personal identity number"),
        _number("SG_NRIC_FIN", "a Singaporean NRIC or FIN"),
        _number("TH_TNIN", "a Thai identity number"),
        _number("TR_NATIONAL_ID", "a Turkish identity number"),
        _number("UK_DRIVING_LICENCE", "a British driving licence number"),
        _number("UK_NHS", "an NHS number", "word"),
        _number("UK_NINO", "a British national insurance number"),
        _number("US_ITIN", "a US taxpayer number"),
        _number("US_MBI", "a US Medicare number"),
        _number("US_NPI", "a US health provider number", "word"),
        _number("ZA_ID_NUMBER", "a South African identity number"),
    ]
)
_PAPERS["US_SSN"] = Kind("ssn", "a US social security number", "SSN")

_ASKED = {
    "DATE_OF_BIRTH": Kind("birth", "a date of birth", "BIRTH", found="asked"),
    "URL": Kind("url", "a web address", "URL", found="asked"),
}

_NAMES = {
    "LOCATION": Kind("location", "a place", "LOCATION", found="model"),
    "ORGANIZATION": Kind("organization", "an organisation", "ORGANIZATION", found="model"),
    "PERSON": Kind("person", "a person's name", "PERSON", found="model"),
}

_LOGIN = {"URL_LOGIN": Kind("login", "a login in a web address", "LOGIN")}

# What Presidio recognises beyond that: business numbers, plates, codes of places and weak
# forms. Each name stands for Presidio's own recogniser, which `presidio` runs.
ASKED_OF_PRESIDIO = {
    "ABA_ROUTING_NUMBER": "AbaRoutingRecognizer",
    "CA_POSTAL_CODE": "CaPostalCodeRecognizer",
    "DATE_TIME": "DateRecognizer",
    "DE_BSNR": "DeBsnrRecognizer",
    "DE_HANDELSREGISTER": "DeHandelsregisterRecognizer",
    "DE_KFZ": "DeKfzRecognizer",
    "DE_LANR": "DeLanrRecognizer",
    "DE_PLZ": "DePlzRecognizer",
    "DE_VAT_ID": "DeVatIdRecognizer",
    "IN_VEHICLE_REGISTRATION": "InVehicleRegistrationRecognizer",
    "IT_VAT_CODE": "ItVatCodeRecognizer",
    "KR_BRN": "KrBrnRecognizer",
    "NG_VEHICLE_REGISTRATION": "NgVehicleRegistrationRecognizer",
    "PH_UMID": "PhUmidRecognizer",
    "SE_ORGANISATIONSNUMMER": "SeOrganisationsnummerRecognizer",
    "SG_UEN": "SgUenRecognizer",
    "TR_LICENSE_PLATE": "TrLicensePlateRecognizer",
    "UK_POSTCODE": "UkPostcodeRecognizer",
    "UK_VEHICLE_REGISTRATION": "UkVehicleRegistrationRecognizer",
    "US_CLAIM_NUMBER": "UsClaimNumberRecognizer",
    "US_HEALTH_INSURANCE_MEMBER_ID": "UsHealthInsuranceMemberIdRecognizer",
    "US_PRESCRIPTION_NUMBER": "UsPrescriptionNumberRecognizer",
    "US_PRIOR_AUTHORIZATION_NUMBER": "UsPriorAuthorizationNumberRecognizer",
    "US_PROVIDER_TAX_ID": "UsProviderTaxIdRecognizer",
    "US_REFERRAL_NUMBER": "UsReferralNumberRecognizer",
    "UUID": "UuidRecognizer",
    "ZA_COMPANY_REGISTRATION": "ZaCompanyRegistrationRecognizer",
    "ZA_INCOME_TAX_NUMBER": "ZaIncomeTaxNumberRecognizer",
    "ZA_LICENSE_PLATE": "ZaLicensePlateRecognizer",
    "ZA_TRAFFIC_REGISTER_NUMBER": "ZaTrafficRegisterNumberRecognizer",
    "ZA_VAT_NUMBER": "ZaVatNumberRecognizer",
}

KINDS: dict[str, Kind] = {
    **_CONTACT,
    **_MONEY,
    **_PAPERS,
    **_LOGIN,
    **_ASKED,
    **_NAMES,
    **{
        name: Kind(name.lower(), f"a {name.replace('_', ' ').lower()}", name, found="asked")
        for name in ASKED_OF_PRESIDIO
    },
}
"""By the name that policies use; where Presidio has the kind, it is Presidio's name."""

NAMES = frozenset(name for name, kind in KINDS.items() if kind.found == "model")
"""What only a language model finds."""

NUMBERS = frozenset({*_MONEY, *_PAPERS})
"""What an assistant never needs to read in order to do its work."""

CONTACT = frozenset(_CONTACT)
"""What it needs in order to answer, but need not repeat in what it writes."""

STANDARD = frozenset(name for name, kind in KINDS.items() if kind.found in ("form", "word"))
"""Everything that is looked for unless a policy says otherwise."""

REGIONS = (
    "US", "GB", "DE", "FR", "ES", "IT", "NL", "CH", "AT", "BE", "PL", "SE", "IE", "CA", "AU",
)  # fmt: skip
"""Whose national phone formats are recognised; numbers that begin with + always are."""
