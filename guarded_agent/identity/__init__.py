"""Identity: who an agent is, what one call may do, and the secrets it holds meanwhile."""

from __future__ import annotations

from guarded_agent.identity.agent import AgentIdentity, Profile, Rules
from guarded_agent.identity.leases import lease, scrub, secret
from guarded_agent.identity.offer import Offer
from guarded_agent.identity.providers import Handed, SecretProvider, provide_secret
from guarded_agent.identity.registry import Registry
from guarded_agent.identity.secrets import Secret, SecretRef
from guarded_agent.identity.tickets import Ticket, mint, verify
from guarded_agent.identity.tokens import TokenClaims, jwks, ticket_token, verify_token

__all__ = [
    "AgentIdentity",
    "Handed",
    "Offer",
    "Profile",
    "Registry",
    "Rules",
    "Secret",
    "SecretProvider",
    "SecretRef",
    "Ticket",
    "TokenClaims",
    "jwks",
    "lease",
    "mint",
    "provide_secret",
    "scrub",
    "secret",
    "ticket_token",
    "verify",
    "verify_token",
]
