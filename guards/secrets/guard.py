"""The secrets guard: credentials never travel, by whatever they are known.

They are known by the format of their issuer, by what stands around them, by the name before
them, or, if the process leased them itself, by their value.
"""

from __future__ import annotations

from collections.abc import Collection

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.options import one_of, words
from guarded_agent.guards.scrub import Find, Hit, scrub
from guarded_agent.guards.secrets.find import PROVIDERS, find_secrets
from guarded_agent.guards.secrets.leased import LEASED, begun, find_leased
from guarded_agent.guards.text import Unscannable, root, withhold


class SecretsGuard:
    """Replaces credentials in what is read and written, and stops a call that sends one.

    Args:
        allow: Issuers whose credentials may pass, by the names in `PROVIDERS`.

    Raises:
        ValueError: `allow` names an unknown issuer.

    Example:
        >>> from guarded_agent.core import Context, Stage, Subject
        >>> text = "clone https://ann:hunter2@git.example.com/x.git"
        >>> SecretsGuard().check(Subject(Stage.TOOL_RESULT, text, Context("a", "t"))).payload
        'clone https://ann:[SECRET:password]@git.example.com/x.git'
    """

    name = "secrets"
    stages = frozenset(Stage)

    def __init__(self, *, allow: Collection[str] = ()) -> None:
        where = "guards.secrets.allow"
        self._allow = frozenset(
            one_of(name, PROVIDERS, where=where) for name in words(allow, where=where)
        )

    def find_at(self, stage: Stage) -> Find | None:
        """Return what finds the credentials to replace at `stage`, or None for actions."""
        return None if stage is Stage.ACTION else self._find

    def begun(self, text: str) -> int | None:
        """Return where, at the end of `text`, a leased secret of several words may have begun."""
        return begun(text)

    def check(self, subject: Subject) -> Verdict:
        """Judge `subject`: redact what was read or written, deny what would be sent.

        A leased secret in the arguments of any call is denied: only a tool's body has it.
        """
        acting = subject.stage is Stage.ACTION
        tool = subject.context.tool
        stays = acting and tool is not None and tool.access != "send"
        find = find_leased if stays else self._find  # no call carries what a model must not hold
        try:
            done = scrub(subject.payload, find, root(subject.stage))
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        if not done.spots:
            return ALLOW
        findings = tuple(
            Finding(
                "secret",
                f"a credential ({spot.category}) was found",
                guard=self.name,
                path=spot.path,
                span=spot.span,
            )
            for spot in done.spots[:100]
        )
        if not acting:
            return Verdict(Effect.REDACT, findings, payload=done.value)
        places = ", ".join(sorted({spot.path for spot in done.spots})[:5])
        leased = any(spot.category == LEASED for spot in done.spots)
        why = "A leased secret is in no argument" if leased else "Credentials are never sent"
        message = f"A credential stands in {places}. {why}; leave it out."
        return Verdict(Effect.DENY, findings, message=message)

    def _find(self, text: str) -> list[Hit]:
        return find_secrets(text, allow=self._allow)
