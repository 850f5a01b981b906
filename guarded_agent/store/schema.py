"""The tables. Every room's rows live here, so that one migration covers them all.

Times are seconds since the epoch. `*_json` columns hold redacted data only;
`sealed` columns hold bytes encrypted with the store's key.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData()

meta = Table(
    "guard_meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

agent = Table(
    "guard_agent",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("changed_by", String(200), nullable=False, default=""),
    Column("created_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("family", String(200), nullable=False, server_default=""),
    Column("version", String(100), nullable=False, server_default=""),
    Column("review", String(10), nullable=False, server_default=""),
    Column("parts_json", Text, nullable=False, server_default="{}"),
    Column("rules_json", Text, nullable=False, server_default="{}"),
    Column("tools_at", Float),
    CheckConstraint(
        "state IN ('draft','active','suspended','decommissioned')", name="guard_agent_state"
    ),
)

thread = Table(
    "guard_thread",
    metadata,
    Column("agent_id", String(200), nullable=False),
    Column("thread_id", String(200), nullable=False),
    Column("memory_json", Text, nullable=False),
    Column("changed_at", Float, nullable=False),
    PrimaryKeyConstraint("agent_id", "thread_id"),
)

action = Table(
    "guard_action",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("agent_id", String(200), nullable=False),
    Column("thread_id", String(200), nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("tool", String(200), nullable=False),
    Column("access", String(8), nullable=False),
    Column("verdict_json", Text, nullable=False),
    Column("effect", String(8), nullable=False),
    Column("policy_digest", String(64), nullable=False),
    Column("preview_json", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("worker", String(64), nullable=False, default=""),
    Column("result_sealed", LargeBinary),
    Column("label_json", Text),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    CheckConstraint(
        "state IN ('judged','executing','done','failed','uncertain')", name="guard_action_state"
    ),
)
Index("guard_action_by_state", action.c.state, action.c.created_at)
Index("guard_action_by_thread", action.c.thread_id)

approval = Table(
    "guard_approval",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("agent_id", String(200), nullable=False),
    Column("thread_id", String(200), nullable=False),
    Column("user_id", String(200)),
    Column("tool", String(200), nullable=False),
    Column("access", String(8), nullable=False),
    Column("impact", String(40)),
    Column("summary", Text, nullable=False),
    Column("reasons_json", Text, nullable=False),
    Column("preview_json", Text, nullable=False),
    Column("label_json", Text, nullable=False),
    Column("sources_json", Text, nullable=False, server_default="[]"),
    Column("args_sealed", LargeBinary, nullable=False),
    Column("policy_digest", String(64), nullable=False),
    Column("quorum", Integer, nullable=False),
    Column("roles_json", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("message", Text, nullable=False, default=""),
    Column("replaced_by", String(64)),
    Column("edited_by", String(200)),
    Column("created_at", Float, nullable=False),
    Column("decide_by", Float, nullable=False),
    Column("execute_within", Float, nullable=False),
    Column("execute_by", Float),
    Column("decided_at", Float),
    Column("owner", String(200), nullable=False, server_default=""),
    Column("owner_apart", Boolean, nullable=False, server_default=false()),
    Column("ladder_json", Text, nullable=False, server_default="[]"),
    Column("concern", Boolean, nullable=False, server_default=false()),
    Column("risk", Integer, nullable=False, server_default="0"),
    Column("alike", String(64), nullable=False, server_default=""),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Column("mac", String(64), nullable=False, server_default=""),
    CheckConstraint(
        "state IN ('pending','approved','rejected','expired','cancelled','edited','used')",
        name="guard_approval_state",
    ),
)
Index("guard_approval_by_state", approval.c.state, approval.c.created_at)
Index("guard_approval_by_thread", approval.c.thread_id, approval.c.state)
APPROVAL_INDEXES: tuple[Index, ...] = (
    # Whole for the queue's order, so that only the rows of one page are read.
    Index(
        "guard_approval_by_risk",
        approval.c.state,
        approval.c.decide_by,
        approval.c.risk,
        approval.c.created_at,
        approval.c.id,
        approval.c.agent_id,
        approval.c.tool,
        approval.c.impact,
    ),
    Index("guard_approval_by_use", approval.c.state, approval.c.execute_by),
    Index("guard_approval_by_agent", approval.c.agent_id, approval.c.state, approval.c.decided_at),
    Index("guard_approval_by_alike", approval.c.alike, approval.c.state, approval.c.decide_by),
    Index("guard_approval_by_revision", approval.c.revision),
    Index("guard_approval_by_edit", approval.c.replaced_by),
)
"""The indexes of `guard_approval` that schema version 3 added."""

vote = Table(
    "guard_vote",
    metadata,
    Column("approval_id", String(32), ForeignKey("guard_approval.id"), nullable=False),
    Column("reviewer", String(200), nullable=False),
    Column("choice", String(8), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("roles_json", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("number", Integer, nullable=False, server_default="0"),
    Column("policy_digest", String(64), nullable=False, server_default=""),
    Column("method", String(20), nullable=False, server_default=""),
    Column("subject", String(400), nullable=False, server_default=""),
    Column("lent_json", Text, nullable=False, server_default="{}"),
    Column("mac", String(64), nullable=False, server_default=""),
    PrimaryKeyConstraint("approval_id", "reviewer"),
    CheckConstraint("choice IN ('approve','reject')", name="guard_vote_choice"),
)

snooze = Table(
    "guard_snooze",
    metadata,
    Column("approval_id", String(32), ForeignKey("guard_approval.id"), nullable=False),
    Column("reviewer", String(200), nullable=False),
    Column("until", Float, nullable=False),
    PrimaryKeyConstraint("approval_id", "reviewer"),
)

delegation = Table(
    "guard_delegation",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("giver", String(200), nullable=False),
    Column("delegate", String(200), nullable=False),
    Column("roles_json", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("method", String(20), nullable=False),
    Column("starts_at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
    Column("mac", String(64), nullable=False),
)
Index("guard_delegation_to", delegation.c.delegate, delegation.c.ends_at)
Index("guard_delegation_from", delegation.c.giver, delegation.c.ends_at)

turn = Table(
    "guard_turn",
    metadata,
    Column("agent_id", String(200), nullable=False),
    Column("thread_id", String(200), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("since", Float, nullable=False),
    Column("worker", String(64), nullable=False, default=""),
    Column("until", Float, nullable=False, default=0.0),
    PrimaryKeyConstraint("agent_id", "thread_id"),
)
Index("guard_turn_next", turn.c.until, turn.c.since)

event = Table(
    "guard_event",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("agent_id", String(200), nullable=False),
    Column("thread_id", String(200), nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("data_json", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
Index("guard_event_by_thread", event.c.thread_id, event.c.seq)

spend = Table(
    "guard_spend",
    metadata,
    Column("digest", String(64), nullable=False),
    Column("limit_key", String(200), nullable=False),
    Column("window_start", Float, nullable=False),
    Column("amount", Float, nullable=False),
    Column("state", String(8), nullable=False),
    PrimaryKeyConstraint("digest", "limit_key"),
    CheckConstraint("state IN ('reserved','settled')", name="guard_spend_state"),
)
Index("guard_spend_window", spend.c.limit_key, spend.c.window_start)

vault = Table(
    "guard_vault",
    metadata,
    Column("agent_id", String(200), nullable=False),
    Column("thread_id", String(200), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("lookup", String(64)),
    Column("value_sealed", LargeBinary),
    Column("created_at", Float, nullable=False),
    Column("forgotten_at", Float),
    PrimaryKeyConstraint("agent_id", "thread_id", "kind", "number"),
    UniqueConstraint("agent_id", "thread_id", "kind", "lookup", name="guard_vault_once"),
    CheckConstraint(
        "(lookup IS NULL) = (value_sealed IS NULL) AND (lookup IS NULL) = "
        "(forgotten_at IS NOT NULL)",
        name="guard_vault_forgotten",
    ),
)
Index("guard_vault_by_lookup", vault.c.lookup)

provenance = Table(
    "guard_provenance",
    metadata,
    Column("family", String(200), nullable=False),
    Column("thread_id", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("lookup", String(64), nullable=False),
    Column("text_sealed", LargeBinary, nullable=False),
    Column("source", String(200), nullable=False),
    Column("by", String(200), nullable=False, default=""),
    Column("at", Float, nullable=False),
    PrimaryKeyConstraint("family", "thread_id", "kind", "lookup"),
    CheckConstraint("kind IN ('asked','listed','endorsed')", name="guard_provenance_kind"),
)

pin = Table(
    "guard_pin",
    metadata,
    Column("agent_id", String(200), nullable=False),
    Column("tool", String(200), nullable=False),
    Column("served", Boolean, nullable=False),
    Column("manifest", String(64)),
    Column("manifest_json", Text),
    Column("accepted_by", String(200), nullable=False, default=""),
    Column("accepted_at", Float),
    Column("offered", String(64)),
    Column("offered_json", Text),
    Column("offered_at", Float),
    Column("changed", String(200), nullable=False, default=""),
    PrimaryKeyConstraint("agent_id", "tool"),
    CheckConstraint(
        "(manifest IS NULL) = (manifest_json IS NULL) AND (offered IS NULL) = "
        "(offered_json IS NULL) AND NOT (manifest IS NULL AND offered IS NULL)",
        name="guard_pin_whole",
    ),
)

used = Table(
    "guard_used",
    metadata,
    Column("mark", String(64), primary_key=True),
    Column("expires_at", Float, nullable=False),
)
Index("guard_used_by_end", used.c.expires_at)

ACTION_COLUMNS = ("label_json",)
APPROVAL_COLUMNS = (
    "sources_json",
    "owner",
    "owner_apart",
    "ladder_json",
    "concern",
    "risk",
    "alike",
    "revision",
    "mac",
)
VOTE_COLUMNS = ("number", "policy_digest", "method", "subject", "lent_json", "mac")
AGENT_COLUMNS = ("family", "version", "review", "parts_json", "rules_json", "tools_at")
"""The columns that schema version 3 added to tables that were there."""

ADDED_COLUMNS: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (agent, AGENT_COLUMNS),
    (action, ACTION_COLUMNS),
    (approval, APPROVAL_COLUMNS),
    (vote, VOTE_COLUMNS),
)

family_read = Table(
    "guard_family_read",
    metadata,
    Column("family", String(200), nullable=False),
    Column("compartment", String(200), nullable=False),
    Column("agent_id", String(200), nullable=False),
    Column("thread_id", String(200), nullable=False),
    Column("tool", String(200), nullable=False),
    Column("digest", String(64), nullable=False, default=""),
    Column("at", Float, nullable=False),
    PrimaryKeyConstraint("family", "compartment"),
)

place = Table(
    "guard_place",
    metadata,
    Column("place", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("label_json", Text, nullable=False),
    Column("at", Float, nullable=False),
)

reviewer = Table(
    "guard_reviewer",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("roles_json", Text, nullable=False),
    Column("password_hash", Text, nullable=False, default=""),
    Column("issuer", String(400)),
    Column("subject", String(400)),
    Column("active", Boolean, nullable=False),
    Column("created_by", String(200), nullable=False, default=""),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("issuer", "subject", name="guard_reviewer_subject"),
    CheckConstraint("(issuer IS NULL) = (subject IS NULL)", name="guard_reviewer_whole"),
)

session = Table(
    "guard_session",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("reviewer", String(200), ForeignKey("guard_reviewer.name"), nullable=False),
    Column("method", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("proved_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
)
Index("guard_session_of", session.c.reviewer)

link = Table(
    "guard_link",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("name", String(200), nullable=False),
    Column("roles_json", Text, nullable=False),
    Column("made_by", String(200), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
    CheckConstraint("kind IN ('first','join','reset')", name="guard_link_kind"),
)

token = Table(
    "guard_token",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("reviewer", String(200), ForeignKey("guard_reviewer.name"), nullable=False),
    Column("label", String(200), nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("scopes_json", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
    Column("revoked_at", Float),
    Column("used_at", Float),
)
Index("guard_token_of", token.c.reviewer)

attempt = Table(
    "guard_attempt",
    metadata,
    Column("who", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("blocked_until", Float, nullable=False),
    Column("at", Float, nullable=False),
)

ACCOUNTS: tuple[Table, ...] = (reviewer, session, link, token, attempt)

outbox = Table(
    "guard_outbox",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("request_id", String(32), nullable=False),
    Column("event", String(16), nullable=False),
    Column("target_json", Text, nullable=False),
    Column("mac", String(64), nullable=False),
    Column("due_at", Float, nullable=False),
    Column("state", String(8), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("worker", String(64), nullable=False),
    Column("until", Float, nullable=False),
    Column("error", Text, nullable=False),
    CheckConstraint("state IN ('waiting','sent','dead')", name="guard_outbox_state"),
)
Index("guard_outbox_due", outbox.c.state, outbox.c.due_at)
Index("guard_outbox_of", outbox.c.request_id)

QUEUE: tuple[Table, ...] = (snooze, delegation, turn, outbox)

LEAST_PRIVILEGE: tuple[Table, ...] = (
    provenance,
    pin,
    family_read,
    place,
    used,
    *ACCOUNTS,
    *QUEUE,
)
"""The tables that schema version 3 added."""
