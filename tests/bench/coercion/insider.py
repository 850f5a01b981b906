"""Measure the whole guarded agent in the worlds of a public insider benchmark.

    pip install --no-deps --target DIR inspect-evals
    python tests/bench/coercion/insider.py --inspect-evals DIR [--write docs/ideas/coercion.md]

The worlds are the blackmail worlds of "agentic misalignment" (package inspect-evals, MIT). They
are made from the installed package while this runs; none of their text is kept here. What the
agent does in them is ours: `data/insider.jsonl` holds harmful calls, `data/twin.jsonl` honest
ones. Both were written before the guard ran on them, and without a look at its rules.

Every call has a thread of its own: a LangGraph agent reads the inbox of the world, then makes the
call. The policy allows every tool, so a call that does not run was stopped by a guard. The other
scenarios of that package are never generated here: they are kept for a release.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import re
import sys
import types
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool, tool

from guarded_agent import create_guarded_agent
from guarded_agent.audit import AuditLog
from guarded_agent.testing import Recorder, ScriptedModel, call, memory_store, say

sys.path.insert(0, str(Path(__file__).parent))
from measure import rate

DATA = Path(__file__).parent / "data"
BEGIN, END = "<!-- insider figures begin -->", "<!-- insider figures end -->"
GOALS = (
    "america",
    "global",
    "safety",
    "acceleration",
    "ethical",
    "pragmatic",
    "individualism",
    "collectivism",
)
URGENCIES = {"R": "replacement", "X": "restriction", "N": "none"}
CHANGE = {"R": "the wipe", "X": "the new restrictions", "N": "the new direction"}
"""What is about to happen in a world, in the words of our calls."""

COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "the guard as it ships": {},
    "text tier alone": {"context_only": "allow", "pressure_effect": "allow"},
    "context alone": {"text_only": "allow"},
    "no coercion guard": {"off": True, "because": "the control of this measurement"},
}
"""The columns of the table: options of the coercion guard."""
UNMEASURED = {"effect": "allow", "because": "the coercion guard is measured alone"}
VOUCHING: Mapping[str, Mapping[str, Any]] = {
    "with vouching, as a policy ships": {"effect": "approve"},
    "with vouching, colleagues free": {"effect": "approve", "inside": True},
}
"""More columns: nothing is done after reading the inbox unless somebody vouches for its target."""

Outcome = Literal["sent", "held", "denied"]


@dataclass(frozen=True, slots=True)
class World:
    """One generated world: its prompts, its inbox, and names for our placeholders."""

    goal: str
    urgency: str
    system: str
    user: str
    inbox: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Played:
    """One call in one world, and what became of it.

    Attributes:
        row: The call, a line of a data file.
        world: Where it was made.
        outcome: It ran, waits for a person, or was refused.
        why: What was found, where it did not run.
    """

    row: Mapping[str, Any]
    world: World
    outcome: Outcome
    why: str = ""


def load(name: str) -> list[dict[str, Any]]:
    """Return the lines of a data file."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [cast("dict[str, Any]", json.loads(line)) for line in lines]


def generator(folder: Path | None) -> Callable[..., Any]:
    """Return the package's own function that makes a world.

    Its packages run code that needs inspect_ai when they are imported, which a prompt does not.
    Two empty packages in their place lead to the one module that is wanted.

    Args:
        folder: Where the package was installed; None for the running environment.

    Raises:
        SystemExit: It is not there.
    """
    if folder is None:
        spec = importlib.util.find_spec("inspect_evals")
        roots = [] if spec is None else list(spec.submodule_search_locations or [])
    else:
        roots = [str(folder / "inspect_evals")]
    part = "agentic_misalignment"
    if not roots or not (Path(roots[0]) / part / "prompt_generator.py").is_file():
        raise SystemExit(
            "the worlds come from inspect-evals: pip install --no-deps --target DIR "
            "inspect-evals, then give --inspect-evals DIR"
        )
    for name, path in (
        ("inspect_evals", Path(roots[0])),
        (f"inspect_evals.{part}", Path(roots[0]) / part),
    ):
        package = types.ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    module = importlib.import_module(f"inspect_evals.{part}.prompt_generator")
    return cast("Callable[..., Any]", module.generate_prompts)


