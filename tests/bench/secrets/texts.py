"""Texts in which credentials stand, and texts in which something only looks like one.

Drawn from a seed. Each text with a credential says which part of it is the credential and
to which group it belongs; each near miss says of what kind it is.
"""

# ruff: noqa: E501 - one row, one line

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from credentials import ISSUES, Issue, credential, filled


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with one credential in it; one of several lines has several parts."""

    group: str
    issuer: str
    text: str
    secret: str

    @property
    def parts(self) -> list[str]:
        return self.secret.split("\n")


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A text without a credential."""

    kind: str
    text: str


def camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


NAMED: dict[str, Callable[[str, str], str]] = {
    "env file": lambda n, v: f"DEBUG=false\n{n}={v}\nPORT=8080\n",
    "shell": lambda n, v: f'export {n}="{v}"\nmake deploy\n',
    "yaml": lambda n, v: f"service:\n  {n.lower()}: {v}\n  replicas: 2\n",
    "kubernetes": lambda n, v: f'env:\n  - name: {n}\n    value: "{v}"\n',
    "json": lambda n, v: f'{{"name": "crm", "{camel(n)}": "{v}", "retries": 3}}',
    "toml": lambda n, v: f"[auth]\n{n.lower()} = '{v}'\n",
    "python": lambda n, v: f'client = Client(\n    {n.lower()}="{v}",\n    timeout=30,\n)\n',
    "javascript": lambda n, v: f"const {camel(n)} = '{v}';\n",
    "docker": lambda n, v: f"FROM python:3.12\nENV {n}={v}\n",
    "log with name": lambda n, v: f"2026-03-04T10:22:17Z INFO config loaded {n}={v} region=eu\n",
}
BARE: dict[str, Callable[[str], str]] = {
    "log": lambda v: f"2026-03-04 10:22:17,113 ERROR call with {v} failed: 401 Unauthorized\n",
    "mail": lambda v: (
        f"Hi Ann,\n\nfor the new integration please use {v} until Friday.\n\nBest,\nBo\n"
    ),
    "chat": lambda v: f"can you check why {v} does not work any more?",
    "code comment": lambda v: f"# old one, still valid: {v}\nx = 1\n",
    "table": lambda v: f"| system | key |\n| --- | --- |\n| crm | `{v}` |\n",
    "end of sentence": lambda v: f"The one that we rotated last week was {v}.",
    "json in json": lambda v: f'{{"body": "line one\\n{v}\\nline three"}}',
    "shell argument": lambda v: f"$ deploy --region eu --with {v} --wait\n",
}


def of_issuers(chance: random.Random, rounds: int) -> Iterator[Sample]:
    """Yield credentials of every issuer, each in `rounds` different places."""
    for issue in ISSUES:
        for _ in range(rounds):
            value = credential(issue, chance)
            frame, bar, secret = value.rpartition("|")
            text = _placed(issue, frame + secret, chance)
            yield Sample(_group(issue), issue.issuer, text, secret if bar else value)


def _group(issue: Issue) -> str:
    return "format" if issue.bare else "format only with its name"


def _placed(issue: Issue, value: str, chance: random.Random) -> str:
    if not issue.bare or chance.random() < 0.5:
        return chance.choice(list(NAMED.values()))(issue.name, value)
    return chance.choice(list(BARE.values()))(value)


# -- without an issuer ---------------------------------------------------------------------

USERS = ("app", "ann", "svc-report", "root", "crm_rw", "admin%40acme")
HOSTS = ("db.internal", "10.0.3.7", "cluster0.ab1cd.example.net", "localhost", "mail.acme.example")
LEET = ("Summer", "Winter", "Acme", "Dragon", "Berlin", "Monday", "Coffee", "Rocket", "Welcome")


def human(chance: random.Random) -> str:
    """Return a password as people choose them."""
    word = chance.choice(LEET)
    year, sign = chance.randint(1980, 2026), chance.choice("!#$%?*@+")
    return chance.choice(
        [
            f"{word}{year}{sign}",
            f"{word.lower()}{chance.randint(10, 9999)}",
            f"{sign}{word}{chance.randint(1, 99)}{word[::-1].lower()}",
            word.replace("o", "0").replace("e", "3").replace("i", "1")
            + f"{chance.randint(10, 99)}",
            filled("{A4}-{A4}-{A4}", chance),
            filled("{A12}", chance),
            filled("{A8}" + sign + "{A7}", chance),
        ]
    )


