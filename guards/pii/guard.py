"""The PII guard: personal data is replaced, or stops an action, stage by stage."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.options import one_of, words
from guarded_agent.guards.pii.engine import Kept, Style, finder
from guarded_agent.guards.pii.entities import KINDS, NUMBERS, REGIONS, STANDARD
from guarded_agent.guards.scrub import Find, Spot, scrub
from guarded_agent.guards.text import Unscannable, root, withhold

Choice = str | Sequence[str]
"""What to do at a stage: an action word, or the kinds of data to redact there."""

_MOST_FINDINGS = 100
_WORDS = {kind.category: kind.words for kind in KINDS.values()}
_ACTIONS = {"allow": Effect.ALLOW, "redact": Effect.REDACT}
_ARGUMENT_ACTIONS = {**_ACTIONS, "approve": Effect.APPROVE, "deny": Effect.DENY}


@dataclass(frozen=True, slots=True)
class _Rule:
    effect: Effect
    find: Find


class PiiGuard:
    """Replaces personal data that has a recognisable form.

    At `tool_result` it takes out numbers that nobody needs in order to work:
    cards, bank accounts, social security numbers, wallets. At `model_output` and
    `final_output` it also takes out phone numbers, addresses of machines and
    e-mail addresses outside of `keep_domains`. Input and arguments are left alone
    unless asked, so that an agent can still answer a mail.

    Args:
        preset: `standard`: typed data only.
        entities: The only kinds to look for anywhere; all of the standard ones by default.
        regions: Countries whose national phone formats count.
        input: `allow`, `redact`, or a list of the kinds to redact.
        tool_result: Likewise.
        model_output: Likewise.
        final_output: Likewise.
        tool_arguments: `allow`, `redact`, `approve` or `deny` when card, account or
            social security numbers stand in the arguments of a call.
        keep_domains: Mail domains that are left alone: the organisation's own.
        keep: Further mail addresses or domains that are left alone.
        style: `token` writes `[CARD]`, `mask` keeps the last digits, `hash` writes the
            same letters for the same value for as long as the process lives.
        salt: For `hash`: at least 16 secret bytes; by default they are drawn at random.

    Raises:
        ValueError: An option has a value that does not exist.

    Example:
        >>> from guarded_agent.core import Context, Stage, Subject
        >>> guard = PiiGuard(keep_domains=["acme.com"])
        >>> text = "Card 4111 1111 1111 1111 of bo@example.com, cc ann@acme.com"
        >>> subject = Subject(Stage.FINAL_OUTPUT, text, Context("mail", "t1"))
        >>> guard.check(subject).payload
        'Card [CARD] of [EMAIL], cc ann@acme.com'
    """

    name = "pii"

    def __init__(
        self,
        *,
        preset: str = "standard",
        entities: Collection[str] | None = None,
        regions: Sequence[str] = REGIONS,
        input: Choice = "allow",  # noqa: A002 - the stage's own name, as policies write it
        tool_result: Choice = "redact",
        model_output: Choice = "redact",
        final_output: Choice = "redact",
        tool_arguments: Choice = "allow",
        keep_domains: Collection[str] = (),
        keep: Collection[str] = (),
        style: str = "token",
        salt: bytes | None = None,
    ) -> None:
        _check_preset(preset)
        chosen: Style = _style(style)
        wanted = STANDARD if entities is None else _kinds(entities, "entities")
        spared = Kept(
            frozenset(
                name.lower().lstrip("@")
                for name in (
                    *words(keep_domains, where="guards.pii.keep_domains"),
                    *words(keep, where="guards.pii.keep"),
                )
            )
        )
        if salt is not None and len(salt) < 16:
            raise ValueError("guards.pii.salt: use at least 16 secret bytes")
        self._salt = salt or secrets.token_bytes(32)

        made: dict[frozenset[str], Find] = {}

        def rule(stage: str, choice: Choice, usual: frozenset[str]) -> _Rule:
            effect, kinds = _read(stage, choice, usual)
            kinds = kinds & wanted if isinstance(choice, str) else kinds
            if kinds not in made:  # stages that look for the same share a detector
                made[kinds] = finder(
                    kinds,
                    regions=_regions(regions),
                    kept=spared,
                    style=chosen,
                    salt=self._salt,
                )
            return _Rule(effect, made[kinds])

        # A kind that a policy names beyond the standard ones is wanted wherever output is checked.
        rules = {
            Stage.INPUT: rule("input", input, NUMBERS | (wanted - STANDARD)),
            Stage.TOOL_RESULT: rule("tool_result", tool_result, NUMBERS),
            Stage.MODEL_OUTPUT: rule("model_output", model_output, wanted),
            Stage.FINAL_OUTPUT: rule("final_output", final_output, wanted),
            Stage.ACTION: rule("tool_arguments", tool_arguments, NUMBERS),
        }
        self._rules = {stage: rule for stage, rule in rules.items() if rule.effect > Effect.ALLOW}

    @property
    def stages(self) -> frozenset[Stage]:
        """The stages at which anything but `allow` was chosen."""
        return frozenset(self._rules)

    def find_at(self, stage: Stage) -> Find | None:
        """Return what finds the data to replace at `stage`, or None if nothing is replaced."""
        rule = self._rules.get(stage)
        return rule.find if rule is not None and rule.effect is Effect.REDACT else None

    def check(self, subject: Subject) -> Verdict:
        """Judge `subject`; with `redact`, the verdict carries the clean payload."""
        rule = self._rules.get(subject.stage)
        if rule is None:
            return ALLOW
        try:
            done = scrub(subject.payload, rule.find, root(subject.stage))
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        if not done.spots:
            return ALLOW
        findings = _findings(done.spots, self.name)
        if rule.effect is Effect.REDACT:
            return Verdict(Effect.REDACT, findings, payload=done.value)
        kinds = ", ".join(sorted({_WORDS[spot.category] for spot in done.spots}))
        message = f"The arguments hold personal data ({kinds})."
        return Verdict(rule.effect, findings, message=message)


def _findings(spots: Sequence[Spot], guard: str) -> tuple[Finding, ...]:
    found = [
        Finding(
            spot.category,
            f"{_WORDS[spot.category]} was found",
            guard=guard,
            score=spot.score,
            path=spot.path,
            span=spot.span,
        )
        for spot in spots[:_MOST_FINDINGS]
    ]
    rest = Counter(spot.category for spot in spots[_MOST_FINDINGS:])
    found += [
        Finding(category, f"{_WORDS[category]} was found {count} more times", guard=guard)
        for category, count in sorted(rest.items())
    ]
    return tuple(found)


def _read(stage: str, choice: Choice, usual: frozenset[str]) -> tuple[Effect, frozenset[str]]:
    where = f"guards.pii.{stage}"
    actions = _ARGUMENT_ACTIONS if stage == "tool_arguments" else _ACTIONS
    if choice == "pseudonymize":
        raise ValueError(
            f"{where}: 'pseudonymize' is not available in this version; use one of "
            + ", ".join(actions)
        )
    if isinstance(choice, str):
        return actions[one_of(choice, actions, where=where)], usual
    return Effect.REDACT, _kinds(choice, stage)


def _kinds(names: Collection[str], option: str) -> frozenset[str]:
    where = f"guards.pii.{option}"
    return frozenset(one_of(name, KINDS, where=where) for name in words(names, where=where))


def _check_preset(preset: str) -> None:
    if preset == "strict":
        raise ValueError(
            "guards.pii.preset: 'strict' also finds names and places, with a language model "
            "(pip install 'guarded-agent[ner]'). This version has no such detector yet; "
            "use 'standard'"
        )
    one_of(preset, ("standard",), where="guards.pii.preset")


def _style(style: str) -> Style:
    return cast("Style", one_of(style, get_args(Style), where="guards.pii.style"))


def _regions(regions: Any) -> tuple[str, ...]:
    from phonenumbers import SUPPORTED_REGIONS  # only where a policy is loaded

    where = "guards.pii.regions"
    return tuple(
        one_of(name, SUPPORTED_REGIONS, where=where) for name in words(regions, where=where)
    )
