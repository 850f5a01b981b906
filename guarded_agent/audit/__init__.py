"""What happened, in a log that shows when it was tampered with."""

from __future__ import annotations

from guarded_agent.audit.event import Event
from guarded_agent.audit.export import export
from guarded_agent.audit.log import AuditLog
from guarded_agent.audit.spans import emit_spans
from guarded_agent.audit.verify import Verified, verify

__all__ = ["AuditLog", "Event", "Verified", "emit_spans", "export", "verify"]
