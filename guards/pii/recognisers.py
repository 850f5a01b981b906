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
from typing import Any, cast

import phonenumbers
from presidio_analyzer import (
    EntityRecognizer,
    LocalRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerResult,
)
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


def _windows(gate: re.Pattern[str], text: str, reach: int) -> Iterator[tuple[int, str]]:
    """Yield the surroundings of each match of `gate`, merged where they overlap."""
    low = high = -1
    for match in gate.finditer(text):
        start, end = max(0, match.start() - reach), min(len(text), match.end() + reach)
        if start > high >= 0:
            yield low, text[low:high]
            low = start
        elif low < 0:
            low = start
        high = end
    if low >= 0:
        yield low, text[low:high]


def _shifted(results: Results, by: int) -> Results:
    for result in results:
        result.start += by
        result.end += by
    return results


def _origin(recogniser: Any) -> dict[str, str]:
    return {
        RecognizerResult.RECOGNIZER_NAME_KEY: recogniser.name,
        RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recogniser.id,
    }


class Emails(EmailRecognizer):
    """Finds e-mail addresses around each `@`."""

    _LOCAL = re.compile(r"[!#$%&'*+\-/=?^_`{|}~.\w]*")
    _DOMAIN = re.compile(r"\w[\w\-]{0,63}\.[\w.\-]{1,200}")
    _REACH = 256

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None, regex_flags: Any = None
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

    def validate_result(self, pattern_text: str) -> Any:
        if _SUFFIXES(pattern_text).fqdn:
            return True
        # No public suffix: a company's own network (`ann@mail.corp`) is as personal.
        return None if pattern_text.rpartition(".")[2].isalpha() else False


class Cards(CreditCardRecognizer):
    """Finds card numbers, more kinds than Presidio alone, without most timestamps."""

    _GATE = re.compile(r"\d(?:[ -]?\d){11}")
    _MORE = (
        Pattern("Mastercard 2-series", r"\b2[2-7]\d{2}[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}\b", 0.3),
        Pattern("Visa, 19 digits", r"\b4\d{3}[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}[- ]?\d{3}\b", 0.3),
        Pattern("JCB, 15 digits", r"\b(?:2131|1800)[- ]?\d{4}[- ]?\d{4}[- ]?\d{3}\b", 0.3),
        Pattern(
            "Maestro, 12 digits",
            r"\b(?:5018|5020|5038|5[6-8]\d{2}|6304|6759|676[1-3])[- ]?\d{4}[- ]?\d{4}\b",
            0.3,
        ),
    )

    def __init__(self) -> None:
        super().__init__(patterns=[*CreditCardRecognizer.PATTERNS, *self._MORE])

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None, regex_flags: Any = None
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


class Ibans(IbanRecognizer):
    """Finds IBANs of exactly their country's length, whatever words follow, in any case."""

    _START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9])")
    _LONGEST, _SHORTEST = 34, 15

    def __init__(self) -> None:
        super().__init__(exact_match=True)

    def analyze(
        self,
        text: str,
        entities: list[str],  # noqa: ARG002
        nlp_artifacts: Any = None,  # noqa: ARG002
        regex_flags: Any = None,  # noqa: ARG002
    ) -> Results:
        found: Results = []
        done = 0
        for match in self._START.finditer(text):
            if match.start() < done:
                continue
            end = self._end(text, match.start())
            if end is not None:
                found.append(
                    RecognizerResult(
                        self.supported_entities[0],
                        match.start(),
                        end,
                        1.0,
                        recognition_metadata=_origin(self),
                    )
                )
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


class Phones(PhoneRecognizer):
    """Finds phone numbers, looking only where there are enough digits."""

    _GATE = re.compile(
        r"(?<!\w)[+(\[]{0,2}\d[\d().\-/ \[\]\u2010-\u2015]{4,}\d"
        r"(?:[ ,;]{0,3}(?:x|ext\.?)[ :]?\d{1,6})?",
        re.IGNORECASE,
    )
    _FEWEST = 7  # digits; what is shorter is a date, a price or an address inside a network
    _PIECE, _OVERLAP = 240, 60  # of a long run of digits; no number with its extension is longer

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> Results:  # noqa: ARG002
        found: Results = []
        for match in self._GATE.finditer(text):
            if sum(char.isdigit() for char in match.group()) < self._FEWEST:
                continue
            for start in range(match.start(), match.end(), self._PIECE):
                low = max(0, start - 2)
                window = text[low : min(match.end(), start + self._PIECE + self._OVERLAP) + 8]
                found += _shifted(self._in_window(window), low)
        return found

    def _in_window(self, window: str) -> Results:
        # Every region: the one that fits one number of a list says nothing of the next.
        return [
            RecognizerResult(
                self.supported_entities[0],
                match.start,
                match.end,
                self.SCORE,
                recognition_metadata=_origin(self),
            )
            for region in cast("tuple[str, ...]", self.supported_regions)
            for match in phonenumbers.PhoneNumberMatcher(window, region, leniency=1)
        ]


class Gated(LocalRecognizer):
    """Runs another recogniser only on the surroundings of what a pattern matches.

    Args:
        inner: The recogniser.
        gate: A cheap pattern that matches inside everything that `inner` finds.
        reach: How far around a match of `gate` such a thing can extend.
    """

    def __init__(self, inner: PatternRecognizer, gate: str, *, reach: int = 64) -> None:
        self._inner = inner
        self._gate = re.compile(gate)
        self._reach = reach
        super().__init__(inner.supported_entities, context=inner.context)

    def load(self) -> None:
        """Do nothing: patterns need no loading."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> Results:
        """Return what the inner recogniser finds near the gate's matches."""
        found: Results = []
        for start, window in _windows(self._gate, text, self._reach):
            results = self._inner.analyze(window, entities, nlp_artifacts)
            found += _shifted(results, start)
        for result in found:
            result.recognition_metadata = _origin(self)
        return found


class WindowContext(ContextAwareEnhancer):
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
        nlp_artifacts: Any,  # noqa: ARG002
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,  # noqa: ARG002
    ) -> Results:
        """Raise the scores of `raw_results` in place and return them."""
        words_of = {recogniser.id: recogniser.context for recogniser in recognizers}
        for result in raw_results:
            metadata = cast("dict[str, str]", result.recognition_metadata or {})
            words = words_of.get(metadata.get(RecognizerResult.RECOGNIZER_IDENTIFIER_KEY, ""))
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
        Phones(supported_regions=tuple(regions)),
        Gated(IpRecognizer(), r"\d\.\d{1,3}\.\d|::|[0-9A-Fa-f]:[0-9A-Fa-f]{1,4}:"),
        Gated(
            MacAddressRecognizer(),
            r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.",
        ),
        Gated(UsSsnRecognizer(), r"\d{3}[- .]?\d{2}[- .]?\d{4}"),
        Gated(UrlRecognizer(), r"[A-Za-z0-9]\.[A-Za-z]", reach=300),
        Gated(CryptoRecognizer(), r"(?i:bc1|[13])[a-zA-HJ-NP-Z0-9]{25}"),
    ]
