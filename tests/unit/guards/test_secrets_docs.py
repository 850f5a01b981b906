from __future__ import annotations

import re
from pathlib import Path

from guarded_agent.guards.holdback import LIMIT
from guarded_agent.guards.secrets import FRAMES, PROVIDERS, RULES
from guarded_agent.guards.secrets.find import LONGEST
from guarded_agent.identity.leased import KEPT, SHORTEST

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "secrets.md"


def test_the_reference_lists_every_name_with_every_source() -> None:
    row = re.compile(r"^\| `([a-z0-9-]+)` \| (.+) \|$", re.MULTILINE)
    rows = dict(row.findall(PAGE.read_text("utf-8")))
    assert set(rows) == PROVIDERS
    assert [rule.source for rule in RULES if rule.source not in rows[rule.provider]] == []
    assert [frame.source for frame in FRAMES if frame.source not in rows[frame.category]] == []


def test_the_reference_gives_the_bounds_that_hold() -> None:
    text = PAGE.read_text("utf-8")
    for words in (
        f"last {KEPT} values",
        f"shorter than {SHORTEST}\ncharacters",
        f"at most {LIMIT} characters",
        f"longer than {LONGEST:g} seconds",
        f"{len(PROVIDERS)} names",
    ):
        assert words in text, words
