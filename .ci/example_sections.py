"""For the reference: `Example:` in a docstring is a section of its own, like `Examples:`."""

from __future__ import annotations

from typing import Any

from griffe import Extension, Object


class ExampleSections(Extension):
    """Lets griffe, which knows only the plural, show our examples as code."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rename the section in the docstring of whatever was read."""
        if obj.docstring is not None:
            lines = obj.docstring.value.split("\n")
            named = ["Examples:" if line == "Example:" else line for line in lines]
            obj.docstring.value = "\n".join(named)
