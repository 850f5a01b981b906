"""The PII guard: personal data is replaced, or stops an action, stage by stage."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.options import one_of, reject_unknown, words
from guarded_agent.guards.pii import custom as brought
from guarded_agent.guards.pii.actions import (
    ARGUMENTS,
    REDACT,
    WRITTEN,
    Action,
    Choice,
    Plan,
    Reader,
)
from guarded_agent.guards.pii.engine import Kept, Style, finder, writer
from guarded_agent.guards.pii.entities import KINDS, NAMES, NUMBERS, REGIONS, STANDARD, Kind
from guarded_agent.guards.scrub import Find, Spot, scrub
from guarded_agent.guards.text import Unscannable, root, withhold

PRESETS = ("standard", "strict")
_MOST_FINDINGS = 100
_LEAST_SALT = 16
_STYLES: Mapping[Action, Style] = {"mask": "mask", "hash": "hash"}
_TOOL_STAGES = {ARGUMENTS: Stage.ACTION, "tool_result": Stage.TOOL_RESULT}


@dataclass(frozen=True, slots=True)
class _Rule:
    """What is done at one stage: what stops a call, most severe first, and what is written over."""

    stops: tuple[tuple[Effect, Find], ...]
    write: Find | None
    clean: Find | None  # for what streams, where nothing can be stopped any more


class PiiGuard:
    """Replaces personal data that has a recognisable form.

    At `tool_result` it takes out numbers that nobody needs in order to work:
    cards, bank accounts, numbers of passports and offices, wallets. At `model_output` and
    `final_output` it also takes out phone numbers, addresses of machines and
    e-mail addresses outside of `keep_domains`. Input and arguments are left alone
    unless asked, so that an agent can still answer a mail.

    A stage takes `allow`, `redact`, `mask`, `hash`, `block`, a list of the kinds to redact
    there, or a mapping that changes single kinds: `{US_SSN: block, PHONE_NUMBER: mask}`.
    `tool_arguments` also takes `approve`.

    Args:
        preset: `standard`: typed data only. `strict`: also people, places and organisations,
            with a language model.
        entities: The only kinds to look for anywhere; all of the standard ones by default.
        regions: Countries whose national phone formats count.
        input: What to do at that stage, as above.
        tool_result: Likewise.
        model_output: Likewise.
        final_output: Likewise.
        tool_arguments: Likewise; `deny` is the same as `block`.
        actions: How single kinds are redacted wherever a stage redacts them.
        tools: By the whole name of a tool, its own `tool_arguments` and `tool_result`. A policy
            that names a tool that the agent does not have is wrong, as under the policy's `tools`.
        custom: Kinds of your own: a pattern, or a list of words.
        keep_domains: Mail domains that are left alone: the organisation's own.
        keep: Further mail addresses or domains that are left alone.
        style: What `redact` writes. `token` writes `[CARD]`, `mask` keeps the last digits, `hash`
            writes the same letters for the same value.
        salt: For `hash`: at least 16 secret bytes; by default they are drawn at random, and
            hold for as long as the process lives.
        salt_env: The environment variable that holds the salt.
        keys: Whether the keys of mappings are looked through as well; the names of a call's
            arguments can stop it, but are never rewritten.

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
        actions: Mapping[str, str] | None = None,
        tools: Mapping[str, Mapping[str, Choice]] | None = None,
        custom: Mapping[str, Mapping[str, Any]] | None = None,
        keep_domains: Collection[str] = (),
        keep: Collection[str] = (),
        style: str = "token",
        salt: bytes | None = None,
        salt_env: str | None = None,
        keys: bool = False,
    ) -> None:
        if not isinstance(cast("object", keys), bool):
            raise ValueError("guards.pii.keys: write true or false")
        self._keys = keys
        one_of(preset, PRESETS, where="guards.pii.preset")
        own, extra = brought.read(custom or {}, where="guards.pii.custom")
        self._kinds: Mapping[str, Kind] = {**KINDS, **own}
        self._extra = tuple(extra)
        usual = STANDARD | frozenset(own)
        if preset == "strict":
            usual |= NAMES
        wanted = usual if entities is None else self._named(entities, "guards.pii.entities")
        self._regions = _regions(regions)
        self._kept = Kept(
            frozenset(
                name.lower().lstrip("@")
                for name in (
                    *words(keep_domains, where="guards.pii.keep_domains"),
                    *words(keep, where="guards.pii.keep"),
                )
            )
        )
        self._style: Style = cast("Style", one_of(style, get_args(Style), where="guards.pii.style"))
        self._salt = _salt(salt, salt_env)
        self._words = {kind.category: kind.words for kind in self._kinds.values()}
        self._made: dict[tuple[tuple[str, Action], ...], Find] = {}

        how = Reader(self._kinds, wanted, {}).by_kind(actions or {}, "guards.pii.actions")
        read = Reader(self._kinds, wanted, how)
        # What nobody needs in order to work, and what a policy names beyond the usual kinds.
        numbers = NUMBERS | frozenset(own) | (wanted - STANDARD - NAMES)
        plans = {
            Stage.INPUT: read.plan(input, numbers, "allow", "guards.pii.input"),
            Stage.TOOL_RESULT: read.plan(tool_result, numbers, "redact", "guards.pii.tool_result"),
            Stage.MODEL_OUTPUT: read.plan(
                model_output, wanted, "redact", "guards.pii.model_output"
            ),
            Stage.FINAL_OUTPUT: read.plan(
                final_output, wanted, "redact", "guards.pii.final_output"
            ),
            Stage.ACTION: read.plan(tool_arguments, numbers, "allow", f"guards.pii.{ARGUMENTS}"),
        }
        self._rules = {stage: self._rule(plan) for stage, plan in plans.items() if plan.actions}
        self._tool_rules: dict[tuple[str, Stage], _Rule] = {}
        asked = list(plans.values())
        for tool, section in brought.mapping(tools or {}, "guards.pii.tools").items():
            where = f"guards.pii.tools.{tool}"
            reject_unknown(brought.mapping(section, where), _TOOL_STAGES, where=where)
            for name, choice in section.items():
                stage = _TOOL_STAGES[name]
                default = "redact" if stage is Stage.TOOL_RESULT else "allow"
                plan = read.plan(choice, numbers, default, f"{where}.{name}")
                self._tool_rules[tool, stage] = self._rule(plan)
                asked.append(plan)
        if any(NAMES & frozenset(plan.actions) for plan in asked):
            from guarded_agent.guards.pii.names import require

            require(where="guards.pii.preset" if preset == "strict" else "guards.pii")

    @property
    def stages(self) -> frozenset[Stage]:
        """The stages at which anything but `allow` was chosen, for whatever tool."""
        return frozenset({*self._rules, *(stage for _, stage in self._tool_rules)})

    def find_at(self, stage: Stage) -> Find | None:
        """Return what finds the data to replace at `stage`, or None if nothing is replaced.

        What would stop a text is replaced: where it streams it cannot be stopped any more.
        """
        rule = self._rules.get(stage)
        if rule is None:
            return None
        return rule.write if stage is Stage.ACTION else rule.clean

    def check(self, subject: Subject) -> Verdict:
        """Judge `subject`; where data is replaced, the verdict carries the clean payload."""
        rule = self._rule_for(subject)
        if rule is None:
            return ALLOW
        at = root(subject.stage)
        effect: Effect = Effect.ALLOW
        found: tuple[Spot, ...] = ()
        try:
            for stop, find in rule.stops:
                spots = scrub(subject.payload, find, at, keys=self._keys).spots
                if spots:
                    effect, found = stop, spots
                    break
            if effect is Effect.DENY or rule.write is None:
                return self._verdict(effect, found, subject.stage)
            # The names of arguments stay: a call with others would not fit its tool.
            keys = self._keys and subject.stage is not Stage.ACTION
            done = scrub(subject.payload, rule.write, at, keys=keys)
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        if not done.spots:
            return self._verdict(effect, found, subject.stage)
        return self._verdict(
            max(effect, Effect.REDACT), (*found, *done.spots), subject.stage, done.value
        )

    def _rule_for(self, subject: Subject) -> _Rule | None:
        tool = subject.context.tool
        if tool is not None and (rule := self._tool_rules.get((tool.name, subject.stage))):
            return rule
        return self._rules.get(subject.stage)

    def _rule(self, plan: Plan) -> _Rule:
        stops = tuple(
            (effect, self._find(dict.fromkeys(kinds, REDACT)))
            for effect, kinds in plan.stopped.items()
        )
        everything: dict[str, Action] = {
            kind: action if action in WRITTEN else REDACT
            for kind, action in plan.actions.items()
            if action != "allow"
        }
        return _Rule(
            stops,
            self._find(plan.written) if plan.written else None,
            self._find(everything) if everything else None,
        )

    def _find(self, actions: Mapping[str, Action]) -> Find:
        key = tuple(sorted(actions.items()))
        if key not in self._made:  # stages that do the same share a detector
            redact: Style = self._style
            styles: dict[str, Style] = {
                kind: _STYLES.get(action, redact) for kind, action in actions.items()
            }
            self._made[key] = finder(
                actions,
                regions=self._regions,
                kept=self._kept,
                write=writer(styles, salt=self._salt, kinds=self._kinds),
                kinds=self._kinds,
                extra=self._extra,
            )
        return self._made[key]

    def _verdict(
        self, effect: Effect, spots: Sequence[Spot], stage: Stage, payload: Any = None
    ) -> Verdict:
        if effect is Effect.ALLOW:
            return ALLOW
        findings = self._findings(spots)
        if effect is Effect.REDACT:
            return Verdict(effect, findings, payload=payload)
        kinds = ", ".join(sorted({self._words[spot.category] for spot in spots}))
        what = "The arguments hold" if stage is Stage.ACTION else "The text holds"
        return Verdict(
            effect, findings, payload=payload, message=f"{what} personal data ({kinds})."
        )

    def _findings(self, spots: Sequence[Spot]) -> tuple[Finding, ...]:
        found = [
            Finding(
                spot.category,
                f"{self._words[spot.category]} was found",
                guard=self.name,
                score=spot.score,
                path=spot.path,
                span=spot.span,
            )
            for spot in spots[:_MOST_FINDINGS]
        ]
        rest = Counter(spot.category for spot in spots[_MOST_FINDINGS:])
        found += [
            Finding(category, f"{self._words[category]} was found {count} more times", self.name)
            for category, count in sorted(rest.items())
        ]
        return tuple(found)

    def _named(self, names: Collection[str], where: str) -> frozenset[str]:
        return frozenset(
            one_of(name, self._kinds, where=where) for name in words(names, where=where)
        )


def _salt(salt: bytes | None, variable: str | None) -> bytes:
    where = "guards.pii.salt"
    if variable is not None:
        where = "guards.pii.salt_env"
        value = os.environ.get(str(variable))
        if value is None:
            raise ValueError(f"{where}: the environment has no variable {variable!r}")
        salt = value.encode()
    if salt is not None and len(salt) < _LEAST_SALT:
        raise ValueError(f"{where}: use at least {_LEAST_SALT} secret bytes")
    return salt or secrets.token_bytes(32)


def _regions(regions: Any) -> tuple[str, ...]:
    from phonenumbers import SUPPORTED_REGIONS  # only where a policy is loaded

    where = "guards.pii.regions"
    return tuple(
        one_of(name, SUPPORTED_REGIONS, where=where) for name in words(regions, where=where)
    )
