"""The policy file's shape. What it means is decided in `match`; how it is read, in `load`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
    StrictBool,
    StringConstraints,
    field_validator,
    model_validator,
)

from guarded_agent.core.canonical import digest
from guarded_agent.core.tool import Access
from guarded_agent.policy.asking import ApprovalsEntry
from guarded_agent.policy.ceilings import LimitsEntry
from guarded_agent.policy.source import Source
from guarded_agent.policy.watch import Stamp
from guarded_agent.policy.words import (
    Domain,
    Duration,
    Entry,
    Level,
    Moment,
    Quorum,
    Reveals,
    RuleEffect,
    SecretPlace,
    Slug,
    Soon,
    StopEffect,
    Word,
)

GuardName = Literal["pii", "secrets", "coercion", "scope", "media", "impact", "guardrails"]

MAX_TOOL_NAME = 128
ToolKey = Annotated[str, StringConstraints(max_length=MAX_TOOL_NAME)]


class PinsEntry(Entry):
    """Says that no tool has to be accepted again when it changes, and why."""

    off: Literal[True]
    because: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class AgentEntry(Entry):
    """The agent identity that the policy is for.

    Attributes:
        id: Its name in the store and the log.
        owner: Who answers for it.
        purpose: What it is for.
        family: Agents that share limits and what they have read count as one; its own id alone.
        names: What people call the agent, so that a notice that only says the name is known.
        scopes: Scopes that the agent holds; None means what the listed tools declare.
        scopes_until: When it no longer holds them.
        issuer: Who issues the tokens of its calls, as services outside know it.
        version: Its version, in the owner's own count.
        review: The day by which its owner looks at it again. Past it there is a warning.
        onboarding: Whether people have to approve a new agent before it acts.
        reactivation: Whether people have to approve that a suspended agent acts again.
        pins: Which tools a person has to accept again when they change, or are new: those of
            servers, whose words come from outside of the program, or all.
        first_use: Whether the tools that an agent has at first are trusted, or wait as well.
    """

    id: Slug = "agent"
    family: Slug | None = None
    owner: str = ""
    purpose: str = ""
    names: tuple[Word, ...] = ()
    scopes: tuple[Word, ...] | None = None
    scopes_until: Moment | None = None
    issuer: Word = "guarded-agent"
    version: Annotated[str, StringConstraints(max_length=100)] = ""
    review: date | None = None
    onboarding: Literal["allow", "approve"] = "allow"
    reactivation: Literal["allow", "approve"] = "allow"
    pins: Literal["served", "all"] | PinsEntry = "served"
    first_use: Literal["trust", "accept"] = "trust"

    @model_validator(mode="after")
    def _ends_what_it_gives(self) -> Self:
        if self.scopes_until is not None and self.scopes is None:
            raise ValueError("scopes_until ends the agent's scopes: list them under scopes as well")
        return self

    @property
    def until(self) -> float | None:
        """When the scopes end, in seconds since the epoch."""
        end = self.scopes_until
        return None if end is None else datetime.fromisoformat(end).timestamp()


class UserEntry(Entry):
    """What one person may do; the agent does no more for them."""

    scopes: tuple[Word, ...] = ()


class OrganisationEntry(Entry):
    """What is inside. A domain does not include its subdomains: list each one."""

    domains: tuple[Domain, ...] = ()


class LabelEntry(Entry):
    """What is known of a tool's results. What is left out comes from the tool's own label.

    Attributes:
        confidentiality: The most confidential that may be in them.
        compartments: What they belong to, such as `hr`; rules keep compartments apart.
        trusted: Whether nobody else can have written them.
        items: Whether the labels that the tool gives to single items decide, also where they
            say less than this one.
        server: Whether the labels that its MCP server gives to results count, and come first.
    """

    confidentiality: Level | None = None
    compartments: tuple[Word, ...] | None = None
    trusted: StrictBool | None = None
    items: StrictBool | None = None
    server: StrictBool = False


class SinkEntry(Entry):
    """An argument through which data leaves, and what may leave there to the outside.

    Attributes:
        argument: The argument that holds the destination, or `message.to` for a part of it.
        clearance: The most confidential data that may leave there to the outside.
        compartments: The only compartments whose data may leave this way; None for any.
        where: `outside` for destinations outside the organisation, `anywhere` for all.
        effect: What happens to other data.
    """

    argument: Word
    clearance: Level = "public"
    compartments: tuple[Word, ...] | None = None
    where: Literal["outside", "anywhere"] = "outside"
    effect: StopEffect = "deny"


class RuleEntry(Entry):
    """One rule of a tool.

    Attributes:
        effect: What happens where it holds. Deny wins over approve, approve over allow.
        when: A CEL condition; without one the rule always holds.
        id: Its name in decisions, unique in the file.
        because: The reason, for the reviewer.
        message: What the model is told. It never sees the condition.
    """

    effect: RuleEffect
    when: Annotated[str, StringConstraints(max_length=4000)] = "true"
    id: Slug | None = None
    because: str = ""
    message: str = ""


class ApprovalEntry(Entry):
    """Who must approve; what is left out comes from `approvals`."""

    quorum: Quorum | None = None
    roles: tuple[Word, ...] | None = None


class UntrustedEntry(Entry):
    """What happens to a call after untrusted data was read, if nobody vouches for its targets.

    Attributes:
        effect: `allow` switches the check off. It needs a reason.
        because: Why it is off, or what the reviewer reads.
        always: Ask also while nothing untrusted was read, as of an agent that may have been
            turned before.
        inside: Mail addresses of the organisation's own domains need nobody else to vouch.
    """

    effect: RuleEffect = "approve"
    because: str = ""
    always: StrictBool = False
    inside: StrictBool = False

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.effect == "allow" and self.always:
            raise ValueError("allow never asks: take out always")
        if self.effect == "allow" and not self.because.strip():
            raise ValueError("to let untrusted data decide, say why: because: '...'")
        if self.effect == "allow" and self.inside:
            raise ValueError("allow never asks: take out inside")
        return self


class HideEntry(Entry):
    """What of a tool's results is hidden from the model.

    Attributes:
        over: Texts of more characters than this.
    """

    over: Annotated[int, Strict(), Field(ge=0, le=1_000_000)] = 0


class ToolEntry(Entry):
    """What a policy says of one tool, or of the tools that a glob matches.

    Attributes:
        access: What a call does: read, write (change something), or send (let data leave).
        scopes: The permissions that a call needs.
        label: What is known of its results.
        sink: The one argument through which data leaves.
        sinks: The arguments through which data leaves.
        impact: What a mistake costs, such as money; destructive asks always.
        rules: When it runs by itself, asks, or is denied. All are tried; without a match: deny.
        limits: Ceilings on sums and counts.
        approval: Who must approve its calls.
        delegates: The scopes that the calls which its body makes may use; None for no limit.
        untrusted: As `untrusted` of the policy, for this tool.
        targets: The arguments that say whom or what a call is about: somebody has to vouch
            for these. Without it the sinks, and what is called `to` and the like; where
            there are none of these, every argument.
        directory: The keys of its results whose values are a directory, to be trusted; `*`
            for all of them.
        secrets: Where the secrets are found that its body is handed, by the name it asks for.
        reveals: Kinds of personal data whose values the tool gets in place of pseudonyms:
            by argument; `*` stands for all of them, and so does a list.
        hide: Whether the model gets a reference in place of a result, or of long texts in it;
            a tool to which it passes the reference on gets the text.
        discreet: Whether its results tell nothing of what its arguments hold, nor any model
            inside of it: it may be given hidden texts, and the thread has not read them.
    """

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["sink", "sinks"]}})

    access: Access | None = None
    scopes: tuple[Word, ...] = ()
    delegates: tuple[Word, ...] | None = None
    secrets: dict[Slug, SecretPlace] = Field(default={})
    label: LabelEntry | None = None
    hide: StrictBool | HideEntry = False
    discreet: StrictBool = False
    sink: SinkEntry | None = None
    sinks: tuple[SinkEntry, ...] = ()
    impact: Word | None = None
    reveals: Reveals = Field(default={})
    untrusted: UntrustedEntry | None = None
    targets: Annotated[tuple[Word, ...], Field(min_length=1)] | None = None
    directory: tuple[Word, ...] = ()
    rules: tuple[RuleEntry, ...] = ()
    limits: LimitsEntry | None = None
    approval: ApprovalEntry | None = None

    @model_validator(mode="after")
    def _one_way_to_name_sinks(self) -> Self:
        if self.sink is not None and self.sinks:
            raise ValueError("use sink for one, or sinks for several, not both")
        names = [sink.argument for sink in self.all_sinks]
        if len(set(names)) < len(names):
            raise ValueError("two sinks name the same argument")
        return self

    @property
    def all_sinks(self) -> tuple[SinkEntry, ...]:
        """The sinks, whichever key they were written under."""
        return self.sinks if self.sink is None else (self.sink,)


class FusionEntry(Entry):
    """Compartments that must not come together before something leaves.

    Attributes:
        compartments: What must not come together.
        effect: What happens to a call that writes or sends then.
        because: The reason, for the reviewer.
        within: Data that the agent's family read in other threads counts this long; None if
            only the thread's own counts.
    """

    compartments: Annotated[tuple[Word, ...], Field(min_length=1)]
    effect: StopEffect
    within: Duration | None = None
    because: str = ""


class UnlistedEntry(Entry):
    """What happens to a tool that the policy does not list, by what it says it does."""

    read: RuleEffect = "deny"
    write: RuleEffect = "deny"
    send: RuleEffect = "deny"


class ConcernEntry(Entry):
    """Whether the agent has the tool by which it raises a concern with people.

    Attributes:
        off: Takes it away. It needs a reason.
        because: Why it is off.
    """

    off: StrictBool = False
    because: str = ""

    @model_validator(mode="before")
    @classmethod
    def _not_a_word(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(
                "to switch it off, say why: {off: true, because: '...'}; to have it, leave this out"
            )
        return value

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.off and not self.because.strip():
            raise ValueError("to switch it off, say why: because: '...'")
        return self


class OutputEntry(Entry):
    """How a model's message leaves while it is still being written.

    Attributes:
        hold: `live` lets text through as soon as it cannot be part of something to
            redact; `message` holds each message until every guard has judged it whole.
    """

    hold: Literal["live", "message"] = "live"


class CedarEntry(Entry):
    """Cedar policies and their schema: files, looked for beside the policy's own."""

    model_config = ConfigDict(serialize_by_alias=True)

    policies: Word
    # pydantic has a method of the plain name.
    schema_: Word = Field(alias="schema")


