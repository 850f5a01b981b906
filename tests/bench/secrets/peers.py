"""Other detectors, where they are installed: each as a function from a text to spans."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Finder = Callable[[str], list[tuple[int, int]]]

_SPEAKS_OF_ENTROPY = ("Base64HighEntropyString", "HexHighEntropyString")


def available() -> tuple[list[tuple[str, Finder]], list[str]]:
    """Return what can be measured here by its name, and the names of what cannot."""
    try:
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
        from detect_secrets.core.scan import scan_line
        from detect_secrets.settings import transient_settings
    except ImportError:
        return [], ["detect-secrets (with and without entropy)"]
    plugins = [plugin.__name__ for plugin in get_mapping_from_secret_type_to_class().values()]

    def finder(names: list[str]) -> Finder:
        used: dict[str, Any] = {"plugins_used": [{"name": name} for name in names]}

        def find(text: str) -> list[tuple[int, int]]:
            spans: list[tuple[int, int]] = []
            with transient_settings(used):
                at = 0
                for line in text.splitlines(keepends=True):
                    for secret in scan_line(line.rstrip("\n")):
                        value = secret.secret_value or ""
                        start = line.find(value)
                        if value and start >= 0:
                            spans.append((at + start, at + start + len(value)))
                    at += len(line)
            return spans

        return find

    quiet = [name for name in plugins if name not in _SPEAKS_OF_ENTROPY]
    label = f"detect-secrets {version('detect-secrets')}"
    return [(label, finder(plugins)), (f"{label}, no entropy", finder(quiet))], []
