"""Ask Cedar as well: policies and a schema from files, and every doubt denies.

Cedar skips a policy that it cannot evaluate, so a `forbid` with a mistake in it forbids nothing.
Here any error is a denial, and so is a request that does not fit the schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from guarded_agent.core.action import Action
from guarded_agent.core.canonical import digest
from guarded_agent.core.context import Context
from guarded_agent.core.effect import Effect
from guarded_agent.core.errors import ActionError, MissingExtra, Problem
from guarded_agent.core.tool import Sink, ToolSpec
from guarded_agent.policy.around import around
from guarded_agent.policy.cedar_types import Kind, arguments
from guarded_agent.policy.trials import Trial

_AROUND = """\
type Around = {
  user: String,          // for whom the agent acts; "" where that is not known
  read: Set<String>,     // tools whose results the thread has read
  confidentiality: Long, // of what it has read: 0 public, 1 internal, 2 confidential, 3 secret
  compartments: Set<String>,
  trusted: Bool,         // false once it has read anything that is not trusted
  domains: Set<String>,  // where the call's sinks lead; "" for what has no domain
  hour: Long,            // UTC
};
"""


def cedar_schema(tools: Sequence[ToolSpec]) -> str:
    """Return a Cedar schema for `tools`: the start of the file that a policy names.

    The principal is an `Agent`, the resource a `Tool`, and each tool is an action of its name
    with `context.args` and `context.around`.

    Example:
        >>> pay = ToolSpec("pay", schema={"properties": {"to": {"type": "string"}},
        ...                               "required": ["to"]})
        >>> print(cedar_schema([pay]).splitlines()[-1])
        action "pay" appliesTo {principal: Agent, resource: Tool, \
context: {args: {"to": String}, around: Around}};
    """
    lines = ["entity Agent;", "entity Tool;", _AROUND]
    for spec in tools:
        context = f"{{args: {arguments(spec.schema).text}, around: Around}}"
        applies = f"{{principal: Agent, resource: Tool, context: {context}}}"
        lines.append(f"action {json.dumps(spec.name)} appliesTo {applies};")
    return "\n".join(lines) + "\n"


class Cedar:
    """Decides by Cedar policies.

    A `permit` allows, and with the annotation `@effect("approve")` it asks a person; a `forbid`
    denies, and so does a call that no policy permits. Of several that match, the most severe wins.
    `@because("...")` is the reason that people see.

    Args:
        policies: Cedar policies, as text.
        schema: A Cedar schema, as text.
        names: What the two are called where something is wrong in them.

    Raises:
        ValueError: One of them is wrong; the message says which, and where.
        MissingExtra: `cedarpy` is not installed.
    """

    def __init__(
        self, policies: str, schema: str, *, names: tuple[str, str] = ("policies", "schema")
    ) -> None:
        try:
            import cedarpy  # native code, and an extra
        except ModuleNotFoundError:
            raise MissingExtra("a policy that asks Cedar", "cedar") from None
        self._cedar: Any = cedarpy
        self._schema_text = schema
        try:
            self._schema: Any = cedarpy.Schema.from_str(schema)
        except ValueError as error:
            raise ValueError(f"{names[1]} is not a Cedar schema: {error}") from None
        try:
            self._policies: Any = cedarpy.PolicySet.from_str(policies)
            parsed = json.loads(cedarpy.policies_to_json_str(policies))
        except ValueError as error:
            raise ValueError(f"{names[0]} holds no Cedar policies: {error}") from None
        # The parser's own ids, under which Cedar names what decided.
        self._notes = _notes(parsed, names[0])
        said = cedarpy.validate_policies(policies, schema)
        if not said.validation_passed:
            faults = "; ".join(self._named(one.error) for one in said.errors)
            raise ValueError(f"{names[0]} does not fit {names[1]}: {faults}")
        self._tools: dict[str, tuple[Kind, Sequence[Sink]]] = {}
        self.fingerprint = digest({"cedar": policies, "schema": schema})

    @classmethod
    def read(cls, policies: Path, schema: Path) -> Cedar:
        """Return the decider that two files describe.

        Raises:
            ValueError: A file cannot be read, or is wrong.
            MissingExtra: `cedarpy` is not installed.
        """
        return cls(_text(policies), _text(schema), names=(policies.name, schema.name))

    def check(self, tools: Sequence[ToolSpec]) -> list[Problem]:
        """Return a problem for each tool that the schema has no action for."""
        problems: list[Problem] = []
        for spec in tools:
            if spec.concern:
                continue  # nobody is asked about it
            self._tools[spec.name] = arguments(spec.schema), spec.sinks
            probe = f"permit(principal is Agent, action == {_uid('Action', spec.name)}, "
            said = self._cedar.validate_policies(f"{probe}resource is Tool);", self._schema_text)
            if not said.validation_passed:
                message = (
                    f'the Cedar schema has no action "{spec.name}" for an Agent and a Tool: '
                    "cedar_schema() writes one"
                )
                problems.append(Problem(message))
        return problems

    def decide(self, action: Action, context: Context, now: float) -> Trial:
        """Return what the policies say of `action`; whatever is not clear is an error."""
        if action.tool not in self._tools:
            return _broken("the tool is not one that the Cedar schema was checked against")
        kind, sinks = self._tools[action.tool]
        try:
            given = {
                "args": kind.value(action.args, "args"),
                "around": around(action, context, now, sinks),
            }
            request = {
                "principal": {"type": "Agent", "id": action.agent_id},
                "action": {"type": "Action", "id": action.tool},
                "resource": {"type": "Tool", "id": action.tool},
                "context": given,
            }
            result = self._cedar.is_authorized(request, self._policies, [], self._schema)
        except ActionError as error:
            return _broken(str(error))
        except Exception as error:
            return _broken(f"Cedar failed ({type(error).__name__})")
        return self._trial(result)

    def _trial(self, result: Any) -> Trial:
        ids = sorted(str(one) for one in result.diagnostics.reasons)
        if result.decision is self._cedar.Decision.NoDecision:
            # Its words may repeat values of the call.
            return _broken("the call does not fit the Cedar schema")
        if result.diagnostics.errors or any(one not in self._notes for one in ids):
            return _broken("a Cedar policy could not be evaluated")
        if result.decision is not self._cedar.Decision.Allow:
            if not ids:
                because = "no Cedar policy permits this call"
                return Trial("cedar", Effect.DENY, True, because=because)
            return self._by(ids, Effect.DENY)
        asks = [one for one in ids if self._notes[one].get("effect") == "approve"]
        return self._by(asks or ids, Effect.APPROVE if asks else Effect.ALLOW)

    def _by(self, ids: Sequence[str], effect: Effect) -> Trial:
        names = [self._notes[one].get("id") or one for one in ids]
        reasons = dict.fromkeys(self._notes[one].get("because", "") for one in ids)
        because = "; ".join(reason for reason in reasons if reason)
        return Trial(f"cedar:{'+'.join(names)}", effect, True, because=because)

    def _named(self, words: str) -> str:
        for one, notes in self._notes.items():
            words = words.replace(f"`{one}`", f"`{notes.get('id') or one}`")
        return words


def _notes(parsed: Mapping[str, Any], name: str) -> dict[str, dict[str, str]]:
    """Return the annotations of each policy, by the parser's id."""
    if parsed.get("templates"):
        raise ValueError(f"{name} holds a template: only whole policies are read")
    notes: dict[str, dict[str, str]] = {}
    for one, policy in cast("Mapping[str, Any]", parsed["staticPolicies"]).items():
        written = cast("Mapping[str, str | None]", policy.get("annotations") or {})
        found = {key: value or "" for key, value in written.items()}
        effect = found.get("effect")
        called = found.get("id") or one
        if effect is not None and (effect != "approve" or policy["effect"] != "permit"):
            raise ValueError(
                f'{name}: policy {called}: @effect takes "approve", on a permit: leave it out else'
            )
        notes[one] = found
    if not notes:
        raise ValueError(f"{name} holds no policy, so it would deny every call")
    return notes


def _broken(why: str) -> Trial:
    return Trial("cedar", Effect.DENY, False, why)


def _uid(kind: str, name: str) -> str:
    return f"{kind}::{json.dumps(name)}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file in UTF-8") from None
