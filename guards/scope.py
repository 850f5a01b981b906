"""The scope guard: an agent uses a tool only with every permission that it needs."""

from __future__ import annotations

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict


class ScopeGuard:
    """Denies a call whose tool needs a scope that the agent identity was not granted.

    An identity whose scopes are `None` is not limited.

    Example:
        >>> from guarded_agent.core import Context, Stage, Subject, ToolSpec
        >>> tool = ToolSpec("send_email", scopes=frozenset({"mail.send"}))
        >>> context = Context("mail", "t1", tool=tool, granted=frozenset({"mail.read"}))
        >>> ScopeGuard().check(Subject(Stage.ACTION, {}, context)).message
        'send_email needs the scope mail.send, which mail was not granted.'
    """

    name = "scope"
    stages = frozenset({Stage.ACTION})

    def check(self, subject: Subject) -> Verdict:
        """Judge `subject` by its tool's scopes; a tool that is not known is denied."""
        context = subject.context
        if subject.stage is not Stage.ACTION or context.granted is None:
            return ALLOW
        if context.tool is None:
            message = f"Nothing is known about this tool, and {context.agent_id} is limited."
            return Verdict(
                Effect.DENY, (Finding("scope", message, guard=self.name),), message=message
            )
        missing = sorted(context.tool.scopes - context.granted)
        if not missing:
            return ALLOW
        findings = tuple(
            Finding(
                "scope",
                f"{context.tool.name} needs the scope {scope}, "
                f"which {context.agent_id} was not granted.",
                guard=self.name,
            )
            for scope in missing
        )
        return Verdict(
            Effect.DENY, findings, message=" ".join(finding.message for finding in findings)
        )
