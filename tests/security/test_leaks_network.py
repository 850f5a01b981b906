"""Nothing is looked up, downloaded or reported while guards are built and used."""

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
import json, sys, threading
seen = []
loaded = []
def watch(event, args):
    if event.startswith(("socket.connect", "socket.getaddr", "socket.gethost", "socket.send")):
        seen.append(event)
        raise OSError("the network is blocked")
    if event == "import":
        loaded.append(args[0])
sys.addaudithook(watch)
from guarded_agent.core import Context, Effect, Stage, Subject
def subject(payload, stage=Stage.FINAL_OUTPUT):
    return Subject(stage, payload, Context("a", "t"))
def report(**more):
    threads = sorted(thread.name for thread in threading.enumerate())
    print(json.dumps({"network": seen, "threads": threads, **more}))
"""

VALIDATOR = """
from guardrails.validator_base import FailResult, PassResult, Validator, register_validator
@register_validator(name="guarded-agent-tests/inferring", data_type="string")
class Inferring(Validator):
    def _validate(self, value, metadata):
        return FailResult(error_message="no") if self._inference(value) else PassResult()
    def _inference_local(self, model_input):
        return "swan" in model_input
"""


def run(code: str, home: Path) -> dict[str, Any]:
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WATCH + code],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_the_pii_guard_looks_nothing_up_and_loads_nothing_twice(tmp_path: Path) -> None:
    result = run(
        """
from guarded_agent.guards import PiiGuard
guard = PiiGuard(style="hash")
text = "ann@example.com ann@no.such.suffix +44 20 7946 0958 4111 1111 1111 1111 10.0.0.1 é"
first = guard.check(subject(text)).payload
loaded.clear()
second = guard.check(subject(text + " and once more")).payload
report(same=second.startswith(first), again=list(loaded))
""",
        tmp_path,
    )
    assert result["network"] == []
    assert result["same"] is True
    assert result["again"] == []
    assert result["threads"] == ["MainThread"]


def test_a_validator_of_a_policy_reports_to_nobody(tmp_path: Path) -> None:
    code = """
import types
made = types.ModuleType("validators_of_a_policy")
sys.modules[made.__name__] = made
exec(VALIDATOR, made.__dict__)
from guarded_agent.guards import build
off = {"off": True, "because": "not under test"}
entry = {"validator": "validators_of_a_policy:Inferring", "stages": ["final_output"]}
guard = build({"coercion": off, "guardrails": [entry]}, inside=frozenset())[-1]
effects = [str(guard.check(subject(text)).effect) for text in ("a swan", "a goose")]
report(effects=effects)
"""
    result = run(f"VALIDATOR = {VALIDATOR!r}\n{code}", tmp_path)
    assert result["effects"] == ["deny", "allow"]
    assert result["network"] == []
    assert result["threads"] == ["MainThread"]


def test_a_validator_made_by_hand_is_silenced_when_it_is_wrapped(tmp_path: Path) -> None:
    code = """
validator = Inferring()
from guarded_agent.guards import GuardrailsGuard
guard = GuardrailsGuard(validator, stages=[Stage.FINAL_OUTPUT])
effects = [str(guard.check(subject(text)).effect) for text in ("a swan", "a goose")]
from guardrails.utils.hub_telemetry_utils import HubTelemetry
report(effects=effects, tracer=HubTelemetry()._tracer is not None)
"""
    result = run(VALIDATOR + code, tmp_path)
    assert result["effects"] == ["deny", "allow"]
    assert result["network"] == []
    assert result["tracer"] is False


def test_silence_outlasts_a_guard_that_reads_its_settings_again(tmp_path: Path) -> None:
    code = """
from guarded_agent.guards.guardrails import silence
silence()
from guardrails import Guard
outcome = Guard().use(Inferring(on_fail="noop")).validate("a swan")
report(passed=outcome.validation_passed)
"""
    result = run(VALIDATOR + code, tmp_path)
    assert result["passed"] is False
    assert result["network"] == []
    assert not any("Otel" in name for name in result["threads"])
