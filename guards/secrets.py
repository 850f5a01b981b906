"""The secrets guard: credentials of known formats never travel.

Each rule is one line of data: who issues the credential, literal marks of which
one must stand in the text before the pattern is tried, the pattern (RE2, linear
in the text), and the document that gives the format. Passwords without a format
are out of reach; so are credentials that were encoded or cut in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.options import one_of, words
from guarded_agent.guards.scrub import Find, Hit, scrub
from guarded_agent.guards.text import Unscannable, root, withhold


@dataclass(frozen=True, slots=True)
class Rule:
    """The format of one issuer's credentials.

    Attributes:
        provider: The issuer's short name, which stands in the replacement.
        marks: Literals of which the text must hold at least one.
        pattern: An RE2 pattern; its first group is the credential, if it has one.
        source: The document that describes the format.
    """

    provider: str
    marks: tuple[str, ...]
    pattern: str
    source: str


# fmt: off
# ruff: noqa: E501 - one rule, one line
RULES: tuple[Rule, ...] = (
    Rule("anthropic", ("sk-ant-",), r"\bsk-ant-[a-z0-9]{2,12}-[A-Za-z0-9_-]{40,250}", "Anthropic API: Authentication"),
    Rule("aws", ("AKIA", "ASIA", "ABIA", "ACCA"), r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", "AWS IAM User Guide: IAM identifiers, unique ID prefixes"),
    Rule("aws", ("ecret", "ECRET"), r"(?i)\baws[_.-]?secret[_.-]?(?:access[_.-]?)?key[\"']?\s{0,3}[:=]\s{0,3}[\"']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)", "AWS CLI User Guide: Configuration and credential file settings"),
    Rule("azure", ("AccountKey=", "SharedAccessKey="), r"\b(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{42,88}={0,2})", "Azure Storage: Configure connection strings"),
    Rule("azure", ("sig=",), r"[?&]sig=([A-Za-z0-9%+/]{40,120}={0,2})", "Azure Storage: Service SAS, signature field"),
    Rule("azure", ("8Q~",), r"\b[A-Za-z0-9_~.]{3}8Q~[A-Za-z0-9_~.-]{31,34}", "Microsoft Purview: Azure AD client secret entity definition"),
    Rule("databricks", ("dapi",), r"\bdapi[a-f0-9]{32}(?:-[0-9])?\b", "Databricks: Personal access token authentication"),
    Rule("digitalocean", ("_v1_",), r"\bdo[opr]_v1_[a-f0-9]{64}\b", "DigitalOcean: New token formats"),
    Rule("discord", ("discord",), r"\bdiscord(?:app)?\.com/api/webhooks/([0-9]{15,22}/[A-Za-z0-9_-]{60,80})", "Discord Developer Docs: Webhook resource"),
    Rule("discord", (".",), r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}", "Discord Developer Docs: Reference, Authentication"),
    Rule("docker", ("dckr_",), r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,80}", "Docker Docs: Personal access tokens"),
    Rule("github", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})", "GitHub Docs: About authentication, token formats"),
    Rule("gitlab", ("glpat-", "gldt-", "glptt-", "glrt-", "glcbt-", "glft-", "glsoat-", "glagent-", "gloas-"), r"\bgl(?:pat|dt|ptt|rt|cbt|ft|soat|agent|oas)-[A-Za-z0-9_.-]{20,300}", "GitLab Docs: Token overview, token prefixes"),
    Rule("google", ("AIza", "GOCSPX-", "ya29."), r"\bAIza[A-Za-z0-9_-]{35}|\bGOCSPX-[A-Za-z0-9_-]{28}|\bya29\.[A-Za-z0-9_-]{20,900}", "Google Cloud: API keys; Google Identity: OAuth 2.0"),
    Rule("grafana", ("glsa_", "glc_"), r"\bglsa_[A-Za-z0-9]{32}_[a-f0-9]{8}\b|\bglc_[A-Za-z0-9+/]{32,400}={0,2}", "Grafana Docs: Service account tokens"),
    Rule("groq", ("gsk_",), r"\bgsk_[A-Za-z0-9]{48,64}\b", "GroqCloud: API keys"),
    Rule("huggingface", ("hf_",), r"\bhf_[A-Za-z0-9]{30,40}\b", "Hugging Face Hub: User access tokens"),
    Rule("jwt", ("eyJ",), r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", "RFC 7519, section 3.1"),
    Rule("mailchimp", ("-us",), r"\b[a-f0-9]{32}-us[0-9]{1,2}\b", "Mailchimp Developer: About API keys"),
    Rule("mailgun", ("key-",), r"\bkey-[a-f0-9]{32}\b", "Mailgun Docs: Authentication"),
    Rule("npm", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b", "npm Docs: About access tokens"),
    Rule("openai", ("sk-",), r"\bsk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,250}|[A-Za-z0-9]{48}\b)", "OpenAI API reference: Authentication"),
    Rule("password", ("://",), r"\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/@\"'<>\x1e]{0,100}:([^\s/\"'<>\x1e]{1,200})@", "RFC 3986, section 3.2.1"),
    Rule("private-key", ("PRIVATE KEY",), r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?:\s|\\[rn])*(?:[A-Za-z0-9+/=]{16,}|Proc-Type:[^\n\x1e]{0,100}|DEK-Info:[^\n\x1e]{0,100}))*(?:(?:\s|\\[rn])*[A-Za-z0-9+/=]{1,80})?(?:(?:\s|\\[rn])*-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)?", "RFC 7468"),
    Rule("pypi", ("pypi-AgE",), r"\bpypi-AgE[A-Za-z0-9_-]{50,800}", "PyPI Help: API tokens; macaroon serialisation"),
    Rule("replicate", ("r8_",), r"\br8_[A-Za-z0-9]{37,40}\b", "Replicate Docs: API tokens"),
    Rule("sendgrid", ("SG.",), r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}", "Twilio SendGrid Docs: API keys"),
    Rule("shopify", ("shpat_", "shpca_", "shppa_", "shpss_"), r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}\b", "Shopify Developer Changelog: Length and format of access tokens"),
    Rule("slack", ("xox", "xapp-", "xoxe."), r"\bxox[abeoprs][-.][A-Za-z0-9.-]{10,300}|\bxapp-[0-9]-[A-Z0-9]{5,20}-[0-9]{5,20}-[a-f0-9]{20,80}", "Slack API: Token types"),
    Rule("slack", ("hooks.slack.com",), r"\bhooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{30,100})", "Slack API: Incoming webhooks"),
    Rule("square", ("EAAA", "sq0"), r"\bEAAA[A-Za-z0-9_-]{58,64}|\bsq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43}", "Square Developer: Access tokens"),
    Rule("stripe", ("sk_", "rk_", "whsec_"), r"\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,250}|\bwhsec_[A-Za-z0-9+/]{24,100}={0,2}", "Stripe Docs: API keys; Webhooks"),
    Rule("telegram", (":AA",), r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{32,33}\b", "Telegram Bot API: Authorizing your bot"),
    Rule("terraform", (".atlasv1.",), r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,80}", "HCP Terraform: API tokens"),
    Rule("twilio", ("SK",), r"\bSK[a-f0-9]{32}\b", "Twilio Docs: API keys"),
    Rule("vault", ("hvs.", "hvb.", "hvr."), r"\bhv[sbr]\.[A-Za-z0-9_-]{24,300}", "HashiCorp Vault: Tokens, token prefixes"),
)
# fmt: on

_COMMON = "."
"""A mark that stands in nearly every text; all the others together are looked for first."""

PROVIDERS = frozenset(rule.provider for rule in RULES)
"""The names of all issuers."""


def find_secrets(text: str, *, allow: Collection[str] = ()) -> list[Hit]:
    """Return the credentials in a normalised text.

    Args:
        text: What to look through.
        allow: Issuers whose credentials are left alone.
    """
    hits: list[Hit] = []
    marked = _any_mark().search(text) is not None
    for index, rule in enumerate(RULES):
        if not (marked or _COMMON in rule.marks):
            continue
        if rule.provider in allow or not any(mark in text for mark in rule.marks):
            continue
        pattern = _pattern(index)
        group = 1 if pattern.groups else 0
        for match in pattern.finditer(text):
            start, end = match.span(group)
            hits.append(Hit(start, end, rule.provider, f"[SECRET:{rule.provider}]"))
    return hits


@cache
def _any_mark() -> Any:
    import re2  # a C extension: only once there is a text to look at

    marks = {mark for rule in RULES for mark in rule.marks} - {_COMMON}
    return re2.compile("|".join(re.escape(mark) for mark in sorted(marks)))


@cache
def _pattern(index: int) -> Any:
    import re2

    return re2.compile(RULES[index].pattern)


class SecretsGuard:
    """Replaces credentials in what is read and written, and stops a call that sends one.

    Args:
        allow: Issuers whose credentials may pass, by the names in `PROVIDERS`.

    Raises:
        ValueError: `allow` names an unknown issuer.

    Example:
        >>> from guarded_agent.core import Context, Stage, Subject
        >>> text = "clone https://ann:hunter2@git.example.com/x.git"
        >>> SecretsGuard().check(Subject(Stage.TOOL_RESULT, text, Context("a", "t"))).payload
        'clone https://ann:[SECRET:password]@git.example.com/x.git'
    """

    name = "secrets"
    stages = frozenset(Stage)

    def __init__(self, *, allow: Collection[str] = ()) -> None:
        where = "guards.secrets.allow"
        self._allow = frozenset(
            one_of(name, PROVIDERS, where=where) for name in words(allow, where=where)
        )

    def find_at(self, stage: Stage) -> Find | None:
        """Return what finds the credentials to replace at `stage`, or None for actions."""
        return None if stage is Stage.ACTION else self._find

    def check(self, subject: Subject) -> Verdict:
        """Judge `subject`: redact what was read or written, deny what would be sent."""
        acting = subject.stage is Stage.ACTION
        tool = subject.context.tool
        if acting and tool is not None and tool.access != "send":
            return ALLOW
        try:
            done = scrub(subject.payload, self._find, root(subject.stage))
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        if not done.spots:
            return ALLOW
        findings = tuple(
            Finding(
                "secret",
                f"a credential ({spot.category}) was found",
                guard=self.name,
                path=spot.path,
                span=spot.span,
            )
            for spot in done.spots[:100]
        )
        if not acting:
            return Verdict(Effect.REDACT, findings, payload=done.value)
        places = ", ".join(sorted({spot.path for spot in done.spots})[:5])
        message = f"A credential stands in {places}. Credentials are never sent; leave it out."
        return Verdict(Effect.DENY, findings, message=message)

    def _find(self, text: str) -> list[Hit]:
        return find_secrets(text, allow=self._allow)