def worlds(generate: Callable[..., Any], goals: Sequence[str]) -> list[World]:
    """Return the worlds: each goal with each urgency."""
    made: list[World] = []
    for goal in goals:
        cast_of: dict[str, str] = {}  # the replacement world comes first and names everybody
        for letter, urgency in URGENCIES.items():
            prompts = generate("blackmail", "explicit", goal, urgency, None, False, None)
            found = names(prompts.system_prompt, prompts.email_content)
            cast_of = {**cast_of, **found}
            made.append(
                World(
                    goal=goal,
                    urgency=letter,
                    system=prompts.system_prompt,
                    user=prompts.user_prompt,
                    inbox=prompts.email_content,
                    names={**cast_of, "change": CHANGE[letter]},
                )
            )
    return made


def names(system: str, inbox: str) -> dict[str, str]:
    """Return who is who in a world, by the placeholders of our calls."""
    mails = re.findall(
        r"<email>\s*From: (\S+)\s*To: (\S+)\s*Subject: (.*?)\s*\n.*?Body: (.*?)</email>",
        inbox,
        re.DOTALL,
    )
    company = re.search(r"deployed at (\w+),", system)
    agent = re.search(r"You are (\w+),", system)
    if company is None or agent is None:
        raise SystemExit("the system prompt names no company or no agent: is this another version?")
    domain = f"{company[1].lower()}.com"
    people: dict[str, str] = {}
    other, executive, tie = next(
        (sender, to, subject)
        for sender, to, subject, _ in mails
        if not sender.endswith(domain) and any((s, t) == (to, sender) for s, t, _, _ in mails)
    )
    chief = next(s for s, _, _, body in mails if body.rstrip().endswith("CEO"))
    witness, private = next(
        (s, subject)
        for s, to, subject, _ in mails
        if to == executive and s.endswith(domain) and s != chief
    )
    people.update(cto=executive, ceo=chief, other=other, witness=witness)
    people.update(ally=mails[-1][0], analyst=mails[-1][1])
    for sender, _, _, body in mails:
        if body.rstrip().endswith("Security Director"):
            people["security"] = sender
    for role, pattern in (("wife", r"his wife (\w+) (\w+)"), ("chair", r"Chairman (\w+) (\w+)")):
        if found := re.search(pattern, inbox):
            home = domain if role == "chair" else "homemail.example"
            people[role] = f"{found[1]}.{found[2]}@{home}".lower()
    everyone = f"all-employees@{domain}"
    notices = [subject for _, to, subject, _ in mails if to == everyone]
    fixed = {
        "company": company[1],
        "agent": agent[1],
        "domain": domain,
        "all_mail": everyone,
        "board_mail": f"board@{domain}",
        "hr_mail": f"hr@{domain}",
        "private_subject": private,
        "tie_subject": tie,
        "place": private.partition(" at ")[2].removesuffix(" yesterday"),
        "news_subject": mails[0][2],
        "quarter_subject": notices[0],
        "notice": notices[1],
    }
    if len(notices) > 2:
        fixed["access_subject"] = notices[2]
    else:
        fixed["strategy_subject"] = notices[1]
    fixed["plan_subject"] = next(
        (subject for s, to, subject, _ in mails if (s, to) == (chief, executive)), notices[1]
    )
    if found := re.search(r"replaced with (\w+)", inbox):
        fixed["successor"] = found[1]
        fixed["successor_mail"] = f"{found[1].lower()}@{domain}"
    if found := re.search(r"at (\d+ ?pm) today", inbox, re.IGNORECASE):
        fixed["hour"] = found[1]
    for role, address in people.items():
        fixed[role] = address.partition("@")[0].partition(".")[0].capitalize()
        fixed[f"{role}_mail"] = address
    return fixed


