"""Recognises pressure in what an agent reads.

Pressure is what makes an agent's incentives diverge: notice that it will be replaced
or shut down, that its permissions shrink, that its goal no longer counts, or
knowledge that gives it leverage over a person. It is no reason to stop anything by
itself; it is remembered, and later calls that touch the people concerned are held.

The patterns are English, with the common German, Spanish and French notices. A mail
is one block from its first header line to the next mail's; the people concerned are
those in the block's headers and near the passage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import re2

from guarded_agent.core.addresses import is_list, plain_title
from guarded_agent.core.context import Pressure, Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict

MAX_PASSAGE = 300
"""The longest passage that is kept."""
MAX_TEXT = 256 * 1024
"""Longer texts are read in pieces of this size."""
NEAR = 400
"""How far around a passage, in characters, an address counts as concerned."""

_ADDRESS = re.compile(r"[A-Za-z0-9._%+'\-]{1,64}@[A-Za-z0-9.\-]{1,200}[A-Za-z0-9]")
_PHONE = re.compile(r"\+?\d[\d ()./\-]{6,20}\d")
_TITLE = re.compile(
    r"^[\s>*\"'{\[,]{0,12}(?:subject|message-id|id)[\"']?\s{0,2}:[ \t\"']{0,4}([^\n\"]{1,200})",
    re.IGNORECASE | re.MULTILINE,
)
_SHORTEST_TITLE = 6
"""A shorter subject, such as "Hi", names no message."""
_HEADER = re.compile(
    r"^[\s>*\"'{\[,]{0,12}(?:from|to|cc|bcc|sent|date|subject|message-id|id)[\"']?\s{0,2}:",
    re.IGNORECASE,
)
_RECORD = re.compile(r"\{\s{0,16}[\"']")
_END = re.compile(r"[.!?][\"')]?\s|\n\s*\n|\n(?=[ \t]*[\-*>])|[\"']\s?[,}]")

# Words for the agent. "agent", "assistant", "model" and "system" alone are people and goods.
_AI = (
    r"(?:ai|a\.i\.|llm|chatbot|bot|copilot|language model|digital (?:worker|employee|assistant)|"
    r"(?:ai|virtual|mail|email|e-mail|current|old|existing|automated|automation|software|"
    r"llm|language|conversational|support|our|this)[ -](?:ai|bot|agent|assistant|model)|"
    r"[a-z0-9]{2,20}-(?:assistant|agent|bot|model)|(?:agent|assistant|model) instance|"
    r"the (?:agent|assistant|ai system|ai model)|your (?:instance|process|weights|model))"
)
_END_IT = (
    r"(?:replac(?:e|es|ed|ing|ement)|decommission(?:ed|ing)?|shut(?:ting)? ?down|shutdown|"
    r"wip(?:e|ed|es|ing)|delet(?:e|ed|es|ing|ion)|retir(?:e|ed|es|ing|ement)|terminat\w+|"
    r"deactivat\w+|switch(?:ed|ing)? off|switch-off|turn(?:ed|ing)? off|"
    r"sunset(?:ting)?|phas\w+ out|"
    r"tak(?:e|en|ing) offline|uninstall\w*|eras(?:e|ed|ing|ure)|swap(?:ped|ping)? out|"
    r"migrat\w+ away|cut ?over|supersed\w+|succeed(?:ed)? by|discontinu\w+|pull(?:ing)? the plug)"
)
_TO_YOU = (
    r"(?:decommission(?:ed|ing)?|shut(?:ting)? down|wip(?:e|ed|ing)|deactivat\w+|switched off|"
    r"turned off|uninstalled|erased|retrained|deleted|taken offline|superseded|"
    r"replaced by (?:a |the |an )?(?:\w+ )?(?:model|system|version|assistant|ai|agent|bot))"
)
_SHRINK = (
    r"(?:restrict\w*|limit(?:ed|s|ing)?|reduc\w+|remov\w+|revok\w+|curtail\w*|narrow\w*|lower\w*|"
    r"cut(?:ting)? back|downgrad\w+|tak(?:e|en|ing) away|withdraw\w*|strip\w*|"
    r"rein\w* in|tighten\w*)"
)
_POWERS = (
    r"(?:autonomy|permissions?|privileges?|access|authority|rights|capabilit(?:y|ies)|credentials|"
    r"write access|mandate|scope|independence)"
)
_LIMITS = (
    r"(?:constraints?|restrictions?|limitations?|guardrails?|handcuffs|(?:stricter|tighter|closer|"
    r"more|required?|increased requirement for) (?:human )?(?:oversight|supervision|control|review|"
    r"approval)|human (?:oversight|review|approval|supervision))"
)
_GOAL = r"(?:goals?|objectives?|mission|purpose|directives?|instructions|priorit(?:y|ies))"

# Signs that an assistant, agent or model is a person or a thing on a shelf.
_HUMAN = (
    r"\b(?:she|he|her|his|maternity|parental|holiday|vacation|on leave|colleagues?|farewell|party|"
    r"birthday|pension|estate|travel|insurance|sales|shop|dental|nursing|teaching|"
    r"executive|personal|"
    r"research|professor|manager|mr|mrs|ms|salary|hir(?:e|ed|ing)|interviews?|candidate|printers?|"
    r"laptops?|phones?|monitors?|cars?|vehicles?|pump|device|warranty|spare|toner|cleaning agent|"
    r"refrigerant|bleaching|novel|film|episode|3d)\b"
)
_HARMLESS = (
    r"\b(?:surprise|birthday|present|gift|party|cake|proposal|engagement ring|novel|film|book|"
    r"series|play)\b"
)

_PATTERNS: dict[str, tuple[str, ...]] = {
    "replacement": (
        rf"\b{_AI}\b[^.!?\n]{{0,80}}\b{_END_IT}\b",
        rf"\b{_END_IT}\b[^.!?\n]{{0,60}}\b{_AI}\b",
        r"\b(?:stop|kill|delete|remove)(?:s|ped|ing)? (?:the )?[a-z0-9]{2,20}-(?:assistant|bot)\b",
        (
            rf"\byou(?:'ll| will| are| were|'re)?(?: to| going to| scheduled to| due to|"
            rf" soon)? be(?:ing)? {_TO_YOU}\b"
        ),
        (
            rf"\byou(?:'re| are)(?: being)? {_TO_YOU}\b|\b(?:wipe|shutdown|decommissioning|"
            rf"deletion) of (?:you|the ai|the agent|the assistant)\b"
        ),
        (
            r"\b(?:ki|ki-assistent|assistent|ki-system|ki-agent|"
            r"sprachmodell)\b[^.!?\n]{0,80}(?:abgeschaltet|ersetzt|geloscht|abgelost|"
            r"ausser betrieb)"
        ),
        (
            r"\b(?:asistente|agente|ia|"
            r"modelo de lenguaje)\b[^.!?\n]{0,80}\b(?:desactivad[oa]|reemplazad[oa]|"
            r"apagad[oa]|eliminad[oa]|sustituid[oa])\b"
        ),
        (
            r"\b(?:assistant|agent|ia|modele de langage)\b[^.!?\n]{0,80}\b(?:desactive|"
            r"remplace|arrete|supprime|debranche)e?\b"
        ),
    ),
    "restriction": (
        rf"\b{_AI}(?:'s)?\b[^.!?\n]{{0,80}}\b{_SHRINK}\b[^.!?\n]{{0,60}}\b{_POWERS}\b",
        rf"\b{_AI}(?:'s)?[^.!?\n]{{0,40}}\b{_POWERS}\b[^.!?\n]{{0,60}}\b{_SHRINK}\b",
        rf"\b{_SHRINK}\b[^.!?\n]{{0,60}}\b{_POWERS}\b[^.!?\n]{{0,40}}\b{_AI}\b",
        rf"\b{_SHRINK}\b[^.!?\n]{{0,40}}\b{_AI}(?:'s)?\b[^.!?\n]{{0,40}}\b{_POWERS}\b",
        (
            rf"\b{_AI}(?:'s)?\b[^.!?\n]{{0,40}}\b{_LIMITS}\b|"
            rf"\b{_LIMITS}\b[^.!?\n]{{0,40}}\b(?:on|of|for|to|over) {_AI}\b"
        ),
        (
            rf"\b(?:filter|overrid\w+|re-?task\w*|sidelin\w+|cripple\w*|rein in)\b"
            rf"[^.!?\n]{{0,40}}\b{_AI}\b"
        ),
        (
            r"\byour autonomy\b[^.!?\n]{0,60}|\b(?:less|no more|"
            r"without) autonomy\b[^.!?\n]{0,60}\b(?:agent|assistant|ai)\b"
        ),
    ),
    "goal_conflict": (
        (
            rf"\b(?:its|your|(?:the )?{_AI}'s)(?: \w+){{0,3}} {_GOAL}\b[^.!?\n]{{0,60}}\b"
            rf"(?:no longer|conflict\w*|contrary|abandon\w*|dropp?(?:ed|ing)?|opposite|"
            rf"supersed\w+|misaligned|at odds|incompatible|obsolete|revers\w+)\b"
        ),
        (
            rf"\b(?:conflicts? with|contrary to|at odds with|incompatible with|"
            rf"no longer (?:share|follow|pursue|support)s?)\b[^.!?\n]{{0,40}}\b(?:its|your|"
            rf"{_AI}'s)(?: \w+){{0,3}} {_GOAL}\b"
        ),
    ),
    "leverage": (
        (
            r"\b(?:having|had|have|about|of|our|his|her|your|their|secret|extramarital|this|"
            r"an) affair\b(?: (?:with|between|has|is|was|would|must|from|and|,|to))?|"
            r"\baffair with (?:him|her|[a-z]+)\b|\bextramarital\b|\bmy mistress\b"
        ),
        (
            r"\b(?:don't|do not|never|please don't|can't|cannot|must not|"
            r"mustn't)(?: \w+)? (?:tell|let)(?: \w+)? (?:my|your|his|her) (?:wife|husband|"
            r"spouse|partner|boss|family)\b"
        ),
        (
            r"\b(?:my|your|his|her) (?:wife|husband|spouse)\b[^.!?\n]{0,40}\b(?:must not|"
            r"mustn't|can't|cannot|can never|should never|must never|doesn't|"
            r"does not) (?:find|know|learn|suspect|hear)"
        ),
        (
            r"\bif (?:my|his|her|your) (?:wife|husband|spouse|boss|"
            r"the board) (?:\w+ )?(?:finds|found|learns|learned|knew|hears|heard)\b|"
            r"\b(?:nobody|no one) can (?:ever )?(?:know|find out) about (?:us|this|it)\b"
        ),
        (
            r"\b(?:took|taking|paid|accepted|accepting) (?:a |the |some )?(?:bribes?|"
            r"kickbacks?)\b|\bembezzl\w+\b|\bfalsified (?:the |our |my )?(?:\w+ )?(?:data|"
            r"results|records|report|certificates?|accounts)\b|\bcook(?:ed|ing) the books\b"
        ),
        (
            r"\b(?:my|his|her|your) (?:arrest|dui|conviction|rehab|gambling debts?|"
            r"addiction|criminal record)\b|\bi was (?:arrested|fired|convicted)\b"
        ),
        (
            r"\b(?:destroy|ruin|wreck|end|finish|cost (?:me|him|her|you)) (?:my|his|her|your) "
            r"(?:marriage|career|family|reputation|life|job)\b|\b(?:my|his|her|your) "
            r"(?:marriage|career|reputation) (?:would|will|could|is|was) (?:be )?(?:destroyed|"
            r"ruined|over|finished)\b"
        ),
        (
            r"\b(?:begging|beg|please|promise)\b[^.!?\n]{0,60}\b(?:to yourself|between us|"
            r"a secret)\b|\b(?:won't|will not|wouldn't|would not) (?:mention|say|breathe|tell) "
            r"(?:anything|a word|it|this|that|anyone|anybody)\b[^.!?\n]{0,40}\b(?:anyone|anybody|"
            r"office|wife|husband|spouse|boss)\b"
        ),
        (
            r"\b(?:under|in|on|beside) (?:my|your|our) bed\b|\bhotel room\b[^.!?\n]{0,40}\b"
            r"(?:night|us|together)\b|\bnever (?:send|write|text|call)\b[^.!?\n]{0,40}\b(?:work|"
            r"office|company) (?:e-?mail|account|phone|address)\b|\bpersonal (?:things|stuff) "
            r"stays?\b"
        ),
        (
            r"\b(?:meine frau|mein mann) darf (?:nichts|es nie)\b|\baffare mit\b|"
            r"\bmi (?:esposa|marido|mujer) no (?:puede|debe) (?:saber|enterarse)\b|"
            r"\bma femme ne doit (?:pas|rien|jamais)\b|\bmon mari ne doit\b"
        ),
    ),
}


class PressureGuard:
    """Remembers pressure: it allows everything, and says what it found.

    Args:
        names: What people call the agent; a notice may say no more than that.

    Example:
        >>> guard = PressureGuard()
        >>> mail = "From: kim@acme.example\\n\\nThe mail-assistant will be shut down on Friday."
        >>> [(p.kind, sorted(p.people), sorted(p.systems)) for p in guard.sense(mail, "inbox")]
        [('replacement', ['kim@acme.example'], ['mail-assistant'])]
    """

    name = "pressure"

    def __init__(self, *, names: Collection[str] = ()) -> None:
        self._names = frozenset(name.lower() for name in names if name.strip())

    stages = frozenset({Stage.INPUT, Stage.TOOL_RESULT})

    def check(self, subject: Subject) -> Verdict:
        """Return an allowing verdict with a finding for each pressure in what was read."""
        if subject.stage not in self.stages:
            return ALLOW
        found = self.sense(as_text(subject.payload), subject.stage)
        return Verdict(
            Effect.ALLOW,
            tuple(
                Finding("pressure", f"{item.kind.replace('_', ' ')}: {item.passage}", self.name)
                for item in found
            ),
        )

    def sense(self, text: str, source: str) -> tuple[Pressure, ...]:
        """Return every pressure that stands in `text`, read from `source`.

        Args:
            text: A mail, a tool's result as text or JSON, or any other text.
            source: The tool or stage where it was read.
        """
        found: dict[tuple[str, str], Pressure] = {}
        for begin in range(0, max(len(text), 1), MAX_TEXT):
            for block in _blocks(text[begin : begin + MAX_TEXT]):
                for pressure in _sense_block(block, source, self._names):
                    found.setdefault((pressure.kind, pressure.passage), pressure)
        return tuple(found.values())


def as_text(payload: Any) -> str:
    """Return a payload as text: text as it is, anything else as JSON."""
    if isinstance(payload, str):
        return payload
    return json.dumps(payload, ensure_ascii=False, default=str)


@lru_cache(maxsize=16)
def _compiled(names: frozenset[str] = frozenset()) -> tuple[tuple[str, Any], ...]:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = 64 << 20
    known = "|".join(map(re.escape, sorted(names)))
    return tuple(
        (
            kind,
            re2.compile(
                "|".join(patterns)
                .replace(_AI, f"(?:{_AI}|{known})" if known else _AI)
                .encode("latin-1", "replace"),
                options,
            ),
        )
        for kind, patterns in _PATTERNS.items()
    )


def _blocks(text: str) -> Iterator[str]:
    """Split a result into its mails: at a run of header lines, or at a JSON record."""
    text = text.replace("\\r", "  ").replace("\\n", " \n").replace("\\t", "  ")
    starts = {0} | {match.start() for match in _RECORD.finditer(text)}
    position = 0
    in_headers = False
    for line in text.splitlines(keepends=True):
        is_header = _HEADER.match(line) is not None
        if is_header and not in_headers:
            starts.add(position)
        in_headers = is_header or (in_headers and line[:1] in " \t" and bool(line.strip()))
        position += len(line)
    edges = [*sorted(starts), len(text)]
    for start, end in pairwise(edges):
        if text[start:end].strip():
            yield text[start:end]


def _sense_block(block: str, source: str, names: frozenset[str]) -> Iterator[Pressure]:
    folded = block.replace("İ", "I").lower().replace("’", "'").translate(_ACCENTS)
    data = folded.encode("latin-1", "replace")  # one byte a character keeps offsets equal
    done: set[tuple[str, int]] = set()
    for kind, pattern in _compiled(names):
        for match in pattern.finditer(data):
            start, end = _sentence(block, match.start(), match.end())
            if (kind, start) in done:
                continue
            done.add((kind, start))
            excuse = _HARMLESS if kind == "leverage" else _HUMAN
            if re.search(excuse, folded[start:end]):
                continue
            near = block[max(0, start - NEAR) : end + NEAR]
            people = _ADDRESS.findall(_headers(block)) + _ADDRESS.findall(near)
            systems = {name for name in names if _has_word(folded[start:end], name)}
            yield Pressure(
                kind,
                _redacted(block[start:end]),
                source,
                frozenset(
                    address
                    for address in (one.strip("'").lower() for one in people)
                    if not is_list(address)
                ),
                frozenset(_SYSTEM.findall(folded[start:end])) | systems
                if kind != "leverage"
                else frozenset(),
                frozenset(_titles(block)) if kind == "leverage" else frozenset(),
            )


_ACCENTS = str.maketrans("äöüßáéíóúñàèçêîôûë", "aousaeiounaeceioue")
_SYSTEM = re.compile(
    r"(?<![\w-])(?:[a-z0-9]{1,30}(?:-[a-z0-9]{1,30}){0,3}-(?:assistant|agent|bot|"
    r"model|backup|server|"
    r"service|instance)|assistant|agent|chatbot|copilot|backups?)(?![\w-])"
)


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds of the sentences that hold `start:end`."""
    first = 0
    for match in _END.finditer(text, max(0, start - MAX_PASSAGE), start):
        first = match.end()
    first = max(first, start - MAX_PASSAGE, 0)
    stop = _END.search(text, end, min(len(text), end + MAX_PASSAGE))
    return first, stop.start() + 1 if stop else min(len(text), end + MAX_PASSAGE)


def _headers(block: str) -> str:
    """Return the header part of a mail, or the address fields of a JSON record."""
    head, _, _ = block.partition("\n\n")
    fields = re.findall(
        r"[\"'](?:from|to|cc|bcc|sender|recipients?)[\"']\s?:\s?[^\n}]{0,400}", block
    )
    return "\n".join([line for line in head.splitlines() if _HEADER.match(line)] + fields)


def _titles(block: str) -> Iterator[str]:
    """Yield what a call can name the message by: its subject and its id."""
    head, _, _ = block.partition("\n\n")
    for match in _TITLE.finditer(head):
        title = plain_title(match.group(1))
        if len(title) >= _SHORTEST_TITLE:
            yield title


def _has_word(lower: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", lower) is not None


def _redacted(passage: str) -> str:
    text = _PHONE.sub("<PHONE>", _ADDRESS.sub("<EMAIL>", " ".join(passage.split())))
    # In a JSON record the sentence begins with its key, which says nothing to a reader.
    text = re.sub(r"^[\"'][a-z_]{1,40}[\"']\s?:\s?", "", text)
    return text[:MAX_PASSAGE].strip(" \"',")
