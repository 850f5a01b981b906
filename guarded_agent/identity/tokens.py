"""Tokens: what a call may do, for a service outside of this process to check.

A token is a JWT, signed with the store's Ed25519 key. Who acts stands in nested `act` claims
(RFC 8693), what it is for in `authorization_details` (RFC 9396): one tool call, by its
digest. It is for one audience, lives for 60 seconds at most and is used once. The body that
asked for it has it as a leased secret: it is scrubbed wherever it shows up.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from guarded_agent.core.errors import Denied, MissingExtra, UnguardedCall
from guarded_agent.identity.leases import leased
from guarded_agent.identity.running import RunningCall, running
from guarded_agent.identity.secrets import Secret
from guarded_agent.identity.tickets import LIFETIME
from guarded_agent.store import Store
from guarded_agent.store.used import use_once

ALGORITHM = "Ed25519"
"""RFC 9864: `EdDSA` says too little and is no longer used."""

TYPE = "guarded-call+jwt"
"""What the header says that this is, so that no other JWT passes for it (RFC 8725)."""

DETAIL = "tool_call"
"""The type of the only entry in `authorization_details`."""

_DEEPEST = 20
_LONGEST = 500
_TEXTS = ("iss", "sub", "jti", "client_id", "scope")


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token that was verified says.

    Attributes:
        id: Its `jti`.
        issuer: Who issued it.
        subject: For whom it acts: the user, or the agent where there is none.
        actors: The agents, the one that acts first, then the one that asked it, and so on.
        audience: For which service.
        tool: The tool that runs.
        digest: The digest of the action.
        scopes: What it may do.
        expires_at: When it is over, in seconds since the epoch.
    """

    id: str
    issuer: str
    subject: str
    actors: tuple[str, ...]
    audience: str
    tool: str
    digest: str
    scopes: frozenset[str]
    expires_at: float


def ticket_token(audience: str, *, scopes: Iterable[str] | None = None) -> Secret:
    """Return a token of the call whose body runs here, for a service to check.

    Args:
        audience: The one service that it is for, such as `https://crm.acme.example`.
        scopes: Only with these of the call's scopes; all of them by default.

    Returns:
        The token. It does not print; `reveal()` gives the text for a header.

    Raises:
        UnguardedCall: No body of a guarded call runs here.
        Denied: The call does not have a scope, or the agent was stopped meanwhile.
        MissingExtra: The extra `jwt` is not installed.
    """
    call = running()
    if call is None or not call.open or call.issue is None:
        raise UnguardedCall("no token here: tokens exist only while a guarded call runs its body")
    return call.issue(call, audience, scopes)


def issue(
    call: RunningCall,
    audience: str,
    scopes: Iterable[str] | None,
    *,
    store: Store,
    issuer: str,
) -> tuple[Secret, dict[str, Any]]:
    """Return a token of `call`, and its claims.

    Args:
        call: The call.
        audience: The service that it is for.
        scopes: Some of the call's scopes; None for all.
        store: Its key signs, and its clock tells the time.
        issuer: Who issues it.

    Raises:
        Denied: The audience is no text, or the call lacks a scope, or its time is over.
        MissingExtra: The extra `jwt` is not installed.
    """
    asked = call.scopes if scopes is None else frozenset(scopes)
    if not audience.strip() or len(audience) > _LONGEST:
        raise Denied("a token is for one service: name it")
    missing = sorted(asked - call.scopes)
    if missing:
        raise Denied(f"the call does not have the scopes {', '.join(missing)}")
    action, now = call.action, store.clock()
    calls = call.chain_of_calls
    acting: dict[str, Any] = {}
    for each in reversed(calls[:_DEEPEST]):  # who acts now stands outermost
        acting = {"sub": each.action.agent_id, **({"act": acting} if acting else {})}
    users = [each.action.user for each in calls if isinstance(each.action.user, str)]
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": users[0] if users else calls[-1].action.agent_id,
        "aud": audience,
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_hex(16),
        "client_id": action.agent_id,
        "act": acting,
        "scope": " ".join(sorted(asked)),
        "authorization_details": [
            {
                "type": DETAIL,
                "actions": [action.tool],
                "identifier": action.digest,
                "locations": [audience],
            }
        ],
    }
    jwt, key = _jwt(), _key(store)
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
    token = Secret("token", jwt.encode(header, claims, key, algorithms=[ALGORITHM]))
    leased([token])
    return token, claims


