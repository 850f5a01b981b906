"""Presidio's recognisers behind cheap gates, on bounded windows of the text.

This module imports Presidio, so only `engine` imports it, when a text is first
analysed. Two things that Presidio does are avoided here on purpose: its e-mail
recogniser downloads the list of public suffixes, and its pattern recognisers
give up after a time limit and report nothing, which a long hostile text can
bring about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import phonenumbers
from presidio_analyzer import EntityRecognizer, Pattern, RecognizerResult
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    CryptoRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    MacAddressRecognizer,
    PhoneRecognizer,
    UrlRecognizer,
    UsSsnRecognizer,
)
from tldextract import TLDExtract

# The list that ships with the package; never the network, never a file.
_SUFFIXES = TLDExtract(suffix_list_urls=(), cache_dir=None)

Results = list[RecognizerResult]


def _windows(
    gate: re.Pattern[str], text: str, before: int, after: int
) -> Iterator[tuple[int, str]]:
    """Yield the surroundings of each match of `gate`, merged where they overlap."""
    low = high = -1
    for match in gate.finditer(text):
        start, end = max(0, match.start() - before), min(len(text), match.end() + after)
        if low < 0:
            low, high = start, end
        elif start <= high:
            high = end
        else:
            yield low, text[low:high]
            low, high = start, end
    if low >= 0:
        yield low, text[low:high]


def _shifted(results: Results, by: int) -> Results:
    for result in results:
        result.start += by
        result.end += by
    return results


class Emails(EmailRecognizer):  # type: ignore[misc]  # presidio has no types
    """Finds e-mail addresses around each `@`."""

    _LOCAL = re.compile(r"[!#$%&'*+\-/=?^_`{|}~.\w]*")
    _DOMAIN = re.compile(r"\w[\w\-]{0,63}\.[\w.\-]{1,200}")
    _REACH = 256

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: Any = None, regex_flags: Any = None
    ) -> Results:
        found: Results = []
        at = text.find("@")
        while at >= 0:
            domain = self._DOMAIN.match(text, at + 1)
            local = self._LOCAL.match(text[max(0, at - self._REACH) : at][::-1])
            if domain and local and local.end():
                start = at - local.end()
                window = text[start : domain.end()]
                results = super().analyze(window, entities, nlp_artifacts, regex_flags)
                found += _shifted(results, start)
            at = text.find("@", at + 1)
        return found

    def validate_result(self, pattern_text: str) -> bool | None:
        if _SUFFIXES(pattern_text).fqdn:
            return True
        # No public suffix: a company's own network (`ann@mail.corp`) is as personal.
        return None if pattern_text.rpartition(".")[2].isalpha() else False


class Cards(CreditCardRecognizer):  # type: ignore[misc]
    """Finds card numbers, with Mastercard's 2-series, without most timestamps."""

    _GATE = re.compile(r"\d(?:[ -]?\d){11}")
    _SECOND_SERIES = Pattern(
        "Mastercard 2-series", r"\b2[2-7]\d{2}[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}\b", 0.3
    )

    def __init__(self) -> None:
        super().__init__(patterns=[*CreditCardRecognizer.PATTERNS, self._SECOND_SERIES])

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: Any = None, regex_flags: Any = None
    ) -> Results:
        if not self._GATE.search(text):
            return []
        found: Results = super().analyze(text, entities, nlp_artifacts, regex_flags)
        return found

    def validate_result(self, pattern_text: str) -> bool:
        digits = re.sub(r"\D", "", pattern_text)
        # Only UATP cards begin with 1 and they have 15 digits; clocks in microseconds have 16.
        if digits[0] == "1" and len(digits) != 15:
            return False
        return bool(super().validate_result(pattern_text))


class Ibans(IbanRecognizer):  # type: ignore[misc]
    """Finds IBANs of exactly their country's length, whatever words follow, in any case."""

    _START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9])")
    _LONGEST, _SHORTEST = 34, 15

    def __init__(self) -> None:
        super().__init__(exact_match=True)

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: Any = None, regex_flags: Any = None
    ) -> Results:
        found: Results = []
        done = 0
        for match in self._START.finditer(text):
            if match.start() < done:
                continue
            end = self._end(text, match.start())
            if end is not None:
                found.append(self._result(match.start(), end))
                done = end
        return found

    def _end(self, text: str, start: int) -> int | None:
        compact = ""
        ends: list[int] = []
        at = start
        while at < len(text) and len(compact) < self._LONGEST:
            char = text[at]
            if char.isascii() and char.isalnum():
                compact += char.upper()
                at += 1
                if at == len(text) or not (text[at].isascii() and text[at].isalnum()):
                    ends.append(at)
                    if len(compact) >= self._SHORTEST and self.validate_result(compact):
                        return at
            elif char in " -" and ends and ends[-1] == at:
                at += 1
            else:
                break
        return None

    def _result(self, start: int, end: int) -> RecognizerResult:
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return RecognizerResult("IBAN_CODE", start, end, 1.0, recognition_metadata=metadata)


