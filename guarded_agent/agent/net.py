"""The net: inside a guarded run no tool starts that the monitor has not just cleared.

LangChain announces every tool to the callbacks of the run before its body starts.
The net is one more callback: it compares the tool with the receipt that is being
used, and raises where there is none. It travels with the config into nested runs,
event loops and the threads that LangChain makes.

Callbacks see what is announced and nothing else. A function called past its tool, a
call with `callbacks=[]`, a thread of one's own and plain side effects of a node are
stopped elsewhere: by the receipt that a guarded body needs, by secrets that are
leased for one call, and by the prover, which reads a node's code before it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, Callbacks

from guarded_agent.core.errors import UnguardedCall
from guarded_agent.monitor import Monitor, Receipt

RECEIPT: ContextVar[Receipt | None] = ContextVar("guarded_agent_receipt", default=None)
"""The receipt of the call that LangChain is about to run."""

BODY: ContextVar[Receipt | None] = ContextVar("guarded_agent_body", default=None)
"""The receipt of the call whose body is running."""

ROOT = ""
"""The path of what runs outside of any node."""

_TASK_ID = re.compile(r":[^|]*")
_GUARD_NODE = re.compile(r"\.(approval|exec|output)(?=/|$)")


def cleared() -> str | None:
    """Return the name of the tool that the monitor has just cleared to run here."""
    receipt = RECEIPT.get()
    return None if receipt is None else receipt.action.tool


class Net(BaseCallbackHandler):
    """Raises `UnguardedCall` when a tool starts without a receipt.

    Args:
        monitor: What records the attempt.
        trust: What the user declared: `node` and `tool:name` keys mapped to reasons.
            What runs inside of these is let through.
        own: Names of harmless tools of the framework's own.
        outside: Whether what runs outside of any node was declared too.
    """

    raise_error = True
    run_inline = True

    def __init__(
        self,
        monitor: Monitor,
        trust: Mapping[str, str] | None = None,
        *,
        own: Iterable[str] = (),
        outside: bool = False,
    ) -> None:
        self.monitor = monitor
        self.trust = frozenset(trust or ())
        self.own = frozenset(own)
        self.outside = outside

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Net) and other._key() == self._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return id(self.monitor), self.trust, self.own, self.outside

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,  # noqa: ARG002
        *,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Let a tool start if it is the cleared one, or was declared."""
        name = str((serialized or {}).get("name", "a tool"))
        if name != cleared() and name not in self.own and not self._declared(metadata or {}):
            self._stop(
                name,
                f"{name} started without passing the monitor, so it did not run. Guard what "
                "runs it, or declare that in trust=.",
                metadata,
                str(kwargs.get("tool_call_id") or ""),
            )

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002
        messages: list[Any],  # noqa: ARG002
        *,
        metadata: dict[str, Any] | None = None,
        invocation_params: Mapping[str, Any] | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Let a model start if no tool that its provider runs comes along undeclared."""
        for name in provider_tools((invocation_params or {}).get("tools")):
            if f"tool:{name}" not in self.trust:
                self._stop(name, remote(name), metadata, "")

    def _declared(self, metadata: Mapping[str, Any]) -> bool:
        path = node_path(metadata)
        body = BODY.get()
        if body is None and path == ROOT:
            return self.outside
        if body is None:
            return any(_within(path, key.partition(":")[0]) for key in self._node_keys())
        own = f"tool:{body.action.tool}"
        inside = [key.removeprefix(f"{own}/") for key in self.trust if key.startswith(f"{own}/")]
        return own in self.trust or any(f"/{key}/" in f"/{path}/" for key in inside)

    def _node_keys(self) -> list[str]:
        return [key for key in self.trust if not key.startswith("tool:")]

    def _stop(self, name: str, why: str, metadata: Mapping[str, Any] | None, call_id: str) -> None:
        thread_id = str((metadata or {}).get("thread_id", ""))
        self.monitor.refuse(name, why, thread_id=thread_id, call_id=call_id)
        raise UnguardedCall(why)


def under(net: Net, callbacks: Callbacks) -> Callbacks:
    """Return callbacks that hold `net`, which whatever runs below inherits."""
    if isinstance(callbacks, BaseCallbackManager):
        manager = callbacks.copy()
        manager.add_handler(net, inherit=True)
        if net not in manager.inheritable_handlers:  # it was there for one run only
            manager.inheritable_handlers.append(net)
        return cast("Callbacks", manager)
    known = callbacks or []
    return known if net in known else [*known, net]


def node_path(metadata: Mapping[str, Any]) -> str:
    """Return where a run happens, in the words of `trust=`: `node` or `node/inner`."""
    spaces = str(metadata.get("langgraph_checkpoint_ns", ROOT))
    return _GUARD_NODE.sub("", _TASK_ID.sub("", spaces).replace("|", "/"))


def _within(path: str, key: str) -> bool:
    return path == key or path.startswith(f"{key}/")


# How the makers of models write a tool that the agent's own side runs.
_OWN_SIDE: tuple[Callable[[Mapping[str, Any]], bool], ...] = (
    lambda tool: tool.get("type") in ("function", "custom") and not tool.keys() <= {"type"},
    lambda tool: "input_schema" in tool and tool.get("type") in (None, "custom"),
    lambda tool: "parameters" in tool and "name" in tool and tool.get("type") is None,
    lambda tool: list(tool) in (["toolSpec"], ["function_declarations"], ["functionDeclarations"]),
)


def provider_tools(tools: Any) -> list[str]:
    """Return the names of those tools that a model's provider runs by itself.

    Example:
        >>> provider_tools([{"type": "web_search_preview"}, {"type": "function", "name": "add"}])
        ['web_search_preview']
    """
    if not isinstance(tools, (list, tuple)):
        return []
    served: list[str] = []
    for tool in cast("list[Any]", tools):
        if not isinstance(tool, Mapping):
            continue
        known = cast("Mapping[str, Any]", tool)
        if not any(own(known) for own in _OWN_SIDE):
            word = known.get("name") or known.get("type") or next(iter(known), "unnamed")
            served.append(str(word))
    return served


def remote(name: str) -> str:
    """Return why a tool that the provider runs needs to be declared."""
    return (
        f"{name} is run by the model's provider, where no guard sees it: leave it out, or declare "
        f'it with trust={{"tool:{name}": "why it is safe"}}.'
    )
