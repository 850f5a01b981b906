"""Numbers of states and institutions: their forms, their words, their check digits.

A form that is strong enough counts wherever it stands. A weak one counts only near a
word that speaks of it. Patterns are RE2 on a `view`; a check gets the number in
capitals without separators.
"""

from __future__ import annotations

from guarded_agent.guards.pii import checks
from guarded_agent.guards.pii.checks import presidio
from guarded_agent.guards.pii.numbers import Format

_LICENCE = (
    r"driv(?:ing|er|er'?s|ers)[ _-]?licen[cs]es?|licen[cs]e n(?:o|umber|r)|dl[ _]?(?:no|number|#)|"
    r"dvla|f\xfchrerschein(?:nummer|nr)?|fuehrerschein(?:nummer|nr)?|permis de conduire|"
    r"patente(?: di guida)?|carn[e\xe9] de conducir|rijbewijs|prawo jazdy|k\xf6rkort"
)
_PASSPORT = (
    r"passports?(?:[ _-]?(?:no|number|nr|num|id))?|passeport|reisepass(?:nummer|nr)?|"
    r"pass(?:nummer|-?nr)|"
    r"pasaporte|passaporto|paspoort|paszport\w{0,2}|travel document|pass no"
)
_CARD = (
    r"(?:national )?(?:id|identity)[ _-]?cards?(?: (?:no|number|nr))?|personalausweis(?:nummer|"
    r"nr)?|"
    r"ausweis(?:nummer|nr)|carta d'?identit\xe0|carte (?:nationale )?d'identit\xe9|cni|"
    r"identiteitskaart|dow\xf3d osobisty|national[ _-]id(?:[ _](?:no|number))?|umid|crn"
)
_ACCOUNT = (
    r"(?:bank |checking |savings |current |salary )?(?:account|acct|a/c|acc)s?(?:[ _.]{0,2}"
    r"(?:no|nr|number|num|#))?|konto(?:nummer|nr)?|num[e\xe9]ro de compte|cuenta(?: bancaria)?|"
    r"conto(?: corrente)?|rekening(?:nummer)?|routing|direct deposit|wire(?:d)? to"
)
_TAX = (
    r"tax(?:payer)?[ _-]?(?:id(?:entification)?|no|number|nr|reference|ref)(?: (?:number|no))?|"
    r"tin|ein|utr|"
    r"steuer-?(?:nummer|nr)|st\.?-?nr|finanzamt|bir"
)
_DIGIT = "[0-9]"

