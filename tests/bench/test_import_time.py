"""What importing guarded_agent costs beside LangGraph, which its user imports anyway.

The table's number in brackets is the ratio to LangGraph alone.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

PROGRAMS = {
    "langgraph": "import langgraph.graph",
    "package": "import langgraph.graph, guarded_agent",
    "guard": "import langgraph.graph; from guarded_agent import guard",
}


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_time_to_import(benchmark: Any, program: str) -> None:
    benchmark.group = "import"

    done = benchmark.pedantic(subprocess.run, args=([sys.executable, "-c", program],), rounds=3)

    assert done.returncode == 0
