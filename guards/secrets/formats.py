"""Credentials of known formats: one row for each, as plain data.

A row says who issues the credential, a mark (an RE2 pattern that is cheap to look for and
stands in every such credential), the format (RE2, linear in the text), and the public
document that gives the format. Where the format has a group, the group is the credential
and the rest is its frame. Rows stand in alphabetical order of their issuers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """The format of one issuer's credentials.

    Attributes:
        provider: The issuer's short name, which stands in the replacement.
        mark: An RE2 pattern that matches in every text in which `pattern` does.
        pattern: An RE2 pattern; its first group is the credential, if it has one.
        source: The document that describes the format.
    """

    provider: str
    mark: str
    pattern: str
    source: str


_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_GAP = (
    r"[A-Za-z0-9_.-]{0,30}[\"'`\]\\]{0,3}(?:[ \t]{1,3}[A-Za-z]{1,12})?[ \t]{0,4}"
    r"(?:=>|:{0,3}=|\?=|\.=|\|\||:|,|>|\x1f)\s{0,40}[\"'`\\]{0,2}"
)


def _named(names: str, value: str) -> str:
    """Return a pattern for `value`, which has no mark of its own, behind a name that tells it."""
    return f"[A-Za-z0-9_.-]{{0,40}}(?i:{names}){_GAP}({value})(?:[^A-Za-z0-9_-]|$)"


# fmt: off
# ruff: noqa: E501 - one row, one line
RULES: tuple[Rule, ...] = (
    Rule("1password", "ops_eyJ", r"ops_eyJ[A-Za-z0-9_-]{200,}={0,2}", "1Password Developer: Service accounts, token"),
    Rule("1password", "A3-", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}\b", "1Password: About your Secret Key"),
    Rule("adafruit", "aio_", r"aio_[A-Za-z0-9]{28}\b", "Adafruit IO: API keys"),
    Rule("adobe", "p8e-", r"p8e-[A-Za-z0-9_-]{32}\b", "Adobe Developer Console: OAuth credentials, client secret"),
    Rule("age", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{58}", "age specification (C2SP): native X25519 identity"),
    Rule("airtable", "pat", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}\b", "Airtable: Personal access tokens"),
    Rule("algolia", "(?i:algolia)", _named("algolia", "[a-f0-9]{32}"), "Algolia: API keys"),
    Rule("alibaba", "LTAI", r"LTAI[A-Za-z0-9]{12,26}\b", "Alibaba Cloud: Create an AccessKey pair"),
    Rule("anthropic", "sk-ant-", r"sk-ant-[a-z0-9]{2,12}-[A-Za-z0-9_-]{40,}", "Anthropic API: Authentication"),
    Rule("apify", "apify_api_", r"apify_api_[A-Za-z0-9]{34,40}\b", "Apify Docs: API integration, token"),
    Rule("artifactory", "AKCp|cmVmdGtu", r"(?:AKCp[A-Za-z0-9]{60,80}|cmVmdGtu[A-Za-z0-9]{56})\b", "JFrog: API key; reference tokens"),
    Rule("artifactory", "(?i:artifactory|jfrog)", _named("artifactory|jfrog", "[A-Za-z0-9]{64}|[A-Za-z0-9]{73}"), "JFrog: API key; identity tokens"),
    Rule("asana", ":[a-f0-9]{8}", r"[0-2]/[0-9]{10,20}(?:/[0-9]{10,20})?:[a-f0-9]{32}\b", "Asana Developers: Personal access token"),
    Rule("atlassian", "ATATT3|ATCTT3|ATBB|ATTA", r"(?:AT[AC]TT3[A-Za-z0-9_=-]{60,}|ATBB[A-Za-z0-9]{28,40}|ATTA[A-Za-z0-9]{60,80})\b=?", "Atlassian Support: API tokens; Bitbucket app passwords; Trello tokens"),
    Rule("aws", "AKIA|ASIA|ABIA|ACCA", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", "AWS IAM User Guide: IAM identifiers, unique ID prefixes"),
    Rule("aws", "ABSK", r"ABSK[A-Za-z0-9+/]{100,}={0,2}", "Amazon Bedrock: API keys"),
    Rule("aws", "bedrock-api-key-", r"bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[A-Za-z0-9+/=_-]*", "Amazon Bedrock: API keys, short-term (base64 of bedrock.amazonaws.com)"),
    Rule("aws", "(?i:aws|secret)", r"(?i:aws[_.-]?(?:secret[_.-]?)?(?:access[_.-]?)?key|secret[_.-]?access[_.-]?key)[\"']?\s{0,3}(?:=>|[:=,]|\x1f)\s{0,3}[\"']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)", "AWS CLI User Guide: Configuration and credential file settings"),
    Rule("aws", "X-Amz-Signature=", r"X-Amz-Signature=([a-f0-9]{64})", "Amazon S3: Authenticating requests, query parameters"),
    Rule("aws", "IQoJb3JpZ2luX2", r"IQoJb3JpZ2luX2[A-Za-z0-9+/=]{100,}", "AWS STS: GetSessionToken, response"),
    Rule("aws", "amzn\\.mws\\.", rf"amzn\.mws\.{_UUID}", "Amazon MWS: Auth token"),
    Rule("axiom", "xaat-|xapt-", rf"xa[ap]t-{_UUID}", "Axiom Docs: API tokens"),
    Rule("azure", "AccountKey=|SharedAccessKey=", r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{42,88}={0,2})", "Azure Storage: Configure connection strings"),
    Rule("azure", "sig=", r"sig=([A-Za-z0-9%+/]{40,}={0,2})", "Azure Storage: Service SAS, signature field"),
    Rule("azure", "[78]Q~", r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}", "Microsoft Purview: Azure AD client secret entity definition"),
    Rule("azure", "JQQJ9", r"[A-Za-z0-9]{52}JQQJ9[A-Za-z0-9]{20,40}\b", "Microsoft: Common annotated security keys"),
    Rule("azure", "AZDO", r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b", "Azure DevOps: Use personal access tokens, format"),
    Rule("brevo", "xkeysib-|xsmtpsib-", r"x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}\b", "Brevo Developers: Authentication"),
    Rule("buildkite", "bkua_|bkct_", r"bk(?:ua|ct)_[A-Za-z0-9]{32,64}\b", "Buildkite Docs: Managing API access tokens; token security"),
    Rule("cal", "cal_live_", r"cal_live_[a-f0-9]{32}\b", "Cal.com: API authentication"),
    Rule("cerebras", "csk-", r"csk-[a-z0-9]{48}\b", "Cerebras Inference: API key"),
    Rule("circleci", "CCIPAT_|CCIPRJ_", r"CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}\b", "CircleCI Docs: Managing API tokens"),
    Rule("clickup", "pk_[0-9]", r"pk_[0-9]{5,12}_[A-Z0-9]{32}\b", "ClickUp Developer: Authentication, personal token"),
    Rule("clojars", "CLOJARS_", r"CLOJARS_[a-f0-9]{60}\b", "Clojars: Deploy tokens"),
    Rule("cloudflare", "v1\\.0-", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}\b", "Cloudflare API: Origin CA keys"),
    Rule("cloudflare", "(?i:cloudflare|cf_)", _named("cloudflare|cf_api", "[A-Za-z0-9_-]{40}|[a-f0-9]{37}"), "Cloudflare Fundamentals: API tokens; Global API key"),
    Rule("confluent", "cflt", r"cflt[A-Za-z0-9+/]{60}", "Confluent Cloud: API keys"),
    Rule("contentful", "CFPAT-", r"CFPAT-[A-Za-z0-9_-]{40,64}", "Contentful: Personal access tokens"),
    Rule("databricks", "dapi|dose", r"(?:dapi|dose)[a-f0-9]{32}(?:-[0-9])?\b", "Databricks: Personal access token authentication"),
    Rule("datadog", "(?i:datadog|dd_|dd-)", _named("datadog|dd[_-](?:api|app|application)", "[a-f0-9]{32}(?:[a-f0-9]{8})?"), "Datadog: API and application keys"),
    Rule("deepl", ":fx", rf"{_UUID}:fx\b", "DeepL API: Authentication"),
    Rule("deepseek", "sk-", r"sk-[a-f0-9]{32}\b", "DeepSeek API: Your first API call"),
    Rule("defined", "dnkey-", r"dnkey-[A-Z0-9]{26}-[A-Z0-9]{52}\b", "Defined Networking: API keys"),
    Rule("digitalocean", "_v1_", r"do[opr]_v1_[a-f0-9]{64}\b", "DigitalOcean: New token formats"),
    Rule("discord", "(?:discord|discordapp)\\.com/api", r"discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/([0-9]{15,22}/[A-Za-z0-9_-]{60,80})", "Discord Developer Docs: Webhook resource"),
    Rule("discord", "[MNO][DTjz][AEIMQUYcgk][w-z0-5][MNO][DTjz]", r"(?:[MNO][DTjz][AEIMQUYcgk][w-z0-5]){5,6}[MNODTjzA-Za-z0-9]{0,4}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}", "Discord Developer Docs: Reference, Authentication (the first part is an id in base64)"),
    Rule("docker", "dckr_", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,80}", "Docker Docs: Personal access tokens"),
    Rule("doppler", "dp\\.", r"dp\.(?:pt|st|ct|sa|scim|audit|said)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}\b", "Doppler Docs: Auth token formats"),
    Rule("dropbox", "sl\\.", r"sl\.(?:u\.)?[A-Za-z0-9_-]{100,}", "Dropbox Developers: OAuth guide, short-lived tokens"),
    Rule("duffel", "duffel_", r"duffel_(?:test|live)_[A-Za-z0-9_=-]{43}", "Duffel: Making requests, access token"),
    Rule("dynatrace", "dt0", r"dt0[a-z][0-9]{2}\.[A-Z2-7]{8,24}(?:\.[A-Z2-7]{64})\b", "Dynatrace Docs: Access tokens, token format"),
    Rule("e2b", "e2b_", r"e2b_[a-f0-9]{40}\b", "E2B Docs: API key"),
    Rule("easypost", "EZAK|EZTK", r"EZ[AT]K[A-Za-z0-9]{54}\b", "EasyPost: Authentication, API keys"),
    Rule("elevenlabs", "sk_", r"sk_[a-f0-9]{48}\b", "ElevenLabs: API authentication"),
    Rule("facebook", "EAA", r"EAA[A-Za-z0-9]{90,}\b", "Meta for Developers: Access tokens"),
    Rule("facebook", "\\|", r"[0-9]{15,17}\|[A-Za-z0-9_-]{27}\b", "Meta for Developers: App access tokens"),
    Rule("figma", "figd_|figu_", r"fig[du]_[A-Za-z0-9_-]{40,64}", "Figma Developers: Authentication"),
    Rule("firebase", ":APA91b", r"[A-Za-z0-9_-]{11}:APA91b[A-Za-z0-9_-]{120,}", "Firebase Cloud Messaging: server key"),
    Rule("firecrawl", "fc-", r"fc-[a-f0-9]{32}\b", "Firecrawl Docs: API reference, authentication"),
    Rule("flutterwave", "FLWSECK", r"FLWSECK(?:_TEST)?-(?:[A-Za-z0-9]{12,32}-X\b|[a-h0-9]{12}\b)", "Flutterwave Docs: Authentication"),
    Rule("fly", "fo1_|fm[12][ar]?_", r"(?:fo1_[A-Za-z0-9_-]{43}|fm1[ar]_[A-Za-z0-9+/]{100,}={0,3}|fm2_[A-Za-z0-9+/]{100,}={0,3})", "Fly.io Docs: Access tokens"),
    Rule("frameio", "fio-u-", r"fio-u-[A-Za-z0-9_=-]{64}", "Frame.io Developers: Authentication"),
    Rule("github", "gh[pousr]_|github_pat_", r"(?:gh[pousr]_[A-Za-z0-9]{36,}|ghs_[A-Za-z0-9_.-]{36,}|github_pat_[A-Za-z0-9_]{22,})", "GitHub Docs: About authentication, token formats"),
    Rule("gitlab", "gl[a-z]{2,7}-", r"gl(?:pat|dt|ptt|rt|rtr|cbt|ft|ffct|imt|soat|agent|oas)-[A-Za-z0-9_.-]{20,}", "GitLab Docs: Token overview, token prefixes"),
    Rule("gitlab", "GR1348941", r"GR1348941[A-Za-z0-9_-]{20}", "GitLab Docs: Runner registration token prefix"),
    Rule("gocardless", "live_|sandbox_", r"(?:live|sandbox)_[A-Za-z0-9_-]{40}\b", "GoCardless Developers: Access tokens"),
    Rule("google", "AIza", r"AIza[A-Za-z0-9_-]{35}", "Google Cloud: API keys"),
    Rule("google", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{28}", "Google Identity: OAuth 2.0 client secret"),
    Rule("google", "ya29\\.|1//0", r"(?:ya29\.[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{40,})", "Google Identity: Using OAuth 2.0, token sizes"),
    Rule("grafana", "glsa_|glc_", r"(?:glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}\b|glc_[A-Za-z0-9+/]{32,}={0,2})", "Grafana Docs: Service account tokens; Cloud access policies"),
    Rule("grafana", "eyJrIjoi", r"eyJrIjoi[A-Za-z0-9]{60,}={0,2}", "Grafana Docs: API keys (base64 of a JSON object that begins with k)"),
    Rule("groq", "gsk_", r"gsk_[A-Za-z0-9]{48,64}\b", "GroqCloud: API keys"),
    Rule("harness", "[ps]at\\.", r"[ps]at\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}\b", "Harness: Manage API keys, token structure"),
    Rule("heroku", "HRKU-", r"HRKU-[A-Za-z0-9_-]{36,80}", "Heroku Dev Center: OAuth, token prefixes"),
    Rule("heroku", "(?i:heroku)", _named("heroku", _UUID), "Heroku Dev Center: Platform API quickstart, token"),
    Rule("honeycomb", "hc[abx][a-z]k_", r"hc[abx][a-z]k_[a-z0-9]{26,64}\b", "Honeycomb Docs: API keys"),
    Rule("hubspot", "pat-", rf"pat-(?:na|eu|ap|cn)[0-9]-{_UUID}", "HubSpot Developers: Private apps, access token"),
    Rule("huggingface", "hf_|api_org_", r"(?:hf_[A-Za-z0-9]{30,40}|api_org_[A-Za-z0-9]{34})\b", "Hugging Face Hub: User access tokens"),
    Rule("infracost", "ico-", r"ico-[A-Za-z0-9]{32}\b", "Infracost Docs: API key"),
    Rule("intercom", "dG9rO", r"dG9rO[A-Za-z0-9+/]{50,80}={0,2}", "Intercom Developers: Authentication (base64 of tok: and the token)"),
    Rule("intra42", "s-s4t2", r"s-s4t2(?:ud|af)-[a-f0-9]{64}", "42 API: Applications, secret"),
    Rule("jina", "jina_", r"jina_[A-Za-z0-9_-]{60}\b", "Jina AI: API key"),
    Rule("jumpcloud", "jca_", r"jca_[A-Za-z0-9]{36}\b", "JumpCloud: API keys"),
    Rule("jwt", "eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", "RFC 7519, section 3.1"),
    Rule("jwt", "eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}", "RFC 7516, section 3.1"),
    Rule("jwt", "ZXlK", r"ZXlK[A-Za-z0-9+/]{80,}={0,2}", "RFC 7519, section 3.1, once more in base64 (RFC 4648)"),
    Rule("klaviyo", "pk_", r"pk_[a-f0-9]{34}\b", "Klaviyo Developers: Authenticate API requests, private keys"),
    Rule("langfuse", "sk-lf-", rf"sk-lf-{_UUID}", "Langfuse Docs: API authentication"),
    Rule("langsmith", "lsv2_|ls__", r"(?:lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}|ls__[a-f0-9]{32})\b", "LangSmith Docs: Create an account and API key"),
    Rule("launchdarkly", "sdk-|api-|mob-", rf"(?:sdk|api|mob)-{_UUID}", "LaunchDarkly Docs: SDK keys; API access tokens"),
    Rule("linear", "lin_", r"lin_(?:api_[A-Za-z0-9]{40}|oauth_[a-f0-9]{64})\b", "Linear Developers: API keys"),
    Rule("linkedin", "WPL_AP", r"WPL_AP[0-9]\.[A-Za-z0-9]{16}\.[A-Za-z0-9+/]{5,20}={0,2}", "LinkedIn: Client secret rotation"),
    Rule("lob", "live_|test_", r"(?:live|test)_[a-f0-9]{35}\b", "Lob Docs: API keys"),
    Rule("mailchimp", "-us[0-9]", r"[a-f0-9]{32}-us[0-9]{1,2}\b", "Mailchimp Developer: About API keys"),
    Rule("mailersend", "mlsn\\.", r"mlsn\.[a-f0-9]{64}\b", "MailerSend Developers: Authentication"),
    Rule("mailgun", "key-|[a-f0-9]-[a-f0-9]{8}-[a-f0-9]", r"(?:key-[a-f0-9]{32}|[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8})\b", "Mailgun Docs: Authentication"),
    Rule("mandrill", "md-", r"md-[A-Za-z0-9_-]{22}\b", "Mailchimp Transactional: API keys"),
    Rule("mapbox", "[st]k\\.eyJ", r"[st]k\.eyJ[A-Za-z0-9_-]{50,}\.[A-Za-z0-9_-]{16,32}", "Mapbox Docs: Access tokens, secret and temporary tokens"),
    Rule("maxmind", "_mmk", r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk\b", "MaxMind: License keys, format"),
    Rule("mollie", "live_|test_", r"(?:live|test)_[A-Za-z0-9]{30}\b", "Mollie Docs: Authentication, API keys"),
    Rule("mongodb", "mdb_sa_sk_", r"mdb_sa_sk_[A-Za-z0-9_-]{40}", "MongoDB Atlas: Service accounts, client secret"),
    Rule("neon", "napi_", r"napi_[a-z0-9]{60,68}\b", "Neon Docs: Manage API keys"),
    Rule("netlify", "nf[a-z]_", r"nf[pcoub]_[A-Za-z0-9_-]{36,40}\b", "Netlify Docs: Personal access token prefixes"),
    Rule("newrelic", "NR[A-Z]{2}-", r"NR(?:AK|AL|RA|II|IQ|SP|AA)-[A-Za-z0-9_-]{27,32}\b", "New Relic Docs: API keys"),
    Rule("newrelic", "NRAL", r"[a-f0-9x]{32,38}(?:FFFF)?NRAL\b", "New Relic Docs: License key"),
    Rule("notion", "secret_|ntn_", r"(?:secret_[A-Za-z0-9]{43}|ntn_[0-9]{11}[A-Za-z0-9]{35})\b", "Notion Developers: Authorization; token format change"),
    Rule("npm", "npm_", r"npm_[A-Za-z0-9]{36}\b", "npm Docs: About access tokens"),
    Rule("nuget", "oy2", r"oy2[a-z0-9]{43}\b", "Microsoft: NuGet API keys"),
    Rule("nvidia", "nvapi-", r"nvapi-[A-Za-z0-9_-]{60,80}", "NVIDIA NGC: API keys"),
    Rule("nylas", "nyk_", r"nyk_(?:v[0-9]_)?[A-Za-z0-9]{40,70}\b", "Nylas Docs: API keys"),
    Rule("octopus", "API-", r"API-[A-Z0-9]{26}\b", "Octopus Deploy: How to create an API key"),
    Rule("okta", "SSWS|(?i:okta)", r"SSWS ?(00[A-Za-z0-9_-]{40})(?:[^A-Za-z0-9_-]|$)", "Okta Developer: API tokens, Authorization: SSWS"),
    Rule("okta", "(?i:okta)", _named("okta", "00[A-Za-z0-9_-]{40}"), "Okta Developer: Create an API token"),
    Rule("onesignal", "os_v2_", r"os_v2_(?:app|org)_[a-z2-7]{100,}\b", "OneSignal Docs: Keys and IDs"),
    Rule("openai", "sk-", r"sk-(?:(?:proj|svcacct|admin|None|service)-[A-Za-z0-9_-]{40,}|[A-Za-z0-9]{48}\b|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b)", "OpenAI API reference: Authentication"),
    Rule("openrouter", "sk-or-", r"sk-or-(?:v[0-9]-)?[a-f0-9]{64}\b", "OpenRouter Docs: Authentication"),
    Rule("openshift", "sha256~", r"sha256~[A-Za-z0-9_-]{43}", "OpenShift Container Platform: OAuth access tokens"),
    Rule("paddle", "pdl_", r"pdl_(?:live_|sdbx_)?apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}\b", "Paddle Developer: API keys, format"),
    Rule("pagerduty", "(?i:pagerduty|pd_)", _named("pagerduty|pd_(?:api|token)", r"[uye]\+[A-Za-z0-9_-]{18}|[A-Za-z0-9_+-]{20}"), "PagerDuty: API access keys"),
    Rule("paypal", "access_token\\$", r"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}\b", "Braintree: PayPal access tokens"),
    Rule("perplexity", "pplx-", r"pplx-[A-Za-z0-9]{48,56}\b", "Perplexity Docs: API keys"),
    Rule("pinecone", "pcsk_", r"pcsk_[A-Za-z0-9]{5,7}_[A-Za-z0-9]{60,66}\b", "Pinecone Docs: Manage API keys"),
    Rule("plaid", "access-", rf"access-(?:sandbox|development|production)-{_UUID}", "Plaid Docs: Access tokens"),
    Rule("planetscale", "pscale_", r"pscale_(?:tkn|pw|oauth|app_oauth)_[A-Za-z0-9_.=-]{32,64}", "PlanetScale Docs: Service tokens; secret scanning"),
    Rule("posthog", "ph[xs]_", r"ph[xs]_[A-Za-z0-9]{40,50}\b", "PostHog Docs: Personal API keys"),
    Rule("postman", "PMA[KT]-", r"(?:PMAK-[a-f0-9]{24}-[a-f0-9]{34}|PMAT-[A-Z0-9]{26})\b", "Postman Docs: API keys"),
    Rule("prefect", "pn[ub]_", r"pn[ub]_[A-Za-z0-9]{36}\b", "Prefect Docs: Manage API keys"),
    Rule("pulumi", "pul-", r"pul-[a-f0-9]{40}\b", "Pulumi Docs: Access tokens"),
    Rule("pypi", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{50,}", "PyPI Help: API tokens; macaroon serialisation"),
    Rule("rapidapi", "msh", r"[a-z0-9]{8,12}msh[a-z0-9]{13,17}p1[a-z0-9]{5,7}jsn[a-z0-9]{10,14}\b", "RapidAPI Docs: API keys"),
    Rule("razorpay", "rzp_", r"rzp_(?:live|test)_[A-Za-z0-9]{14,24}\b", "Razorpay Docs: API keys"),
    Rule("readme", "rdme_", r"rdme_[a-z0-9]{60,72}\b", "ReadMe Docs: API keys"),
    Rule("render", "rnd_", r"rnd_[A-Za-z0-9]{28,40}\b", "Render Docs: API, authentication"),
    Rule("replicate", "r8_", r"r8_[A-Za-z0-9]{37,40}\b", "Replicate Docs: API tokens"),
    Rule("resend", "re_", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}\b", "Resend Docs: API keys"),
    Rule("rubygems", "rubygems_", r"rubygems_[a-f0-9]{48}\b", "RubyGems Guides: API key scopes"),
    Rule("salesforce", "00D", r"00D[A-Za-z0-9]{12,15}![A-Za-z0-9_.]{80,}", "Salesforce: Session IDs and OAuth tokens"),
    Rule("scaleway", "SCW", r"SCW[A-Z0-9]{17}\b", "Scaleway Docs: API keys, access key"),
    Rule("segment", "sgp_", r"sgp_[A-Za-z0-9]{64}\b", "Segment Docs: Public API tokens"),
    Rule("sendgrid", "SG\\.", r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}", "Twilio SendGrid Docs: API keys"),
    Rule("sentry", "sntry", r"(?:sntrys_eyJ[A-Za-z0-9+/=_]{80,}|sntry[ur]_[a-f0-9]{64})", "Sentry Docs: Auth tokens"),
    Rule("settlemint", "sm_", r"sm_(?:pat|aat|sat)_[A-Za-z0-9]{16,32}\b", "SettleMint Docs: Access tokens"),
    Rule("shippo", "shippo_", r"shippo_(?:live|test)_[a-f0-9]{40}\b", "Shippo Docs: Authentication"),
    Rule("shopify", "shp[a-z]{2}_", r"shp(?:at|ca|pa|ss|ua|it)_[A-Fa-f0-9]{32}\b", "Shopify Developer Changelog: Length and format of access tokens"),
    Rule("sidekiq", "(?i:contribsys)", _named("contribsys__com", "[a-f0-9]{8}:[a-f0-9]{8}"), "Sidekiq: Commercial installation, gem server credentials"),
    Rule("slack", "xox|xapp-|xwfp-", r"(?:xox[abeoprsd][-.](?:xox[bp]-)?[0-9][A-Za-z0-9.-]{10,}|xapp-[0-9]-[A-Z0-9]{5,20}-[0-9]{5,20}-[a-f0-9]{20,80}|xwfp-[A-Za-z0-9-]{20,})", "Slack API: Token types"),
    Rule("slack", "hooks\\.slack\\.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{30,})", "Slack API: Incoming webhooks"),
    Rule("sonar", "sq[apu]_", r"sq[apu]_[a-f0-9]{40}\b", "SonarQube Docs: Managing your tokens"),
    Rule("sourcegraph", "sgp_|slk_", r"(?:sgp_(?:local_|[a-fA-F0-9]{16}_)?[a-fA-F0-9]{40}|slk_[a-f0-9]{64})\b", "Sourcegraph Docs: Access tokens"),
    Rule("square", "EAAA|sq0", r"(?:EAAA[A-Za-z0-9_-]{58,64}|sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43})", "Square Developer: Access tokens"),
    Rule("stripe", "[rs]k_|whsec_", r"(?:[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/]{24,}={0,2})", "Stripe Docs: API keys; Webhooks"),
    Rule("sumologic", "(?i:sumo)", _named("sumo_?logic|sumo[_.-]", "su[A-Za-z0-9]{12}|[A-Za-z0-9]{64}"), "Sumo Logic: Access keys"),
    Rule("supabase", "sbp_|sb_secret_", r"(?:sbp_(?:v0_)?[a-f0-9]{40}\b|sb_secret_[A-Za-z0-9_-]{20,40})", "Supabase Docs: API keys; Management API"),
    Rule("tailscale", "tskey-", r"tskey-[a-z]{3,10}-[A-Za-z0-9]{8,24}-[A-Za-z0-9]{16,40}\b", "Tailscale Docs: Key prefixes"),
    Rule("tavily", "tvly-", r"tvly-(?:dev-|prod-)?[A-Za-z0-9-]{28,50}\b", "Tavily Docs: API key"),
    Rule("teams", "webhook\\.office\\.com", r"webhook\.office\.com/webhookb2/([a-z0-9-]{36}@[a-z0-9-]{36}/IncomingWebhook/[a-z0-9]{32}/[a-z0-9-]{36})", "Microsoft Teams: Create incoming webhooks"),
    Rule("telegram", ":A", r"(?:bot)?([0-9]{8,10}:A[A-Za-z0-9_-]{34})", "Telegram Bot API: Authorizing your bot"),
    Rule("tencent", "AKID", r"AKID[A-Za-z0-9]{32}\b", "Tencent Cloud: Access keys, SecretId"),
    Rule("terraform", "\\.atlasv1\\.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,80}", "HCP Terraform: API tokens"),
    Rule("together", "tgp_v1_", r"tgp_v1_[A-Za-z0-9_-]{43}", "Together AI: API keys"),
    Rule("twilio", "SK[a-f0-9]", r"SK[a-f0-9]{32}\b", "Twilio Docs: API keys"),
    Rule("twitch", "(?i:twitch)", _named("twitch", "(?:oauth:)?[a-z0-9]{30}"), "Twitch Developers: Authentication"),
    Rule("twitter", "AAAAAAAAAA", r"A{15,30}[A-Za-z0-9%]{60,}", "X Developer Platform: Bearer tokens"),
    Rule("typeform", "tfp_", r"tfp_[A-Za-z0-9_.=-]{40,64}", "Typeform Developers: Personal access tokens"),
    Rule("vault", "hv[sbr]\\.", r"hv[sbr]\.[A-Za-z0-9_-]{24,}", "HashiCorp Vault: Tokens, token prefixes"),
    Rule("vault", "(?i:vault)", _named("vault", r"s\.[A-Za-z0-9]{24}"), "HashiCorp Vault: Tokens, before 1.10"),
    Rule("vercel", "vercel_blob_rw_|vc[a-z]_", r"(?:vercel_blob_rw_[A-Za-z0-9]{14,20}_[A-Za-z0-9]{28,34}|vc[aiprk]_[A-Za-z0-9]{24,60})\b", "Vercel Docs: Blob read-write token; token formats"),
    Rule("voyage", "pa-", r"pa-[A-Za-z0-9_-]{43}\b", "Voyage AI Docs: API key"),
    Rule("wakatime", "waka_", rf"waka_(?:tok_|sec_)?(?:{_UUID}|[A-Za-z0-9]{{40,80}})\b", "WakaTime Developers: Authentication"),
    Rule("wallet", "[xyz]prv", r"[xyz]prv[1-9A-HJ-NP-Za-km-z]{107,}\b", "BIP 32: Serialization format"),
    Rule("wallet", "nsec1", r"nsec1[ac-hj-np-z02-9]{58}\b", "NIP-19: bech32-encoded entities"),
    Rule("xai", "xai-", r"xai-[A-Za-z0-9]{70,90}\b", "xAI Docs: API key"),
    Rule("yandex", "AQVN|t1\\.", r"(?:AQVN[A-Za-z0-9_-]{35,38}|t1\.[A-Z0-9a-z_-]{40,}={0,2}\.[A-Za-z0-9_-]{86}={0,2})", "Yandex Cloud: Credential formats for secret scanning"),
    Rule("yandex", "YC[A-Za-z0-9_-]", r"(YC[A-Za-z0-9_-]{38})(?:[^A-Za-z0-9+/=_-]|$)", "Yandex Cloud: Credential formats for secret scanning"),
    Rule("zapier", "hooks\\.zapier\\.com", r"hooks\.zapier\.com/hooks/catch/([0-9]{4,12}/[A-Za-z0-9]{5,12})", "Zapier Help: Webhooks, catch hook URL"),
    Rule("zuplo", "zpka_", r"zpka_[a-z0-9]{32}_[a-f0-9]{8}\b", "Zuplo Docs: API key format"),
)
# fmt: on
