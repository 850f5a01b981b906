"""Make up credentials as their issuers describe them, and texts in which people leave them.

Everything is drawn from a seed when it is asked for: no file holds a credential. The
formats were written down a second time from the issuers' documents, as templates; nothing
here knows the patterns of the guard.

A template is literal text with places in braces: a letter for the alphabet and a length.
Where only its end is secret, a bar stands before that end.
"""

# ruff: noqa: E501 - one row, one line

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALPHABETS = {
    "A": LOWER + UPPER + DIGITS,
    "h": DIGITS + "abcdef",
    "H": DIGITS + "ABCDEF",
    "U": UPPER + DIGITS,
    "l": LOWER + DIGITS,
    "w": LOWER + UPPER + DIGITS + "-_",
    "b": LOWER + UPPER + DIGITS + "+/",
    "d": DIGITS,
    "n": "123456789",
    "t": UPPER + "234567",
    "T": LOWER + "234567",
    "z": "023456789acdefghjklmnpqrstuvwxyz",
    "x": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
}


@dataclass(frozen=True, slots=True)
class Issue:
    """One kind of credential: who issues it, under what name it is kept, and its template."""

    issuer: str
    name: str
    template: str
    bare: bool = True  # whether the format tells it without its name


def filled(template: str, chance: random.Random) -> str:
    """Return `template` with its places filled.

    Example:
        >>> filled("id-{d4}", random.Random(1))
        'id-2914'
    """
    parts: list[str] = []
    for piece in template.replace("{uuid}", "{h8}-{h4}-4{h3}-a{h3}-{h12}").split("{"):
        place, brace, rest = piece.partition("}")
        if not brace:
            parts.append(piece)
            continue
        low, _, high = place[1:].partition("-")
        size = chance.randint(int(low), int(high or low))
        parts += ["".join(chance.choices(ALPHABETS[place[0]], k=size)), rest]
    return "".join(parts)


