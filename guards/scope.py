"""The scope guard: a call needs every scope of its tool, from all who have a say in it."""

from __future__ import annotations

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict


class ScopeGuard:
    """Denies a call whose tool needs a scope that somebody in the chain does not have.

    These are the agent identity, the user for whom it acts, and the call around, where
    another tool's body makes this one. Whoever's scopes are `None` sets no limit.

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
        if subject.stage is not Stage.ACTION or not context.authority.is_limited:
            return ALLOW
        if context.tool is None:
            message = f"Nothing is known about this tool, and {context.agent_id} is limited."
            return Verdict(
                Effect.DENY, (Finding("scope", message, guard=self.name),), message=message
            )
        lacks = context.authority.lacks(context.tool.scopes)
        if not lacks:
            return ALLOW
        messages = [lack.words(context.tool.name, context.agent_id) for lack in lacks]
        findings = tuple(Finding("scope", message, guard=self.name) for message in messages)
        return Verdict(Effect.DENY, findings, message=" ".join(messages))
