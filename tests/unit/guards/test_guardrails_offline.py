"""Nothing is looked up or sent while Guardrails is imported, made and used.

Each program runs in a new process with default settings of Guardrails, where every
connection, every datagram and every look-up of a name is recorded and refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

WATCH = """
import json, sys, threading, time
seen = []
def watch(event, args):
    if event.startswith(("socket.connect", "socket.getaddr", "socket.gethost", "socket.send")):
        seen.append(event)
        raise OSError("the network is blocked")
sys.addaudithook(watch)
def report(**more):
    time.sleep(0.2)  # whatever a thread is about to send
    names = sorted({t.name for t in threading.enumerate()})
    print(json.dumps({"network": seen, "threads": names, **more}))
CARD = "4111 1111 1111 1111"
"""

IMPORT = """
import guarded_agent.guards.guardrails, guarded_agent.guards.guardrails.validators
from guardrails_ai.ban_list import BanList
report()
"""

SINGLE = """
from guarded_agent.core import Context, Stage, Subject
from guarded_agent.guards import GuardrailsGuard
from guardrails_ai.ban_list import BanList
from guardrails_ai.regex_match import RegexMatch
from guardrails_ai.valid_json import ValidJson
from guarded_agent.guards.guardrails import silence
silence()
effects = []
subject = Subject(Stage.FINAL_OUTPUT, "a swan", Context("a", "t"))
for validator in (BanList(["swan"], on_fail="fix"), RegexMatch("x+"), ValidJson()):
    guard = GuardrailsGuard(validator, stages=[Stage.FINAL_OUTPUT])
    effects.append(str(guard.check(subject).effect))
report(effects=effects)
"""

WHOLE = """
from guarded_agent.core import Context, Stage, Subject
from guarded_agent.guards import GuardrailsGuard
from guardrails_ai.ban_list import BanList
from guarded_agent.guards.guardrails import silence
silence()
from guardrails import Guard
theirs = Guard().use(BanList(["swan"], max_l_dist=0, on_fail="fix"))
guard = GuardrailsGuard(theirs, stages=[Stage.FINAL_OUTPUT])
effects = [
    str(guard.check(Subject(Stage.FINAL_OUTPUT, text, Context("a", "t"))).effect)
    for text in ("a swan", "a duck")
]
report(effects=effects)
"""

OURS = """
from guarded_agent.guards.guardrails.validators import Coercion, Pii, Secrets
from guardrails import Guard
guard = Guard().use(Pii(on_fail="fix"), Secrets(on_fail="fix"), Coercion(on_fail="noop"))
outcome = guard.validate(f"pay {CARD}, ask ann@no.such.suffix")
report(passed=outcome.validation_passed, said=outcome.validated_output)
"""

MADE_BEFORE = """
from guardrails import Guard
from guardrails_ai.ban_list import BanList
theirs = Guard().use(BanList(["swan"], max_l_dist=0, on_fail="fix"))  # telemetry is on from here
from guarded_agent.core import Context, Stage, Subject
from guarded_agent.guards import GuardrailsGuard
guard = GuardrailsGuard(theirs, stages=[Stage.FINAL_OUTPUT])
effect = guard.check(Subject(Stage.FINAL_OUTPUT, "a swan", Context("a", "t"))).effect
theirs.validate("a swan")
from guardrails.utils.hub_telemetry_utils import HubTelemetry
flushed = HubTelemetry()._processor.force_flush()  # sends now what waits to be sent
report(effects=[str(effect)])
"""

THEIRS = """
from guardrails import Guard
from guardrails_ai.ban_list import BanList
Guard().use(BanList(["swan"], max_l_dist=0, on_fail="fix")).validate("a swan")
from guardrails.utils.hub_telemetry_utils import HubTelemetry
HubTelemetry()._processor.force_flush()
report()
"""


def run(code: str, home: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WATCH + code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_this_test_sees_what_guardrails_sends_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GUARDED_AGENT_TEST_NETWORK")  # refused here, and no fault of the suite
    assert run(THEIRS, tmp_path)["network"] != []


@pytest.mark.parametrize("code", [IMPORT, SINGLE, WHOLE, OURS, MADE_BEFORE])
def test_nothing_is_looked_up_or_sent(code: str, tmp_path: Path) -> None:
    assert run(code, tmp_path)["network"] == []


def test_the_programs_above_really_validate(tmp_path: Path) -> None:
    assert run(SINGLE, tmp_path)["effects"] == ["redact", "deny", "deny"]
    whole = run(WHOLE, tmp_path)
    assert whole["effects"] == ["redact", "allow"]
    assert not any("Otel" in name for name in whole["threads"])
    assert run(MADE_BEFORE, tmp_path)["effects"] == ["redact"]


def test_our_validators_work_inside_a_guard_with_its_default_settings(tmp_path: Path) -> None:
    result = run(OURS, tmp_path)
    assert (result["passed"], result["said"]) == (True, "pay [CARD], ask [EMAIL]")
    assert not any("Otel" in name for name in result["threads"])
