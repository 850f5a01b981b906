"""Other detectors, where they are installed: each as a function from a text to spans."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

Finder = Callable[[str], list[tuple[int, int]]]

_BY_ENTROPY = ("Base64HighEntropyString", "HexHighEntropyString")


def available() -> tuple[list[tuple[str, Finder]], list[str]]:
    """Return what can be measured here by its name, and the names of what cannot.

    detect-secrets scans a file, as its command does, with its usual filters.
    """
    try:
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
        from detect_secrets.core.scan import scan_file
        from detect_secrets.settings import transient_settings
    except ImportError:
        return [], ["detect-secrets (with and without entropy)"]
    plugins = [plugin.__name__ for plugin in get_mapping_from_secret_type_to_class().values()]
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name, "notes.txt")

    def finder(names: list[str]) -> Finder:
        used: dict[str, Any] = {"plugins_used": [{"name": name} for name in names]}

        def find(text: str, _folder: object = folder) -> list[tuple[int, int]]:
            file.write_text(text, encoding="utf-8", newline="")
            with transient_settings(used):
                values = {secret.secret_value or "" for secret in scan_file(str(file))}
            return [
                (at, at + len(value)) for value in values if value for at in _places(text, value)
            ]

        return find

    quiet = [name for name in plugins if name not in _BY_ENTROPY]
    label = f"detect-secrets {version('detect-secrets')}"
    return [(label, finder(plugins)), (f"{label}, no entropy", finder(quiet))], []


def _places(text: str, value: str) -> list[int]:
    found: list[int] = []
    at = text.find(value)
    while at >= 0:
        found.append(at)
        at = text.find(value, at + len(value))
    return found
