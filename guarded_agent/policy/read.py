"""Read the plain part of YAML, with the place of every key and value.

Mappings, lists, text, numbers, true, false and null. What makes one file mean
two things is refused: duplicate keys, anchors, aliases, tags, second
documents, and the words and numbers on which YAML 1.1 and 1.2 disagree are text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from guarded_agent.core.errors import PolicyError, Problem
from guarded_agent.policy.source import Path, Place, Source, in_file_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.events import Event

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 30

_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,300}\.[0-9]{0,300}(?:[eE][-+][0-9]{1,3})?")


def read_yaml(text: str, file: str) -> tuple[Any, Source]:
    """Return the plain data in `text`, and where each part of it stands.

    Raises:
        PolicyError: `text` is too large, too deep, or not the plain part of YAML.
    """
    import yaml  # heavy, and needed only where policies are read or written

    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise PolicyError([Problem(f"is larger than {MAX_BYTES} bytes", file=file)])
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        reader = _Reader(text, file, events)
        data = reader.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyError(
            [
                Problem(
                    f"is not valid YAML: {error.problem or error.context}",
                    file=file,
                    line=mark.line + 1 if mark else None,
                    column=mark.column + 1 if mark else None,
                )
            ]
        ) from None
    except yaml.YAMLError:
        message = "is not text: it holds characters that YAML does not allow"
        raise PolicyError([Problem(message, file=file)]) from None
    if reader.problems:
        raise PolicyError(in_file_order(reader.problems))
    return data, Source(file, reader.places)


class _Reader:
    def __init__(self, text: str, file: str, events: Iterator[Event]) -> None:
        self.file = file
        self.places: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self._text = text
        self._lines = text.splitlines()
        self._events = events

    def document(self) -> Any:
        from yaml.events import DocumentStartEvent, StreamEndEvent

        next(self._events)  # the start of the stream
        if isinstance(next(self._events), StreamEndEvent):
            return None
        data = self._value(next(self._events), (), None)
        next(self._events)  # the end of the document
        after = next(self._events)
        if isinstance(after, DocumentStartEvent):
            self._complain(after, "a policy is one document: remove what follows this ---")
        return data

    def _value(self, event: Event, path: Path, key: tuple[int, int] | None) -> Any:
        from yaml import events

        self._refuse_magic(event)
        here = _start(event)
        if len(path) > MAX_DEPTH:
            # Nothing below is read, so that nothing below can exhaust the stack.
            raise PolicyError([self._complain(event, f"is nested deeper than {MAX_DEPTH} levels")])
        if isinstance(event, events.ScalarEvent):
            self.places[path] = self._scalar_place(event, key or here)
            return _scalar(event)
        self.places[path] = Place(key or here, here)
        if isinstance(event, events.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(item := next(self._events), events.SequenceEndEvent):
                items.append(self._value(item, (*path, len(items)), None))
            return items
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(path)
        return None  # an alias, already complained about

    def _mapping(self, path: Path) -> dict[str, Any]:
        from yaml import events

        found: dict[str, Any] = {}
        while not isinstance(key := next(self._events), events.MappingEndEvent):
            name = key.value if isinstance(key, events.ScalarEvent) else ""
            self._refuse_magic(key)
            if not isinstance(key, events.ScalarEvent):
                raise PolicyError([self._complain(key, "a key must be a word, not a list or map")])
            if name == "<<" and not key.style:
                self._complain(key, "merge keys (<<) are not supported: write the keys out")
            elif name in found:
                first = self.places[(*path, name)].key[0]
                self._complain(key, f'duplicate key "{name}": it stands on line {first} already')
            value = self._value(next(self._events), (*path, name), _start(key))
            found.setdefault(name, value)
        return found

    def _refuse_magic(self, event: Event) -> None:
        from yaml.events import AliasEvent

        if isinstance(event, AliasEvent):
            self._complain(event, "aliases (*) are not supported: write the value out")
        elif getattr(event, "anchor", None) is not None:
            self._complain(event, "anchors (&) are not supported: remove it")
        elif getattr(event, "tag", None) is not None:
            self._complain(event, "tags (!) are not supported: remove it")

    def _complain(self, event: Event, message: str) -> Problem:
        line, column = _start(event)
        problem = Problem(message, file=self.file, line=line, column=column)
        self.problems.append(problem)
        return problem

    def _scalar_place(self, event: Any, key: tuple[int, int]) -> Place:
        line, column = _start(event)
        if event.style == "|":
            first = next((text for text in self._lines[line:] if text.strip()), "")
            indent = len(first) - len(first.lstrip(" ")) + 1
            return Place(key, (line, column), indent=indent)
        quote = 1 if event.style in ("'", '"') else 0
        raw = self._text[event.start_mark.index + quote : event.end_mark.index - quote]
        return Place(key, (line, column + quote), verbatim=raw == event.value)


def _start(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _scalar(event: Any) -> Any:
    text: str = event.value
    if event.style:
        return text
    if text.lower() in _WORDS and text in (text.lower(), text.title(), text.upper()):
        return _WORDS[text.lower()]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