def jwks(store: Store) -> dict[str, Any]:
    """Return the public key that checks the tokens of a store, as a JWK set.

    Raises:
        MissingExtra: The extra `jwt` is not installed.
    """
    key = _key(store)
    public: dict[str, Any] = key.as_dict(private=False)
    return {"keys": [{**public, "kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}]}


def verify_token(
    token: str,
    keys: Mapping[str, Any],
    store: Store,
    *,
    issuer: str,
    audience: str,
    scopes: Iterable[str] = (),
    tool: str | None = None,
    digest: str | None = None,
) -> TokenClaims:
    """Return what a token says, if all of it holds, and use it up.

    Args:
        token: What the caller sent.
        keys: The issuer's `jwks`.
        store: Remembers the tokens that were used. It is the service's own one.
        issuer: Who must have issued it.
        audience: For whom it must be: this service.
        scopes: What the caller needs here.
        tool: Which tool it must be for, where that is known.
        digest: Which action it must be for, where that is known.

    Raises:
        Denied: It is forged, over, for somebody else or something else, malformed, or was used
            before. The message says which, and nothing of the token.
        MissingExtra: The extra `jwt` is not installed.
    """
    said = _signed(token, keys)
    now = store.clock()
    claims, problem = _read(said)
    if claims is None:
        raise Denied(f"the token is not accepted: {problem}")
    missing = sorted(frozenset(scopes) - claims.scopes)
    checks: tuple[tuple[bool, str], ...] = (
        (claims.issuer == issuer, "another issuer made it"),
        (claims.audience == audience, "it is for another service"),
        # Written so that NaN, or a clock that is set back, refuses.
        (said["iat"] <= now and said["nbf"] <= now, "the clock is before its issue"),
        (now < claims.expires_at, "it is over"),
        (claims.expires_at - said["iat"] <= LIFETIME, "it lives for too long"),
        (tool in (None, claims.tool), "it is for another tool"),
        (digest in (None, claims.digest), "it is for another action"),
        (not missing, f"it lacks the scopes {', '.join(missing)}"),
    )
    problem = next((words for holds, words in checks if not holds), "")
    if not problem and not use_once(store, f"{issuer}\0{claims.id}", claims.expires_at, now):
        problem = "it was used before"
    if problem:
        raise Denied(f"the token is not accepted: {problem}")
    return claims


def _signed(token: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims of a token that one of `keys` signed."""
    jwt = _jwt()
    from joserfc.jwk import KeySet

    said: Any = None
    try:
        if len(token) <= 16 * 1024:
            found = jwt.decode(token, KeySet.import_key_set(cast("Any", keys)), [ALGORITHM])
            said = found.claims if found.header.get("typ") == TYPE else None
    except Exception:
        said = None
    if not isinstance(said, dict):
        raise Denied("the token is not accepted: it is not signed by its issuer, or no token")
    return cast("dict[str, Any]", said)


def _read(said: Mapping[str, Any]) -> tuple[TokenClaims | None, str]:
    if not all(isinstance(said.get(name), str) for name in _TEXTS) or not said["jti"]:
        return None, "it lacks a claim"
    if not isinstance(said.get("aud"), str):
        return None, "it is not for one service alone"
    if not all(_is_time(said.get(name)) for name in ("iat", "nbf", "exp")):
        return None, "it has no time"
    actors = _actors(said.get("act"))
    if not actors or actors[0] != said["client_id"]:
        return None, "it does not say who acts"
    details = said.get("authorization_details")
    listed = cast("list[Any]", details) if isinstance(details, list) else []
    detail: Any = listed[0] if len(listed) == 1 else None
    match detail:
        case {"type": str(kind), "actions": [str(tool)], "identifier": str(digest)} if (
            kind == DETAIL
        ):
            pass
        case _:
            return None, "it is not for one tool call"
    claims = TokenClaims(
        said["jti"],
        said["iss"],
        said["sub"],
        actors,
        said["aud"],
        tool,
        digest,
        frozenset(said["scope"].split()),
        said["exp"],
    )
    return claims, ""


def _actors(act: Any) -> tuple[str, ...]:
    found: list[str] = []
    while act is not None:
        if not isinstance(act, dict) or len(found) >= _DEEPEST:
            return ()
        known = cast("dict[str, Any]", act)
        if not isinstance(known.get("sub"), str):
            return ()
        found.append(known["sub"])
        act = known.get("act")
    return tuple(found)


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _jwt() -> Any:
    try:
        from joserfc import jwt  # an extra
    except ImportError:
        raise MissingExtra("a token for another service", "jwt") from None
    return jwt


def _key(store: Store) -> Any:
    """Return the store's signing key: who has the store's root key has it, and nobody else."""
    _jwt()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from joserfc.jwk import OKPKey

    seed = store.keys.derive("token")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return OKPKey.import_key(
        {"kty": "OKP", "crv": "Ed25519", "d": _base64(seed), "x": _base64(public)}
    )


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
