"""Build the guards of a policy, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from guarded_agent.core.effect import Effect
from guarded_agent.core.ports import Guard
from guarded_agent.guards.options import construct, reject_unknown

if TYPE_CHECKING:
    from guarded_agent.guards.media import MediaGuard
    from guarded_agent.guards.pii.pseudonyms import Pseudonyms

ORDER = ("scope", "media", "impact", "secrets", "pii", "coercion", "guardrails")
"""The names of a policy's `guards` section, cheapest and surest first."""


def build(
    options: Mapping[str, Any], *, inside: frozenset[str], pseudonyms: Pseudonyms | None = None
) -> list[Guard]:
    """Return the guards that `options` describe.

    Every guard is on, with its defaults, whether or not `options` names it. To
    switch one off, a policy has to say so and why: `{off: true, because: "..."}`.

    Args:
        options: The policy's `guards` section: options by the guard's name.
        inside: Mail domains of the organisation, in lower case.
        pseudonyms: Gives pseudonyms where `guards.pii` says so. Without it nothing can be
            taken back: what would get one is redacted.

    Raises:
        ValueError: An unknown guard or option, or a value that does not exist. The
            message begins with the key, such as `guards.pii.regions`.

    Example:
        >>> [guard.name for guard in build({"coercion": {"off": True, "because": "a demo"}},
        ...                                inside=frozenset())]
        ['scope', 'media', 'impact', 'secrets', 'pii']
    """
    reject_unknown(options, ORDER, where="guards")
    guards: list[Guard] = []
    for name in ORDER:
        section = options.get(name)
        if not _is_off(name, section):
            if name == "pii":
                guards += _pii(_without_off(section), inside, pseudonyms)
            else:
                guards += _BUILDERS[name](_without_off(section), inside)
    for media in guards:
        if media.name == "media":
            for guard in guards:
                cast("MediaGuard", media).share(guard)
    return guards


def _is_off(name: str, section: object) -> bool:
    where = f"guards.{name}"
    if isinstance(section, bool):
        raise ValueError(
            f"{where}: to switch it off, say why: {{off: true, because: '...'}}; "
            "to use the defaults, leave it out"
        )
    if not isinstance(section, Mapping):
        return False
    options = cast("Mapping[str, Any]", section)
    off = options.get("off", False)
    because = options.get("because")
    if not isinstance(off, bool):
        raise ValueError(f"{where}.off: write true or false")
    if not off:
        return False
    if not isinstance(because, str) or not because.strip():
        raise ValueError(f"{where}: to switch it off, say why: because: '...'")
    others = sorted(set(options) - {"off", "because"})
    if others:
        raise ValueError(f"{where}: it is off, so {', '.join(others)} has no effect; take it out")
    return True


def _without_off(section: object) -> Any:
    if not isinstance(section, Mapping):
        return section
    options = cast("Mapping[str, Any]", section)
    return {key: value for key, value in options.items() if key not in ("off", "because")}


def _options(section: object, where: str) -> Mapping[str, Any]:
    if section is None:
        return {}
    if isinstance(section, Mapping):
        return cast("Mapping[str, Any]", section)
    raise ValueError(f"{where}: write a mapping of options")


def _scope(section: object, _inside: frozenset[str]) -> list[Guard]:
    from guarded_agent.guards.scope import ScopeGuard

    return [construct(ScopeGuard, _options(section, "guards.scope"), where="guards.scope")]


def _media(section: object, _inside: frozenset[str]) -> list[Guard]:
    from guarded_agent.guards.media import MediaGuard

    return [construct(MediaGuard, _options(section, "guards.media"), where="guards.media")]


def _impact(section: object, _inside: frozenset[str]) -> list[Guard]:
    from guarded_agent.guards.impact import ImpactGuard

    return [construct(ImpactGuard, _options(section, "guards.impact"), where="guards.impact")]


def _secrets(section: object, _inside: frozenset[str]) -> list[Guard]:
    from guarded_agent.guards.secrets import SecretsGuard

    return [construct(SecretsGuard, _options(section, "guards.secrets"), where="guards.secrets")]


def _pii(section: object, inside: frozenset[str], pseudonyms: Pseudonyms | None) -> list[Guard]:
    from guarded_agent.guards.pii import PiiGuard
    from guarded_agent.guards.pii.pseudonyms_options import split

    options = {"keep_domains": sorted(inside), **_options(section, "guards.pii")}
    parts = split(options)
    if parts is None:
        return [construct(PiiGuard, options, where="guards.pii")]
    from guarded_agent.guards.pii.pseudonyms import Pseudonyms
    from guarded_agent.guards.pii.pseudonyms_guard import PseudonymGuard

    finder = construct(PiiGuard, parts.pseudonyms, where="guards.pii")
    return [
        construct(PiiGuard, parts.plain, where="guards.pii"),
        PseudonymGuard(finder, pseudonyms or Pseudonyms(None, ""), parts.spared),
    ]


def _coercion(section: object, inside: frozenset[str]) -> list[Guard]:
    # Its classifier loads numpy: not before a policy that has it on.
    from guarded_agent.guards.coercion import CoercionGuard
    from guarded_agent.guards.coercion.table import OPTIONS

    where = "guards.coercion"
    options: dict[str, Any] = {}
    for name, word in _options(section, where).items():
        if name in ("access", "categories"):
            options[name] = {
                key: {
                    one: _effect(said, f"{where}.{name}.{key}.{one}")
                    for one, said in _options(row, f"{where}.{name}.{key}").items()
                }
                for key, row in _options(word, f"{where}.{name}").items()
            }
        elif name in ("high", "hint"):
            options[name] = _score(word, f"{where}.{name}")
        elif name in OPTIONS:
            options[name] = _effect(word, f"{where}.{name}")
        else:
            options[name] = word  # none of its options: the guard says so
    return [construct(CoercionGuard, options, where="guards.coercion", inside=inside)]


def _effect(word: object, where: str) -> Effect:
    try:
        return Effect.parse(str(word))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _score(value: object, where: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1:
        return float(value)
    raise ValueError(f"{where}: write a number between 0 and 1, such as 0.6")


def _guardrails(section: object, _inside: frozenset[str]) -> list[Guard]:
    if not section:
        return []
    from guarded_agent.guards.guardrails import from_policy  # loads guardrails: only if listed

    return [*from_policy(section)]


_BUILDERS: Mapping[str, Callable[[object, frozenset[str]], list[Guard]]] = {
    "scope": _scope,
    "media": _media,
    "impact": _impact,
    "secrets": _secrets,
    "coercion": _coercion,
    "guardrails": _guardrails,
}
