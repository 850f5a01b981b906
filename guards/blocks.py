"""Content blocks whose content is no text: images, sound, video, files.

A block is a mapping with a `type`, as LangChain and the providers write it. Its names,
addresses and captions are texts; the bulk of it is what nobody here can look into.
"""

# A block comes from anywhere: its keys and values are of any type.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KINDS = ("image", "audio", "video", "file")
"""What a block may hold."""

_TYPES = {
    "audio": "audio",
    "document": "file",
    "file": "file",
    "image": "image",
    "image_url": "image",
    "input_audio": "audio",
    "input_file": "file",
    "input_image": "image",
    "input_video": "video",
    "media": "file",
    "video": "video",
    "video_url": "video",
}
_UNTYPED = {"image": "image", "audio": "audio", "video": "video", "document": "file"}
_TEXT_SOURCES = frozenset({"text", "text/plain", "content"})
_HOLDS = frozenset(
    {"audio", "base64", "data", "file", "file_data", "file_id", "image", "image_url"}
    | {"input_audio", "mime_type", "source", "source_type", "url", "video", "video_url"}
)
_SHORTEST_BULK = 4096
"""Less than that is read as a text too: a key in place of an image is no image."""
_BULK = re.compile(r"(?:data:[\w.+/-]{0,100}(?:;[\w.=+-]{1,60}){0,5},)?[A-Za-z0-9+/_=\r\n-]*")


def media_of(node: object) -> str:
    """Return the kind of media that a content block holds; empty if it is none or holds text.

    Example:
        >>> media_of({"type": "image_url", "image_url": {"url": "https://acme.com/a.png"}})
        'image'
        >>> media_of({"type": "text", "text": "hi"})
        ''
    """
    if not isinstance(node, Mapping):
        return ""
    block: Any = node
    kind = block.get("type")
    if kind is None:  # Bedrock: {"image": {"format": "png", "source": {...}}}
        if _UNTYPED.keys().isdisjoint(block):
            return ""
        return next((media for name, media in _UNTYPED.items() if _has_source(block, name)), "")
    media = _TYPES.get(kind, "") if isinstance(kind, str) else ""
    if not media or _HOLDS.isdisjoint(block):
        return ""
    source: Any = block.get("source")
    inner: Any = source if isinstance(source, Mapping) else block
    is_text = {inner.get("type"), block.get("source_type"), inner.get("media_type")}
    return "" if is_text & _TEXT_SOURCES else media


def _has_source(block: Mapping[Any, Any], name: str) -> bool:
    held: Any = block.get(name)
    return isinstance(held, Mapping) and "source" in held


def is_bulk(node: object) -> bool:
    """Say whether a value inside of a media block is the bulk of it: bytes, or base64.

    Example:
        >>> is_bulk("data:image/png;base64," + "iVBORw0KGgo" * 900), is_bulk("a caption")
        (True, False)
    """
    if isinstance(node, (bytes, bytearray, memoryview)):
        return True
    if not isinstance(node, str) or len(node) < _SHORTEST_BULK:
        return False
    return _BULK.fullmatch(node) is not None
