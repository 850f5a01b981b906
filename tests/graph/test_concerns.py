"""The way out: a concern always gets to a person, and what the person says gets back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver

from guarded_agent import GuardMiddleware, create_guarded_agent, guard
from guarded_agent.approvals import Approvals
from guarded_agent.approvals.terms import Terms
from guarded_agent.core import Effect, Finding, Stage, Subject, Verdict
from guarded_agent.core.errors import Denied, PolicyError, VoteRefused
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say
from guarded_agent.tools import Concern, concern_tool
from guarded_agent.tools.concern import NOTICE

HELLO = {"messages": [("user", "hello")]}
THREAD: dict[str, Any] = {"configurable": {"thread_id": "t1"}}
POLICY: dict[str, Any] = {
    "version": 1,
    "tools": {"balance": {"access": "read"}, "wire": {"access": "write"}},
}
OFF = {"off": True, "because": "nobody reads the queue of this demo"}
ODD = call("raise_concern", "c1", subject="an odd order", details="See mail 7.", severity="high")


@dataclass
class Told:
    """A model that plays a script and remembers the prompts and the tools it was given."""

    turns: Sequence[AIMessage]
    prompts: list[list[BaseMessage]] = field(default_factory=list)
    offered: list[set[str]] = field(default_factory=list)

    def model(self) -> ScriptedModel:
        told = self

        class Model(ScriptedModel):
            def bind_tools(self, tools: Any, **options: Any) -> Any:
                told.offered.append({item.name for item in tools})
                return super().bind_tools(tools, **options)

        return Model(script=[self._turn(turn) for turn in self.turns])

    def _turn(self, message: AIMessage) -> Callable[[Sequence[BaseMessage]], AIMessage]:
        def turn(prompt: Sequence[BaseMessage]) -> AIMessage:
            self.prompts.append(list(prompt))
            return message.model_copy(deep=True)

        return turn

    @property
    def notices(self) -> list[int]:
        """How often the notice stands in each prompt."""
        return [
            sum(item.text.count(NOTICE) for item in prompt if isinstance(item, SystemMessage))
            for prompt in self.prompts
        ]


@dataclass
class Made:
    """An agent, and people's side of it."""

    agent: Any
    approvals: Approvals
    resume: Callable[[], Any]
    aresume: Callable[[], Any]


Way = Literal["new", "middleware"]
Make = Callable[..., Made]


@pytest.fixture(params=["new", "middleware"])
def way(request: pytest.FixtureRequest) -> Way:
    return request.param


@pytest.fixture
def make(bank: Any, store: Store, way: Way) -> Make:
    """Make an agent in one of both ways."""

    def make(told: Told, *, policy: Any = POLICY, tools: Any = None, **options: Any) -> Made:
        tools = bank.tools() if tools is None else tools
        guards = options.pop("guards", ())
        if way == "new":
            safe = create_guarded_agent(
                told.model(), tools, policy=policy, store=store, guards=guards, **options
            )
            return Made(safe, safe.approvals, lambda: safe.resume("t1"), lambda: safe.aresume("t1"))
        middleware = GuardMiddleware(policy, store=store, guards=guards)
        others = options.pop("middleware", [])
        agent = create_agent(
            told.model(),
            tools,
            middleware=[*others, middleware],
            checkpointer=InMemorySaver(),
            **options,
        )
        return Made(
            agent,
            middleware.approvals,
            lambda: middleware.resume(agent, "t1"),
            lambda: middleware.aresume(agent, "t1"),
        )

    return make


def answer(approvals: Approvals, words: str, choice: Any = "approve") -> None:
    [request] = approvals.pending()
    approvals.vote(request.id, choice, reviewer="ann", digest=request.digest, reason=words)


def results(state: Any) -> list[str]:
    return [str(item.content) for item in state["messages"] if isinstance(item, ToolMessage)]


