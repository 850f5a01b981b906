"""The report measures what it says: each of its parts on something small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import gitleaks
import peers
import report
from credentials import ISSUES, credential
from texts import KINDS, OTHERS, NearMiss, Sample, near_misses, samples

DEVELOPMENT = 1
HARD = {
    "password of plain words",
    "random value, forms thought of later",
    "value or password, forms thought of last",
}


def test_nearly_all_credentials_of_every_issuer_are_found() -> None:
    items = [item for item in samples(DEVELOPMENT, rounds=2, others=30) if item.group not in HARD]
    find = report.ours()
    missed = [x for x in items if not report.covers(x, [hit[:2] for hit in find(x.text)])]
    assert len({item.issuer for item in items}) > 140
    assert len(missed) <= 0.02 * len(items), missed[:5]


def test_near_misses_are_let_by() -> None:
    find = report.ours()
    near = list(near_misses(DEVELOPMENT, 22))
    assert len(near) >= 600
    assert len(KINDS) >= 20
    alarms = [item for item in near if find(item.text)]
    assert len(alarms) <= 0.02 * len(near), alarms[:5]


def test_the_same_seed_gives_the_same_texts_and_another_seed_others() -> None:
    first, again, other = (samples(seed, rounds=1, others=3) for seed in (1, 1, 2))
    assert first == again
    assert not {item.secret for item in first if item.issuer} & {item.secret for item in other}


@pytest.mark.parametrize("group", OTHERS)
def test_each_text_holds_the_parts_of_its_secret(group: str) -> None:
    items = [item for item in samples(3, rounds=1, others=20) if item.group == group]
    assert items
    assert all(part in item.text for item in items for part in item.parts)


def test_no_two_credentials_of_an_issuer_are_alike() -> None:
    import random

    chance = random.Random(1)
    for issue in ISSUES:
        assert credential(issue, chance) != credential(issue, chance), issue


def test_a_credential_that_is_covered_in_part_does_not_count_as_found() -> None:
    sample = Sample("g", "", "key 0123456789 end", "0123456789")
    assert report.covers(sample, [(4, 13)])
    assert not report.covers(sample, [(4, 12)])
    assert not report.covers(sample, [])
    assert report.covers(Sample("g", "", "ab12\ncd34", "ab12\ncd34"), [(0, 4), (5, 9)])


def test_intervals_are_wilsons() -> None:
    low, high = report.interval(95, 100)
    assert (round(low, 4), round(high, 4)) == (0.8882, 0.9785)
    assert report.interval(0, 0) == (0.0, 1.0)


def test_a_peer_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detect_secrets", None)
    found, absent = peers.available()
    assert found == []
    assert absent == ["detect-secrets (with and without entropy)"]


GO = """package rules
var shared = "x1" + `y`
func One() *config.Rule {
    r := config.Rule{RuleID: "one", Regex: re(`a{3}`)}
    tps := []string{
        // a comment, with "quotes"
        "k = \\"v\\"", `raw \\n`, shared + secrets.NewSecret(`[a-f]{3}x`),
    }
    tps = append(tps, utils.GenerateSampleSecrets("acme", "s3cret")...)
    fps := []string{"no"}
    return utils.Validate(r, tps, fps)
}
func Two() *config.Rule {
    r := config.Rule{RuleID: "two"}
    tps := unknown(1)
    return utils.Validate(r, tps, nil)
}
"""
MAKER = 'samples := map[string]string{\n "a": "{i}_key={s}",\n // "b": "no",\n }\n replacer := 1\n'


def test_examples_are_read_from_go_files_and_what_is_not_read_is_named(tmp_path: Path) -> None:
    rules, maker = tmp_path / gitleaks.RULES, tmp_path / gitleaks.MAKER
    rules.mkdir(parents=True)
    maker.parent.mkdir(parents=True)
    (rules / "one.go").write_text(GO)
    maker.write_text(MAKER)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    found, unread = gitleaks.read(tmp_path)
    [one] = found
    assert one.name == "one"
    assert one.true[:2] == ['k = "v"', "raw \\n"]
    assert one.true[2].startswith("x1y")
    assert one.true[2].endswith("x")
    assert one.true[3:] == ["acme_key=s3cret"]
    assert one.false == ["no"]
    assert unread == ["two (Unreadable)"]


def test_the_page_keeps_what_stands_around_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.FIRST}\nold\n{report.LAST}\nafter\n")
    monkeypatch.setattr(report, "figures", lambda options: iter(["new"]))
    report.main(["--write", str(page)])
    assert page.read_text() == f"before\n{report.FIRST}\n\nnew\n\n{report.LAST}\nafter\n"


def test_a_near_miss_that_is_none_would_be_seen() -> None:
    """The count of false alarms can fail."""
    item = NearMiss("none", "api_key = 9f8a7c3be1d24f609f8a7c3b")
    assert report.ours()(item.text)
