from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from guarded_agent import guards as room
from guarded_agent.core import Context, Effect, Guard, Stage, Subject
from guarded_agent.guards import build
from guarded_agent.guards.building import ORDER

# The coercion guard is built by its own room's tests.
NO_COERCION = {"coercion": {"off": True, "because": "tested elsewhere"}}


def built(**options: Any) -> list[Guard]:
    return build({**NO_COERCION, **options}, inside=frozenset({"acme.com"}))


def test_every_guard_is_on_without_a_word_in_the_policy() -> None:
    names = [guard.name for guard in build({}, inside=frozenset())]
    assert names == ["scope", "media", "impact", "secrets", "pii", "coercion"]


def test_guards_run_in_the_order_of_the_table() -> None:
    names = [guard.name for guard in built(pii={}, scope=None, secrets={"allow": ["jwt"]})]
    assert names == [name for name in ORDER if name in names]


def test_everything_that_is_built_is_a_guard() -> None:
    assert all(isinstance(guard, Guard) for guard in built())


def test_the_organisations_domains_are_kept_readable() -> None:
    pii = next(guard for guard in built() if guard.name == "pii")
    subject = Subject(Stage.FINAL_OUTPUT, "ann@acme.com bo@example.com", Context("a", "t"))
    assert pii.check(subject).payload == "ann@acme.com [EMAIL]"


def test_a_policy_can_name_other_domains() -> None:
    pii = next(g for g in built(pii={"keep_domains": ["example.com"]}) if g.name == "pii")
    subject = Subject(Stage.FINAL_OUTPUT, "ann@acme.com bo@example.com", Context("a", "t"))
    assert pii.check(subject).payload == "[EMAIL] bo@example.com"


def test_options_reach_their_guard() -> None:
    pii = next(guard for guard in built(pii={"tool_arguments": "deny"}) if guard.name == "pii")
    subject = Subject(Stage.ACTION, {"n": 4111111111111111}, Context("a", "t"))
    assert pii.check(subject).effect is Effect.DENY


def test_a_guard_is_off_only_with_a_reason() -> None:
    names = [guard.name for guard in built(pii={"off": True, "because": "no personal data here"})]
    assert "pii" not in names
    assert "pii" in [guard.name for guard in built(pii={"off": False})]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"pii": False}, "guards.pii: to switch it off, say why"),
        ({"pii": True}, "guards.pii: .*leave it out"),
        ({"pii": {"off": True}}, "guards.pii: to switch it off, say why"),
        ({"pii": {"off": True, "because": " "}}, "guards.pii: to switch it off, say why"),
        ({"pii": {"off": "yes", "because": "x"}}, "guards.pii.off: write true or false"),
        (
            {"pii": {"off": True, "because": "x", "regions": []}},
            "guards.pii: it is off, so regions",
        ),
        ({"pii": {"presett": "standard"}}, "guards.pii: unknown option 'presett'.*'preset'"),
        ({"pii": "standard"}, "guards.pii: write a mapping"),
        ({"piii": {}}, "guards: unknown option 'piii'. Did you mean 'pii'"),
        ({"scope": {"strict": True}}, "guards.scope: unknown option 'strict'"),
        ({"impact": {"max_recipients": "many"}}, "guards.impact.max_recipients"),
        ({"secrets": {"allow": "jwt"}}, "guards.secrets.allow: write a list"),
        ({"guardrails": {"validator": "x"}}, "guards.guardrails: write a list"),
    ],
)
def test_a_mistake_is_named_with_its_key(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        built(**options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"effect": "stop"}, "guards.coercion.effect: unknown effect 'stop'"),
        ({"effect": "redact"}, "guards.coercion: "),
        ({"efect": "deny"}, "guards.coercion: unknown option 'efect'. Did you mean 'effect'"),
    ],
)
def test_a_mistake_in_the_coercion_guard_is_named(options: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build({"coercion": options}, inside=frozenset())


def test_the_room_exports_what_it_names() -> None:
    assert room.__all__ == sorted(room.__all__)
    assert all(getattr(room, name).__name__ == name for name in room.__all__)
    assert set(room.__all__) <= set(dir(room))
    with pytest.raises(AttributeError, match="Nothing"):
        room.Nothing  # noqa: B018


@pytest.mark.slow
def test_importing_the_room_and_building_load_no_detector() -> None:
    code = (
        "import sys, guarded_agent.guards as room\n"
        "room.build({'coercion': {'off': True, 'because': 'x'}}, inside=frozenset())\n"
        "heavy = {'presidio_analyzer', 'presidio_anonymizer', 'guardrails', 'spacy', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
