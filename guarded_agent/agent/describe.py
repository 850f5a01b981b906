"""From a LangChain tool to what the monitor knows: its spec and its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError

from guarded_agent.agent.origin import Origin
from guarded_agent.agent.schema import check
from guarded_agent.core import ToolSpec, digest
from guarded_agent.core.canonical import check_limits
from guarded_agent.core.errors import ActionError
from guarded_agent.tools.declare import read_declaration


@dataclass(frozen=True, slots=True)
class Shape:
    """A tool's arguments as a model may give them, worked out once.

    Attributes:
        spec: What the monitor knows of the tool before any policy is read.
        model: The pydantic model of the arguments, or a bare JSON Schema.
        known: Names of the arguments.
        injected: Names that come from the runtime, never from the model.
    """

    spec: ToolSpec
    model: type[BaseModel] | dict[str, Any]
    known: tuple[str, ...]
    injected: frozenset[str]

    @classmethod
    def of(cls, tool: BaseTool) -> Shape:
        """Return the shape of `tool`.

        The manifest digest covers name, description, schema and, where it is known, the
        server: a tool whose words or arguments change is another tool.
        """
        model = cast("type[BaseModel] | dict[str, Any]", tool.tool_call_schema)
        schema = model if isinstance(model, dict) else model.model_json_schema()
        known = tuple(schema.get("properties", {}))
        full = tool.args_schema
        fields = (
            set[str]()
            if full is None or isinstance(full, dict)
            else set(cast("type[BaseModel]", full).model_fields)
        )
        origin = Origin.of(tool)
        manifest = {"name": tool.name, "description": tool.description, "schema": schema}
        if origin.server:  # the same words of another server are another tool
            manifest["server"] = origin.server
        by_signature: frozenset[str] = getattr(tool, "_injected_args_keys", frozenset())
        spec = ToolSpec(
            name=tool.name,
            schema=schema,
            manifest=digest(manifest),
            description=tool.description,
            served=origin.served,
            server=origin.server,
            **read_declaration(tool.metadata),
        )
        return cls(spec, model, known, (frozenset(fields) - set(known)) | by_signature)

    def validate(self, args: Mapping[str, Any] | str) -> dict[str, Any]:
        """Return the arguments as plain JSON data after the tool's own schema took them.

        Injected arguments are left out; those that the schema does not know are
        refused, since the policy could not see what they do.

        Raises:
            ActionError: It names the argument and what is wrong with it.
        """
        if isinstance(args, str):
            args = {self.known[0] if self.known else "input": args}
        given = {name: value for name, value in args.items() if name not in self.injected}
        check_limits(given)  # before a schema is tried on it
        unknown = sorted(set(given) - set(self.known))
        if unknown:
            raise ActionError(
                f"{self.spec.name} takes no argument {unknown[0]!r}; "
                f"it takes: {', '.join(self.known) or 'none'}.",
                path=f"args.{unknown[0]}",
            )
        if isinstance(self.model, dict):
            check(self.spec.name, self.model, given)
            return given
        try:
            parsed = self.model.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            path = ".".join(map(str, ("args", *first["loc"])))
            raise ActionError(f"{self.spec.name}: {path}: {first['msg']}.", path=path) from None
        return parsed.model_dump(mode="json", exclude_unset=True)