class Phones(PhoneRecognizer):  # type: ignore[misc]
    """Finds phone numbers, looking only where there are enough digits."""

    _GATE = re.compile(
        r"(?<!\w)[+(\[]{0,2}\d[\d().\-/ \[\]\u2010-\u2015]{4,24}\d(?:[ ,;]{0,3}(?:x|ext\.?)[ :]?\d{1,6})?",
        re.IGNORECASE,
    )
    _FEWEST = 7  # digits; what is shorter is a date, a price or an address inside a network

    def analyze(self, text: str, entities: Sequence[str], nlp_artifacts: Any = None) -> Results:
        found: Results = []
        # One window for each candidate: a region that fits one number says nothing of the next.
        for match in self._GATE.finditer(text):
            if sum(char.isdigit() for char in match.group()) < self._FEWEST:
                continue
            start = max(0, match.start() - 2)
            window = text[start : match.end() + 8]
            found += _shifted(self._in_window(window, nlp_artifacts), start)
        return found

    def _in_window(self, window: str, nlp_artifacts: Any) -> Results:
        for region in self.supported_regions:
            matches = phonenumbers.PhoneNumberMatcher(window, region, leniency=self.leniency)
            found = [
                self._get_recognizer_result(match, window, region, nlp_artifacts)
                for match in matches
            ]
            if found:
                return found
        return []


class _Gated:
    """Mix-in: run a recogniser only on the surroundings of what its gate matches."""

    gate: re.Pattern[str]
    reach = 64

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: Any = None, regex_flags: Any = None
    ) -> Results:
        found: Results = []
        for start, window in _windows(self.gate, text, self.reach, self.reach):
            results = super().analyze(window, entities, nlp_artifacts, regex_flags)  # type: ignore[misc]
            found += _shifted(results, start)
        return found


class Ips(_Gated, IpRecognizer):  # type: ignore[misc]
    """Finds IPv4 and IPv6 addresses."""

    gate = re.compile(r"\d\.\d{1,3}\.\d|::|[0-9A-Fa-f]:[0-9A-Fa-f]{1,4}:")


class Macs(_Gated, MacAddressRecognizer):  # type: ignore[misc]
    """Finds hardware addresses."""

    gate = re.compile(r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.")


class Ssns(_Gated, UsSsnRecognizer):  # type: ignore[misc]
    """Finds US social security numbers."""

    gate = re.compile(r"\d{3}[- .]?\d{2}[- .]?\d{4}")


class Wallets(_Gated, CryptoRecognizer):  # type: ignore[misc]
    """Finds Bitcoin addresses by their checksums."""

    gate = re.compile(r"(?:bc1|[13])[a-zA-HJ-NP-Z0-9]{25}", re.IGNORECASE)


class Urls(_Gated, UrlRecognizer):  # type: ignore[misc]
    """Finds web addresses; only where a policy lists `URL`."""

    gate = re.compile(r"[A-Za-z0-9]\.[A-Za-z]")
    reach = 300


class WindowContext(ContextAwareEnhancer):  # type: ignore[misc]
    """Raises a score where a context word stands before the match.

    Presidio's own enhancer needs tokens, which our engine does not make, and is
    quadratic in the number of results.
    """

    _WINDOW = 60
    _WORDS = 8
    _TOKEN = re.compile(r"\[[A-Z]+\]")
    _SURE = 0.95

    def __init__(self) -> None:
        super().__init__(
            context_similarity_factor=0.35,
            min_score_with_context_similarity=0.4,
            context_prefix_count=self._WORDS,
            context_suffix_count=0,
        )

    def enhance_using_context(
        self,
        text: str,
        raw_results: Results,
        nlp_artifacts: Any,
        recognizers: Sequence[EntityRecognizer],
        context: Sequence[str] | None = None,
    ) -> Results:
        words_of = {recogniser.id: recogniser.context for recogniser in recognizers}
        for result in raw_results:
            metadata = result.recognition_metadata or {}
            words = words_of.get(metadata.get(RecognizerResult.RECOGNIZER_IDENTIFIER_KEY))
            if not words or result.score >= self._SURE:
                continue
            before = text[max(0, result.start - self._WINDOW) : result.start]
            own = self._TOKEN.sub("", before.rpartition("\x1e")[2])
            near = " ".join(own.split()[-self._WORDS :]).lower()
            if any(word in near for word in words):
                raised = result.score + self.context_similarity_factor
                result.score = min(1.0, max(raised, self.min_score_with_context_similarity))
        return raw_results


def recognisers(regions: Sequence[str]) -> list[EntityRecognizer]:
    """Return one recogniser for each kind of personal data."""
    return [
        Cards(),
        Emails(),
        Ibans(),
        Ips(),
        Macs(),
        Phones(supported_regions=tuple(regions)),
        Ssns(),
        Urls(),
        Wallets(),
    ]
