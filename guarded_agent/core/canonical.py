"""The canonical byte form of plain data, and the limits it must keep.

Two values have the same bytes exactly when they are the same JSON value. The
form is JSON with sorted keys, no spaces, UTF-8; integers of any size are exact.
What has no JSON form (NaN, infinity, lone surrogates, objects) is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, cast

from guarded_agent.core.errors import ActionError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 20
MAX_ITEMS = 1_000


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of `value`.

    Raises:
        ActionError: `value` holds something with no JSON form.

    Example:
        >>> canonical({"b": 1, "a": "é"})
        b'{"a":"\\xc3\\xa9","b":1}'
    """
    try:
        return _CANONICAL.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ActionError(f"this value has no canonical form: {error}") from None


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical bytes of `value`, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def check_limits(value: Any, where: str = "args") -> None:
    """Refuse data that is too large or deep to judge, or holds a number that is none.

    Raises:
        ActionError: It names the place and the limit.
    """
    size = 0
    items = 0
    stack: list[tuple[Any, str, int]] = [(value, where, 1)]
    while stack:
        node, path, depth = stack.pop()
        items += 1
        if depth > MAX_DEPTH:
            raise ActionError(f"{path} is nested deeper than {MAX_DEPTH} levels", path=path)
        if items > MAX_ITEMS:
            raise ActionError(f"{where} holds more than {MAX_ITEMS} values", path=where)
        if isinstance(node, float) and not math.isfinite(node):
            raise ActionError(f"{path} is {node}, which is not a number to act on", path=path)
        if isinstance(node, str):
            size += len(node.encode("utf-8", "surrogatepass"))
        elif isinstance(node, Mapping):
            for key, item in cast("Mapping[object, object]", node).items():
                size += len(str(key).encode("utf-8", "surrogatepass"))
                stack.append((item, f"{path}.{key}", depth + 1))
        elif isinstance(node, (list, tuple)):
            for index, item in enumerate(cast("list[object]", node)):
                stack.append((item, f"{path}[{index}]", depth + 1))
        if size > MAX_BYTES:
            raise ActionError(f"{path} is part of more than {MAX_BYTES} bytes of text", path=path)