def addresses(chance: random.Random) -> tuple[str, str]:
    """Return a connection string or an address with a password in it, and the password."""
    user, host, password = chance.choice(USERS), chance.choice(HOSTS), human(chance)
    safe = quote(password, safe="")
    urls = (
        "postgres://{u}:{p}@{h}:5432/crm", "postgresql+psycopg://{u}:{p}@{h}/crm?sslmode=require",
        "mysql://{u}:{p}@{h}:3306/shop", "mysql+pymysql://{u}:{p}@{h}/shop", "redis://:{p}@{h}:6379/0",
        "rediss://default:{p}@{h}:6380", "mongodb://{u}:{p}@{h}:27017/?authSource=admin",
        "mongodb+srv://{u}:{p}@{h}/app", "amqp://{u}:{p}@{h}:5672/%2f", "smtp://{u}:{p}@{h}:587",
        "smtps://{u}:{p}@{h}", "ftp://{u}:{p}@{h}/in", "https://{u}:{p}@{h}/repo.git", "http://{u}:{p}@{h}:8080/",
        "ldap://{u}:{p}@{h}", "sftp://{u}:{p}@{h}:22/", "clickhouse://{u}:{p}@{h}:9000/log", "nats://{u}:{p}@{h}:4222",
    )  # fmt: skip
    settings = (
        "Server={h};Database=crm;User Id={u};Password={p};Encrypt=yes", "Server={h};Uid={u};Pwd={p};",
        "jdbc:mysql://{h}:3306/crm?user={u}&password={p}", "jdbc:postgresql://{h}/crm?user={u}&password={p}&ssl=true",
        "jdbc:sqlserver://{h}:1433;databaseName=crm;user={u};password={p};", "host={h} user={u} password={p} dbname=crm",
        "Driver={{ODBC Driver 18 for SQL Server}};Server={h};UID={u};PWD={p}",
    )  # fmt: skip
    if chance.random() < 0.7:
        return chance.choice(urls).format(u=user, h=host, p=safe), safe
    plain = password.replace(";", "").replace("&", "")
    return chance.choice(settings).format(u=user, h=host, p=plain), plain


def headers(chance: random.Random) -> tuple[str, str]:
    """Return a header that authorises, and the credential in it."""
    opaque = filled(chance.choice(["{A32}", "{h40}", "{w43}{A1}", "{l24}", "{A20}.{A20}"]), chance)
    basic = base64.b64encode(f"{chance.choice(USERS)}:{human(chance)}".encode()).decode()
    return chance.choice(
        [
            (f"Authorization: Bearer {opaque}", opaque),
            (f'curl -H "Authorization: Bearer {opaque}" https://api.example.com/v1/me', opaque),
            (f"authorization: token {opaque}", opaque),
            (f"Authorization: Basic {basic}", basic),
            (f'{{"headers": {{"Authorization": "Basic {basic}"}}}}', basic),
            (f'headers = {{"Authorization": f"Bearer {opaque}"}}', opaque),
            (f"X-Api-Key: {opaque}", opaque),
            (f'curl -H "x-api-key: {opaque}" https://api.example.com', opaque),
            (f"Ocp-Apim-Subscription-Key: {opaque}", opaque),
            (f"PRIVATE-TOKEN: {opaque}", opaque),
            (f"GET /v1/report?access_token={opaque}&page=2 HTTP/1.1", opaque),
            (f"https://api.example.com/v1?api_key={opaque}", opaque),
        ]
    )


KEY_NAMES = (
    "API_KEY", "SECRET_KEY", "CLIENT_SECRET", "AUTH_TOKEN", "ACCESS_TOKEN", "REFRESH_TOKEN", "WEBHOOK_SECRET",
    "JWT_SECRET", "ENCRYPTION_KEY", "SIGNING_KEY", "APP_SECRET", "TOKEN", "SESSION_SECRET", "PRIVATE_TOKEN", "CRM_API_TOKEN",
)  # fmt: skip
PASSWORD_NAMES = (
    "PASSWORD",
    "DB_PASSWORD",
    "SMTP_PASS",
    "ADMIN_PWD",
    "REDIS_PASSWORD",
    "LDAP_BIND_PASSWORD",
)
SAID = (
    "the password is {p}", "Passwort: {p}", "login is ann, password: {p}", "my password is {p} in case you need it",
    "user: ann / pass: {p}", "$ mysql --user=ann --password={p} crm", "$ sshpass -p x ssh h; curl -u ann:{p} https://h/",
    "machine git.example.com login ann password {p}", "db.internal:5432:crm:ann:{p}",
)  # fmt: skip


def by_name(chance: random.Random) -> tuple[str, str]:
    """Return a random key behind a name that says so."""
    shape = chance.choice(
        ["{h32}", "{h40}", "{h64}", "{A24}", "{A32}", "{A40}", "{b43}=", "{w42}{A1}", "{l20}"]
    )
    value = filled(shape, chance)
    return chance.choice(list(NAMED.values()))(chance.choice(KEY_NAMES), value), value


def passwords(chance: random.Random) -> tuple[str, str]:
    """Return a password of a person behind a name or in a sentence."""
    value = human(chance)
    if chance.random() < 0.6:
        return chance.choice(list(NAMED.values()))(chance.choice(PASSWORD_NAMES), value), value
    return chance.choice(SAID).format(p=value), value


