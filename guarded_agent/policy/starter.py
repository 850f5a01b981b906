"""Write a first policy for an agent's tools: plain YAML with a reason at every guess.

What a tool says of itself may come from a stranger. Of it only words of closed sets become
YAML; a description stands in a comment, as one quoted line of ASCII.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from guarded_agent.core.tool import ToolSpec
from guarded_agent.policy.guess import MONEY, Guess, Hints, guess
from guarded_agent.policy.merge import DESTRUCTIVE, is_glob
from guarded_agent.policy.model import MAX_TOOL_NAME
from guarded_agent.policy.pitfalls import helper_for

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LONGEST = 70

_HEAD = """\
# yaml-language-server: $schema={schema}
# A first policy, guessed from what the tools say of themselves. Read every line that
# ends in `guess`, correct it, and take the word away. Then:
#   guarded-agent policy check {file} --tools {target}
#   guarded-agent policy lint {file} --tools {target}
version: 1
# mode: observe   # lets every call run, and writes down what would have happened
agent:
  id: {agent}
  # owner: you@example.com
  # purpose: what it is for
  # review: 2027-01-31       # the day by which its owner looks at it again
  # onboarding: approve      # people decide whether this agent may act at all
  # reactivation: approve    # and whether it may again after it was suspended
organisation:
  domains: []   # what is inside, such as [acme.com]; a subdomain is another domain

# What is not listed is denied.
unlisted: {{read: deny, write: deny, send: deny}}

# After it read something that nobody vouches for, a call that writes or sends asks,
# unless the user's own words cover it. `inside: true` lets it write to addresses of
# organisation.domains without.
untrusted: {{effect: approve}}
"""


def starter(
    tools: Sequence[ToolSpec],
    *,
    hints: Mapping[str, Hints] | None = None,
    agent: str = "agent",
    target: str = "my_app:agent",
    file: str = "policy.yaml",
    schema: str = "policy-schema.json",
) -> str:
    """Return a first policy for `tools`, as commented YAML.

    Args:
        tools: The agent's tools. The one that raises a concern needs no entry.
        hints: What servers say of them, by name.
        agent: The agent's id.
        target: What the comments tell to check against.
        file: How the file will be called.
        schema: Where editors find the schema.

    Example:
        >>> text = starter([ToolSpec("get_weather"), ToolSpec("send_mail")])
        >>> from guarded_agent.policy import Policy
        >>> Policy.from_text(text).tools["get_weather"].access
        'read'
    """
    head = _HEAD.format(
        schema=_comment(schema),
        file=_comment(file),
        target=_comment(target),
        agent=_key(agent),
    )
    lines: list[str] = []
    for spec in tools:
        if not spec.concern:
            lines += _tool(spec, (hints or {}).get(spec.name, Hints()))
    listed = any(not line.lstrip().startswith("#") for line in lines if line)
    lines = [head, "tools:" if listed else "tools: {}", *lines]
    return "\n".join(lines) + "\n"


def _tool(spec: ToolSpec, hints: Hints) -> Iterator[str]:
    yield ""
    if not _can_be_listed(spec.name):
        yield f"  # A tool called {_quoted(spec.name)} cannot be listed by its name: rename it."
        return
    if spec.description:
        yield f"  # It says of itself: {_quoted(spec.description)}"
    found = guess(spec, hints)
    yield f"  {_key(spec.name)}:"
    yield f"    access: {found.access}{_why(found.access_why)}"
    if spec.scopes:
        yield f"    # It declares the scopes {_quoted(', '.join(sorted(spec.scopes)))}."
    if found.impact in (MONEY, DESTRUCTIVE):
        yield f"    impact: {found.impact}{_why(found.impact_why)}"
    if hints.idempotent:
        yield "    # Its server says idempotentHint: true. No call is repeated for that."
    yield from _label(spec, found, hints)
    yield from _sinks(found)
    yield from _rules(found)
    yield from _limits(found)


def _can_be_listed(name: str) -> bool:
    plain = name.isascii() and name.isprintable() and " " not in name
    return plain and len(name) <= MAX_TOOL_NAME and not is_glob(name)


def _label(spec: ToolSpec, found: Guess, hints: Hints) -> Iterator[str]:
    if found.access != "read" or spec.declared:
        return
    level = "confidential" if found.compartments else "internal"
    why = found.compartments_why or "nothing says how far its results may travel"
    yield f"    label:{_why(why)}"
    yield f"      confidentiality: {level}"
    if found.compartments:
        yield f"      compartments: [{', '.join(found.compartments)}]"
    trusted = "its server says openWorldHint: true" if hints.open_world else "nobody says otherwise"
    yield f"      trusted: false{_why(trusted)}"


def _sinks(found: Guess) -> Iterator[str]:
    if not found.sinks:
        return
    yield "    sinks:   # through these data leaves; clearance: what may go to the outside"
    for name in found.sinks:
        why = f"an argument is called {name}"
        yield f"      - {{argument: {name}, clearance: public}}{_why(why)}"


def _rules(found: Guess) -> Iterator[str]:
    if not found.asks:
        yield "    rules:"
        yield "      - {effect: allow}"
        return
    does = {"read": "reads", "write": "writes", "send": "sends"}[found.access]
    because = found.asks_why or f"it {does}"
    yield f"    rules:{_why(found.asks_why)}"
    yield f'      - {{effect: approve, because: "{because}"}}'
    sink = next((name for name in found.sinks if helper_for(name) == "email_domain"), None)
    if sink is not None:
        yield "      # Instead, to let it write to the inside by itself:"
        test = f"email_domain(args.{sink}) in inside"
        if sink in found.many:
            test = f"args.{sink}.all(one, email_domain(one) in inside)"
        yield f"      # - {{effect: allow, when: '{test}'}}"
        yield f"      # - {{effect: approve, when: '!({test})'}}"


def _limits(found: Guess) -> Iterator[str]:
    if not found.amount or found.impact != MONEY:
        return
    of = f"{{sum: args.{found.amount}, max: "
    yield f"    limits:{_why(f'an argument is called {found.amount}')}"
    yield "      effect: deny"
    yield f"      per_call: {of}1000}}{_why('a round number')}"
    yield f"      per_day: {of}5000}}{_why('a round number')}"


def _why(reason: str) -> str:
    return f"   # guess: because {reason}" if reason else ""


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name.lower() not in _WORDS else _ascii(name)


def _quoted(text: str) -> str:
    """Return a stranger's text as one line of ASCII in quotes, in which nothing is hidden."""
    words = " ".join(text[:1000].split())
    return _ascii(words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}...")


def _comment(text: str) -> str:
    return _ascii(text)[1:-1]


def _ascii(text: str) -> str:
    return json.dumps(text).replace("\x7f", "\\u007f")  # which JSON keeps, and YAML refuses