FORMATS = (
    Format(
        "US_SSN",
        form=r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}|[0-9]{3}\.[0-9]{2}\.[0-9]{4}",
        near=r"[0-9]{3}[- .]?[0-9]{2}[- .]?[0-9]{4}",
        words=r"ssns?|ss#|ss ?n(?:o|umber)|social[ _-]?security|socials?",
        check=checks.ssn,
    ),
    Format(
        "US_ITIN",
        form=r"9[0-9]{2}[- ](?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[- ][0-9]{4}",
        near=r"9[0-9]{2}[- ]?(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[- ]?[0-9]{4}",
        words=r"itins?|taxpayer|individual tax\w*|tax[ _-]?id|tin",
        check=lambda value: value[:1] == "9" and value[3:5] >= "50",
    ),
    Format(
        "US_MBI",
        form=(
            r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]"
            r"[0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}"
        ),
    ),
    Format(
        "US_NPI",
        near=r"[12][0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}",
        words=r"npi|national provider|provider (?:id|number|identifier)",
        check=presidio("UsNpiRecognizer"),
    ),
    Format(
        "MEDICAL_LICENSE",
        near=r"[A-HJ-MPR-UXa-hj-mpr-ux][A-Za-z9][0-9]{7}",
        words=r"dea|medical licen[cs]e|prescriber",
        check=presidio("MedicalLicenseRecognizer"),
    ),
    Format(
        "UK_NINO",
        form=(
            r"[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z][A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z]"
            r"[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-Da-d]"
        ),
        check=checks.nino,
    ),
    Format(
        "UK_NHS",
        near=r"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{4}",
        words=r"nhs|national health(?: service)?|health (?:service|authority)|patient (?:no|"
        r"number)",
        check=presidio("NhsRecognizer"),
    ),
    Format(
        "UK_DRIVING_LICENCE",
        form=(
            r"[A-Z][A-Z9]{4} ?[0-9](?:0[1-9]|1[0-2]|5[1-9]|6[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9] ?"
            r"[A-Z9]{2}[A-Z0-9][A-Z]{2}"
        ),
    ),
    Format(
        "DE_TAX_ID",
        form=r"[1-9][0-9]{10}|[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}",
        near=r"[1-9][0-9]{10}|[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}",
        words=r"steuer-?id|steuerid|idnr|steuerliche identifikation\w*|tax[ _-]?id",
        check=presidio("DeTaxIdRecognizer"),
        sure=0.76,
    ),
    Format(
        "DE_SOCIAL_SECURITY",
        form=r"[0-9]{2} ?[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{2} ?[A-Z] ?[0-9]{2} ?[0-9]",
        check=presidio("DeSocialSecurityRecognizer"),
    ),
    Format(
        "DE_HEALTH_INSURANCE",
        near=r"[A-Z][0-9]{3} ?[0-9]{3} ?[0-9]{3}",
        words=(
            r"kvnr|(?:kranken)?versicher(?:ten|ungs)-?(?:nummer|nr)|krankenkasse|egk|"
            r"gesundheitskarte|health insurance|krankenversicher\w{0,20}"
        ),
        check=presidio("DeHealthInsuranceRecognizer"),
    ),
    Format(
        "ES_NIF",
        form=r"[0-9]{8}[- ]?[A-HJ-NP-TV-Z]",
        near=r"[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}[- ]?"
        r"[A-HJ-NP-TV-Za-hj-np-tv-z]",
        words=r"dni|nif|documento nacional",
        check=checks.nif,
    ),
    Format(
        "ES_NIE",
        form=r"[XYZ][- ]?[0-9]{7}[- ]?[A-HJ-NP-TV-Z]",
        near=r"[XYZxyz][- ]?[0-9]{7}[- ]?[A-Za-z]",
        words=r"nie|extranjero\w?",
        check=lambda value: value[-1] not in "IOU" and checks.nif(value),
    ),
    Format(
        "FR_NIR",
        form=(
            r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|"
            r"2[AB]) ?[0-9]{3} ?[0-9]{3} ?"
            r"[0-9]{2}"
        ),
        check=checks.nir,
    ),
    Format(
        "IT_FISCAL_CODE",
        form=(
            r"[A-Za-z]{6}[0-9L-NP-Vl-np-v]{2}[A-EHLMPRSTa-ehlmprst][0-9L-NP-Vl-np-v]{2}[A-Za-z]"
            r"[0-9L-NP-Vl-np-v]{3}[A-Za-z]"
        ),
        check=presidio("ItFiscalCodeRecognizer"),
    ),
    Format(
        "NL_BSN",
        near=r"[0-9]{9}|[0-9]{4}[. ][0-9]{2}[. ][0-9]{3}|[0-9]{3}[. ][0-9]{3}[. ][0-9]{3}",
        words=r"bsn|burgerservicenummer|sofinummer|citizen service",
        check=checks.bsn,
    ),
    Format(
        "BE_NATIONAL_NUMBER",
        form=r"[0-9]{2}[.][0-9]{2}[.][0-9]{2}[- ][0-9]{3}[. -][0-9]{2}",
        near=r"[0-9]{11}|[0-9]{6}[- ][0-9]{3}[. -]?[0-9]{2}",
        words=r"rijksregister(?:nummer)?|registre national|national (?:register )?number|insz|niss",
        check=checks.belgian,
    ),
    Format("CH_AHV", form=r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", check=checks.ahv),
    Format(
        "AT_SVNR",
        near=r"[1-9][0-9]{3}[ /-]?[0-9]{6}",
        words=r"svnr|sv-?(?:nummer|nr)|sozialversicherungs?-?(?:nummer|nr)|versicherungsnummer|"
        r"e-?card",
        check=checks.svnr,
    ),
    Format("IE_PPS", form=r"[0-9]{7}[A-W][A-IW]?", check=checks.pps),
    Format(
        "PL_PESEL",
        form=r"[0-9]{11}",
        near=r"[0-9]{11}",
        words=r"pesel\w*",
        check=presidio("PlPeselRecognizer"),
        sure=0.78,
    ),
    Format(
        "FI_PERSONAL_IDENTITY_CODE",
        form=r"[0-3][0-9][01][0-9]{3}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]",
        check=presidio("FiPersonalIdentityCodeRecognizer"),
        keep="-",
    ),
    Format(
        "SE_PERSONNUMMER",
        form=r"(?:19|20)?[0-9]{6}[-+][0-9]{4}",
        near=r"(?:19|20)?[0-9]{6}[-+ ]?[0-9]{4}",
        words=r"person(?:al identity )?num(?:mer|ber)|samordningsnummer|personnr|svensk id",
        check=lambda value: checks.personnummer(value.replace("+", "")),
    ),
    Format(
        "AU_ABN",
        form=r"[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}",
        near=r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
        words=r"abn|australian business(?: number)?",
        check=presidio("AuAbnRecognizer"),
    ),
    Format(
        "AU_ACN",
        near=r"[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
        words=r"acn|australian company(?: number)?",
        check=presidio("AuAcnRecognizer"),
    ),
    Format(
        "AU_TFN",
        near=r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}",
        words=r"tfn|tax file(?: (?:number|no))?",
        check=presidio("AuTfnRecognizer"),
    ),
    Format(
        "AU_MEDICARE",
        near=r"[2-6][0-9]{3} ?[0-9]{5} ?[0-9]",
        words=r"medicare",
        check=presidio("AuMedicareRecognizer"),
    ),
    Format(
        "CA_SIN",
        near=r"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{3}",
        words=r"sin|social insurance(?: number)?|nas|assurance sociale",
        check=checks.luhn,
    ),
    Format(
        "IN_AADHAAR",
        form=r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}|[2-9][0-9]{3}-[0-9]{4}-[0-9]{4}",
        near=r"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}",
        words=r"aadhaa?r|uidai|uid",
        check=presidio("InAadhaarRecognizer"),
    ),
    Format(
        "IN_PAN",
        form=r"[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]",
        near=r"[A-Za-z]{5}[0-9]{4}[A-Za-z]",
        words=r"pan|permanent account(?: number)?",
    ),
    Format(
        "IN_GSTIN",
        form=r"[0-39][0-9][A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]",
        check=checks.gstin,
    ),
    Format(
        "IN_VOTER",
        near=r"[A-Z]{3}[0-9]{7}",
        words=(
            r"(?:voter'?s?(?:[ _-]id(?:entity)?)?(?:[ _-]card)?|epic|elect(?:or'?s?|ion)[ _-]"
            r"(?:photo[ _-])?(?:id(?:entity)?(?:[ _-]card)?|card))(?:[ _-](?:no|number))?"
        ),
        sure=0.86,  # a voter id card is an identity card too: the narrower kind names it
    ),
    Format(
        "KR_RRN",
        form=r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[1-8][0-9]{6}",
        near=r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[- ]?[1-8][0-9]{6}",
        words=r"rrn|frn|(?:resident|foreigner) registration(?: number)?",
        check=checks.korean,
    ),
    Format(
        "NG_NIN",
        near=r"[0-9]{11}",
        words=r"nin|nimc|national identi(?:ty|fication)(?: number)?|nigerian? id\w*",
    ),
    Format(
        "SG_NRIC_FIN",
        form=r"[STFGM][0-9]{7}[A-Z]",
        near=r"[STFGMstfgm][0-9]{7}[A-Za-z]",
        words=r"nric|fin",
        check=checks.nric,
    ),
    Format(
        "TH_TNIN",
        form=r"[1-8]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]",
        near=r"[1-8][- ]?[0-9]{4}[- ]?[0-9]{5}[- ]?[0-9]{2}[- ]?[0-9]",
        words=r"tnin|thai(?:[ _-]national)?[ _-]id\w*",
        check=presidio("ThTninRecognizer"),
    ),
    Format(
        "TR_NATIONAL_ID",
        form=r"[1-9][0-9]{10}",
        near=r"[1-9][0-9]{10}",
        words=r"t\.?c\.?(?: kimlik)?|kimlik|tckn|turkish id\w*|n\xfcfus",
        check=presidio("TrNationalIdRecognizer"),
        sure=0.9,
    ),
    Format(
        "ZA_ID_NUMBER",
        form=r"[0-9]{6} ?[0-9]{4} ?[0-2][89][0-9]",
        check=presidio("ZaIdNumberRecognizer"),
    ),
    Format(
        "PASSPORT",
        near=r"[A-Za-z]{1,3}[0-9]{6,9}|[A-Z]{1,2} [0-9]{6,8}|[0-9]{8,9}|[A-Z][0-9A-Z]{7}[0-9]|"
        r"[0-9]{2}[A-Z]{2}[0-9]{5}|"
        r"[A-Z][0-9]{7}[A-Z]|[A-Z][0-9]{3}[A-Z][0-9]{4}|[A-Z][0-9]{2} ?[0-9]{4}[0-9]",
        words=_PASSPORT,
    ),
    Format(
        "DRIVER_LICENSE",
        near=r"[A-Za-z]{1,2}[0-9]{5,14}|[0-9]{7,12}|[A-Z][0-9]{2,4}(?:-[0-9]{2,6}){1,4}|"
        r"[A-Z]{2}[0-9]{8}"
        r"[A-Z0-9]|[0-9A-Z][0-9]{2}[0-9A-Z]{6}[0-9][0-9A-Z]|U1[A-Z0-9]{7}[A-Z]|"
        r"[A-Z]{2}[0-9]{7}[A-Z]|"
        r"[0-9]{5}/[0-9]{2}/[0-9]{4}|[0-9]{2}-[0-9]{2}-[0-9]{6}-[0-9]{2}",
        words=_LICENCE,
    ),
    Format(
        "ID_CARD",
        near=r"[CFGHJ-NPRTV-Z][0-9CFGHJ-NPRTV-Z]{8}[0-9]?|[A-Z]{2,3} ?[0-9]{6,7}|"
        r"[A-Z]{2}[0-9]{5}[A-Z]{2}|"
        r"[0-9]{12}|[0-9]{3}-[0-9]{7}-[0-9]{2}|[0-9]{4}-[0-9]{7}-[0-9]|[0-9]{7}[A-Z]{2}",
        words=_CARD,
    ),
    Format(
        "TAX_NUMBER",
        near=r"[0-9]{2,3}/[0-9]{3,4}/[0-9]{4,5}|[0-9]{2}-[0-9]{7}|"
        r"[0-9]{3}-[0-9]{3}-[0-9]{3}(?:-[0-9]{3})?|"
        r"[0-9]{9,13}|[0-9]{5} ?[0-9]{5}",
        words=_TAX,
    ),
    Format(
        "BANK_ACCOUNT",
        near=r"[0-9]{8,17}|[0-9]{2}-[0-9]{2}-[0-9]{2}(?: [0-9]{8})?|"
        r"[0-9]{3,4}(?:[ -][0-9]{3,5}){2,3}",
        words=_ACCOUNT,
    ),
    Format(
        "DATE_OF_BIRTH",
        near=(
            r"[0-9]{1,2}[./-][0-9]{1,2}[./-](?:[0-9]{4}|[0-9]{2})|(?:19|"
            r"20)[0-9]{2}[./-][0-9]{1,2}[./-]"
            r"[0-9]{1,2}|[0-9]{1,2}(?:st|nd|rd|th|"
            r"\.)? ?(?:of |de )?[A-Za-z\xc0-\xff]{3,10}\.?,? (?:de )?(?:19|20)[0-9]{2}|"
            r"[A-Z][a-z]{2,8}\.? [0-9]{1,2}(?:st|nd|rd|th)?,? (?:19|20)[0-9]{2}"
        ),
        words=(
            r"born|birth(?:day|date)?|\(b\.|dob|d\.o\.b\.?|date of birth|geboren|geb\.|"
            r"geburtsdatum|n[e\xe9]e? le|"
            r"date de naissance|naci(?:do|da|miento)|nat[oa] il|data di nascita|geboortedatum|"
            r"f\xf6dd|urodz\w+"
        ),
    ),
)