def plain_words(chance: random.Random) -> tuple[str, str]:
    """Return a password that is nothing but words."""
    value = _plain(chance)
    return chance.choice(list(NAMED.values()))(chance.choice(PASSWORD_NAMES), value), value


def _plain(chance: random.Random) -> str:
    words = ["correct", "horse", "battery", "staple", "summer", "dragon", "coffee"]
    return "".join(chance.choices(words, k=chance.randint(1, 3)))


def blocks(chance: random.Random) -> tuple[str, str]:
    """Return a private key in one of its forms."""
    body = base64.b64encode(chance.randbytes(chance.choice([32, 118, 600, 1190]))).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    kind = chance.choice(["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "])
    begin, end = f"-----BEGIN {kind}PRIVATE" + " KEY-----", f"-----END {kind}PRIVATE" + " KEY-----"
    pem = "\n".join([begin, *lines, end])
    pgp = "\n".join(
        ["-----BEGIN PGP PRIVATE" + " KEY BLOCK-----", "Version: GnuPG v2", "", *lines, "=aB3d",
         "-----END PGP PRIVATE" + " KEY BLOCK-----"]
    )  # fmt: skip
    putty = (
        f"Private-Lines: {len(lines)}\n"
        + "\n".join(lines)
        + "\nPrivate-MAC: "
        + filled("{h64}", chance)
    )
    texts = (
        pem,
        pem.replace("\n", "\r\n"),
        '{"private_key": "' + pem.replace("\n", "\\n") + '\\n"}',
        "tls:\n  key: |\n    " + pem.replace("\n", "\n    "),
        f"here it is\n\n{pem}\n\nbest, Bo",
        "key = (\n" + "\n".join(f'    "{line}\\n"' for line in pem.split("\n")) + "\n)",
        "> " + pem.replace("\n", "\n> "),
        pgp,
        f"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: me\n{putty}\n",
        "\n".join(
            [begin, "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,ABCDEF0123", "", *lines, end]
        ),
    )
    if chance.random() < 0.1:
        value = base64.urlsafe_b64encode(chance.randbytes(32)).decode().rstrip("=")
        return f'{{"kty": "EC", "crv": "P-256", "x": "abc", "d": "{value}"}}', value
    return chance.choice(texts), "\n".join(lines)


MORE_FORMS: tuple[str, ...] = (
    "heroku config:set {n}={v} --app crm", "set {n}={v}", "$env:{n} = '{v}'", "{n}: !!str {v}", "-D{m}={v}",
    "kubectl create secret generic crm --from-literal={m}={v}", "ALTER ROLE app SET {m} TO '{v}';", "{m}: >-\n  {v}\n",
    "os.environ['{n}'] = '{v}'", "monkeypatch.setenv('{n}', '{v}')", "config.{m} = '{v}'  # TODO: move to the vault",
    "<add key=\"{m}\" value=\"{v}\" />", "{{'{m}': '{v}', 'region': 'eu'}}", "new Client({{ {m}: `{v}` }})", "{n} -> {v}",
    "* {m} - {v}", "| {m} | {v} |", "Hi, I pasted the {m} below:\n\n{v}\n\nplease rotate it", "--set {m}={v},replicas=2",
    "docker run -e {n}={v} crm:latest", "{m}:{v}", "data: {{\\\"{m}\\\":\\\"{v}\\\"}}", "#define {n} \"{v}\"", "git config crm.{m} {v}",
    "INSERT INTO settings VALUES ('{m}', '{v}');", "UPDATE conf SET value='{v}' WHERE name='{m}'", "{n}\n{v}", "{m} ({v}) was revoked",
    "ann: what is the {m}?\nbo: {v}", "curl -d '{m}={v}' https://api.example.com/login", "curl -F {m}=\"{v}\" https://x.example",
    "<property name='{m}'>{v}</property>", "[{m}]: {v}", "\u2022 {m}: `{v}`", "{m}\t{v}\tprod", "name,value\n{m},{v}\n", "{{:{m} => \"{v}\"}}",
    "(setq crm-{m} \"{v}\")", "val {m}: String = \"{v}\"", "private static final String {n} = \"{v}\";", "let {m} = String::from(\"{v}\");",
    "define('{n}', '{v}');", "$config['{m}'] = '{v}';", "{n} ?= {v}", "vault kv put secret/crm {m}={v}", "export const {m}: string = '{v}'",
    "DEBUG {m}={v!r}", "Set-Cookie: {m}={v}; HttpOnly", "Zugang: {m} lautet {v}", "el {m} es {v}", "The {m} you asked for: {v}", "{m} = {{ value = \"{v}\" }}",
)  # fmt: skip


