"""However a text is cut in pieces, its stream says what redacting it at once would say."""

from __future__ import annotations

import random
from functools import cache

import pytest

from guarded_agent.core import Stage
from guarded_agent.guards import SecretsGuard
from guarded_agent.guards.holdback import LIMIT, WITHHELD
from guarded_agent.guards.streaming import Scrub, text_filter
from guarded_agent.identity import SecretRef, lease

ALNUM = "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cD" * 60
LEASED = (
    "kanarie-Xq7vb29Lm",
    "correct horse battery staple of the old stable",
    "line one\nAbC12dEf34\nx",
)
BEGIN, END = "-----BEGIN {}PRIVATE" + " KEY{}-----", "-----END {}PRIVATE" + " KEY{}-----"


def block(kind: str, more: str = "", head: str = "", lines: int = 6) -> str:
    body = "\n".join(ALNUM[at : at + 64] for at in range(lines))
    return f"{BEGIN.format(kind, more)}\n{head}{body}\nZz9=\n{END.format(kind, more)}"


SECRETS = [
    block("RSA "),
    block("OPENSSH ", lines=20),
    block("PGP ", " BLOCK", "Version: GnuPG v2\nComment: made by a person with plain words\n\n"),
    block("RSA ").replace("\n", "\\n"),
    "> " + block("EC ").replace("\n", "\n> "),
    f"Private-Lines: 3\n{ALNUM[:64]}\n{ALNUM[3:67]}\n{ALNUM[:20]}\nPrivate-MAC: " + "0a1b2c3d" * 8,
    "ey" + "J" + ALNUM[:60] + ".ey" + "J" + ALNUM[:300] + "." + ALNUM[:342],
    "postgres://ann:hunter2@db.internal:5432/crm",
    "https://ann:p%40ss@git.example.com/x.git",
    "Authorization: Bearer " + ALNUM[:40],
    "Authorization: Basic YW5uOmh1bnRlcjI=",
    "gh" + "p_" + ALNUM[:36],
    "sk" + "-ant-api03-" + ALNUM[:95],
    "password: hunter2-Again!",
    "the password is xKqPzRtWvBnM and so on",
    "DB_PASSWORD=correcthorsebattery",
    "password: correct horse battery staple\n",
    '{"password": "correct horse battery staple summer dragon coffee"}',
    "the password is sunshine;",
    "9f8a7c3be1d24f609f8a7c3b is still the value of our signing_key,",
    "echo 9f8a7c3be1d24f609f8a7c3b | secret-tool store of the crm_api_token;",
    "- name: AUTH_TOKEN\n  value: 9f8a7c3be1d24f60\n",
    '{"client_secret": "9f8a7c3be1d24f609f8a"}',
    "machine git.example.com login ann password swordfish",
    "<dbPassword>\n    hunter2x</dbPassword>",
    "curl -u ann:hunter2 https://x.example",
    "token: " + ALNUM[:700],
    "I pasted the api_key of the crm below:\n\n9f8a7c3be1d24f609f8a7c3b\n",
    "| session_secret | 9f8a7c3be1d24f609f8a7c3b |",
    *LEASED,
]
WORDS = [
    *[
        "the",
        "meeting",
        "went",
        "well",
        "and",
        "so",
        "on",
        "Berlin",
        "token",
        "password",
        "is",
        "secret",
    ],
    *[
        "key",
        "-----BEGIN",
        "PRIVATE",
        "correct",
        "horse",
        "line",
        "one",
        "12",
        "a@b.example",
        "x=1",
        "Bearer",
    ],
    *[
        "é",
        "会議。",
        "PAID",
        ",",
        "don't",
        "api_key",
        "login",
        "--token",
        "name:",
        "value:",
        "[SECRET:jwt]",
    ],
]


@cache
def guard() -> SecretsGuard:
    return SecretsGuard()


@pytest.fixture(autouse=True)
def _leased() -> None:
    for value in LEASED:
        with lease({"crm": SecretRef.parse("env:V")}, environ={"V": value}):
            pass


def made(chance: random.Random) -> str:
    parts: list[str] = []
    for _ in range(chance.randint(3, 60)):
        rare = chance.random() < 0.12
        parts.append(chance.choice(SECRETS) if rare else chance.choice(WORDS))
        parts.append(chance.choice([" ", " ", " ", " ", "\n", ", ", ". ", "\n\n"]))
    return "".join(parts)


def at_once(text: str) -> str:
    return str(Scrub([guard()]).clean(Stage.MODEL_OUTPUT, text))


@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_random_chunkings_say_what_the_whole_says(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        text = made(chance)
        most = chance.choice([3, 12, 40, 200])
        stream, whole, out, at = text_filter([guard()])(), at_once(text), "", 0
        while at < len(text):
            step = chance.randint(1, most) if len(text) < 3000 else chance.randint(20, 300)
            out += stream.push(text[at : at + step])
            assert whole.startswith(out), (text, out)
            at += step
        assert out + stream.flush() == whole, text


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
@pytest.mark.parametrize("step", [1, 6])
def test_no_part_of_a_secret_is_ever_shown(secret: str, step: int) -> None:
    text = (
        f"Dear reader, this is what was asked for: {secret} and nothing else, thank you very much."
    )
    stream, whole, out = text_filter([guard()])(), at_once(text), ""
    assert whole != text
    for at in range(0, len(text), step):
        out += stream.push(text[at : at + step])
        assert whole.startswith(out)
    assert out + stream.flush() == whole


@pytest.mark.parametrize("step", [50, 1000])
@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (block("RSA ", lines=200), "[SECRET:private-key]"),
        ("ey" + "J" + ALNUM[:60] + ".ey" + "J" + ALNUM * 4 + "." + ALNUM, WITHHELD),
        ("token=" + ALNUM * 4, WITHHELD),
    ],
)
def test_of_one_that_is_longer_than_the_bound_nothing_is_shown(
    secret: str, shown: str, step: int
) -> None:
    assert len(secret) > LIMIT
    text = f"it is {secret} and that was it"
    stream = text_filter([guard()])()
    out = "".join(stream.push(text[at : at + step]) for at in range(0, len(text), step))
    assert ALNUM[:12] not in out
    assert out + stream.flush() in (
        f"it is {shown} and that was it",
        f"it is token={shown} and that was it",
        "it is token=[SECRET:token] and that was it",
    )