# fmt: off
ISSUES: tuple[Issue, ...] = (
    Issue("1password", "OP_SERVICE_ACCOUNT_TOKEN", "ops" + "_eyJ{w700}"),
    Issue("1password", "OP_SECRET_KEY", "A3" + "-{U6}-{U6}-{U5}-{U5}-{U5}-{U5}"),
    Issue("adafruit", "ADAFRUIT_IO_KEY", "aio" + "_{A28}"),
    Issue("adobe", "ADOBE_CLIENT_SECRET", "p8e" + "-{w31}{A1}"),
    Issue("age", "AGE_IDENTITY", "AGE-SECRET" + "-KEY-1{U58}"),
    Issue("airtable", "AIRTABLE_PAT", "pat" + "{A14}.{h64}"),
    Issue("algolia", "ALGOLIA_ADMIN_KEY", "{h32}", bare=False),
    Issue("alibaba", "ALIBABA_ACCESS_KEY_ID", "LTAI" + "{A20}"),
    Issue("anthropic", "ANTHROPIC_API_KEY", "sk-ant" + "-api03-{w93}AA"),
    Issue("apify", "APIFY_TOKEN", "apify" + "_api_{A36}"),
    Issue("artifactory", "JFROG_API_KEY", "AKC" + "p{A69}"),
    Issue("artifactory", "JFROG_TOKEN", "cmVmd" + "Gtu{A56}"),
    Issue("asana", "ASANA_TOKEN", "1/{n1}{d15}:" + "{h32}"),
    Issue("atlassian", "JIRA_API_TOKEN", "ATATT3" + "xFfGF0{w170}={H8}"),
    Issue("atlassian", "BITBUCKET_APP_PASSWORD", "ATBB" + "{A32}"),
    Issue("aws", "AWS_ACCESS_KEY_ID", "AKI" + "A{t16}"),
    Issue("aws", "AWS_SECRET_ACCESS_KEY", "{b39}{A1}", bare=False),
    Issue("aws", "AWS_BEARER_TOKEN_BEDROCK", "ABS" + "K{b128}{A1}="),
    Issue("aws", "AWS_SESSION_TOKEN", "IQoJb3Jp" + "Z2luX2Vj{b300}{A1}="),
    Issue("axiom", "AXIOM_TOKEN", "xaat" + "-{uuid}"),
    Issue("azure", "AZURE_STORAGE_CONNECTION_STRING", "DefaultEndpointsProtocol=https;AccountName=x;Account" + "Key=|{b86}=="),
    Issue("azure", "AZURE_CLIENT_SECRET", "{A3}8" + "Q~{w33}{A1}"),
    Issue("azure", "AZURE_OPENAI_KEY", "{A52}JQQ" + "J99BFAC{A21}ACOG{A1}"),
    Issue("azure", "AZURE_DEVOPS_PAT", "{A76}" + "AZDO{A4}"),
    Issue("brevo", "BREVO_API_KEY", "xkey" + "sib-{h64}-{A16}"),
    Issue("buildkite", "BUILDKITE_API_TOKEN", "bk" + "ua_{h40}"),
    Issue("cal", "CAL_API_KEY", "cal" + "_live_{h32}"),
    Issue("cerebras", "CEREBRAS_API_KEY", "csk" + "-{l48}"),
    Issue("circleci", "CIRCLE_TOKEN", "CCI" + "PAT_{x22}_{h40}"),
    Issue("clickup", "CLICKUP_TOKEN", "pk" + "_{n1}{d6}_{U32}"),
    Issue("clojars", "CLOJARS_PASSWORD", "CLOJ" + "ARS_{h60}"),
    Issue("cloudflare", "CF_ORIGIN_CA_KEY", "v1" + ".0-{h24}-{h146}"),
    Issue("cloudflare", "CLOUDFLARE_API_TOKEN", "{A39}{d1}", bare=False),
    Issue("confluent", "CONFLUENT_API_SECRET", "cf" + "lt{b59}{A1}"),
    Issue("contentful", "CONTENTFUL_PAT", "CF" + "PAT-{w42}{A1}"),
    Issue("databricks", "DATABRICKS_TOKEN", "da" + "pi{h32}-2"),
    Issue("datadog", "DD_API_KEY", "{h32}", bare=False),
    Issue("datadog", "DATADOG_APP_KEY", "{h40}", bare=False),
    Issue("deepl", "DEEPL_AUTH_KEY", "{uuid}:" + "fx"),
    Issue("deepseek", "DEEPSEEK_API_KEY", "sk" + "-{h32}"),
    Issue("defined", "DEFINED_API_KEY", "dn" + "key-{U26}-{U52}"),
    Issue("digitalocean", "DIGITALOCEAN_TOKEN", "do" + "p_v1_{h64}"),
    Issue("discord", "DISCORD_WEBHOOK", "https://discord.com/api/web" + "hooks/|1{d18}/{w67}{A1}"),
    Issue("discord", "DISCORD_TOKEN", "{SNOWFLAKE}.{w6}.{w37}{A1}"),
    Issue("docker", "DOCKER_PAT", "dckr" + "_pat_{w26}{A1}"),
    Issue("doppler", "DOPPLER_TOKEN", "dp" + ".st.prd.{A43}"),
    Issue("dropbox", "DROPBOX_TOKEN", "sl" + ".u.A{w140}{A1}"),
    Issue("duffel", "DUFFEL_TOKEN", "duf" + "fel_live_{w42}{A1}"),
    Issue("dynatrace", "DT_API_TOKEN", "dt" + "0c01.{t24}.{t64}"),
    Issue("e2b", "E2B_API_KEY", "e2" + "b_{h40}"),
    Issue("easypost", "EASYPOST_API_KEY", "EZ" + "AK{h32}{A22}"),
    Issue("elevenlabs", "ELEVENLABS_API_KEY", "sk" + "_{h48}"),
    Issue("facebook", "FB_ACCESS_TOKEN", "EA" + "A{A160}"),
    Issue("figma", "FIGMA_TOKEN", "fi" + "gd_{w39}{A1}"),
    Issue("firebase", "FCM_SERVER_KEY", "AAAA{w7}:APA9" + "1b{w133}{A1}"),
    Issue("firecrawl", "FIRECRAWL_API_KEY", "fc" + "-{h32}"),
    Issue("flutterwave", "FLW_SECRET_KEY", "FLW" + "SECK-{h32}-X"),
    Issue("fly", "FLY_API_TOKEN", "fo" + "1_{w42}{A1}"),
    Issue("frameio", "FRAMEIO_TOKEN", "fi" + "o-u-{w63}{A1}"),
    Issue("github", "GITHUB_TOKEN", "gh" + "p_{A36}"),
    Issue("github", "GH_APP_TOKEN", "gh" + "s_{A36}"),
    Issue("github", "GH_PAT", "github" + "_pat_11{U9}0{A10}_{A59}"),
    Issue("gitlab", "GITLAB_TOKEN", "gl" + "pat-{w19}{A1}"),
    Issue("gitlab", "CI_RUNNER_TOKEN", "gl" + "rt-{w19}{A1}"),
    Issue("gocardless", "GOCARDLESS_TOKEN", "li" + "ve_{w39}{A1}"),
    Issue("google", "GOOGLE_API_KEY", "AI" + "za{w34}{A1}"),
    Issue("google", "GOOGLE_CLIENT_SECRET", "GOC" + "SPX-{w27}{A1}"),
    Issue("google", "GOOGLE_ACCESS_TOKEN", "ya" + "29.a0{w180}{A1}"),
    Issue("grafana", "GRAFANA_TOKEN", "gl" + "sa_{A32}_{h8}"),
    Issue("groq", "GROQ_API_KEY", "gs" + "k_{A52}"),
    Issue("harness", "HARNESS_PAT", "pa" + "t.{w22}.{h24}.{A20}"),
    Issue("heroku", "HEROKU_API_KEY", "{uuid}", bare=False),
    Issue("heroku", "HEROKU_TOKEN", "HRKU" + "-AA{w57}{A1}"),
    Issue("honeycomb", "HONEYCOMB_API_KEY", "hca" + "ik_01{l56}"),
    Issue("hubspot", "HUBSPOT_TOKEN", "pat" + "-eu1-{uuid}"),
    Issue("huggingface", "HF_TOKEN", "h" + "f_{A34}"),
    Issue("infracost", "INFRACOST_API_KEY", "ic" + "o-{A32}"),
    Issue("intercom", "INTERCOM_TOKEN", "{INTERCOM}"),
    Issue("jina", "JINA_API_KEY", "ji" + "na_{h32}{w27}{A1}"),
    Issue("jumpcloud", "JUMPCLOUD_KEY", "jc" + "a_{A36}"),
    Issue("jwt", "ID_TOKEN", "{JWT}"),
    Issue("klaviyo", "KLAVIYO_PRIVATE_KEY", "p" + "k_{h34}"),
    Issue("langfuse", "LANGFUSE_SECRET_KEY", "sk" + "-lf-{uuid}"),
    Issue("langsmith", "LANGSMITH_API_KEY", "ls" + "v2_pt_{h32}_{h10}"),
    Issue("launchdarkly", "LAUNCHDARKLY_SDK_KEY", "sd" + "k-{uuid}"),
    Issue("linear", "LINEAR_API_KEY", "lin" + "_api_{A40}"),
    Issue("linkedin", "LINKEDIN_CLIENT_SECRET", "WPL" + "_AP1.{A16}.{A6}=="),
    Issue("lob", "LOB_API_KEY", "te" + "st_{h35}"),
    Issue("mailchimp", "MAILCHIMP_API_KEY", "{h32}-" + "us1{n1}"),
    Issue("mailersend", "MAILERSEND_API_KEY", "ml" + "sn.{h64}"),
    Issue("mailgun", "MAILGUN_API_KEY", "ke" + "y-{h32}"),
    Issue("mandrill", "MANDRILL_API_KEY", "m" + "d-{w21}{A1}"),
    Issue("mapbox", "MAPBOX_SECRET_TOKEN", "sk" + ".eyJ1Ijoi{A70}.{w21}{A1}"),
    Issue("maxmind", "MAXMIND_LICENSE_KEY", "{A6}_{A29}" + "_mmk"),
    Issue("mollie", "MOLLIE_API_KEY", "li" + "ve_{A30}"),
    Issue("mongodb", "ATLAS_CLIENT_SECRET", "mdb" + "_sa_sk_{w39}{A1}"),
    Issue("neon", "NEON_API_KEY", "na" + "pi_{l64}"),
    Issue("netlify", "NETLIFY_AUTH_TOKEN", "nf" + "p_{A36}"),
    Issue("newrelic", "NEW_RELIC_API_KEY", "NR" + "AK-{U27}"),
    Issue("newrelic", "NEW_RELIC_LICENSE_KEY", "{h32}FFFF" + "NRAL"),
    Issue("notion", "NOTION_TOKEN", "se" + "cret_{A43}"),
    Issue("notion", "NOTION_API_KEY", "nt" + "n_{d11}{A35}"),
    Issue("npm", "NPM_TOKEN", "np" + "m_{A36}"),
    Issue("nuget", "NUGET_API_KEY", "oy" + "2{l43}"),
    Issue("nvidia", "NVIDIA_API_KEY", "nv" + "api-{w63}{A1}"),
    Issue("nylas", "NYLAS_API_KEY", "ny" + "k_v0_{A64}"),
    Issue("octopus", "OCTOPUS_API_KEY", "AP" + "I-{U26}"),
    Issue("okta", "OKTA_API_TOKEN", "00{w39}{A1}", bare=False),
    Issue("onesignal", "ONESIGNAL_KEY", "os" + "_v2_app_{T103}"),
    Issue("openai", "OPENAI_API_KEY", "sk" + "-proj-{w73}T3BlbkFJ{w73}{A1}"),
    Issue("openai", "OPENAI_KEY", "s" + "k-{A20}T3BlbkFJ{A20}"),
    Issue("openrouter", "OPENROUTER_API_KEY", "sk" + "-or-v1-{h64}"),
    Issue("openshift", "OPENSHIFT_TOKEN", "sha" + "256~{w42}{A1}"),
    Issue("paddle", "PADDLE_API_KEY", "pd" + "l_live_apikey_{l26}_{A22}_{A3}"),
    Issue("pagerduty", "PAGERDUTY_API_KEY", "u+{A18}", bare=False),
    Issue("paypal", "BRAINTREE_ACCESS_TOKEN", "access" + "_token$production${l16}${h32}"),
    Issue("perplexity", "PPLX_API_KEY", "pp" + "lx-{A48}"),
    Issue("pinecone", "PINECONE_API_KEY", "pc" + "sk_{A6}_{A63}"),
    Issue("plaid", "PLAID_ACCESS_TOKEN", "acc" + "ess-production-{uuid}"),
    Issue("planetscale", "PLANETSCALE_TOKEN", "psc" + "ale_tkn_{w42}{A1}"),
    Issue("posthog", "POSTHOG_API_KEY", "ph" + "x_{A43}"),
    Issue("postman", "POSTMAN_API_KEY", "PM" + "AK-{h24}-{h34}"),
    Issue("prefect", "PREFECT_API_KEY", "pn" + "u_{A36}"),
    Issue("pulumi", "PULUMI_ACCESS_TOKEN", "pu" + "l-{h40}"),
    Issue("pypi", "PYPI_TOKEN", "pypi" + "-AgEIcHlwaS5vcmc{w130}{A1}"),
    Issue("rapidapi", "RAPIDAPI_KEY", "{h10}ms" + "h{h15}p1{h6}js" + "n{h12}"),
    Issue("razorpay", "RAZORPAY_KEY_ID", "rz" + "p_live_{A14}"),
    Issue("readme", "README_API_KEY", "rd" + "me_xn8s9h{h64}"),
    Issue("render", "RENDER_API_KEY", "rn" + "d_{A28}"),
    Issue("replicate", "REPLICATE_API_TOKEN", "r" + "8_{A37}"),
    Issue("resend", "RESEND_API_KEY", "r" + "e_{A8}_{A24}"),
    Issue("rubygems", "GEM_HOST_API_KEY", "ruby" + "gems_{h48}"),
    Issue("salesforce", "SF_ACCESS_TOKEN", "00" + "D{A12}!AQ{A90}.{A3}"),
    Issue("scaleway", "SCW_ACCESS_KEY", "SC" + "W{U17}"),
    Issue("segment", "SEGMENT_TOKEN", "sg" + "p_{A64}"),
    Issue("sendgrid", "SENDGRID_API_KEY", "S" + "G.{w21}{A1}.{w42}{A1}"),
    Issue("sentry", "SENTRY_AUTH_TOKEN", "sn" + "tryu_{h64}"),
    Issue("settlemint", "SETTLEMINT_TOKEN", "sm" + "_pat_{A16}"),
    Issue("shippo", "SHIPPO_TOKEN", "shi" + "ppo_live_{h40}"),
    Issue("shopify", "SHOPIFY_TOKEN", "shp" + "at_{h32}"),
    Issue("slack", "SLACK_BOT_TOKEN", "xo" + "xb-{n1}{d11}-{n1}{d12}-{A24}"),
    Issue("slack", "SLACK_APP_TOKEN", "xa" + "pp-1-A{U10}-{n1}{d12}-{h64}"),
    Issue("slack", "SLACK_WEBHOOK", "https://hooks.sla" + "ck.com/services/|T{U10}/B{U10}/{A24}"),
    Issue("sonar", "SONAR_TOKEN", "sq" + "p_{h40}"),
    Issue("sourcegraph", "SRC_ACCESS_TOKEN", "sg" + "p_{h16}_{h40}"),
    Issue("square", "SQUARE_ACCESS_TOKEN", "EA" + "AA{w59}{A1}"),
    Issue("square", "SQUARE_SECRET", "sq0" + "csp-{w42}{A1}"),
    Issue("stripe", "STRIPE_SECRET_KEY", "sk" + "_live_51{A97}"),
    Issue("stripe", "STRIPE_WEBHOOK_SECRET", "wh" + "sec_{A32}"),
    Issue("supabase", "SUPABASE_SECRET_KEY", "sb" + "_secret_{w22}_{w7}{A1}"),
    Issue("supabase", "SUPABASE_ACCESS_TOKEN", "sb" + "p_{h40}"),
    Issue("tailscale", "TS_AUTHKEY", "tsk" + "ey-auth-k{A10}CNTRL-{A32}"),
    Issue("tavily", "TAVILY_API_KEY", "tv" + "ly-dev-{A32}"),
    Issue("teams", "TEAMS_WEBHOOK", "https://acme.webhook.off" + "ice.com/webhookb2/|{uuid}@{uuid}/IncomingWebhook/{h32}/{uuid}"),
    Issue("telegram", "TELEGRAM_BOT_TOKEN", "{n1}{d9}:A" + "A{w32}{A1}"),
    Issue("tencent", "TENCENT_SECRET_ID", "AK" + "ID{A32}"),
    Issue("terraform", "TF_TOKEN", "{A14}.atlas" + "v1.{A67}"),
    Issue("together", "TOGETHER_API_KEY", "tg" + "p_v1_{w42}{A1}"),
    Issue("twilio", "TWILIO_API_KEY", "S" + "K{h32}"),
    Issue("twitch", "TWITCH_CLIENT_SECRET", "{l30}", bare=False),
    Issue("twitter", "TWITTER_BEARER_TOKEN", "AAAAAAAAAAAAAAAAAAAAA" + "{A10}AAAAAA{A30}%3D{A40}"),
    Issue("typeform", "TYPEFORM_TOKEN", "tf" + "p_{A43}_{A14}"),
    Issue("vault", "VAULT_TOKEN", "hv" + "s.{w90}{A1}"),
    Issue("vercel", "BLOB_READ_WRITE_TOKEN", "vercel" + "_blob_rw_{A16}_{A30}"),
    Issue("voyage", "VOYAGE_API_KEY", "p" + "a-{w42}{A1}"),
    Issue("wakatime", "WAKATIME_API_KEY", "wa" + "ka_{uuid}"),
    Issue("wallet", "WALLET_XPRV", "xp" + "rv{x107}"),
    Issue("wallet", "NOSTR_KEY", "nse" + "c1{z58}"),
    Issue("xai", "XAI_API_KEY", "xa" + "i-{A80}"),
    Issue("yandex", "YANDEX_API_KEY", "AQ" + "VN{w35}{A1}"),
    Issue("zapier", "ZAPIER_HOOK", "https://hooks.zap" + "ier.com/hooks/catch/|{n1}{d6}/{l7}"),
    Issue("zuplo", "ZUPLO_API_KEY", "zp" + "ka_{l32}_{h8}"),
)
# fmt: on


def credential(issue: Issue, chance: random.Random) -> str:
    """Return a new credential."""
    special = SPECIAL.get(issue.template.partition(".")[0])
    if special is None:
        return filled(issue.template, chance)
    return special(chance) + filled(issue.template[issue.template.index("}") + 1 :], chance)


def _b64(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _snowflake(chance: random.Random) -> str:
    return _b64(str(chance.randint(10**17, 10**18 - 1)))


def _jwt(chance: random.Random) -> str:
    head = _b64(json.dumps({"alg": chance.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}))
    body = _b64(json.dumps({"sub": str(chance.randint(1, 10**9)), "iat": chance.randint(1, 10**9)}))
    return f"{head}.{body}.{_b64(chance.randbytes(chance.choice([32, 64, 256])))}"


def _intercom(chance: random.Random) -> str:
    plain = f"tok:{filled('{h8}_{h4}_{h4}_{h4}_{h12}', chance)}:1:0"
    return base64.b64encode(plain.encode()).decode()


SPECIAL: dict[str, Callable[[random.Random], str]] = {
    "{SNOWFLAKE}": _snowflake,
    "{JWT}": _jwt,
    "{INTERCOM}": _intercom,
}
"""Credentials that encode something."""
