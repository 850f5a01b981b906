"""Text with nothing hidden in it, and commands that can be copied."""

from __future__ import annotations

import shlex
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.cli.screen import command, flow
from guarded_agent.core.visible import visible


@given(st.text())
def test_no_character_of_a_visible_text_hides_or_moves_others(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert not any(unicodedata.bidirectional(char) in _BIDI for char in shown)


_BIDI = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def test_every_character_that_formats_or_controls_is_written_out() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char)[0] == "C" or unicodedata.category(char) in ("Zl", "Zp"):
            assert visible(char) == f"\\u{{{code:x}}}"


@pytest.mark.parametrize("char", ["\ufe0f", "\U000e0041", "\u3164", "\u2800", "\u034f", "\u00a0"])
def test_what_draws_nothing_is_written_out_too(char: str) -> None:
    assert visible(f"a{char}b") == f"a\\u{{{ord(char):x}}}b"


def test_ordinary_writing_stays_as_it_is() -> None:
    text = "Grüße, 世界, مرحبا, e\u0301, 👍 [bold] \\u{41}"
    assert visible(text) == text
    assert visible("a\nb", keep="\n") == "a\nb"
    assert visible("a\nb") == "a\\u{a}b"


@given(st.lists(st.text("ab -'\"$\\", min_size=1, max_size=40), min_size=1, max_size=8))
def test_a_shell_reads_a_shown_command_as_it_was_meant(words: list[str]) -> None:
    shown = command(words)
    assert shlex.split(shown.replace("\\\n", " ")) == words


def test_a_command_breaks_between_words_and_never_between_an_option_and_its_value() -> None:
    lines = command(["guarded-agent", "approve", "--reviewer", "ann", "--yes"], width=26)
    assert lines.splitlines() == [
        "  guarded-agent approve \\",
        "      --reviewer ann \\",
        "      --yes",
    ]


@given(st.text())
def test_no_line_of_flowing_text_begins_without_the_indent(text: str) -> None:
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        flow(visible(text) * 5, "    ", first="  | ")
    first, *more = out.getvalue().split("\n")[:-1] or [""]
    assert first == "" or first.startswith("  |")
    assert all(line.startswith("    ") or not line.strip() for line in more)
