from __future__ import annotations

import base64
from typing import Any

import pytest

from guarded_agent.core import Context, Effect, Stage, Subject, Verdict
from guarded_agent.guards import MediaGuard, SecretsGuard, build
from guarded_agent.guards.blocks import is_bulk, media_of

KEY = "gh" + "p_" + "a1B2" * 9
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40).decode()
WITHHELD = {"type": "text", "text": "[an image was withheld: no guard can look into it]"}
IMAGES: list[dict[str, Any]] = [
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    {"type": "image_url", "image_url": "https://pics.example/a.png"},
    {"type": "image", "base64": PNG, "mime_type": "image/png"},
    {"type": "image", "url": "https://pics.example/a.png"},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
    {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
    {"image": {"format": "png", "source": {"bytes": base64.b64decode(PNG)}}},
]
OTHERS = [
    ("audio", {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}}),
    ("audio", {"type": "audio", "base64": PNG, "mime_type": "audio/wav"}),
    ("video", {"type": "video", "url": "https://pics.example/a.mp4"}),
    ("file", {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}"}}),
    ("file", {"type": "media", "mime_type": "application/pdf", "data": PNG}),
    ("file", {"type": "document", "source": {"type": "base64", "data": PNG}}),
    ("file", {"document": {"format": "pdf", "name": "a", "source": {"bytes": b"\xff"}}}),
]
TEXTS: list[Any] = [
    "hello",
    {"type": "text", "text": "hello"},
    {"type": "file", "path": "/etc/hosts"},
    {"type": "image"},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
    {"type": "invoice", "data": "12 EUR"},
    {"image": "a.png"},
    {"type": 5, "data": "x"},
]


def judge(guard: Any, stage: Stage, payload: Any) -> Verdict:
    verdict: Verdict = guard.check(Subject(stage, payload, Context("a", "t")))
    return verdict


@pytest.mark.parametrize("block", IMAGES)
def test_a_person_may_show_an_image(block: dict[str, Any]) -> None:
    content = [{"type": "text", "text": "what is this?"}, block]
    for guard in build({"coercion": {"off": True, "because": "x"}}, inside=frozenset()):
        assert judge(guard, Stage.INPUT, content) == Verdict(Effect.ALLOW)


@pytest.mark.parametrize("block", IMAGES)
@pytest.mark.parametrize("stage", [Stage.TOOL_RESULT, Stage.MODEL_OUTPUT, Stage.FINAL_OUTPUT])
def test_from_elsewhere_it_is_withheld_alone(stage: Stage, block: dict[str, Any]) -> None:
    content = ["a caption", block, {"shots": [block]}]
    verdict = judge(MediaGuard(), stage, content)
    assert verdict.effect is Effect.REDACT
    assert verdict.payload == ["a caption", WITHHELD, {"shots": [WITHHELD]}]
    assert [finding.path for finding in verdict.findings] == ["[1]", "[2].shots[0]"]


@pytest.mark.parametrize(("kind", "block"), OTHERS)
def test_sound_video_and_files_are_told_apart(kind: str, block: dict[str, Any]) -> None:
    assert media_of(block) == kind
    assert judge(MediaGuard(), Stage.TOOL_RESULT, [block]).effect is Effect.REDACT
    assert judge(MediaGuard(**{kind: "allow"}), Stage.TOOL_RESULT, [block]).effect is Effect.ALLOW
    assert judge(MediaGuard(**{kind: "deny"}), Stage.INPUT, [block]).effect is Effect.REDACT


@pytest.mark.parametrize("value", TEXTS)
@pytest.mark.parametrize("stage", list(Stage))
def test_the_neighbour_is_let_through(stage: Stage, value: Any) -> None:
    assert judge(MediaGuard(), stage, {"content": [value]}).effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("choice", "effect"),
    [
        ("allow", Effect.ALLOW),
        ("input", Effect.DENY),
        ("approve", Effect.APPROVE),
        ("deny", Effect.DENY),
    ],
)
def test_what_a_policy_says_of_arguments(choice: str, effect: Effect) -> None:
    verdict = judge(MediaGuard(image=choice), Stage.ACTION, {"shot": IMAGES[2]})
    assert verdict.effect is effect
    assert [finding.path for finding in verdict.findings] == ["args.shot"] * (choice != "allow")


