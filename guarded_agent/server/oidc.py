"""Sign in with an identity provider: OpenID Connect, authorization code with PKCE.

The provider says who somebody is; what that makes of them stands in the settings. Whatever
does not add up is refused: issuer, audience, nonce, state, signature, time, a mail address
that is not verified.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from guarded_agent.core.errors import StoreError
from guarded_agent.policy.destinations import email_domain
from guarded_agent.server import secret
from guarded_agent.server.oidc_settings import OidcSettings, is_safe
from guarded_agent.store.keys import Keys

FLOW_SECONDS = 600.0
LEEWAY = 60.0

_SIGNED_WITH = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "Ed25519", "EdDSA"]
_MOST_BYTES = 1_000_000
_CONTEXT = b"oidc flow"


class ProviderRefused(Exception):
    """The provider does not say what is needed. The message is for a person, without secrets."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What the browser carries, sealed, from the start to the end of a sign-in.

    Attributes:
        state: What must come back in the address.
        nonce: What must come back in the token.
        verifier: What proves to the provider that the code came back to who began (PKCE).
        next: Where to go on.
        began: When.
        again: Whether a person who is signed in proves it again.
        name: Who they are then.
        session: Which session ends with it.
    """

    state: str
    nonce: str
    verifier: str
    next: str
    began: float
    again: bool = False
    name: str = ""
    session: str = ""

    def sealed(self, keys: Keys) -> str:
        """Return it as the value of a cookie."""
        return keys.seal(json.dumps(asdict(self)).encode(), context=_CONTEXT).hex()

    @classmethod
    def opened(cls, keys: Keys, value: str, now: float) -> Flow | None:
        """Return what a cookie holds, if it is ours and not too old."""
        try:
            flow = cls(**json.loads(keys.open(bytes.fromhex(value), context=_CONTEXT)))
        except (StoreError, ValueError, TypeError):
            return None
        return flow if 0 <= now - flow.began <= FLOW_SECONDS else None


@dataclass(frozen=True, slots=True)
class Vouched:
    """For whom the provider vouches.

    Attributes:
        subject: What it calls them.
        email: Their verified mail address.
        roles: What the settings make of their groups.
        proved_at: When they signed in there; 0 where it does not say.
    """

    subject: str
    email: str
    roles: list[str]
    proved_at: float


class Provider:
    """One identity provider.

    Args:
        settings: Which, and who may sign in.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings

    def begin(
        self,
        back: str,
        next_: str,
        now: float,
        *,
        name: str = "",
        session: str = "",
        longest: float = 12 * 3600,
    ) -> tuple[str, Flow]:
        """Return where to send the browser, and what it carries.

        Args:
            back: Our address to which the provider sends it back.
            next_: Where to go on after that.
            now: The time.
            name: Who proves again who they are; "" for a new sign-in.
            session: Their session.
            longest: How long ago the sign-in there may be.

        Raises:
            ProviderRefused: The provider does not answer, or does not describe itself.
        """
        described = self._describe()
        again = bool(name)
        flow = Flow(
            secret.fresh(), secret.fresh(), secret.fresh(), next_, now, again, name, session
        )
        challenge = hashlib.sha256(flow.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": "openid email profile",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
            "max_age": "0" if again else str(int(longest)),
            **({"prompt": "login"} if again else {}),
        }
        address = described["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", flow

    def end(self, given: Mapping[str, str], flow: Flow, back: str, now: float) -> Vouched:
        """Return for whom the provider vouches.

        Args:
            given: The query with which the browser came back.
            flow: What it carried.
            back: Our address, as in `begin`.
            now: The time.

        Raises:
            ProviderRefused: Something does not add up, or the person may not sign in.
        """
        if not secret.same(given.get("state", ""), flow.state):
            raise ProviderRefused("this sign-in was begun somewhere else: begin again")
        if given.get("iss", self.settings.issuer) != self.settings.issuer:
            raise ProviderRefused("the answer is another provider's")
        if given.get("error") or not given.get("code"):
            raise ProviderRefused("the provider did not let you in")
        described = self._describe()
        tokens = self._exchange(described, given["code"], flow, back)
        claims = self._claims(described, str(tokens.get("id_token", "")), flow, now)
        proved = claims.get("auth_time")
        proved_at = min(float(proved), now) if isinstance(proved, int | float) else 0.0
        if flow.again and proved_at < flow.began - LEEWAY:
            raise ProviderRefused("the provider did not ask you again who you are")
        if "email" not in claims or self.settings.groups not in claims:
            claims = {**self._more(described, tokens, claims), **claims}
        return Vouched(str(claims["sub"]), self._email(claims), self._roles(claims), proved_at)

    def _describe(self) -> dict[str, Any]:
        issuer = self.settings.issuer
        found = self._json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise ProviderRefused("the provider calls itself by another name than the settings")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(found.get(name), str) or not is_safe(found[name]):
                raise ProviderRefused(f"the provider has no safe {name}")
        return found

    def _exchange(
        self, described: Mapping[str, Any], code: str, flow: Flow, back: str
    ) -> dict[str, Any]:
        data = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": flow.verifier,
        }
        ours = (self.settings.client_id, self.settings.client_secret)
        ways = described.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in ways:
            return self._json("POST", described["token_endpoint"], data=data, auth=ours)
        data |= {"client_id": ours[0], "client_secret": ours[1]}
        return self._json("POST", described["token_endpoint"], data=data)

    def _claims(
        self, described: Mapping[str, Any], text: str, flow: Flow, now: float
    ) -> dict[str, Any]:
        try:
            keys = KeySet.import_key_set(cast("Any", self._json("GET", described["jwks_uri"])))
            claims = dict(jwt.decode(text, keys, algorithms=_SIGNED_WITH).claims)
        except (JoseError, ValueError, KeyError, TypeError):
            raise ProviderRefused("the provider's token is not signed as it should be") from None
        audience = claims.get("aud")
        listed = cast("list[object]", audience) if isinstance(audience, list) else [audience]
        ours = self.settings.client_id
        begins, ends = claims.get("iat"), claims.get("exp")
        if (
            claims.get("iss") != self.settings.issuer
            or ours not in listed
            or claims.get("azp", ours) != ours
            or (len(listed) > 1 and "azp" not in claims)
            or not isinstance(begins, int | float)
            or not isinstance(ends, int | float)
            or not begins - LEEWAY <= now < ends + LEEWAY
            or not secret.same(str(claims.get("nonce", "")), flow.nonce)
            or not isinstance(claims.get("sub"), str)
            or not 0 < len(claims["sub"]) <= 255
        ):
            raise ProviderRefused("the provider's token is not for this sign-in")
        return claims

    def _more(
        self, described: Mapping[str, Any], tokens: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what the provider tells of the person beside the token."""
        address = described.get("userinfo_endpoint")
        access = tokens.get("access_token")
        if not isinstance(address, str) or not is_safe(address) or not isinstance(access, str):
            return {}
        told = self._json("GET", address, headers={"Authorization": f"Bearer {access}"})
        if told.get("sub") != claims["sub"]:
            raise ProviderRefused("the provider tells of another person than the token")
        return told

    def _email(self, claims: Mapping[str, Any]) -> str:
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise ProviderRefused("the provider has no verified mail address of yours")
        try:
            domain = email_domain(email)
        except ValueError:
            raise ProviderRefused("your mail address cannot be read strictly") from None
        if self.settings.domains and domain not in {one.lower() for one in self.settings.domains}:
            raise ProviderRefused("people with your mail address do not review here")
        return email

    def _roles(self, claims: Mapping[str, Any]) -> list[str]:
        listed = claims.get(self.settings.groups, [])
        groups = cast("list[object]", listed) if isinstance(listed, list) else []
        names = [group for group in groups if isinstance(group, str)]
        if self.settings.required_groups and not set(names) & set(self.settings.required_groups):
            raise ProviderRefused("you are in none of the groups that review here")
        return self.settings.roles_of(names)

    def _json(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        try:
            answer = httpx.request(method, address, timeout=10, follow_redirects=False, **more)
            found: Any = answer.json() if len(answer.content) <= _MOST_BYTES else None
        except (httpx.HTTPError, ValueError):
            raise ProviderRefused("the provider does not answer as it should") from None
        if not answer.is_success or not isinstance(found, dict):
            raise ProviderRefused("the provider does not answer as it should")
        return cast("dict[str, Any]", found)