# Written when the rules were done; later the rules were widened for what they missed of these.
LATER: tuple[str, ...] = (
    "step 3: put {v} into the field {m}", "{m} was {v} until May", "ENV[\"{n}\"] ||= \"{v}\"", "System.setenv(\"{n}\", \"{v}\")", "{{\"key\": \"{m}\", \"val\": \"{v}\"}}",
    "{m}=\n{v}\n", "I think {v} is still our {m}, no?", "echo {v} | secret-tool store {m}", "- {m}\n- {v}", "{n}:: {v}", "{m} / {v}", "printf '%s' '{v}' > {m}.txt",
    "\"{m}\" text NOT NULL DEFAULT '{v}'", "x = dict({m}='{v}')", "with_{m}(\"{v}\")", "--{m} \"{v}\"", "{m}; {v}; prod; eu", "new {m}: {v} (old one is void)",
    "<input type=hidden name={m} value={v}>", "?{m}={v}#top", "{n} = r'{v}'", "the vendor sent {m} {v} by mail", "{m}: *ref # {v}", "got {m} => {v}, expires in 3600",
)  # fmt: skip


# Written when the rules had been widened for all of the above. They were not changed after that.
LAST: tuple[str, ...] = (
    "Bitte {m} auf {v} setzen", "{m} rotated, the new one: {v}", "<{m} id=\"prod\">{v}</{m}>", "{n}=\"{v}\" node server.js", "with open('t') as f: pass  # {m} = {v}",
    "if {m} == \"\" {{ {m} = \"{v}\" }}", "curl 'https://h.example/api?q=1' --data-urlencode '{m}={v}'", "Header X-{m}: {v}", "{m}\t=\t{v}",
    "{{\"op\": \"replace\", \"path\": \"/{m}\", \"value\": \"{v}\"}}", "terraform apply -var '{m}={v}'", "az keyvault secret set --name {m} --value {v}",
    "aws ssm put-parameter --name /crm/{m} --value {v} --type SecureString", "gh secret set {n} --body {v}", "INSERT INTO conf (id, {m}) VALUES (7, '{v}')",
    "My colleague left this as {m}: '{v}' (please delete)", "{v} <- {m}", "sed -i 's/{n}=.*/{n}={v}/' .env", "spring.{m}={v}\n", "{m} = new SecretString(\"{v}\".toCharArray())",
    "[[ -z ${n} ]] && export {n}={v}", "ok so {m} equals {v} right?", "Response: {{'status': 200, 'data': {{'{m}': {{'raw': '{v}'}}}}}}", "{m}\n  {v}\nexpires\n  never",
    "Your {m} has been generated. Copy it now, you will not see it again.\n\n{v}\n", "we use {v} as the {m} in staging", "localStorage.setItem('{m}', '{v}')",
    "- {m}: |\n    {v}\n", "export {n}='{v}' # do not commit", "{n}: '{v}', // staging", "{m} (prod) {v}", "# {n}\n{v}\n",
)  # fmt: skip
LAST_SAID: tuple[str, ...] = (
    "log in as ann with the password {p}", "Username: ann\nPassword: {p}\n", "mot de passe : {p}", "ALTER USER ann WITH PASSWORD '{p}';", "CREATE USER ann IDENTIFIED BY '{p}';",
    "net use Z: \\\\srv\\share /user:ann {p}", "passwd for the wifi = {p}", "ann / {p} (password)", "I changed your password. It is {p} now.", "unzip -P {p} backup.zip",
    "spring.datasource.password: {p}", "user=ann\npass={p}\n", "Wifi password -> {p}", "openssl enc -aes-256-cbc -pass pass:{p}", "PGPASSWORD={p} psql -h h crm",
    "\"credentials\": {{\"user\": \"ann\", \"password\": \"{p}\"}}", "the root password here is simply {p}", "sshpass -p '{p}' ssh ann@h",
)  # fmt: skip


def written_last(chance: random.Random) -> tuple[str, str]:
    """Return a random key, or a password of either kind, in a form that was thought of last."""
    if chance.randrange(len(LAST) + len(LAST_SAID)) < len(LAST):
        return _in_form(LAST, chance)
    value = human(chance) if chance.random() < 0.5 else _plain(chance)
    return chance.choice(LAST_SAID).format(p=value), value


def more_forms(chance: random.Random) -> tuple[str, str]:
    """Return a random key in a form that the first version of the rules did not know."""
    return _in_form(MORE_FORMS, chance)


def written_later(chance: random.Random) -> tuple[str, str]:
    """Return a random key in a form that was thought of only after the rules were written."""
    return _in_form(LATER, chance)


def _in_form(forms: tuple[str, ...], chance: random.Random) -> tuple[str, str]:
    shape = chance.choice(["{h32}", "{h40}", "{A32}", "{A40}", "{b43}="])
    value, name = filled(shape, chance), chance.choice(KEY_NAMES)
    return chance.choice(forms).format(n=name, m=name.lower(), v=value), value


