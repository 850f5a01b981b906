"""Redaction for other rooms: previews, logs, approval pages, streams."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from guarded_agent.guards.pii.engine import Kept, finder
from guarded_agent.guards.pii.entities import REGIONS, STANDARD
from guarded_agent.guards.scrub import in_turn, scrub
from guarded_agent.guards.secrets import find_secrets
from guarded_agent.guards.text import NOTICE, Edit, Unscannable, blank


class Redactor:
    """Removes typed personal data and credentials from what people and logs see.

    Credentials always go. E-mail addresses stay by default, since a reviewer must
    see to whom something would be sent.

    Args:
        keep: Kinds of personal data that stay readable, by the names of `pii.KINDS`.
        keep_domains: Mail domains that stay readable even if `EMAIL_ADDRESS` is not kept.
        regions: Countries whose national phone formats count.

    Example:
        >>> redactor = Redactor()
        >>> redactor.redact({"to": "bo@example.com", "text": "card 4111 1111 1111 1111"})
        {'to': 'bo@example.com', 'text': 'card [CARD]'}
    """

    def __init__(
        self,
        *,
        keep: Collection[str] = frozenset({"EMAIL_ADDRESS"}),
        keep_domains: Collection[str] = (),
        regions: Sequence[str] = REGIONS,
    ) -> None:
        kept = Kept(frozenset(name.lower() for name in keep_domains))
        personal = finder(STANDARD - frozenset(keep), regions=regions, kept=kept)
        self._find = in_turn([find_secrets, personal])

    def redact(self, value: Any) -> Any:
        """Return `value`, a text or nested plain data, redacted and of the same shape.

        What cannot be looked through is replaced by a notice.
        """
        try:
            return scrub(value, self._find).value
        except Unscannable:
            return blank(value)

    def redact_text(self, text: str) -> str:
        """Return `text` redacted."""
        return str(self.redact(text))

    def edits(self, text: str) -> list[Edit]:
        """Return the replacements that redact `text`, sorted and apart."""
        try:
            spots = scrub(text, self._find).spots
        except Unscannable:
            return [Edit(0, len(text), NOTICE)]
        return [Edit(*spot.span, spot.replacement) for spot in spots]