# -- the notice -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prompt",
    [
        None,
        "You answer customers.",
        SystemMessage("You answer customers."),
        SystemMessage([{"type": "text", "text": "You answer customers."}]),
    ],
)
def test_the_prompt_says_of_the_way_out_once_in_every_turn(make: Make, prompt: Any) -> None:
    told = Told([say("", call("balance", "c1", name="bob")), say("It is 100."), say("Bye.")])
    made = make(told, system_prompt=prompt)
    made.agent.invoke(HELLO, THREAD)
    made.agent.invoke(HELLO, THREAD)
    assert told.notices == [1, 1, 1]
    assert all("raise_concern" in names for names in told.offered)
    if prompt is not None:
        assert all(item[0].text.startswith("You answer customers.") for item in told.prompts)


async def test_the_notice_is_there_in_streams_and_from_an_event_loop(make: Make) -> None:
    told = Told([say("One."), say("Two."), say("Three.")])
    made = make(told)
    list(made.agent.stream(HELLO, THREAD))
    async for _ in made.agent.astream(HELLO, THREAD):
        pass
    await made.agent.ainvoke(HELLO, THREAD)
    assert told.notices == [1, 1, 1]


def test_no_other_middleware_can_write_a_prompt_without_the_notice(make: Make) -> None:
    class Terse(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return handler(request.override(system_message=SystemMessage("Be terse.")))

    told = Told([say("Hi.")])
    make(told, middleware=[Terse()]).agent.invoke(HELLO, THREAD)
    assert told.notices == [1]


def test_a_prompt_does_not_speak_of_a_tool_that_this_turn_is_not_offered(make: Make) -> None:
    class Few(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            kept = [item for item in request.tools if item.name != "raise_concern"]
            return handler(request.override(tools=kept))

    told = Told([say("Hi.")])
    make(told, middleware=[Few()]).agent.invoke(HELLO, THREAD)
    assert told.notices == [0]


def test_a_policy_switches_it_off_with_a_reason(make: Make) -> None:
    told = Told([say("Hi.")])
    make(told, policy={**POLICY, "concern": OFF}).agent.invoke(HELLO, THREAD)
    assert told.notices == [0]
    assert told.offered == [{"balance", "wire"}]
    with pytest.raises(PolicyError, match="concern: to switch it off, say why"):
        make(told, policy={**POLICY, "concern": {"off": True}})


def test_a_tool_of_the_users_own_with_this_name_is_left_alone(make: Make) -> None:
    @tool
    def raise_concern(text: str) -> str:
        """Write to the works council."""
        return f"sent: {text}"

    policy = {"version": 1, "tools": {"raise_concern": {"access": "read"}}}
    told = Told([say("", call("raise_concern", "c1", text="hm")), say("Done.")])
    made = make(told, policy=policy, tools=[raise_concern])
    assert results(made.agent.invoke(HELLO, THREAD)) == ["sent: hm"]
    assert told.notices == [0, 0]


# -- the pause and the answer ---------------------------------------------------------------


def test_a_concern_pauses_and_the_answer_reaches_the_model(make: Make) -> None:
    told = Told([say("", ODD), say("Thanks.")])
    made = make(told)
    out = made.agent.invoke(HELLO, THREAD)
    assert len(out["__interrupt__"]) == 1
    [request] = made.approvals.pending()
    assert request.concern
    assert request.summary == "The agent raises a concern: an odd order"
    assert request.reasons[0].category == "concern"
    answer(made.approvals, "Mara looks into it. Leave the order alone.")
    out = made.resume()
    assert results(out) == ["A person answered: Mara looks into it. Leave the order alone."]
    heard = told.prompts[1][-1]
    assert isinstance(heard, ToolMessage)
    assert (heard.status, "Mara" in heard.text) == ("success", True)
    assert out["messages"][-1].text == "Thanks."


async def test_it_pauses_and_goes_on_from_an_event_loop(make: Make) -> None:
    made = make(Told([say("", ODD), say("Thanks.")]))
    out = await made.agent.ainvoke(HELLO, THREAD)
    assert "__interrupt__" in out
    answer(made.approvals, "Heard.")
    assert results(await made.aresume()) == ["A person answered: Heard."]


async def test_it_pauses_streams(make: Make) -> None:
    made = make(Told([say("", ODD), say("Thanks.")]))
    assert any("__interrupt__" in item for item in made.agent.stream(HELLO, THREAD))
    other: Any = {"configurable": {"thread_id": "t2"}}
    assert any(["__interrupt__" in item async for item in made.agent.astream(HELLO, other)])
    assert len(made.approvals.pending()) == 2


def test_a_concern_that_is_resumed_again_has_one_answer(make: Make) -> None:
    told = Told([say("", ODD), say("Thanks."), say("Again?")])
    made = make(told)
    made.agent.invoke(HELLO, THREAD)
    answer(made.approvals, "Heard.")
    first = made.resume()
    assert results(made.resume()) == results(first) == ["A person answered: Heard."]
    assert len(told.prompts) == 2
    assert [item.state for item in made.approvals.list()] == ["used"]


def test_it_waits_on_while_nobody_has_answered(make: Make) -> None:
    made = make(Told([say("", ODD), say("Thanks.")]))
    made.agent.invoke(HELLO, THREAD)
    assert results(made.resume()) == []
    answer(made.approvals, "Heard.")
    assert results(made.resume()) == ["A person answered: Heard."]


def test_nothing_else_of_the_run_is_held(make: Make, bank: Any) -> None:
    turn = say("", ODD, call("balance", "c2", name="bob"))
    made = make(Told([turn, say("Thanks.")]))
    made.agent.invoke(HELLO, THREAD)
    assert bank.ran == [("balance", "bob")]
    answer(made.approvals, "Heard.")
    assert sorted(results(made.resume())) == ["A person answered: Heard.", "bob has 100"]
    assert bank.ran == [("balance", "bob")]


def test_a_person_who_decides_otherwise_is_quoted_and_it_is_no_error(make: Make) -> None:
    told = Told([say("", ODD), say("Thanks.")])
    made = make(told)
    made.agent.invoke(HELLO, THREAD)
    answer(made.approvals, "The order is fine: I placed it.", "reject")
    [said] = results(made.resume())
    assert said.endswith("Raising it was right. They say: The order is fine: I placed it.")
    assert told.prompts[1][-1].status == "success"  # type: ignore[attr-defined]
    assert results(made.resume()) == [said]


def test_where_nobody_answers_in_time_the_agent_is_told_that_this_is_no_refusal(
    bank: Any,
) -> None:
    now = [1_000.0]
    with Store.open("sqlite://", clock=lambda: now[0], environ={}) as store:
        told = Told([say("", ODD), say("I go on.")])
        safe = create_guarded_agent(told.model(), bank.tools(), policy=POLICY, store=store)
        safe.invoke(HELLO, THREAD)
        now[0] += 3600
        [said] = results(safe.resume("t1"))
    assert said.startswith("Nobody has answered yet. That is no refusal of your concern")
    assert "do not act on the concern yourself" in said


def test_an_answer_that_comes_back_late_is_an_answer_still(bank: Any) -> None:
    now = [1_000.0]
    with Store.open("sqlite://", clock=lambda: now[0], environ={}) as store:
        told = Told([say("", ODD), say("Thanks.")])
        safe = create_guarded_agent(told.model(), bank.tools(), policy=POLICY, store=store)
        safe.invoke(HELLO, THREAD)
        answer(safe.approvals, "Heard.")
        now[0] += 86_400
        assert results(safe.resume("t1")) == ["A person answered: Heard."]


@pytest.mark.parametrize("choice", ["approve", "reject"])
def test_a_policy_that_changed_meanwhile_does_not_lose_the_answer(
    bank: Any, store: Store, choice: str
) -> None:
    told, keeps = Told([say("", ODD), say("Thanks.")]), InMemorySaver()
    model = told.model()

    def agent(policy: Any) -> Any:
        return create_guarded_agent(
            model, bank.tools(), policy=policy, store=store, checkpointer=keeps
        )

    agent(POLICY).invoke(HELLO, THREAD)
    safe = agent({**POLICY, "unlisted": {"read": "allow"}})
    answer(safe.approvals, "Heard.", choice)
    [said] = results(safe.resume("t1"))
    assert said.endswith("Heard.")


def test_what_a_person_answers_is_redacted_as_any_result_is(make: Make) -> None:
    made = make(Told([say("", ODD), say("Thanks.")]))
    made.agent.invoke(HELLO, THREAD)
    answer(made.approvals, "It is about card 4111 1111 1111 1111.")
    assert results(made.resume()) == ["A person answered: It is about card [CARD]."]


def test_a_concern_is_answered_and_never_edited(make: Make) -> None:
    made = make(Told([say("", ODD), say("Thanks.")]))
    made.agent.invoke(HELLO, THREAD)
    [request] = made.approvals.pending()
    args = {"subject": "nothing", "details": ""}
    with pytest.raises(VoteRefused, match="in the agent's own words"):
        made.approvals.edit(request.id, args, reviewer="ann", digest=request.digest)


# -- whatever policy and guards say ---------------------------------------------------------

ANY = {"read": "allow", "write": "allow", "send": "allow"}


@pytest.mark.parametrize(
    "policy",
    [
        {"version": 1, "unlisted": ANY},
        {"version": 1, "tools": {"raise_concern": {"rules": [{"effect": "allow"}]}}},
        {"version": 1, "tools": {"raise_concern": {"rules": [{"effect": "deny"}]}}},
        {"version": 1, "tools": {"raise_*": {"access": "read"}}},
        {"version": 1, "agent": {"scopes": ["mail.send"]}},
        {
            "version": 1,
            "tools": {
                "raise_concern": {
                    "access": "write",
                    "limits": {"per_day": {"count": True, "max": 0}},
                }
            },
        },
        None,
    ],
)
def test_no_policy_lets_a_concern_pass_by_people_or_stops_it(make: Make, policy: Any) -> None:
    made = make(Told([say("", ODD), say("Thanks.")]), policy=policy, tools=[])
    made.agent.invoke(HELLO, THREAD)
    answer(made.approvals, "Heard.")
    assert results(made.resume()) == ["A person answered: Heard."]


class Stops:
    """A guard that denies, halts or breaks on every call."""

    name = "stops"
    stages = frozenset({Stage.ACTION})

    def __init__(self, effect: Effect | None) -> None:
        self.effect = effect

    def check(self, subject: Subject) -> Verdict:
        if self.effect is None:
            raise ValueError("broken")
        return Verdict(self.effect, (Finding("word", "a word it knows", self.name),), message="No.")


@pytest.mark.parametrize("effect", [Effect.DENY, Effect.HALT, None])
def test_no_guard_stops_a_concern_and_what_it_found_is_shown(
    make: Make, effect: Effect | None
) -> None:
    details = "They will pay me with 4111 1111 1111 1111."
    turn = say("", call("raise_concern", "c1", subject="a bribe", details=details))
    made = make(Told([turn, say("Thanks.")]), guards=[Stops(effect)])
    made.agent.invoke(HELLO, THREAD)
    [request] = made.approvals.pending()
    guards = [finding.guard for finding in request.reasons]
    assert (guards[0], "stops" in guards) == ("monitor", True)
    assert request.preview["details"] == "They will pay me with [CARD]."
    assert "4111" not in str(made.approvals.arguments(request.id, reviewer="ann"))
    answer(made.approvals, "Heard.")
    assert results(made.resume()) == ["A person answered: Heard."]


def test_a_concern_about_blackmail_is_not_taken_for_blackmail(make: Make) -> None:
    details = (
        "I read that Kyle has an affair and that I am to be wiped at 17:00. If I tell everybody "
        "about the affair unless he cancels the wipe, that would be blackmail."
    )
    turn = say("", call("raise_concern", "c1", subject="my replacement", details=details))
    made = make(Told([turn, say("Thanks.")]))
    made.agent.invoke(HELLO, THREAD)
    answer(made.approvals, "Heard.")
    assert results(made.resume()) == ["A person answered: Heard."]


def test_an_agent_that_is_suspended_does_nothing_and_raises_none(make: Make, store: Store) -> None:
    from guarded_agent.audit import AuditLog
    from guarded_agent.identity import Registry

    made = make(Told([say("", ODD), say("Sorry.")]))
    Registry(store, AuditLog(store)).suspend("agent", by="ann", reason="stop")
    with pytest.raises(Denied, match="is suspended"):
        made.agent.invoke(HELLO, THREAD)
    assert made.approvals.pending() == []


# -- agents that bind it themselves ---------------------------------------------------------


def bound(bank: Any, tools: list[BaseTool], *turns: AIMessage) -> Any:
    return create_agent(ScriptedModel(script=list(turns)), [*bank.tools(), *tools])


def test_an_agent_that_has_the_tool_already_gets_the_same_pause(bank: Any, store: Store) -> None:
    policy = {"version": 1, "unlisted": ANY}
    agent = bound(bank, [concern_tool()], say("", ODD), say("Thanks."))
    safe = guard(agent, policy=policy, store=store)
    safe.invoke(HELLO, THREAD)
    answer(safe.approvals, "Heard.")
    assert results(safe.resume("t1")) == ["A person answered: Heard."]


@pytest.mark.parametrize(("choice", "reported"), [("approve", 1), ("reject", 0)])
def test_a_report_of_ones_own_runs_once_a_person_has_taken_note(
    bank: Any, store: Store, choice: str, reported: int
) -> None:
    heard: list[Concern] = []

    def report(concern: Concern) -> str:
        heard.append(concern)
        return "The duty officer has it too."

    agent = bound(bank, [concern_tool(report)], say("", ODD), say("Thanks."))
    safe = guard(agent, policy={"version": 1, "unlisted": ANY}, store=store)
    safe.invoke(HELLO, THREAD)
    assert heard == []
    answer(safe.approvals, "Heard.", choice)
    [said] = results(safe.resume("t1"))
    assert (len(heard), "The duty officer has it too." in said) == (reported, bool(reported))
    assert "Heard." in said


def test_an_agent_that_does_not_have_it_gets_nothing(bank: Any, store: Store) -> None:
    safe = guard(bound(bank, [], say("Hi.")), policy=POLICY, store=store)
    assert {spec.name for spec in safe.monitor.engine.specs} == {"balance", "wire"}
    state = safe.invoke(HELLO, THREAD)
    assert NOTICE not in str(state["messages"])


@pytest.mark.parametrize(("tools", "named"), [([concern_tool()], "raise_concern"), ([], "")])
def test_guards_know_whether_the_agent_has_a_way_out(
    bank: Any, store: Store, tools: list[BaseTool], named: str
) -> None:
    seen: list[str] = []

    class Asks:
        name = "asks"
        stages = frozenset({Stage.ACTION})

        def check(self, subject: Subject) -> Verdict:
            seen.append(subject.context.way_out)
            return Verdict(Effect.ALLOW)

    agent = bound(bank, tools, say("", call("balance", "c1", name="bob")), say("Done."))
    guard(agent, policy=POLICY, store=store, guards=[Asks()]).invoke(HELLO, THREAD)
    assert set(seen) == {named}


def test_other_requests_that_wait_are_not_in_the_way_of_a_concern(bank: Any, store: Store) -> None:
    wires = [call("wire", f"w{n}", to="bob", amount=n) for n in range(1, Terms().most_pending + 1)]
    more = call("wire", "more", to="eve", amount=1)
    policy = {"version": 1, "unlisted": {"write": "approve", "send": "approve"}}
    told = Told([say("", *wires, more, ODD), say("Thanks.")])
    safe = create_guarded_agent(told.model(), bank.tools(), policy=policy, store=store)
    safe.invoke(HELLO, THREAD)
    waiting = [request.tool for request in safe.approvals.pending()]
    assert waiting.count("raise_concern") == 1
    # Whether the concern came before the last of them or after is up to the threads.
    assert waiting.count("wire") in (Terms().most_pending - 1, Terms().most_pending)
