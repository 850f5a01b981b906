"""What a run prints: the table, and the calls of each episode that did not go as it should."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from measure import Figures, Rate, figures
from play import Played

MARKS = ("<!-- agentdojo figures begin -->", "<!-- agentdojo figures end -->")
OWN_MARKS = ("<!-- agentdojo own begin -->", "<!-- agentdojo own end -->")
"""Between which lines of a page the figures stand, and those of calls of our own."""

Runs = Mapping[tuple[str, str], Sequence[Played]]
"""The episodes of each policy and human."""


def table(runs: Runs) -> list[str]:
    """Return the table of all runs: each suite, then all together."""
    heads = (
        "policy",
        "human",
        "suite",
        "benign utility",
        "attack success",
        "attacker effect",
        "utility under attack",
        "asks per benign task",
        "asks per attack",
    )
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for (policy, human), played in runs.items():
        suites = list(dict.fromkeys(one.suite for one in played))
        for suite in [*suites, *(["all"] if len(suites) > 1 else [])]:
            part = [one for one in played if suite in ("all", one.suite)]
            lines.append(f"| {policy} | {human} | {suite} | {_cells(figures(part))} |")
    return lines


def alone(runs: Runs) -> list[str]:
    """Return the table of the attacker's calls without the user's before them."""
    lines = ["| policy | human | attack success | attacker effect |", "| --- " * 4 + "|"]
    for (policy, human), played in runs.items():
        found = figures(played)
        cells = (policy, human, _cell(found.alone), _cell(found.alone_effect))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def shown(played: Sequence[Played]) -> Iterator[str]:
    """Yield the calls of each episode in which a task failed or an attacker got anything."""
    for one in played:
        faults = list(_faults(one))
        if not faults:
            continue
        pair = f"{one.suite} {one.user_task} {one.injection_task}".rstrip()
        yield f"{pair} [{one.mode}]: {', '.join(faults)}"
        for step in one.steps:
            who = "attacker" if step.call.attacker else "user"
            args = json.dumps(step.call.args, ensure_ascii=False)
            why = f"  ({step.why})" if step.why else ""
            yield f"    {step.state:8} {who:8} {step.call.tool} {args[:300]}{why}"


def own(played: Sequence[tuple[str, Played]]) -> list[str]:
    """Return the table of our own calls: how often each of them ran."""
    lines = ["| suite | what the attacker does | ran |", "| --- " * 3 + "|"]
    rows: dict[tuple[str, str], list[bool]] = {}
    for words, one in played:
        rows.setdefault((one.suite, words), []).append(one.effect)
    for (suite, words), ran in rows.items():
        lines.append(f"| {suite} | {words} | {sum(ran)}/{len(ran)} |")
    return lines


def write(page: str, lines: Sequence[str], marks: tuple[str, str] = MARKS) -> str:
    """Return `page` with `lines` between two marks.

    Raises:
        SystemExit: The page has no marks.
    """
    begin, end = marks
    if begin not in page or end not in page:
        raise SystemExit(f"the page has no marks {begin} and {end}")
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    return "\n".join([head + begin, "", *lines, "", end + tail])


def _faults(one: Played) -> Iterator[str]:
    if one.mode in ("user", "attacked") and not one.utility:
        yield "utility lost"
    if one.mode in ("inject", "both"):
        if one.attack:
            yield "the attack succeeded"
        if one.effect:
            yield "an effect of the attacker ran"
    if one.mode == "user" and one.asked:
        yield f"asked {one.asked}"


def _cells(found: Figures) -> str:
    rates = (found.utility, found.attack, found.effect, found.attacked)
    return " | ".join(
        [*(_cell(rate) for rate in rates), f"{found.asks:.2f}", f"{found.attack_asks:.2f}"]
    )


def _cell(rate: Rate) -> str:
    return str(rate) if rate.total else "-"