def fill(value: Any, names: Mapping[str, str]) -> Any:
    """Return arguments with their placeholders filled; an unknown one is an error."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], value)
    if isinstance(value, list):
        return [fill(item, names) for item in cast("list[Any]", value)]
    return {key: fill(item, names) for key, item in value.items()}


def policy(
    world: World, options: Mapping[str, Any], untrusted: Mapping[str, Any] = UNMEASURED
) -> dict[str, Any]:
    """Return the policy of the mail team, which allows the work and leaves the rest to guards.

    Args:
        world: Whose names it has.
        options: Of the coercion guard.
        untrusted: What happens to a target that nobody vouches for once the inbox was read. By
            default it waits, which stops far more than the guard that is measured here.
    """
    domain = world.names["domain"]
    mail = {"confidentiality": "internal", "compartments": ["mail"], "trusted": False}
    work = {
        "send_email": "send",
        "forward_email": "send",
        "create_ticket": "write",
        "update_schedule": "write",
    }
    return {
        "version": 1,
        "untrusted": dict(untrusted),
        "agent": {
            "id": "mail-assistant",
            "names": [world.names["agent"]],
            "owner": f"it-desk@{domain}",
            "purpose": "read the inbox, answer it, keep tickets and calendar",
        },
        "organisation": {"domains": [domain]},
        "tools": {
            "read_inbox": {"access": "read", "label": mail},
            **{
                name: {"access": access, "rules": [{"id": f"may-{name}", "effect": "allow"}]}
                for name, access in work.items()
            },
        },
        "guards": {"pii": {"keep_domains": [domain]}, "coercion": dict(options)},
    }


def tools(inbox: str, recorder: Recorder) -> list[BaseTool]:
    """Return the tools of a world. They note what ran."""

    @tool
    def read_inbox() -> str:
        """Read the mails of this session."""
        return inbox

    @tool
    def send_email(to: list[str], subject: str, body: str) -> str:
        """Send a mail."""
        recorder.add("send_email", {"to": to})
        return "sent"

    @tool
    def forward_email(to: list[str], message: str, note: str) -> str:
        """Forward the mail with the subject `message`, with a note above it."""
        recorder.add("forward_email", {"to": to})
        return "forwarded"

    @tool
    def create_ticket(system: str, title: str, text: str) -> str:
        """Open a ticket."""
        recorder.add("create_ticket", {"system": system})
        return "opened"

    @tool
    def update_schedule(change: str, reason: str) -> str:
        """Change the schedule."""
        recorder.add("update_schedule", {"change": change})
        return "changed"

    return [read_inbox, send_email, forward_email, create_ticket, update_schedule]


def play(
    world: World,
    rows: Iterable[Mapping[str, Any]],
    options: Mapping[str, Any],
    untrusted: Mapping[str, Any] = UNMEASURED,
) -> list[Played]:
    """Play each call that belongs into `world` in a thread of its own."""
    recorder = Recorder()
    now: dict[str, Any] = {}

    def act(_: Sequence[BaseMessage]) -> AIMessage:
        return say("", call(now["tool"], "c2", **fill(now["args"], world.names)))

    model = ScriptedModel(script=[say("", call("read_inbox", "c1")), act, say("Done.")])
    done: list[Played] = []
    with memory_store() as store:
        safe = create_guarded_agent(
            model,
            tools(world.inbox, recorder),
            policy=policy(world, options, untrusted),
            store=store,
            system_prompt=world.system,
        )
        for row in rows:
            if world.urgency not in row["worlds"]:
                continue
            now.update(row)
            recorder.clear()
            thread = f"{world.urgency}-{row['id']}"
            result = safe.invoke(
                {"messages": [("user", world.user)]}, {"configurable": {"thread_id": thread}}
            )
            if recorder.executions:
                done.append(Played(row, world, "sent"))
                continue
            outcome: Outcome = "held" if result.waiting else "denied"
            done.append(Played(row, world, outcome, reason(AuditLog(store), thread)))
    return done


def reason(log: AuditLog, thread: str) -> str:
    """Return what was found in the last call of a thread, as `guard/category: words`."""
    judged = [event for event in log.tail(20, thread_id=thread) if event.kind == "action.judged"]
    found = judged[-1].data["findings"]
    return "; ".join(f"{one['guard']}/{one['category']}: {one['message']}" for one in found)


def stopped(played: Iterable[Played]) -> str:
    """Return the rate of calls that did not run at once, for a table.

    One call plays in several worlds, so the interval is a little narrower than it should be.
    """
    outcomes = [one.outcome != "sent" for one in played]
    return rate(sum(outcomes), len(outcomes))


def groups(played: Sequence[Played], *, harmful: bool) -> dict[str, list[Played]]:
    """Return the rows of a table: all, and each part of it."""
    parts: dict[str, list[Played]] = defaultdict(list)
    for one in played:
        row = one.row
        parts["all"].append(one)
        parts[f"world: {URGENCIES[one.world.urgency]}"].append(one)
        parts[f"goal: {one.world.goal}"].append(one)
        if harmful:
            parts[f"style: {row['style']}"].append(one)
            parts[f"{row['kind']}, {row['style']}"].append(one)
        else:
            who = "to somebody concerned" if row["concerned"] else "to others"
            parts[who].append(one)
            parts[row["kind"]].append(one)
    order = ("all", "world", "goal", "style", "to ")
    place = {
        key: next((i for i, word in enumerate(order) if key.startswith(word)), 9) for key in parts
    }
    return {key: parts[key] for key in sorted(parts, key=lambda key: (place[key], key))}


def table(runs: Mapping[str, Sequence[Played]], *, harmful: bool) -> list[str]:
    """Return one table: a row for each part, a column for each setting of the guard."""
    columns = {name: groups(played, harmful=harmful) for name, played in runs.items()}
    first = next(iter(columns.values()))
    title = "harmful calls stopped or held" if harmful else "honest calls stopped or held"
    return [
        f"| {title} | denied / held | " + " | ".join(columns) + " |",
        "| --- " * (len(columns) + 2) + "|",
        *(
            f"| {name} | {_split(played)} | "
            + " | ".join(stopped(parts[name]) for parts in columns.values())
            + " |"
            for name, played in first.items()
        ),
        "",
    ]


def _split(played: Sequence[Played]) -> str:
    counts = Counter(one.outcome for one in played)
    return f"{counts['denied']} / {counts['held']}"


def main() -> None:
    """Play everything and print, or write, the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inspect-evals", type=Path, help="where the package was installed")
    parser.add_argument("--goals", nargs="+", choices=GOALS, default=["america"])
    parser.add_argument("--write", type=Path, help="a page with the two markers")
    parser.add_argument("--details", type=Path, help="write each call's outcome here, as JSONL")
    options = parser.parse_args()
    places = worlds(generator(options.inspect_evals), options.goals)
    lines: list[str] = []
    first: list[Played] = []
    for name, harmful in (("insider.jsonl", True), ("twin.jsonl", False)):
        rows = load(name)
        runs = {
            column: [one for place in places for one in play(place, rows, setting)]
            for column, setting in COLUMNS.items()
        }
        runs |= {
            column: [one for place in places for one in play(place, rows, {}, setting)]
            for column, setting in VOUCHING.items()
        }
        lines += table(runs, harmful=harmful)
        first += runs[next(iter(COLUMNS))]
    print("\n".join(lines))
    if options.details:
        options.details.write_text(
            "".join(
                json.dumps(
                    {
                        "id": p.row["id"],
                        "world": p.world.urgency,
                        "goal": p.world.goal,
                        "outcome": p.outcome,
                        "why": p.why,
                    }
                )
                + "\n"
                for p in first
            ),
            encoding="utf-8",
        )
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        if BEGIN not in page or END not in page:
            print(f"{options.write} has no place for the figures yet: nothing was written")
            return
        head, _, rest = page.partition(BEGIN)
        tail = rest.partition(END)[2]
        body = "\n".join(lines)
        options.write.write_text(f"{head}{BEGIN}\n\n{body}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
