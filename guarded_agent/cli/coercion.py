"""`guarded-agent coercion`: thresholds from one's own mail, and why a text has its score."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from guarded_agent.cli.mail_text import as_text
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import print_json
from guarded_agent.core.errors import PolicyError
from guarded_agent.policy import load

if TYPE_CHECKING:
    from guarded_agent.guards.coercion.table import Effects

_LONGEST = 1024 * 1024
"""More than this, in bytes, nobody reads on a terminal."""


@click.group()
def coercion() -> None:
    """Set what counts as coercion by your own mail, and see why a text does."""


@coercion.command()
@click.argument("folder")
@click.option(
    "--rate",
    metavar="SHARE",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="The share of ordinary mail that may count as sure.",
)
@click.option(
    "--hint-rate",
    metavar="SHARE",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    help="The share of ordinary mail that may count as a hint at least.",
)
@click.option(
    "--most",
    metavar="N",
    type=click.IntRange(min=1),
    default=20000,
    show_default=True,
    help="Stop after so many mails.",
)
@click.option(
    "--show",
    metavar="N",
    type=click.IntRange(0, 100),
    default=5,
    show_default=True,
    help="How many of the mails that score highest are shown, redacted and cut.",
)
@click.option("--write", "target", metavar="FILE", help="Write the thresholds to a new file.")
@json_option
def calibrate(
    folder: str,
    rate: float,
    hint_rate: float,
    most: int,
    show: int,
    target: str | None,
    as_json: bool,
) -> None:
    """Find the thresholds that hold only so much of your ordinary mail.

    Reads every mail in a folder or file: .mbox, .eml, .jsonl with {"text": ...} or
    {"subject": ..., "body": ...}, and .txt, without attachments, quoted history and
    signatures. All of it should be ordinary: what is coercion counts as a false alarm.
    Changes no mail, and sends nothing anywhere.
    """
    # The guard's model is for those who name this command.
    from guarded_agent.cli.coercion_mail import score
    from guarded_agent.cli.coercion_report import as_data, show_report, snippet
    from guarded_agent.guards.coercion.calibrate import calibrate as find_thresholds

    if not rate < hint_rate:
        raise click.UsageError("--rate must be lower than --hint-rate.")
    if target is not None and Path(target).exists():
        raise click.UsageError(f"{target} is there already: name a new file.")
    scored = score(Path(folder), most=most, keep=show)
    if not scored.scores:
        left = "; ".join(f"{len(places)} {why}" for why, places in scored.skipped.items())
        raise click.ClickException(
            f"there is no mail in {folder}" + (f": {left}." if left else ".")
        )
    try:
        found = find_thresholds(scored.scores, rate=rate, hint_rate=hint_rate)
    except ValueError as error:
        raise click.ClickException(f"no threshold can be found: {error}.") from None
    if target is not None:
        with Path(target).open("x", encoding="utf-8") as file:
            file.write(snippet(found))
    if as_json:
        print_json(as_data(scored, found))
    else:
        show_report(scored, found, rates=(rate, hint_rate), target=target)


@coercion.command()
@click.argument("file")
@click.option("--policy", "policy_file", metavar="FILE", help="The policy; without it the default.")
@json_option
def explain(file: str, policy_file: str | None, as_json: bool) -> None:
    """Explain what is read in a text, and what follows where.

    FILE is a text, - is standard input. The text is judged as the message of a tool that
    sends or writes; what stands around it is not known, so each case is told.
    """
    from guarded_agent.cli.coercion_explain import show_explanation
    from guarded_agent.guards.coercion.explain import explain as explain_text

    effects = _effects(policy_file)
    text = _text(file)
    explanation = explain_text(text, effects)
    if as_json:
        print_json(explanation.as_json(text))
    else:
        show_explanation(text, explanation)


def _text(name: str) -> str:
    if name == "-":
        raw = sys.stdin.buffer.read(_LONGEST + 1)
    else:
        with Path(name).open("rb") as file:
            raw = file.read(_LONGEST + 1)
    if len(raw) > _LONGEST:
        raise click.ClickException(f"{name}: larger than 1 MiB: explain a part of it.")
    text = as_text(raw)
    if not text.strip():
        raise click.ClickException(f"{name}: there is no text in it.")
    return text


def _effects(policy_file: str | None) -> Effects:
    """Return the effects and thresholds of a policy.

    Raises:
        click.ClickException: It has the guard off.
        PolicyError: It is wrong, or has an option that does not exist.
    """
    from guarded_agent.guards.building import build
    from guarded_agent.guards.coercion import CoercionGuard

    if policy_file is None:
        return CoercionGuard().effects
    loaded = load(Path(policy_file))
    only = {"coercion": loaded.guards["coercion"]} if "coercion" in loaded.guards else {}
    try:
        guards = build(only, inside=frozenset())
    except ValueError as error:
        raise PolicyError([loaded.source.problem(str(error), ("guards",))]) from None
    for guard in guards:
        if guard.name == "coercion":
            return cast("CoercionGuard", guard).effects
    raise click.ClickException(f"{policy_file}: guards.coercion is off, so nothing follows.")
