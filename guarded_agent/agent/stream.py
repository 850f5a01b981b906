"""One message on its way out of a model: shown as far as it can be, then judged whole.

While it is written, each text in it goes through a filter of its own: the content,
each block, each reasoning field. What a filter holds back, and everything that is
no running text, follows at the end, when the message has been judged as a whole.
Calls of the agent's own tools pass as they come, unless the policy redacts
arguments: then they follow at the end as well, redacted.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils._merge import merge_dicts

from guarded_agent.agent.passing import cleaned_metadata, is_action
from guarded_agent.agent.result import CALL_BLOCKS, CALL_FIELDS
from guarded_agent.core import Stage, TextFilter
from guarded_agent.monitor import WITHHELD, Monitor

Key = tuple[Any, ...]
"""Names one running text: the content, a field of a block, a provider's own field."""

_CONTENT: Key = ("content",)
_RUNNING = {"text": "text", "reasoning": "reasoning", "thinking": "thinking"}
"""Types of the blocks whose text runs, and the field in which it stands."""


def without_logprobs(info: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return metadata without the log probabilities: they spell a text token by token."""
    return {name: item for name, item in (info or {}).items() if name != "logprobs"}


@dataclass(slots=True)
class _Running:
    """One running text: what the model said, and what was shown of it."""

    filter: TextFilter
    said: str = ""
    shown: str = ""

    def push(self, text: str) -> str:
        self.said += text
        return self._show(self.filter.push(text))

    def flush(self) -> str:
        return self._show(self.filter.flush())

    def _show(self, text: str) -> str:
        self.shown += text
        return text


@dataclass(slots=True)
class Outflow:
    """One streamed message.

    Attributes:
        monitor: Its policy decides what is held.
        whole: Whether nothing is shown before the whole message was judged.
    """

    monitor: Monitor
    whole: bool = False
    _raw: list[AIMessageChunk] = field(default_factory=list[AIMessageChunk])
    _info: dict[str, Any] = field(default_factory=dict[str, Any])
    _running: dict[Key, _Running] = field(default_factory=dict[Key, _Running])
    _names: dict[Any, str] = field(default_factory=dict[Any, str])

    def push(self, chunk: ChatGenerationChunk) -> ChatGenerationChunk | None:
        """Take the next chunk; return what of it can be shown already, if anything."""
        message = cast("AIMessageChunk", chunk.message)
        info = without_logprobs(chunk.generation_info)
        kept = without_logprobs(message.response_metadata)
        message = message.model_copy(update={"response_metadata": kept, "chunk_position": None})
        self._raw.append(message)
        if self.whole:
            self._info = merge_dicts(self._info, info)
            return None
        calls = [call for call in message.tool_call_chunks if not self._holds(call)]
        own = calls == message.tool_call_chunks
        kept = cleaned_metadata(self.monitor, kept) or {}
        shown = message.model_copy(
            update={
                "content": self._content(message.content),
                "additional_kwargs": self._extra(message.additional_kwargs),
                "response_metadata": cleaned_metadata(self.monitor, message.response_metadata)
                or {},
                "tool_call_chunks": calls,
                "tool_calls": message.tool_calls if own else [],
                "invalid_tool_calls": message.invalid_tool_calls if own else [],
            }
        )
        return ChatGenerationChunk(
            message=shown, generation_info=cleaned_metadata(self.monitor, info)
        )

    def message(self) -> AIMessageChunk | None:
        """Return the whole message as the model gave it."""
        if not self._raw:
            return None
        first, *others = self._raw
        return cast("AIMessageChunk", first + others if others else first)

    def rest(self, judged: AIMessageChunk) -> ChatGenerationChunk | None:
        """Return what is still to be shown, given the whole message as it may pass."""
        if self.whole:
            info = cleaned_metadata(self.monitor, self._info)
            return ChatGenerationChunk(message=judged, generation_info=info)
        content = self._rest_of_content(judged.content)
        extra = self._rest_of_extra(judged.additional_kwargs)
        calls = [call for call in judged.tool_call_chunks if self._holds(call)]
        if not (content or extra or calls):
            return None
        message = AIMessageChunk(
            content=content, additional_kwargs=extra, tool_call_chunks=calls, id=judged.id
        )
        return ChatGenerationChunk(message=message)

    # -- what can be shown already -----------------------------------------------------

    def _content(self, content: str | list[Any]) -> Any:
        if isinstance(content, str):
            return self._of(_CONTENT).push(content)
        shown: list[Any] = []
        for block in content:
            shown += self._block(block)
        return shown

    def _block(self, block: Any) -> list[Any]:
        if not isinstance(block, dict):
            return []
        if block.get("type") in CALL_BLOCKS:
            return [] if self._holds(block) else [block]
        name = _RUNNING.get(str(block.get("type")))
        index = block.get("index")
        if name is None or index is None or not isinstance(block.get(name, ""), str):
            return []
        shown: list[Any] = []
        for key, running in self._running.items():  # the block before this one has ended
            if key[0] == "block" and key[1] != index and (left := running.flush()):
                shown.append({"type": key[2], "index": key[1], _RUNNING[key[2]]: left})
        key = ("block", index, block["type"])
        first = key not in self._running
        text = self._of(key).push(block.get(name, ""))
        if text or first:
            named = {"id": block["id"]} if first and "id" in block else {}
            shown.append({"type": block["type"], "index": index, name: text, **named})
        return shown

    def _extra(self, extra: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, item in extra.items():
            if item is None:
                shown[name] = None
            elif isinstance(item, str) and name not in CALL_FIELDS:
                shown[name] = self._of(("extra", name)).push(item)
        return shown

    def _of(self, key: Key) -> _Running:
        if key not in self._running:
            self._running[key] = _Running(self.monitor.text_filter())
        return self._running[key]

    def _holds(self, call: Mapping[str, Any]) -> bool:
        """Return whether a piece of a call waits for the end of the message."""
        index = call.get("index")
        name = call.get("name") or self._names.get(index, "")
        if index is not None and name:
            self._names[index] = name
        return self.monitor.scrubber.replaces(Stage.ACTION) or not is_action(self.monitor, name)

    # -- what follows at the end -------------------------------------------------------

    def _rest_of_content(self, content: str | list[Any]) -> Any:
        if isinstance(content, str):
            return self._left(_CONTENT, content)
        left: list[Any] = []
        for block in content:
            if isinstance(block, str):
                text = self._left(_CONTENT, block)
                left += [text] if text else []
            elif block.get("type") not in CALL_BLOCKS:
                left += self._rest_of_block(block)
            elif self._holds(block):
                left.append(block)
        return left

    def _rest_of_block(self, block: dict[str, Any]) -> list[Any]:
        key = ("block", block.get("index"), block.get("type"))
        if key not in self._running:
            return [block]
        name = _RUNNING[str(block["type"])]
        rest = {k: v for k, v in block.items() if k not in ("type", "index", "id", name)}
        text = self._left(key, str(block.get(name, "")))
        if text:
            rest[name] = text
        return [{"type": block["type"], "index": block["index"], **rest}] if rest else []

    def _rest_of_extra(self, extra: dict[str, Any]) -> dict[str, Any]:
        rest: dict[str, Any] = {}
        for name, item in extra.items():
            if ("extra", name) in self._running:
                text = self._left(("extra", name), str(item))
                if text:
                    rest[name] = text
            elif item is not None:
                rest[name] = item
        return rest

    def _left(self, key: Key, judged: str) -> str:
        """Return what is left of one running text, given all of it as it may pass."""
        running = self._running.get(key)
        if running is None:
            return judged
        before = running.shown
        left = running.flush()
        if judged in (running.shown, self.monitor.scrubber.clean(Stage.MODEL_OUTPUT, running.said)):
            return left
        # A guard that needs the whole message changed it: what was shown cannot be taken back.
        return judged[len(before) :] if judged.startswith(before) else WITHHELD
