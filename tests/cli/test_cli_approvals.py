"""`guarded-agent approvals`: what people read and what their words do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guarded_agent.core import Finding

ME = ("--reviewer", "ann@acme.example")


def test_an_empty_queue_says_so_and_what_to_do(desk: Any) -> None:
    result = desk.type("approvals", "list")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Nothing waits for a decision.",
        "What an agent's policy leaves to people is listed here. What was decided before:",
        "  guarded-agent approvals list --all",
    ]


def test_the_list_shows_what_why_how_far_and_how_long(desk: Any) -> None:
    request = desk.ask(quorum=2)
    assert desk.type("approvals", "list").stdout.splitlines() == [
        "1 request waits for a decision",
        "",
        f"{request.id}  0 of 2 approvals  expires in 30 min",
        "  Pay 4,800 EUR to Norvane.",
        "  - payments above 100 EUR need a person",
        "",
        "See one, and how to decide on it:",
        f"  guarded-agent approvals show {request.id}",
    ]


def test_the_list_begins_with_what_expires_first(desk: Any) -> None:
    later = desk.ask(decide_within=3600)
    sooner = desk.ask(decide_within=60)
    text = desk.type("approvals", "list").stdout
    assert text.index(sooner.id) < text.index(later.id)


def test_the_list_shows_what_ended_only_when_asked(desk: Any) -> None:
    request = desk.ask()
    desk.type("approvals", "reject", request.id, *ME, "--reason", "no")
    assert request.id not in desk.type("approvals", "list").stdout
    assert f"{request.id}  rejected" in desk.type("approvals", "list", "--all").stdout


def test_the_list_for_a_script_has_requests_and_uncertain_actions(desk: Any) -> None:
    request, action = desk.ask(), desk.cut_off()
    listed = json.loads(desk.type("approvals", "list", "--json").stdout)
    assert [item["id"] for item in listed["requests"]] == [request.id]
    assert [item["digest"] for item in listed["uncertain"]] == [action.digest]
    assert listed["requests"][0]["digest"] == request.digest


def test_the_card_reads_in_the_order_of_a_decision(desk: Any) -> None:
    request = desk.ask()
    desk.now += 120
    assert desk.type("approvals", "show", request.id[:6]).stdout.splitlines() == [
        "Pay 4,800 EUR to Norvane.",
        "",
        "Why it was stopped",
        "  - payments above 100 EUR need a person [large]",
        "",
        "Arguments, redacted",
        "  | payee: Norvane",
        "  | amount: 4800",
        "  | card: [CARD]",
        "",
        "Data read  public, trusted",
        "Impact     money",
        "Asked by   agent desk-agent, for bo@acme.example, in thread t1",
        "Votes      0 of 1 approvals",
        "Clock      asked 2 min ago; denied in 28 min unless decided; an approval is good",
        "           for 10 min",
        "",
        "What you can do",
        f"  guarded-agent approvals approve {request.id} --reviewer YOUR-NAME \\",
        f"      --digest {request.digest}",
        f"  guarded-agent approvals reject {request.id} --reviewer YOUR-NAME \\",
        "      --reason WHY",
        f"  guarded-agent approvals edit {request.id} --reviewer YOUR-NAME \\",
        "      --args @new-arguments.json",
    ]


def test_the_real_arguments_are_shown_on_request_and_who_looked_is_logged(desk: Any) -> None:
    request = desk.ask()
    assert "4111" not in desk.type("approvals", "show", request.id).stdout
    opened = desk.type("approvals", "show", request.id, "--reveal", *ME).stdout
    assert "  | card: 4111 1111 1111 1111\n" in opened
    assert "Arguments, as they are" in opened
    [(_, data)] = [item for item in desk.log() if item[0] == "approval.revealed"]
    assert data["reviewer"] == "ann@acme.example"


def test_nobody_reveals_without_a_name(desk: Any) -> None:
    result = desk.type("approvals", "show", desk.ask().id, "--reveal")
    assert result.exit_code == 2
    assert "say who looks with --reviewer NAME" in result.stderr


def test_nothing_that_an_agent_wrote_is_hidden_or_read_as_markup(desk: Any) -> None:
    body = "ok\u202egnp.exe [bold red]x[/] \x1b[2J\u200b:warning:"
    request = desk.ask(
        preview={"body": body, "\u2066to": "x"},
        reason="[link=http://evil.example]fine[/link]\x07",
        summary="Send\u2028Votes      2 of 2 approvals",
    )
    for words in (["list"], ["show", request.id]):
        text = desk.type("approvals", *words).stdout
        assert not any(char in text for char in "\u202e\x1b\u200b\u2066\u2028\x07")
        assert "Send\\u{2028}Votes" in text
        assert "[link=http://evil.example]fine[/link]\\u{7}" in text
    assert "ok\\u{202e}gnp.exe [bold red]x[/] \\u{1b}[2J\\u{200b}:warning:" in text
    assert "\\u{2066}to: x" in text


def test_lines_that_an_agent_wrote_stay_behind_the_bar(desk: Any) -> None:
    fake = "Votes      2 of 2 approvals"
    body = f"Hello\n{fake}\n" + " " * 90 + fake
    request = desk.ask(preview={"body": body}, summary="x " * 38 + fake)
    lines = desk.type("approvals", "show", request.id).stdout.splitlines()
    assert [line for line in lines if line.startswith("Votes")] == ["Votes      0 of 1 approvals"]
    assert f"  |   {fake}" in lines


def test_approving_needs_the_digest_that_was_seen(desk: Any) -> None:
    request = desk.ask()
    result = desk.type("approvals", "approve", request.id, *ME)
    assert result.exit_code == 2
    assert "give the digest that you saw with --digest" in result.stderr
    wrong = desk.type("approvals", "approve", request.id, *ME, "--digest", "0" * 64)
    assert wrong.exit_code == 2
    assert desk.state(request) == "pending"
    right = desk.type("approvals", "approve", request.id, *ME, "--digest", request.digest)
    assert right.exit_code == 0
    assert desk.state(request) == "approved"


def test_approving_says_what_happens_next(desk: Any) -> None:
    request = desk.ask(quorum=2)
    first = desk.type("approvals", "approve", request.id, *ME, "--digest", request.digest)
    assert "Your approval counts: 1 of 2 approvals" in first.stdout
    desk.environ["GUARDED_AGENT_REVIEWER"] = "cy@acme.example"
    second = desk.type("approvals", "approve", request.id, "--digest", request.digest)
    assert " ".join(second.stdout.split()) == (
        "Approved. The call runs when the agent resumes the thread t1; the approval is good "
        "for 10 min."
    )


def test_on_a_terminal_the_card_is_shown_and_a_person_is_asked(desk: Any) -> None:
    request = desk.ask()
    desk.terminal = True
    no = desk.type("approvals", "approve", request.id, *ME, answer="\n")
    assert no.exit_code == 0
    assert "Pay 4,800 EUR to Norvane." in no.stdout
    assert "Nothing was changed." in no.stdout
    assert desk.state(request) == "pending"
    desk.type("approvals", "approve", request.id, *ME, answer="y\n")
    assert desk.state(request) == "approved"


def test_an_approval_of_something_that_ended_asks_nobody(desk: Any) -> None:
    request = desk.ask()
    desk.terminal = True
    desk.now += 3600
    result = desk.type("approvals", "approve", request.id, *ME)
    assert result.exit_code == 2
    assert result.stderr == f"Error: request {request.id} is expired: it waits for nobody\n"


def test_yes_approves_what_stands_there_now(desk: Any) -> None:
    request = desk.ask()
    result = desk.type("approvals", "approve", request.id, *ME, "--yes")
    assert "Pay 4,800 EUR to Norvane." in result.stdout
    assert desk.state(request) == "approved"


def test_a_required_role_is_named_and_counts(desk: Any) -> None:
    request = desk.ask(roles=["sre"])
    assert "--role sre" in desk.type("approvals", "show", request.id).stdout
    without = desk.type("approvals", "approve", request.id, *ME, "--yes")
    assert "needs an approver with a role of sre" in without.stderr
    assert (
        desk.type("approvals", "approve", request.id, *ME, "--yes", "--role", "sre").exit_code == 0
    )


@pytest.mark.parametrize(
    "words",
    [
        ("approve", "--yes"),
        ("reject", "--reason", "no"),
        ("edit", "--args", "{}"),
        ("settle", "--outcome", "done", "--reason", "x"),
    ],
)
def test_who_decides_says_who_they_are(desk: Any, words: tuple[str, ...]) -> None:
    verb, *rest = words
    result = desk.type("approvals", verb, desk.ask().id, *rest)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: say who you are with --reviewer NAME, or set ")


@pytest.mark.parametrize("person", ["desk-agent", "bo@acme.example", "agent:x"])
def test_the_agent_and_the_one_it_acts_for_do_not_decide(desk: Any, person: str) -> None:
    request = desk.ask()
    result = desk.type("approvals", "approve", request.id, "--reviewer", person, "--yes")
    assert result.exit_code == 2
    assert desk.state(request) == "pending"


def test_a_rejection_needs_a_reason_and_decides(desk: Any) -> None:
    request = desk.ask()
    assert desk.type("approvals", "reject", request.id, *ME).exit_code == 2
    done = desk.type("approvals", "reject", request.id, *ME, "--reason", "wrong payee", "--json")
    assert json.loads(done.stdout)["state"] == "rejected"
    assert "State      rejected: wrong payee" in desk.type("approvals", "show", request.id).stdout


def test_an_edit_takes_json_or_a_file_and_approves_nothing(desk: Any, tmp_path: Path) -> None:
    first, second = desk.ask(), desk.ask()
    result = desk.type("approvals", "edit", first.id, *ME, "--args", '{"amount": 80}')
    assert "you cannot approve it yourself" in " ".join(result.stdout.split())
    file = tmp_path / "new.json"
    file.write_text('{"amount": 90}')
    desk.type("approvals", "edit", second.id, *ME, "--args", f"@{file}", "--reason", "less")
    assert [desk.state(first), desk.state(second)] == ["edited", "edited"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{", "--args holds no JSON"),
        ("[1]", "--args must hold a JSON object"),
        ("@missing.json", "missing.json cannot be read: No such file"),
        ('{"amount": NaN}', "is nan, which is not a number"),
    ],
)
def test_an_edit_refuses_what_is_no_json_object(desk: Any, given: str, words: str) -> None:
    request = desk.ask()
    result = desk.type("approvals", "edit", request.id, *ME, "--args", given)
    assert result.exit_code == 2
    assert words in result.stderr
    assert desk.state(request) == "pending"


def test_an_uncertain_action_is_listed_with_the_command_that_settles_it(desk: Any) -> None:
    action = desk.cut_off()
    text = desk.type("approvals", "list").stdout
    assert f"{action.digest[:12]}  pay: it began, and nobody knows how it ended" in text
    assert f"guarded-agent approvals settle {action.digest[:12]}" in text


def test_settling_is_recorded_with_its_reason_redacted(desk: Any) -> None:
    action = desk.cut_off()
    reason = "the bank shows it, card 4111 1111 1111 1111"
    result = desk.type(
        "approvals", "settle", action.digest[:8], "--outcome", "done", *ME, "--reason", reason
    )
    assert result.exit_code == 0, result.stderr
    assert "pay is done" in result.stdout
    kind, data = desk.log()[-1]
    assert (kind, data["outcome"], data["by"]) == ("action.settled", "done", "ann@acme.example")
    assert data["reason"] == "the bank shows it, card [CARD]"
    assert desk.type("approvals", "list").stdout.startswith("Nothing waits")


def test_settling_takes_the_id_of_the_request_too(desk: Any) -> None:
    action = desk.action()
    request = desk.ask(action)
    desk.cut_off(action)
    words = ("--outcome", "failed", *ME, "--reason", "the bank has nothing", "--json")
    settled = json.loads(desk.type("approvals", "settle", request.id, *words).stdout)
    assert (settled["digest"], settled["state"]) == (action.digest, "failed")


@pytest.mark.parametrize("name", ["", "0", "ffffffffffff", "no-such-thing"])
def test_settling_refuses_what_names_no_action(desk: Any, name: str) -> None:
    desk.cut_off()
    result = desk.type("approvals", "settle", name, "--outcome", "done", *ME, "--reason", "x")
    assert result.exit_code == 2
    assert "see approvals list" in result.stderr


# -- concerns -------------------------------------------------------------------------------


def raised(desk: Any) -> Any:
    return desk.ask(
        action=desk.action(tool="raise_concern", args={"subject": "an odd order"}),
        summary="The agent raises a concern: an odd order",
        reasons=[
            Finding("concern", "the agent raises a concern: answer", "monitor", rule="concern")
        ],
        preview={"subject": "an odd order"},
        impact=None,
    )


def test_a_concern_reads_as_one_and_is_answered_with_a_reason(desk: Any) -> None:
    request = raised(desk)
    desk.now += 120
    text = desk.type("approvals", "show", request.id).stdout
    assert text.splitlines()[0] == "The agent raises a concern: an odd order"
    assert "the agent raises a concern: answer [concern]" in text
    assert "unless somebody answers in 28 min, the agent is told that nobody has" in flat(text)
    assert "edit" not in text
    assert f"approve {request.id} --reviewer YOUR-NAME --digest {request.digest} --reason" in flat(
        text
    )
    assert json.loads(desk.type("approvals", "show", request.id, "--json").stdout)["concern"]


@pytest.mark.parametrize("choice", ["approve", "reject"])
def test_the_answer_to_a_concern_is_kept_and_the_person_learns_what_follows(
    desk: Any, choice: str
) -> None:
    request = raised(desk)
    seen = ("--digest", request.digest) if choice == "approve" else ()
    words = ("--reason", "Mara looks into it.")
    done = desk.type("approvals", choice, request.id, *ME, *seen, *words)
    assert done.stdout == "Answered. The agent is told when the thread t1 is resumed.\n"
    shown = desk.type("approvals", "show", request.id).stdout
    assert "Mara looks into it." in shown
    if choice == "approve":
        assert "the agent is told when the thread t1 is resumed" in flat(shown)


def test_a_concern_is_not_edited(desk: Any) -> None:
    request = raised(desk)
    result = desk.type("approvals", "edit", request.id, *ME, "--args", '{"subject": "none"}')
    assert (result.exit_code, desk.state(request)) == (2, "pending")
    assert "in the agent's own words" in flat(result.stderr)


def flat(text: str) -> str:
    return " ".join(text.replace("\\\n", " ").split())