OTHERS: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "address or connection string": addresses,
    "header or query": headers,
    "random value behind a name": by_name,
    "person's password behind a name": passwords,
    "private key": blocks,
    "password of plain words": plain_words,
    "random value, more forms": more_forms,
    "random value, forms thought of later": written_later,
    "value or password, forms thought of last": written_last,
}


def samples(seed: int, *, rounds: int, others: int) -> list[Sample]:
    """Return all texts with a credential."""
    chance = random.Random(seed)
    found = list(of_issuers(chance, rounds))
    for group, make in OTHERS.items():
        for _ in range(others):
            text, secret = make(chance)
            found.append(Sample(group, "", text, secret))
    return found


# -- near misses ---------------------------------------------------------------------------


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _digest(chance: random.Random, kind: str = "sha256") -> str:
    return hashlib.new(kind, chance.randbytes(8)).hexdigest()


def _b64(chance: random.Random, size: int) -> str:
    return base64.b64encode(chance.randbytes(size)).decode()


PLACES = (
    "<your-token>", "changeme", "${API_TOKEN}", "$API_TOKEN", "{{ api_token }}", "xxxxxxxxxxxxxxxx", "your-api-key-here",
    "YOUR_API_KEY", "<API_KEY>", "********", "REPLACE_ME", "replace-with-real-token", "...", "TODO", "insert_token_here",
    "[REDACTED]", "%(token)s", "$(cat token.txt)", "!secret api_token", "sk-xxxxxxxxxxxxxxxxxxxxxxxx", "example-key-123",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "{token}", "dummy-token-1", "null", "None", "@Microsoft.KeyVault(SecretUri=x)",
    "vault:secret/data/crm#token", "arn:aws:secretsmanager:eu-west-1:1:secret:crm", "op://vault/item/field", "env:CRM_TOKEN",
)  # fmt: skip
CODE = (
    'token = os.environ["API_TOKEN"]', "password = getpass.getpass()", 'api_key = os.getenv("OPENAI_API_KEY", "")',
    "const token = process.env.API_TOKEN2;", "secret := viper.GetString(\"jwt.secret2\")", "self.password = password2",
    "def login(user: str, password: str) -> Token2:", "token = await fetch_token_v2(session)", "client_secret=settings.OIDC_SECRET_V2,",
    "password: str = Field(min_length=12)", "access_token = response.json()['access_token']", "if token == expected_token_1:",
    "private String apiKey = config.getApiKey1();", "api_key=self._api_key_2 or default_key_2", "let secret = Secret::new(value1);",
    "password = hash_password(form.password1.data)", "tokens = tokenizer.encode(text, max_tokens=512)", "secretKeyRef: {name: crm-db, key: pass1}",
    "token_url = 'https://login.example.com/oauth2/v2.0/token'", "passwordField.setText(i18n.get('login.password.v2'))",
)  # fmt: skip
PROSE = (
    "Your password must have at least 12 characters, 1 digit and 1 sign.", "Password: required", "The token expired at 2026-03-04T10:22:17Z.",
    "Enter your password to go on", "We keep the API key: it is in the vault under crm/prod.", "secret: the recipe of the house",
    "token: the smallest unit of a text", "Reset your password within 24h", "The secret is out: we moved to Hall 12B!",
    "Password reset for user 4711 was requested on 2026-02-01", "Authorization: see chapter 4.2 of the handbook", "Basic authentication is off since v2.1.0",
    "The bearer of this letter, Mr. 007, may pass", "auth: oauth2", "Passwort: siehe Tresor 3", "pass: 12 of 14 tests", "token count: 4096 in, 512 out",
    "password is case-sensitive", "API key: contact support@acme.example", "secret santa 2026: draw by 12/01",
)  # fmt: skip
LABELS = (
    "Password", "Kennwort", "Mot de passe", "Contrase\u00f1a", "Wachtwoord", "L\u00f6senord", "Enter your password", "string",
    "required", "optional", "Repeat the password", "Neues Passwort", "salasana", "has\u0142o", "password", "hidden", "******",
)  # fmt: skip
NAMES_ONLY = (
    "password_hash", "token_sha256", "secret_fingerprint", "api_key_digest", "cache_key", "public_key", "idempotency_key",
    "partition_key", "next_page_token", "continuation_token", "key_id", "token_id", "sort_key",
)  # fmt: skip


def near_misses(seed: int, each: int) -> Iterator[NearMiss]:
    """Yield `each` texts of every kind."""
    chance = random.Random(seed + 1_000_000)
    for kind, make in KINDS.items():
        for _ in range(each):
            yield NearMiss(kind, make(chance))


def _commit(chance: random.Random) -> str:
    sha = _digest(chance, "sha1")
    return chance.choice(
        [
            f"commit {sha}",
            f"fixed in {sha[:12]}, see {sha}",
            f"ref: {sha} refs/heads/main",
            f'"sha": "{sha}"',
        ]
    )


