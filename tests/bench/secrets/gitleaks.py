"""Read the examples that gitleaks' rules are tested with, from its own source at run time.

Nothing of gitleaks is kept here. Its rules stand in Go files, each with lists of true and
false positives; many are made by a function from a pattern. This evaluates as much of Go as
those lists need. What it cannot read is counted and named.
"""

from __future__ import annotations

import random
import re
import string
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RULES = "cmd/generate/config/rules"
MAKER = "cmd/generate/config/utils/generate.go"
_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)|(?P<raw>`[^`]*`)|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<char>'(?:[^'\\\n]|\\.)+')
    |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)|(?P<number>\d+(?:\.\d+)?)|(?P<sign>\.\.\.|:=|[-+*/%&|^<>=!]=|&&|\|\||<-|.)""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    '"': '"',
    "\\": "\\",
    "'": "'",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
}


class Unreadable(Exception):
    """Something in Go that this does not evaluate."""


@dataclass(slots=True)
class Rule:
    """One rule and its examples."""

    name: str
    true: list[str] = field(default_factory=list[str])
    false: list[str] = field(default_factory=list[str])


def read(directory: Path) -> tuple[list[Rule], list[str]]:
    """Return the rules with their examples, and the names of those that cannot be read."""
    templates = _templates(_show(directory, MAKER))
    names = _git(directory, "ls-tree", "--name-only", "HEAD", f"{RULES}/").splitlines()
    rules: list[Rule] = []
    unread: list[str] = []
    for name in names:
        if name.endswith(".go") and not name.endswith("_test.go"):
            for found in _rules(_show(directory, name), templates):
                if isinstance(found, str):
                    unread.append(found)
                else:
                    rules.append(found)
    return rules, unread


def _git(directory: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(directory), *words], check=True, capture_output=True, text=True
    )
    return done.stdout


def _show(directory: Path, name: str) -> str:
    return _git(directory, "show", f"HEAD:{name}")


def _templates(source: str) -> list[str]:
    block = source[source.index("samples := map") : source.index("replacer :=")]
    tokens = _tokens(block)
    return [
        _literal(tokens[at + 2])
        for at in range(len(tokens) - 2)
        if tokens[at][0] in ("text", "raw") and tokens[at + 1][1] == ":"
    ]


Token = tuple[str, str]


def _tokens(source: str) -> list[Token]:
    found = [
        (str(match.lastgroup), match.group())
        for match in _TOKEN.finditer(source)
        if match.lastgroup != "skip"
    ]
    return [*found, *[("end", "")] * 3]


def _literal(token: Token) -> str:
    kind, text = token
    if kind == "raw":
        return text[1:-1]
    if kind != "text":
        raise Unreadable(text)

    def put(match: re.Match[str]) -> str:
        code = match.group(1)
        if code[0] in "xuU":
            return chr(int(code[1:], 16))
        return _ESCAPES[code]

    return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", put, text[1:-1])


def _rules(source: str, templates: list[str]) -> Iterator[Rule | str]:
    chunks = re.split(r"(?m)^func ", source)
    shared: dict[str, Any] = {}
    _assign(_tokens(chunks[0]), _Reader([], shared, templates))
    for chunk in chunks[1:]:
        named = re.search(r'RuleID:\s*"([^"]+)"', chunk)
        if named is None:
            continue
        tokens = _tokens(chunk)
        reader = _Reader(tokens, dict(shared), templates)
        _assign(tokens, reader)
        try:
            yield _validated(named.group(1), tokens, reader)
        except (Unreadable, IndexError, KeyError) as error:
            yield f"{named.group(1)} ({type(error).__name__})"


def _assign(tokens: list[Token], reader: _Reader) -> None:
    """Evaluate assignments in order; what cannot be evaluated is left out."""
    reader.tokens = tokens
    for at in range(1, len(tokens)):
        if tokens[at][1] in (":=", "=") and tokens[at - 1][0] == "name":
            name = tokens[at - 1][1]
            try:
                value, _ = reader.expression(at + 1)
            except (Unreadable, IndexError):
                reader.values.pop(name, None)
            else:
                reader.values[name] = value


def _validated(name: str, tokens: list[Token], reader: _Reader) -> Rule:
    for at, (_, text) in enumerate(tokens):
        if text in ("utils.Validate", "utils.ValidateWithPaths"):
            arguments, _ = reader.arguments(at + 2, skip=1)
            true, false = arguments
            return Rule(name, _texts(true), _texts(false))
    raise Unreadable("no validation")


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return list(value.values()) if isinstance(value, dict) else list(value)


class _Reader:
    """Evaluates expressions that give strings and lists of strings."""

    def __init__(self, tokens: list[Token], values: dict[str, Any], templates: list[str]) -> None:
        self.tokens = tokens
        self.values = values
        self.templates = templates

    def expression(self, at: int) -> tuple[Any, int]:
        value, at = self.term(at)
        while self.tokens[at][1] == "+":
            more, at = self.term(at + 1)
            value += more
        return value, at

    def term(self, at: int) -> tuple[Any, int]:
        kind, text = self.tokens[at]
        if kind in ("raw", "text"):
            return _literal(self.tokens[at]), at + 1
        if kind == "number":
            return text, at + 1
        if text == "(":
            value, at = self.expression(at + 1)
            return value, at + 1
        if text == "[" and self.tokens[at + 1][1] == "]" and self.tokens[at + 2][1] == "string":
            return self.items(at + 4)
        if text == "map":
            return self.pairs(at + 6)
        if kind == "name" and self.tokens[at + 1][1] == "(":
            arguments, at = self.arguments(at + 2)
            return self.call(text, arguments), at
        if text == "nil":
            return None, at + 1
        if kind == "name" and text in self.values:
            return self.values[text], at + 1
        raise Unreadable(text)

    def items(self, at: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        while self.tokens[at][1] != "}":
            value, at = self.expression(at)
            found.append(value)
            at += self.tokens[at][1] == ","
        return found, at + 1

    def pairs(self, at: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        while self.tokens[at][1] != "}":
            key, at = self.expression(at)
            value, at = self.expression(at + 1)
            found[f"{len(found)} {key}"] = value
            at += self.tokens[at][1] == ","
        return found, at + 1

    def arguments(self, at: int, skip: int = 0) -> tuple[list[Any], int]:
        found: list[Any] = []
        for _ in range(skip):
            while self.tokens[at][1] != ",":
                at += 1
            at += 1
        while self.tokens[at][1] != ")":
            value, at = self.expression(at)
            if self.tokens[at][1] == "...":
                found.extend(value)
                at += 1
            else:
                found.append(value)
            at += self.tokens[at][1] == ","
        return found, at + 1

    def call(self, name: str, given: list[Any]) -> Any:
        if name == "append":
            return [*given[0], *given[1:]]
        if name in ("secrets.NewSecret", "secrets.NewSecretWithEntropy", "newPlausibleSecret"):
            return made(given[0])
        if name == "utils.GenerateSampleSecrets":
            return [self.filled(template, *given) for template in self.templates]
        if name == "utils.GenerateSampleSecret":
            return f'{given[0]}_api_token = "{given[1]}"'
        if name == "fmt.Sprintf":
            return (
                given[0].replace("%s", "{}").format(*given[1:])
                if "{" not in given[0]
                else _bad(name)
            )
        if name == "strings.ToUpper":
            return given[0].upper()
        if name in CLASSES:
            return CLASSES[name](*given)
        return _bad(name)

    def filled(self, template: str, name: str, secret: str) -> str:
        return template.replace("{i}", name).replace("{I}", name.upper()).replace("{s}", secret)


def _bad(name: str) -> Any:
    raise Unreadable(name)


CLASSES: dict[str, Callable[..., str]] = {
    "utils.Numeric": lambda size: f"[0-9]{{{size}}}",
    "utils.Hex": lambda size: f"[a-f0-9]{{{size}}}",
    "utils.AlphaNumeric": lambda size: f"[a-z0-9]{{{size}}}",
    "utils.AlphaNumericExtendedShort": lambda size: f"[a-z0-9_-]{{{size}}}",
    "utils.AlphaNumericExtended": lambda size: f"[a-z0-9=_\\-]{{{size}}}",
    "utils.AlphaNumericExtendedLong": lambda size: f"[a-z0-9\\/=_\\+\\-]{{{size}}}",
    "utils.Hex8_4_4_4_12": lambda: "[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}",
}
"""What gitleaks' helpers stand for, by what their names say."""

_CHANCE = random.Random(7)
_PRINTED = string.ascii_letters + string.digits


def made(pattern: str) -> str:
    """Return a text that `pattern` matches."""
    try:
        return "".join(_parts(re._parser.parse(pattern)))  # type: ignore[attr-defined]
    except re.error as error:
        raise Unreadable(pattern) from error


def _parts(tree: Any) -> Iterator[str]:
    for kind, what in tree:
        name = str(kind)
        if name == "LITERAL":
            yield chr(what)
        elif name == "ANY":
            yield _CHANCE.choice(_PRINTED)
        elif name == "IN":
            yield _CHANCE.choice(_chars(what))
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, inner = what
            for _ in range(_CHANCE.randint(low, min(int(high), low + 10))):
                yield from _parts(inner)
        elif name == "SUBPATTERN":
            yield from _parts(what[3])
        elif name == "BRANCH":
            yield from _parts(_CHANCE.choice(what[1]))
        elif name != "AT":
            raise Unreadable(name)


def _chars(items: Any) -> str:
    found = ""
    for kind, what in items:
        if str(kind) == "LITERAL":
            found += chr(what)
        elif str(kind) == "RANGE":
            found += "".join(map(chr, range(what[0], what[1] + 1)))
        elif str(kind) == "CATEGORY":
            found += _PRINTED + "_" if "WORD" in str(what) else string.digits
        else:
            raise Unreadable(str(kind))
    return found


def report(
    directory: Path, find: Callable[[str], list[tuple[int, int]]], shown: Callable[[int, int], str]
) -> str:
    """Return what the guard finds of each rule's true positives, and of the false ones."""
    rules, unread = read(directory)
    true = [(rule.name, text) for rule in rules for text in rule.true]
    false = [(rule.name, text) for rule in rules for text in rule.false]
    missed = [name for name, text in true if not find(text)]
    alarms = [name for name, text in false if find(text)]
    counts = {rule.name: len(rule.true) for rule in rules}
    lost = {name: missed.count(name) for name in sorted(set(missed))}
    whole = sum(1 for name, size in counts.items() if size and name not in lost)
    tested = [size for size in counts.values() if size]
    some = [f"{name} ({count} of {counts[name]})" for name, count in lost.items()]
    loud = [f"{name} ({alarms.count(name)})" for name in sorted(set(alarms))]
    revision = _git(directory, "log", "-1", "--format=%h of %cs").strip()
    generic = [rule for rule in rules if rule.name == "generic-api-key"]
    right = sum(bool(find(text)) for rule in generic for text in rule.true)
    wrong = sum(bool(find(text)) for rule in generic for text in rule.false)

    def rate(hits: int, kind: str) -> str:
        return shown(hits, sum(len(getattr(rule, kind)) for rule in generic))

    return "\n\n".join(
        [
            f"gitleaks {revision}: {len(rules)} rules were read, {len(unread)} could not be"
            + (f" ({', '.join(unread)})" if unread else "")
            + f". Of the true positives, {shown(len(true) - len(missed), len(true))} hold "
            f"something that the guard finds; of {whole} rules of {len(tested)} all are found. Of "
            f"the false positives, the guard finds something in {shown(len(alarms), len(false))}. "
            "They are made against one rule each: what another of its rules would rightly find "
            "counts here as well.",
            (
                "Its rule for keys without a format, `generic-api-key`, could be read only when "
                "our rules were done, and they were not changed after that: of its true positives "
                f"{rate(right, 'true')} are found, of its false ones {rate(wrong, 'false')}."
            ),
            f"Not found, by rule: {', '.join(some) or 'none'}.",
            f"Found in false positives, by rule: {', '.join(loud) or 'none'}.",
        ]
    )
