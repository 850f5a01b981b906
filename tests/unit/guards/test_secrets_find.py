"""What is found, and that looking for marks first loses nothing. Credentials are made here."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guarded_agent.guards.normalise import normalise
from guarded_agent.guards.secrets import FRAMES, RULES, find, find_secrets
from guarded_agent.guards.secrets.likely import password, placeholder, reference, token
from guarded_agent.guards.secrets.names import NAME, PATTERN

KEY = "9f8a7c3be1d24f609f8a7c3b"
WORD = "hunter2-Again!"


def found(text: str) -> list[tuple[str, str]]:
    return [(hit.category, text[hit.start : hit.end]) for hit in find_secrets(text)]


@pytest.mark.parametrize(
    "text",
    [
        "API_KEY={v}",
        "export CRM_TOKEN={v}",
        "export CRM_TOKEN='{v}'",
        'api_key = "{v}"',
        "apiKey: '{v}',",
        '{{"client_secret": "{v}"}}',
        '{{\\"clientSecret\\": \\"{v}\\"}}',
        "client_secret: {v}  # rotate",
        "- name: AUTH_TOKEN\n  value: {v}\n",
        "<accessToken>{v}</accessToken>",
        '<entry name="accessToken" value="{v}"/>',
        "'token' => '{v}',",
        "token := `{v}`",
        'System.setProperty("api.token", "{v}")',
        "deploy --token {v} --region eu",
        "deploy --api-key={v}",
        "the token is {v}.",
        "GET /v1?access_token={v}&page=2",
        "x-api-key: {v}",
        "Authorization: Bearer {v}",
        "api_key: str = '{v}'",
        'var apiToken string = "{v}"',
        "| api_key | {v} |",
        "AUTH_TOKEN -> {v}",
        'val apiToken: String = "{v}"',
        "I pasted the api_key below:\n\n{v}\n",
        "the vendor sent token {v} by mail",
    ],
)
def test_a_random_value_behind_the_name_of_a_secret_is_found(text: str) -> None:
    full = text.format(v=KEY)
    assert KEY in [value for _, value in found(full)]


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD={v}",
        "password: {v}",
        '"password": "{v}"',
        "Passwort: {v}",
        "the password is {v}",
        "mysql --password={v} crm",
        "curl -u ann:{v} https://x.example",
        "machine x.example login ann password {v}",
        "db.internal:5432:crm:ann:{v}",
        "Server=h;Uid=ann;Pwd={v};Encrypt=yes",
        "jdbc:mysql://h/crm?user=ann&password={v}&ssl=true",
        "redis://:{v}@h:6379/0",
        "amqps://ann:{v}@h/%2f",
    ],
)
def test_a_password_is_found_where_people_put_it(text: str) -> None:
    hits = found(text.format(v=WORD))
    assert [value.rstrip("!") for name, value in hits if name == "password"][:1] == [WORD[:-1]]


def test_the_rest_of_a_connection_string_stays() -> None:
    text = "Server=h;Uid=ann;Pwd=hunter2;Encrypt=yes"
    assert found(text) == [("password", "hunter2")] * len(found(text))


@pytest.mark.parametrize(
    "text",
    [
        "password: required",
        "password = getpass.getpass()",
        'token = os.environ["TOKEN1"]',
        "api_key=${API_KEY}",
        "api_key: <your-api-key>",
        "password: changeme",
        "token: xxxxxxxxxxxxxxxxxxxxxxxx",
        "token_count: 4096",
        "max_tokens=1024",
        "public_key: " + KEY,
        "cache_key = '" + KEY + "'",
        "password_hash: $2b$12$" + KEY * 2,
        "next_page_token: " + KEY,
        "secretName: crm-tls-2026",
        "token: 3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "postgres://ann:${PASSWORD}@h/crm",
        "postgres://ann:<password>@h/crm",
        "Authorization: Bearer <token>",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "gh" + "p_" + "x" * 36,
        "the token expired at 2026-03-04T10:22:17Z",
        "api_key: op://vault/crm/key1",
        "secret rotated, request 3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "auth failed, trace id " + KEY,
        "token pruning kept " + KEY,
        "api_key error, commit " + KEY,
        "passthrough: RunnablePassthrough2",
        "let {accessToken:e}=(0,l.f)();",
    ],
)
def test_what_only_speaks_of_secrets_is_let_by(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DB_PASSWORD=swordfish", "swordfish"),
        ("export DB_PASSWORD=Sunshine\n", "Sunshine"),
        ("password: sunshine", "sunshine"),
        ("  redis_password: dragon  # dev\n", "dragon"),
        ("password: correct horse", "correct horse"),
        ('{"password": "correct horse battery staple"}', "correct horse battery staple"),
        ("DB_PASSWORD='correct-horse-battery-staple'", "correct-horse-battery-staple"),
        ("password: str = 'sunshine'", "sunshine"),
        ("- name: SMTP_PASSWORD\n  value: dragon\n", ""),
        ('- name: SMTP_PASSWORD\n  value: "dragon"\n', "dragon"),
        ("host=h user=ann password=sunshine dbname=crm", "sunshine"),
        ("mysql --password=sunshine crm", "sunshine"),
        ("<password>sunshine</password>", "sunshine"),
        ("\n\x1epassword\x1f\nsunshine", "sunshine"),
        ("the password is sunshine", "sunshine"),
        ("The password was changed to sunshine, tell Bo.", "sunshine"),
        ("my password is 'sunshine'", "sunshine"),
    ],
)
def test_plain_words_are_a_password_where_they_are_all_that_is_set(text: str, value: str) -> None:
    assert found(text) == ([("password", value)] if value else [])


@pytest.mark.parametrize(
    "text",
    [
        "password: required",
        "the password is wrong.",
        "the password is missing.",
        "The password is stored in the vault.",
        "The password is pretty strong.",
        "the password is case-sensitive",
        "password is sunshine or rain",
        "password: see vault",
        "password: string,",
        "password: SecretStr",
        "f(user=username, password=entered)",
        "f(user=person, password=typed_in)",
        '"password": "Kennwort"',
        '"password": "Enter your password"',
        '"password": "current-password"',
        '<input name="password" class="loginform">',
        '["username", "password", "nickname"]',
        "on_pass: allow",
        "pass_threshold: numeric",
        "smtp.password: vault-mail-prod",
    ],
)
def test_words_that_speak_about_passwords_are_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "{v} is still our api_key, no?",
        "put {v} into the field signing_key",
        "echo {v} | secret-tool store api_token",
        "printf '{v}' > api_token.txt",
        "UPDATE conf SET value='{v}' WHERE name='api_token'",
        "{v} (api_token) was revoked",
        'let api_token = String::from("{v}");',
        "api_token text NOT NULL DEFAULT '{v}'",
        "what is the token?\nbo: {v}",
    ],
)
def test_a_random_value_is_found_where_words_lead_from_or_to_its_name(text: str) -> None:
    assert found(text.format(v=KEY)) == [("token", KEY)]


@pytest.mark.parametrize(
    "text",
    [
        "commit {v} is in the token branch",
        "git show {v} | grep token",
        "{v}  token.txt",
        "{v} is the sha of our token",
        "etag={v} for our token",
        "x.io/img:{v} is for the token",
        "verify('{v}', api_token=x)",
        "{v} token service",
        "{v} is for auth.",
        "{v} is our token service",
    ],
)
def test_a_random_value_in_front_of_a_name_is_none_if_it_is_another_things(text: str) -> None:
    assert found(text.format(v=KEY)) == []


def test_a_name_in_what_was_replaced_or_is_random_names_nothing_else() -> None:
    assert found(f"[SECRET:token] is\necho {KEY}") == []
    assert found(f"2ap3QCkHPwd9Vh04OYqdEenutrohk\n{KEY}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "The token is short-lived. Ask for a new password, or read the secret from the vault.",
        "the api key is never written down, and access_token is refreshed by the client",
        "see the password manager; auth: saml, secret: none",
    ],
)
def test_a_name_without_anything_like_a_value_behind_it_does_not_leave_re2(text: str) -> None:
    """Which is what makes prose about secrets cheap."""
    assert list(find._compiled(NAME).finditer(text.encode()))
    assert not list(find._compiled(PATTERN).finditer(text.encode()))


@pytest.mark.parametrize("text", ["token: {v}", "--token {v}", "[token] {v}"])
def test_a_mere_space_leads_to_a_value_of_options_and_behind_brackets(text: str) -> None:
    full = text.format(v=KEY[:12])
    assert found(full) == [("token", KEY[:12])]
    assert found(full.replace(" ", "  ", 1)) == [("token", KEY[:12])]
    assert found(f"token {KEY[:12]}") == []


def test_the_issuer_wins_over_the_name() -> None:
    value = "gh" + "p_" + "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cDeF12"
    hits = find_secrets(f"API_TOKEN={value}")
    assert max(hits, key=lambda hit: hit.score).category == "github"


def test_an_allowed_issuer_passes_behind_a_name_too() -> None:
    value = "gh" + "p_" + "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cDeF12"
    text = f"API_TOKEN={value} DB_PASSWORD={WORD}"
    assert [hit.category for hit in find_secrets(text, allow=["github"])] == ["password"]


def test_what_was_replaced_is_no_password() -> None:
    assert found("password: [SECRET:github] token=[secret:crm]") == []


def test_a_bracket_that_only_looks_like_a_replacement_hides_no_credential() -> None:
    value = "gh" + "p_" + "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cDeF12"
    assert ("github", value) in found(f"[SECRET:{value}]")


@pytest.mark.parametrize("size", [200, 251, 300, 5000])
def test_a_long_value_is_replaced_to_its_end(size: int) -> None:
    value = ("aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cD" * 200)[:size]
    assert set(found(f"api_key={value} done")) == {("token", value)}


PIECES = [
    *[
        "sk-ant-",
        "AKIA",
        "ghp_",
        "eyJ",
        "xoxb-",
        "://",
        "password",
        "api_key",
        "Bearer ",
        "-----BEGIN ",
    ],
    *[
        "PRIVATE KEY-----",
        "SG.",
        "hvs.",
        ":AA",
        "-us1",
        "JQQJ9",
        "SK",
        "key-",
        "live_",
        "Authorization",
    ],
    *[" ", ".", "-", "_", "/", ":", "=", "@", "\n", "é", '"', "'", ">", "\\n", "%3D"],
    *["0123456789abcdef" * 2, "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cDeF12", "A" * 20, "9f8a7c3b"],
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(max_examples=200, deadline=None)
def test_looking_for_marks_first_loses_nothing(text: str) -> None:
    plain = normalise(text)[0]
    gated = find_secrets(plain)
    with pytest.MonkeyPatch.context() as patch:
        _, searches = find._gate()
        every = [search for group in searches for search in group]
        patch.setattr(find, "_worth_trying", lambda data: every)
        assert find_secrets(plain) == gated


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_looked_through_and_places_fit(text: str) -> None:
    plain = normalise(text)[0]
    for hit in find_secrets(plain):
        assert 0 <= hit.start < hit.end <= len(plain)


def test_every_pattern_has_at_most_one_group_and_compiles() -> None:
    find._gate()
    for rule in RULES:
        assert re.compile(rule.pattern).groups <= 1, rule
    for frame in FRAMES:
        assert re.compile(frame.pattern).groups == 1, frame


@pytest.mark.parametrize(
    "piece",
    [
        "password password password ",
        "a" * 50,
        "token=(",
        "x://y:z",
        "api_key[a.b.c.d",
        "-----BEGIN PRIVATE" + " KEY-----",
        "[<{(",
        "Bearer " + "a1" * 10 + " ",
        "secret_" * 8,
        "password=a.b-c_d/e:f;g=",
        "password:",
        "password is sunshine ",
        "password: aaa bbb ccc ",
        "9f8a7c3be1d24f609f8a7c3b is our token ",
        "9f8a7c3be1d24f609f8a7c3b",
    ],
)
def test_time_grows_with_the_length_and_no_faster(piece: str) -> None:
    def spent(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        start = time.process_time()
        find_secrets(text)
        return time.process_time() - start

    spent(1_000)
    short, long = spent(10_000), spent(100_000)
    assert long < 60 * max(short, 0.002)  # quadratic would be a hundred times as much


@pytest.mark.parametrize("seed", range(3))
def test_random_text_is_seldom_a_credential(seed: int) -> None:
    chance = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
    text = "\n".join("".join(chance.choices(letters, k=76)) for _ in range(300))
    assert len(found(text)) <= 1


def test_judges_say_what_the_documents_say() -> None:
    assert placeholder("<your-token>") or reference("<your-token>")
    assert not reference("$ecret-2!")
    assert password("Sommer2024!")
    assert not password("prod-db-2024")
    assert token(KEY)
    assert not token("github-actions-token")
