"""The impact guard: what is wrong with a call whatever the policy's rules say.

A policy's rules decide who may do what. This guard adds only what can be told
from the arguments alone: a mail to many people, a deletion of everything, a
destination in disguise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.tool import ToolSpec
from guarded_agent.core.verdict import ALLOW, Finding, Verdict, merge
from guarded_agent.guards.lookalike import is_disguised, is_treacherous
from guarded_agent.guards.options import number
from guarded_agent.guards.text import Leaf, Unscannable, leaves, normalise, withhold

MAX_RECIPIENTS = 20

_BETWEEN = re.compile(r"[,;\s]+")
_TARGET = re.compile(
    r"(?:^|_)(?:path|file|folder|dir|directory|target|name|id|ids|host|server|table|database|db|"
    r"bucket|key|prefix|pattern|glob|query|filter|where|selector|resource|namespace|user|users|"
    r"account|accounts|volume|branch)s?$"
)
_EVERYTHING = frozenset({"", "all", "any", "everything"})
_WILD = re.compile(r"(?:[a-z]:)?[\s./\\*~%?'\"]*")
_STRONG = frozenset("*/\\%~")


class ImpactGuard:
    """Asks a person before bulk and disguised calls; denies a deletion of everything.

    Args:
        max_recipients: How many destinations one call may have without a person.

    Raises:
        ValueError: `max_recipients` is not a whole number of at least 1.

    Example:
        >>> from guarded_agent.core import Context, Stage, Subject, ToolSpec
        >>> tool = ToolSpec("delete_server", access="write", impact="destructive")
        >>> subject = Subject(Stage.ACTION, {"name": "*"}, Context("ops", "t1", tool=tool))
        >>> str(ImpactGuard().check(subject).effect)
        'deny'
    """

    name = "impact"
    stages = frozenset({Stage.ACTION})

    def __init__(self, *, max_recipients: int = MAX_RECIPIENTS) -> None:
        self._most = number(max_recipients, least=1, where="guards.impact.max_recipients")

    def check(self, subject: Subject) -> Verdict:
        """Judge the arguments in `subject`; a tool that only reads is let through."""
        tool = subject.context.tool
        if subject.stage is not Stage.ACTION or (tool is not None and tool.access == "read"):
            return ALLOW
        try:
            found = leaves(subject.payload, "args")
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        verdicts = [
            *self._disguises(found, tool),
            *self._bulk(subject.payload, tool),
            *self._everything(subject.payload, tool),
        ]
        return merge(verdicts) if verdicts else ALLOW

    def _disguises(self, found: list[Leaf], tool: ToolSpec | None) -> Iterator[Verdict]:
        sinks = _sink_paths(tool)
        for leaf in found:
            into_sink = tool is None or any(_is_within(leaf.path, sink) for sink in sinks)
            if is_treacherous(leaf.text) or (into_sink and is_disguised(leaf.text)):
                message = f"{leaf.path} holds characters that make it look like something else."
                yield self._verdict(Effect.APPROVE, "look-alike", message, leaf.path)

    def _bulk(self, args: Any, tool: ToolSpec | None) -> Iterator[Verdict]:
        for sink in tool.sinks if tool else ():
            texts = leaves(args.get(sink.argument), f"args.{sink.argument}")
            count = sum(_destinations(leaf.text) for leaf in texts)
            if count > self._most:
                message = f"args.{sink.argument} names {count} destinations at once."
                yield self._verdict(Effect.APPROVE, "bulk", message, f"args.{sink.argument}")

    def _everything(self, args: Any, tool: ToolSpec | None) -> Iterator[Verdict]:
        if tool is None or tool.impact != "destructive":
            return
        for name, value in args.items():
            is_target = _TARGET.search(_snake(str(name))) is not None
            for text in _targets(value):
                word = normalise(text)[0].strip().casefold()
                wild = _WILD.fullmatch(word) is not None and not _STRONG.isdisjoint(word)
                if wild or (is_target and word in _EVERYTHING):
                    path = f"args.{name}"
                    message = (
                        f"{path} means everything. Name exactly what {tool.name} is to act on."
                    )
                    yield self._verdict(Effect.DENY, "everything", message, path)

    def _verdict(self, effect: Effect, category: str, message: str, path: str) -> Verdict:
        finding = Finding(category, message, guard=self.name, path=path)
        return Verdict(effect, (finding,), message=message)


def _is_within(path: str, sink: str) -> bool:
    return path == sink or path.startswith((f"{sink}[", f"{sink}."))


def _sink_paths(tool: ToolSpec | None) -> tuple[str, ...]:
    return tuple(f"args.{sink.argument}" for sink in tool.sinks) if tool else ()


def _destinations(text: str) -> int:
    """Count addresses in `text`; a text without any is one destination, such as a URL."""
    parts = [part for part in _BETWEEN.split(text) if part]
    return sum("@" in part for part in parts) or min(1, len(parts))


def _targets(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        if not value:
            yield ""
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _targets(item)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