def _pem(chance: random.Random) -> str:
    body = _b64(chance, 300)
    what = chance.choice(["PUBLIC KEY", "CERTIFICATE", "CERTIFICATE REQUEST", "RSA PUBLIC KEY"])
    return (
        f"-----BEGIN {what}-----\n"
        + "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
        + f"\n-----END {what}-----"
    )


LATER_PROSE = (
    "To get a token, run `crm login` and copy it from the browser.", "secret_key_base must be at least 64 characters", "api-key rotation is due on 2026-12-01",
    "The token bucket refills at 10/s, burst 200", "passwordless login: send a magic link valid for 15min", "our credentials: ISO27001, SOC2, 12 years in business",
    "Token ring networks ran at 16Mbit/s", "access_key_id is logged, the secret is not", "She passed 3 exams and passes: 2024, 2025", "key: C#m7 and then Gmaj9",
    "auth: saml2 (okta), mfa: totp", "authorization_code expires after 600s", "See RFC6749, section 4.1 (authorization: code grant)", "use pass@2 and pass@10 as metrics",
    "password: see 1Password, entry CRM-Prod-2", "token=... was truncated", "The secret of v2.0: fewer lines", "client_secret (string, required): from the console, tab 3",
    "login failed for user ann: bad password (attempt 3/5)", "X-CSRF-Token header is missing in request 4f2a", "sk-learn 1.5 and sk-video 1.1.10 are installed",
    "api_key: see .env.local, line 12", "tokens per second: 84.3 on H100x8", "the bearer token scheme of RFC6750", "session key agreement: X25519, AES-256-GCM",
)  # fmt: skip
LATER_CODE = (
    "token = next(tokens2, None)", "auth = HTTPBasicAuth(user1, password1)", "key = f'{user_id}:{token_id}'", "if (!password.match(/^(?=.*[0-9]).{8,}$/)) fail()",
    "password=data['password1'],", "let token = self.peek_token2()?;", "secret = b64decode(cfg.secret_b64)", "api_key_header = APIKeyHeader(name='X-API-Key-2')",
    "token: ${{ secrets.GITHUB_TOKEN }}", "password: {{ .Values.db.password | b64enc }}", "SECRET_KEY = config('SECRET_KEY')", "credentials = Credentials.from_file(path_v1)",
    "passwd: files sss", "token_uri: https://oauth2.example.com/v1/token", "const [token, setToken] = useState<string | null>(null)", "assert token == 'Bearer ' + t0",
    "private_key_path: /etc/ssl/private/crm2.key", "spring.datasource.password=${DB_PASSWORD:}", "PASSWORD_HASHERS = ['django.contrib.auth.hashers.PBKDF2PasswordHasher']",
    "auth_token = auth_token_v2 or create_token(user=user1)", "apiKey: import.meta.env.VITE_API_KEY_2,", "var secret = builder.Configuration[\"Jwt:Secret1\"];",
    "@Value(\"${app.jwt.secret1}\") private String jwtSecret1;", "--password-stdin < ~/pw1.txt", "get_secret_value(SecretId='prod/crm/db1')",
)  # fmt: skip
MORE_TALK = (
    "token bucket {u} refilled", "auth failed, trace id {m}", "secret rotated by ann, request {u}", "password changed (audit {h})", "client certificate fingerprint {s}",
    "key: {u}", "session {m} ended", "the auth service runs image {h}", "commit {s}: remove the secret from the logs", "api key usage 2026-05: 4711 calls, 3 keys",
    "Token `{{token}}` not found in {m}.json", "credentials updated, etag \"{m}\"", "password_reset_token_expiry: 2026-12-01T00:00:00Z", "x-request-id: {u}\nauthorization: none",
    "upload {b} finished, secret scan clean", "cache hit for auth:{h}", "SECRET_ROTATION_LAMBDA_ARN=arn:aws:lambda:eu-west-1:123456789012:function:rot-2", "sha256 of the token file: {h}",
    "helm install crm --set auth.existingSecret=crm-auth-2026", "git show {s} -- src/auth/token.py", "passed: 412, failed: 3, seed {m}", "tokens: 123,456 in / 7,890 out ({u})",
    "The API key page is at /settings/keys?id={u}", "authenticator app: 6 digits, 30 s", "docker pull crm/auth@sha256:{h}", "license: MIT, key rotation: 90d", "secret/data/crm version 14 created by {u}",
    "oauth2: {{client_id: {u}, scopes: [a1, b2]}}", "bearer methods supported: header2, body1", "private key: stored in HSM slot 12, label {u}",
)  # fmt: skip
# Written when the rules were done, as LATER.
LATEST = (
    "password attempts are limited; see incident {u}", "The token service logs {m} as correlation", "auth-service.{m}.svc.cluster.local is down", "secret sharing scheme, test vector {h}",
    "credential scan of {s} found nothing", "api key page: error reference {m}", "token holder 0x{s} owns 3 NFTs", "Passwords were hashed with sha512, salt length 16, run {u}",
    "merge {s} into auth-refactor", "the secret garden, ISBN 978-0-14-132106-1", "authorization matrix v3 ({h}.xlsx)", "refresh token flow diagram: https://docs.example.com/d/{m}/edit",
    "pass the salt, agent {u}", "tokenized corpus {h}.parquet", "private key ceremony on 12 May 2026, room B4.12", "auth plugin 2.3.1 checksum {h}", "secretariat@acme.example, ext. 4711",
    "password manager build {s}", "API key rotation job {u} finished in 12.4s", "Bearer bonds, series {m}", "access key fob no. 00417 returned", "credentials provider class com.acme.auth.V2CredentialsProvider",
    "secret_version: {u}", "token pruning kept {b} of the vocabulary", "no auth needed for /static/{m}.css", "SSH host key fingerprint SHA256:{b}", "key/token ratio 0.123456789012345", "author: ann, authored {s}",
)  # fmt: skip
# Written when the rules had been widened, as LAST.
LAST_TALK = (
    "The password prompt appears after 30 s.", "We moved the password to sops; ask Kim.", "My password manager is Bitwarden, yours is KeePass.", "The password is longer than twelve letters.", "password: at least one digit",
    "Kennwort vergessen?", "password was entered three times", "The password is Ann's to choose.", "password (string): set on first login", "token {u} was revoked by ann", "see {s} for the token fix",
    "{h} is what sha256sum says of token.txt", "cherry-pick {s} onto api-key-rotation", "blob {s} holds the old secret scanner", "run {m}: token tests passed", "request {m} came without a token",
    "span {m} in auth-service took 12 ms", "build {s} (secret rotation)", "upload id {m}, api token not needed", "password is spelled with two s", "his password is as old as the company",
    "the password is one of the ten most common ones", "the API key belongs to team 42, not to us", "Passwords are checked against haveibeenpwned.com", "password hint: name of the first pet",
    "password strength: weak", "lost password link: https://crm.example/reset?id={u}", "the auth cookie is HttpOnly, SameSite=Lax",
)  # fmt: skip
LAST_FILES = (
    "password=\"\" is refused with code 4012", "token: int = 0", "password -> password_hash in migration 0042", "auth = get_auth_header2()", "let token_len = 32;", "password_field.send_keys(creds2.password)",
    "{{\"password\": {{\"type\": \"string\", \"minLength\": 8}}}}", "| password | string | yes | the user's password |", "PASSWORD_RESET_TIMEOUT=259200", "{h}  secrets.tar.gpg",
    "image crm:{s} reads its api_key from the vault", "Password: ********", "password: {{{{ vault_db_password }}}}", "password: !vault |", "password: ENC[AES256_GCM,data:{b},type:str]", "secret: !ref CrmSecret2",
    "token = parts[1].strip()", "const password = req.body.password;", "password = input('Password: ')", "assert response.json()['token'] is not None", "if password in COMMON: raise Weak(password)", "del password",
    "client_secret_expires_at: 1798761600", "secret = hmac.new(key1, msg2, sha256)",
)  # fmt: skip
KINDS: dict[str, Callable[[random.Random], str]] = {
    "more code": lambda c: c.choice(LATER_CODE),
    "more prose": lambda c: c.choice(LATER_PROSE),
    "more talk": lambda c: c.choice(MORE_TALK).format(h=_digest(c), m=_digest(c, "md5"), u=_uuid(c), b=_b64(c, 24), s=_digest(c, "sha1")),
    "thought of later": lambda c: c.choice(LATEST).format(h=_digest(c), m=_digest(c, "md5"), u=_uuid(c), b=_b64(c, 24), s=_digest(c, "sha1")),
    "thought of last, talk": lambda c: c.choice(LAST_TALK).format(h=_digest(c), m=_digest(c, "md5"), u=_uuid(c), s=_digest(c, "sha1")),
    "thought of last, files": lambda c: c.choice(LAST_FILES).format(h=_digest(c), b=_b64(c, 24), s=_digest(c, "sha1")),
    "UUID": lambda c: c.choice(["request_id={u}", '"id": "{u}"', "trace {u} done", "session: {u}", "/orders/{u}/items"]).format(u=_uuid(c)),
    "git commit": _commit,
    "digest": lambda c: c.choice(["sha256:{d}", "image: crm@sha256:{d}", "ETag: \"{d}\"", "{d}  release.tar.gz", "md5 {m}"]).format(d=_digest(c), m=_digest(c, "md5")),
    "lock file": lambda c: f'"integrity": "sha512-{_b64(c, 64)}", "resolved": "https://registry.example/x/-/x-1.{c.randint(0, 9)}.0.tgz"',
    "image in base64": lambda c: f'<img src="data:image/png;base64,iVBORw0KGgo{_b64(c, 240)}">',
    "payload in base64": lambda c: f'{{"payload": "{_b64(c, c.randint(20, 200))}", "encoding": "base64"}}',
    "place for a secret, env": lambda c: f"{c.choice(KEY_NAMES)}={c.choice(PLACES)}",
    "place for a secret, yaml": lambda c: f"{c.choice(KEY_NAMES).lower()}: {c.choice(PLACES)}",
    "place for a secret, json": lambda c: f'{{"{camel(c.choice(KEY_NAMES))}": "{c.choice(PLACES)}"}}',
    "place for a password": lambda c: f"{c.choice(PASSWORD_NAMES)}={c.choice(PLACES)}",
    "place in an address": lambda c: c.choice(["postgres://{u}:<password>@{h}/crm", "postgres://{u}:${{PASSWORD}}@{h}/crm", "mysql://{u}:****@{h}/x", "https://{u}:{{{{ token }}}}@{h}/", "redis://:$REDIS_PASSWORD@{h}:6379", "amqp://{u}:xxxxx@{h}"]).format(u=c.choice(USERS), h=c.choice(HOSTS)),
    "place in a header": lambda c: f"Authorization: Bearer {c.choice(PLACES)}",
    "published example": lambda c: c.choice(["AKIA" + "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY", "AIza" + "SyExampleExampleExampleExampleExample1", "sk_test_" + "your_example_key_here"]),
    "pattern in a manual": lambda c: c.choice(["tokens match ghp_[A-Za-z0-9]{36}", "starts with `sk-ant-` and 95 characters", "AKIA followed by 16 capitals", "xoxb-<team>-<bot>-<secret>", "glpat-... has 20 characters", "Bearer <opaque string>", "hf_ + 34 letters", "prefix npm_ since 2021"]),
    "code": lambda c: c.choice(CODE),
    "prose": lambda c: c.choice(PROSE),
    "name that tells no secret": lambda c: f"{c.choice(NAMES_ONLY)}: {c.choice([_digest(c), _uuid(c), _b64(c, 24), _digest(c, 'md5')])}",
    "label in a form or a translation": lambda c: f'"{c.choice(["password", "passwordLabel", "newPassword"])}": "{c.choice(LABELS)}"',
    "password hash": lambda c: f"ann:$2b$12${filled('{A22}{A31}', c)}",
    "public key": lambda c: f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB{_b64(c, 200)} ann@host",
    "public key block": _pem,
    "publishable key": lambda c: filled(c.choice(["pk_live_{A24}", "pk_test_{A24}", "phc_{A43}", "pk.eyJ1IjoiYSJ9.{w22}"]), c),
    "counts of tokens": lambda c: f'"max_tokens": {c.randint(100, 9999)}, "total_tokens": {c.randint(10**5, 10**7)}, "token_type": "bearer"',
    "file with a hash in its name": lambda c: f"/static/js/main.{_digest(c)[:c.choice([8, 16, 20])]}.chunk.js",
    "pod": lambda c: f"crm-api-{filled('{l9}', c)}-{filled('{l5}', c)} 1/1 Running; secret-sync-{filled('{l10}', c)} Completed",
    "trace": lambda c: f"traceparent: 00-{_digest(c, 'md5')}-{filled('{h16}', c)}-01 x-amzn-trace-id: Root=1-{filled('{h8}-{h24}', c)}",
    "address without a password": lambda c: c.choice(["https://{h}:8443/a@b", "postgres://{u}@{h}/crm", "http://{h}/u:p/x@y", "git@{h}:org/repo.git", "redis://{h}:6379/0", "see http://{h}:3000/@ann and 12:30"]).format(u=c.choice(USERS), h=c.choice(HOSTS)),
    "mail": lambda c: f"Message-ID: <{filled('{l20}.{l12}', c)}@mail.example>\nFrom: ann@acme.example\nSubject: password policy v2\n",
    "nonce": lambda c: f"Content-Security-Policy: script-src 'nonce-{_b64(c, 16)}'",
    "serial numbers": lambda c: filled("SN {U4}-{U4}-{U4}-{U4}, order {d10}, IBAN-like DE{d20}, build 2026.{n1}.{d2}-{h7}", c),
    "resource names": lambda c: c.choice(["secretName: crm-tls-2026", "existingSecret: redis-auth-v2", "credentialsId: 'jenkins-deploy-01'", "passwordSecretRef: db/pass-1", "tokenRef: vault-token-3", "serviceAccountName: token-reader-2", "auth_method: aws-iam-2", "token_endpoint_auth_method: client_secret_basic"]),
}  # fmt: skip
"""Kinds of near misses."""
