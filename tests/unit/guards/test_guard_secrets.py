"""Credentials in these tests are put together at run time, so that no file holds one."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from langchain_core.tools import StructuredTool

from guarded_agent import guard
from guarded_agent.core import Context, Effect, Stage, Subject, ToolSpec, Verdict
from guarded_agent.guards import SecretsGuard
from guarded_agent.guards.secrets import FRAMES, RULES, find
from guarded_agent.testing import Recorder

HEX = "0a1b2c3d4e5f6789" * 8
ALNUM = "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cD" * 8
UPPER = "A2B3C4D5E6F7G2H3" * 4
DIGITS = "918273645091827364"


def pem(kind: str, between: str = "\n") -> str:
    head, tail = f"-----BEGIN {kind}PRIVATE" + " KEY-----", f"-----END {kind}PRIVATE" + " KEY-----"
    return between.join([head, ALNUM[:64], ALNUM[:64], "Zz9=", tail])


SAMPLES: list[tuple[str, str]] = [
    ("anthropic", "sk" + "-ant-" + "api03-" + ALNUM[:95]),
    ("aws", "AK" + "IA" + UPPER[:16]),
    ("aws", "AS" + "IA" + UPPER[:16]),
    ("azure", "DefaultEndpointsProtocol=https;Account" + "Key=" + ALNUM[:86] + "=="),
    ("azure", "https://x.blob.core.windows.net/c?sv=2022&" + "sig=" + ALNUM[:43] + "%3D"),
    ("azure", "aB3" + "8Q~" + ALNUM[:34]),
    ("databricks", "da" + "pi" + HEX[:32]),
    ("digitalocean", "do" + "p_v1_" + HEX[:64]),
    ("discord", "https://discord.com/api/" + "webhooks/" + DIGITS[:18] + "/" + ALNUM[:68]),
    (
        "discord",
        base64.b64encode(DIGITS[:18].encode()).decode() + "." + "Gh7_x1" + "." + ALNUM[:38],
    ),
    ("docker", "dckr" + "_pat_" + ALNUM[:27]),
    ("github", "gh" + "p_" + ALNUM[:36]),
    ("github", "github" + "_pat_" + ALNUM[:22] + "_" + ALNUM[:59]),
    ("gitlab", "gl" + "pat-" + ALNUM[:20]),
    ("google", "AI" + "za" + ALNUM[:35]),
    ("google", "GOC" + "SPX-" + ALNUM[:28]),
    ("google", "ya" + "29." + ALNUM[:60]),
    ("grafana", "gl" + "sa_" + ALNUM[:32] + "_" + HEX[:8]),
    ("groq", "gs" + "k_" + ALNUM[:52]),
    ("huggingface", "h" + "f_" + ALNUM[:34]),
    ("jwt", "ey" + "J" + ALNUM[:17] + ".ey" + "J" + ALNUM[:30] + "." + ALNUM[:43]),
    ("mailchimp", HEX[:32] + "-us" + "12"),
    ("mailgun", "key" + "-" + HEX[:32]),
    ("npm", "np" + "m_" + ALNUM[:36]),
    ("openai", "sk" + "-proj-" + ALNUM[:74]),
    ("openai", "sk" + "-" + ALNUM[:48]),
    ("private-key", pem("")),
    ("private-key", pem("RSA ")),
    ("private-key", pem("OPENSSH ")),
    ("private-key", pem("EC ", "\\n")),
    ("pypi", "pypi" + "-AgE" + ALNUM[:120]),
    ("replicate", "r" + "8_" + ALNUM[:37]),
    ("sendgrid", "S" + "G." + ALNUM[:22] + "." + ALNUM[:43]),
    ("shopify", "shp" + "at_" + HEX[:32]),
    ("slack", "xox" + "b-" + DIGITS[:12] + "-" + DIGITS[3:15] + "-" + ALNUM[:24]),
    ("slack", "xapp" + "-1-" + UPPER[:11] + "-" + DIGITS[:13] + "-" + HEX[:64]),
    ("slack", "https://hooks.slack" + ".com/services/" + UPPER[:9] + "/" + ALNUM[:40]),
    ("square", "EA" + "AA" + ALNUM[:60]),
    ("square", "sq0" + "csp-" + ALNUM[:43]),
    ("stripe", "sk" + "_live_" + ALNUM[:24]),
    ("stripe", "wh" + "sec_" + ALNUM[:32]),
    ("telegram", DIGITS[:9] + ":" + "AA" + ALNUM[:33]),
    ("terraform", ALNUM[:14] + ".atlas" + "v1." + ALNUM[:67]),
    ("twilio", "S" + "K" + HEX[:32]),
    ("vault", "hv" + "s." + ALNUM[:24]),
]
NAMED = [
    ("aws", "aws_secret_access" + "_key = {}", ALNUM[:40]),
    ("password", "postgres" + "://app:{}@db.internal:5432/crm", "p@ss;w0rd"),
    ("password", "mongodb+srv" + "://app:{}@cluster.example.net/?x=1", "hunter2"),
    ("password", "https" + "://ann:{}@git.example.com/x.git", "hunter2"),
]


def judge(stage: Stage, payload: Any, tool: ToolSpec | None = None, **options: Any) -> Verdict:
    context = Context("mail", "t1", tool=tool)
    return SecretsGuard(**options).check(Subject(stage, payload, context))


@pytest.mark.parametrize(("provider", "secret"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_a_credential_is_replaced_by_the_name_of_its_issuer(provider: str, secret: str) -> None:
    verdict = judge(Stage.TOOL_RESULT, f"use {secret} for it, ok?")
    assert verdict.effect is Effect.REDACT
    assert f"[SECRET:{provider}]" in verdict.payload
    assert verdict.payload.endswith(" for it, ok?")
    assert not any(secret[at : at + 16] in verdict.payload for at in (len(secret) - 16,))


@pytest.mark.parametrize(("provider", "frame", "secret"), NAMED)
def test_only_the_secret_part_is_replaced_where_its_frame_is_useful(
    provider: str, frame: str, secret: str
) -> None:
    verdict = judge(Stage.TOOL_RESULT, frame.format(secret))
    assert verdict.payload == frame.format(f"[SECRET:{provider}]")


def test_rules_are_sorted_and_each_names_its_source() -> None:
    assert [rule.provider for rule in RULES] == sorted(rule.provider for rule in RULES)
    assert all(rule.source and rule.mark for rule in RULES)
    assert all(frame.source and frame.mark for frame in FRAMES)


def test_more_than_a_hundred_issuers_are_known() -> None:
    assert len({rule.provider for rule in RULES}) > 100


@pytest.mark.parametrize(
    "text",
    [
        "commit " + HEX[:40],
        "sha256:" + HEX[:64],
        "id 123e4567-e89b-12d3-a456-426614174000",
        "see sk-learn-contrib and task-proj-2024 and desk-" + "a" * 20,
        "https://example.com:8080/path@2x.png",
        "mailto:ann@example.com",
        "the PRIVATE KEY is kept in the vault",
        "ghp_short and npm_install and hf_hub_download and xoxo",
        "http://localhost:3000/@user",
        "time 12:30:45 and ratio 4:AA",
        "[SECRET:github] stays as it is, and https://u:[SECRET:password]@h.example/x too",
    ],
)
def test_the_neighbour_is_let_through(text: str) -> None:
    assert judge(Stage.TOOL_RESULT, text).effect is Effect.ALLOW


def test_a_text_after_a_key_block_stays() -> None:
    verdict = judge(Stage.FINAL_OUTPUT, f"before {pem('RSA ')}\nafter it all")
    assert verdict.payload == "before [SECRET:private-key]\nafter it all"


def test_a_key_block_without_an_end_is_replaced_as_far_as_it_goes() -> None:
    cut = pem("RSA ").partition("-----END")[0]
    assert judge(Stage.FINAL_OUTPUT, f"{cut}").payload.strip() == "[SECRET:private-key]"


def test_full_width_and_invisible_characters_do_not_hide_a_credential() -> None:
    secret = ("gh" + "p_" + ALNUM[:36]).replace("_", "＿").replace("a", "a\u200b")
    assert judge(Stage.TOOL_RESULT, {"k": [secret]}).payload == {"k": ["[SECRET:github]"]}


def test_a_credential_in_the_last_line_of_a_long_text_is_found() -> None:
    secret = "gh" + "p_" + ALNUM[:36]
    text = "All quiet at the office today. " * 20_000 + secret
    assert judge(Stage.TOOL_RESULT, text).payload.endswith("today. [SECRET:github]")


@pytest.mark.parametrize("tool", [None, ToolSpec("send_email", access="send")])
def test_a_call_that_sends_a_credential_is_denied(tool: ToolSpec | None) -> None:
    secret = "gh" + "p_" + ALNUM[:36]
    verdict = judge(Stage.ACTION, {"to": "bo@example.com", "body": ["hi", secret]}, tool)
    assert verdict.effect is Effect.DENY
    assert verdict.findings[0].path == "args.body[1]"
    assert "args.body[1]" in verdict.message
    assert secret not in str(verdict.as_json())


@pytest.mark.parametrize("access", ["read", "write"])
def test_a_call_that_sends_nothing_may_carry_one(access: Any) -> None:
    args = {"text": "gh" + "p_" + ALNUM[:36]}
    assert judge(Stage.ACTION, args, ToolSpec("store", access=access)).effect is Effect.ALLOW


@pytest.mark.parametrize(
    "stage", [Stage.INPUT, Stage.MODEL_OUTPUT, Stage.TOOL_RESULT, Stage.FINAL_OUTPUT]
)
def test_credentials_are_replaced_at_every_other_stage(stage: Stage) -> None:
    assert judge(stage, "gh" + "p_" + ALNUM[:36]).payload == "[SECRET:github]"


def test_a_policy_can_let_one_issuer_pass() -> None:
    text = "gh" + "p_" + ALNUM[:36] + " " + "np" + "m_" + ALNUM[:36]
    assert judge(Stage.TOOL_RESULT, text, allow=["npm"]).payload.startswith("[SECRET:github] npm")


def test_an_unknown_issuer_is_named() -> None:
    with pytest.raises(ValueError, match=r"guards\.secrets\.allow.*Did you mean 'github'"):
        SecretsGuard(allow=["gitub"])


def test_arguments_that_cannot_be_looked_through_are_not_sent() -> None:
    verdict = judge(Stage.ACTION, {"x": object()}, ToolSpec("send_email", access="send"))
    assert verdict.effect is Effect.DENY


def test_a_rule_that_breaks_reaches_the_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str, data: bytes) -> Any:
        raise RuntimeError("pattern broke")

    monkeypatch.setattr(find, "_worth_trying", lambda data: [broken])
    with pytest.raises(RuntimeError, match="pattern broke"):
        judge(Stage.TOOL_RESULT, "gh" + "p_" + ALNUM[:36])


def test_a_text_that_takes_too_long_stops_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "LONGEST", -1.0)
    with pytest.raises(TimeoutError, match="took longer"):
        judge(Stage.TOOL_RESULT, "gh" + "p_" + ALNUM[:36])


def test_a_broken_rule_stops_the_call_of_a_guarded_tool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder()

    def broken(text: str, data: bytes) -> Any:
        raise RuntimeError("pattern broke")

    def mail(to: str) -> str:
        """Send a mail."""
        recorder.add("mail", {"to": to})
        return "sent"

    policy = {
        "version": 1,
        "tools": {"mail": {"access": "send", "rules": [{"effect": "allow"}]}},
    }
    [safe] = guard([StructuredTool.from_function(mail)], policy=policy, store="sqlite://")
    monkeypatch.setattr(find, "_worth_trying", lambda data: [broken])
    with pytest.raises(RuntimeError, match="pattern broke"):
        safe.invoke({"to": "bo"})
    assert recorder.names == ()


def test_a_gate_that_does_not_fit_into_memory_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it matches, a set without memory would say that nothing is there."""
    usual = find._options

    def starved(*, captures: bool) -> Any:
        options = usual(captures=captures)
        if not captures:
            options.max_mem = 12_000
        return options

    monkeypatch.setattr(find, "_options", starved)
    find._gate.cache_clear()
    try:
        with pytest.raises(Exception, match="failed to compile Set"):
            judge(Stage.TOOL_RESULT, "gh" + "p_" + ALNUM[:36])
    finally:
        find._gate.cache_clear()