def test_what_stands_about_an_image_is_still_read() -> None:
    block = {"type": "image", "url": f"https://pics.example/a.png?token={KEY}", "name": KEY}
    said = str(judge(SecretsGuard(), Stage.INPUT, [block]).payload)
    assert KEY not in said


def test_a_key_in_place_of_an_image_is_still_found() -> None:
    block = {"type": "image", "base64": KEY + "A" * 100, "mime_type": "image/png"}
    assert KEY not in str(judge(SecretsGuard(), Stage.INPUT, [block]).payload)


def test_a_large_image_does_not_make_a_message_too_large_to_read() -> None:
    block = {"type": "image", "base64": "iVBORw0KGgo" * 200_000, "mime_type": "image/png"}
    payload = [block, {"type": "text", "text": f"my key is {KEY}"}]
    after = judge(SecretsGuard(), Stage.INPUT, payload).payload
    assert after == [block, {"type": "text", "text": "my key is [SECRET:github]"}]
    assert after[0] is block


@pytest.mark.parametrize("text", ["x y " * 5_000, "{}" * 5_000, "é" * 5_000])
def test_only_what_can_be_no_prose_counts_as_the_bulk_of_an_image(text: str) -> None:
    assert not is_bulk(text)


def test_depth_and_circles_are_no_way_around() -> None:
    deep: Any = IMAGES[0]
    for _ in range(100):
        deep = [deep]
    circle: list[Any] = []
    circle.append(circle)
    for value in (deep, circle):
        assert judge(MediaGuard(), Stage.ACTION, {"a": value}).effect is Effect.DENY
        assert PNG not in str(judge(MediaGuard(), Stage.TOOL_RESULT, value).payload)


def deep() -> Any:
    value: Any = "x"
    for _ in range(100):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [deep(), "x" * 1_000_001, b"\xff\xfe", object()],
    ids=["deep", "long", "bytes", "object"],
)
@pytest.mark.parametrize(("choice", "effect"), [("deny", Effect.DENY), ("approve", Effect.APPROVE)])
def test_arguments_that_nobody_can_look_through_wait_for_a_person_only_by_policy(
    value: Any, choice: str, effect: Effect
) -> None:
    guards = build({"media": {"unknown": choice}}, inside=frozenset())
    subject = Subject(Stage.ACTION, {"a": value}, Context("a", "t"))
    found = [guard.check(subject) for guard in guards if guard.name in ("secrets", "impact")]
    assert [verdict.effect for verdict in found] == [effect, effect]
    assert {finding.category for verdict in found for finding in verdict.findings} == {
        "unscannable"
    }


def test_elsewhere_what_cannot_be_looked_through_is_withheld_all_the_same() -> None:
    for guard in build({"media": {"unknown": "approve"}}, inside=frozenset()):
        if guard.name in ("secrets", "pii"):
            verdict = judge(guard, Stage.TOOL_RESULT, [KEY, deep()])
            assert verdict.effect is Effect.REDACT
            assert KEY not in str(verdict.payload)


def test_only_what_could_not_be_seen_is_asked_about() -> None:
    for guard in build({"media": {"unknown": "approve"}}, inside=frozenset()):
        if guard.name == "secrets":
            assert judge(guard, Stage.ACTION, {"a": KEY}).effect is Effect.DENY


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image": "yes"}, "guards.media.image: 'yes' is not one of"),
        ({"unknown": "allow"}, "guards.media.unknown: 'allow' is not one of approve, deny"),
        ({"picture": "deny"}, "guards.media: unknown option 'picture'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build({"media": options}, inside=frozenset())