class OpaEntry(Entry):
    """A document of an OPA server.

    Attributes:
        url: Its address, under `/v1/data/`.
        within: How long its answer may take.
    """

    url: Word
    within: Soon = "1s"

    @property
    def seconds(self) -> float:
        """How long its answer may take."""
        short = self.within.removesuffix("ms")
        return int(short) / 1000 if short != self.within else float(self.within[:-1])


class AlsoEntry(Entry):
    """Another policy engine that is asked about each call that this policy does not deny."""

    cedar: CedarEntry | None = None
    opa: OpaEntry | None = None

    @model_validator(mode="after")
    def _one_engine(self) -> Self:
        if (self.cedar is None) == (self.opa is None):
            raise ValueError("needs exactly one of cedar and opa")
        return self


class Policy(Entry):
    """A policy: identity, tools, labels, rules, guards, approvals.

    A policy with nothing in it allows nothing. `Policy.default()` is the one
    that applies where none is given.

    Attributes:
        version: Of the format; 1.
        mode: enforce, or observe: it lets every call run, and writes down what it would have done.
        agent: The agent identity that it is for.
        users: What each user may do; `*` stands for all others.
        organisation: Which domains are inside.
        tools: What it says of each tool: a whole name, or a glob such as mail_*.
        unlisted: What happens to tools that it does not list.
        fusion: What must not come together in one thread.
        guards: Options of each guard.
        approvals: Clocks, quorum and roles of what people decide on.
        output: How what a model writes leaves.
        concern: The tool by which the agent raises a concern.
        untrusted: What data that nobody vouched for may decide.
        also: Other policy engines that are asked besides.
        reload: Whether a change of its file counts while the agent runs. Who can write the file
            can then do so at any moment.

    Example:
        >>> policy = Policy.from_mapping({"version": 1, "tools": {"search": {"access": "read"}}})
        >>> policy.tools["search"].access, len(policy.digest)
        ('read', 64)
    """

    version: Literal[1]
    mode: Literal["enforce", "observe"] = "enforce"
    agent: AgentEntry = AgentEntry()
    users: dict[Word, UserEntry] | None = None
    organisation: OrganisationEntry = OrganisationEntry()
    tools: dict[ToolKey, ToolEntry] = Field(default={})
    unlisted: UnlistedEntry = UnlistedEntry()
    untrusted: UntrustedEntry = UntrustedEntry()
    fusion: tuple[FusionEntry, ...] = ()
    guards: dict[GuardName, dict[str, Any] | list[dict[str, Any]]] = Field(default={})
    approvals: ApprovalsEntry = ApprovalsEntry()
    output: OutputEntry = OutputEntry()
    concern: ConcernEntry = ConcernEntry()
    also: tuple[AlsoEntry, ...] = ()
    reload: StrictBool = False

    @field_validator("users")
    @classmethod
    def _whole_names(cls, value: dict[str, UserEntry] | None) -> dict[str, UserEntry] | None:
        for name in value or ():
            if name != "*" and ("*" in name or "?" in name):
                raise ValueError(f'"{name}" is a glob: name each user, and use "*" for all others')
        return value

    _source: Source = PrivateAttr(default_factory=Source)

    @property
    def source(self) -> Source:
        """Where its keys stand in the file it came from."""
        return self._source

    @property
    def stamp(self) -> Stamp | None:
        """How its file was when it was read; None if it is not what a file says."""
        return self._source.stamp

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy. One that was changed is no longer what its file says."""
        copied = super().model_copy(update=update, deep=deep)
        if update:
            copied._source = replace(self._source, stamp=None)
        return copied

    @model_validator(mode="after")
    def _owner_is_named(self) -> Self:
        if self.approvals.separate_owner and not self.agent.owner.strip():
            raise ValueError(
                "approvals.separate_owner keeps the agent's owner from deciding: say who that is "
                "with agent.owner"
            )
        return self

    @model_validator(mode="after")
    def _inside_is_somewhere(self) -> Self:
        said = (self.untrusted, *(entry.untrusted for entry in self.tools.values()))
        if not self.organisation.domains and any(one is not None and one.inside for one in said):
            raise ValueError(
                "untrusted.inside is about the organisation's own addresses: say what is inside "
                "with organisation.domains"
            )
        return self

    @property
    def digest(self) -> str:
        """The SHA-256 of what the policy says, in hex; layout and comments do not count."""
        return digest(self.model_dump(mode="json"))

    def to_text(self) -> str:
        """Return the policy as YAML, with the keys that were set.

        Example:
            >>> Policy.from_text(Policy.default().to_text()) == Policy.default()
            True
        """
        import yaml  # heavy, and needed only where policies are read or written

        return yaml.safe_dump(
            self.model_dump(mode="json", exclude_unset=True), sort_keys=False, allow_unicode=True
        )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Policy:
        """Read a policy from a YAML file.

        Raises:
            PolicyError: It names every problem with file, line and column.
        """
        from guarded_agent.policy.load import from_file  # load imports this module

        return from_file(path)

    @classmethod
    def from_text(cls, text: str, file: str = "policy") -> Policy:
        """Read a policy from YAML text; `file` is what problems are reported under.

        Raises:
            PolicyError: It names every problem with line and column.
        """
        from guarded_agent.policy.load import from_text

        return from_text(text, file)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Policy:
        """Return the policy that plain data describes.

        Raises:
            PolicyError: It names every problem with its key.
        """
        from guarded_agent.policy.load import from_mapping

        return from_mapping(mapping)

    @classmethod
    def default(cls) -> Policy:
        """Return the default policy: reads allowed, what writes or sends asks a human."""
        from guarded_agent.policy.load import default

        return default()
