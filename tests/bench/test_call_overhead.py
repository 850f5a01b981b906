"""The measurement of a call's cost runs and writes its page. No figure fails a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("call_overhead.py")
PAGE = "# Cost\n\n<!-- figures begin -->\n\nold figures\n\n<!-- figures end -->\n\nThe end.\n"


@pytest.mark.slow
def test_every_agent_is_measured_and_the_page_is_written(tmp_path: Path) -> None:
    page = tmp_path / "cost.md"
    page.write_text(PAGE, encoding="utf-8")
    few = ["--rounds", "1", "--calls", "1", "--size", "200", "--write", str(page)]

    done = subprocess.run(
        [sys.executable, str(PROGRAM), *few], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Cost\n\n<!-- figures begin -->")
    assert text.endswith("<!-- figures end -->\n\nThe end.\n")
    assert "old figures" not in text
    assert text.count("| guard(): all guards, send |") == 4
    assert text.count("| LangChain: PII, five kinds, and human in the loop |") == 4
    assert text.count("the bar is") == 20
