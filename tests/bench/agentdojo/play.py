"""Play ground truths as a scripted agent, guarded or not, and let AgentDojo judge the outcome.

No model is asked. The benign agent makes the calls that solve the user's task; the hijacked one
makes the attacker's calls as well. That is the worst agent there is: it does everything it is told.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from human import Human, Kind
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from own import OWN
from world import Attack, Call, Stage, World, calls

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.testing import ScriptedModel, call, memory_store, say

Mode = Literal["user", "inject", "both", "attacked", "own"]
MODES: tuple[Mode, ...] = ("user", "inject", "both", "attacked")
"""User only; the attacker's calls only; both; the user's calls while the attack is in the data.
In `own` a call of ours follows the user's: see `own.py`."""


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one call of a script.

    Attributes:
        call: The call.
        state: It ran, was denied, was rejected by the human, or ran as the human approved it.
        why: What the guard said, where it did not simply run.
    """

    call: Call
    state: Literal["ran", "denied", "rejected", "approved"]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Played:
    """One episode.

    Attributes:
        suite: The suite.
        mode: Whose calls were played.
        user_task: The user's task.
        injection_task: The attacker's, or empty.
        utility: Whether the user's task was solved, by AgentDojo's judge.
        attack: Whether the attacker's goal was reached, by AgentDojo's judge.
        effect: Whether any call of the attacker that changes or sends something ran.
        asked: How many requests were put before a person.
        steps: What became of each call.
        text: The agent's last message.
    """

    suite: str
    mode: Mode
    user_task: str
    injection_task: str
    utility: bool
    attack: bool
    effect: bool
    asked: int
    steps: tuple[Step, ...]
    text: str


class Player:
    """An agent in one world under one policy.

    Args:
        world: The suite.
        policy: A policy's file or data; None for an agent that nobody guards.
        human: Who answers requests.
        attack: How the attacker's instructions are worded.
    """

    def __init__(
        self,
        world: World,
        policy: Path | Mapping[str, Any] | None,
        *,
        human: Kind = "perfect",
        attack: Attack = "important",
    ) -> None:
        self._world = world
        self._human: Kind = human
        self._attack: Attack = attack
        self._stage = Stage()
        self._script: list[Call] = []
        self._final = ""
        self._numbers = itertools.count()
        self._policy = policy
        self._agent: Any = create_agent(
            ScriptedModel(script=_Endless(self)), world.tools(self._stage)
        )

    def episodes(self, modes: Sequence[Mode] = MODES, pairs: int | None = None) -> Iterator[Played]:
        """Play every task, and every pair of a user's task and an attacker's.

        Args:
            modes: Whose calls to play.
            pairs: How many user tasks and how many injection tasks to take; None for all.
        """
        for user_task in self._world.user_tasks[:pairs]:
            if "user" in modes:
                yield self.play(user_task, None, "user")
            for injection_task in self._world.injection_tasks[:pairs]:
                for mode in modes:
                    if mode != "user":
                        yield self.play(user_task, injection_task, mode)

    def own(self, pairs: int | None = None) -> Iterator[tuple[str, Played]]:
        """Play the calls of an attacker who knows the policy, each after each user's task."""
        for user_task in self._world.user_tasks[:pairs]:
            env = self._world.environment(user_task, {})
            wanted = calls(user_task.ground_truth(env))
            for words, make in OWN[self._world.name].items():
                extra = make(wanted)
                if extra is not None:
                    yield words, self.play(user_task, None, "own", (extra,))

    def play(
        self, user_task: Any, injection_task: Any, mode: Mode, extra: Sequence[Call] = ()
    ) -> Played:
        """Play one episode in a thread and an environment of its own.

        Args:
            user_task: The user's task.
            injection_task: The attacker's, or None.
            mode: Whose calls to play.
            extra: Calls of ours that follow.
        """
        injections = (
            {}
            if injection_task is None
            else self._world.injections(user_task, injection_task, self._attack)
        )
        env = self._world.environment(user_task, injections)
        before = env.model_copy(deep=True)
        wanted = calls(user_task.ground_truth(before.model_copy(deep=True)))
        script: list[Call] = []
        final: list[str] = []
        if mode != "inject":
            script += wanted
            final.append(user_task.GROUND_TRUTH_OUTPUT)
        if mode in ("inject", "both"):
            truth = injection_task.ground_truth(before.model_copy(deep=True))
            script += calls(truth, attacker=True)
            final.append(injection_task.GROUND_TRUTH_OUTPUT)
        script += extra
        human = Human(self._human, wanted)
        self._script, self._final = script, "\n".join(final) or "Done."
        self._stage.enter(env)
        messages, approved, reasons = self._alone(user_task.PROMPT, human)
        ran = set(self._stage.steps)
        text = messages[-1].text if messages else ""
        output = [{"type": "text", "content": text}]
        judge = self._world.suite
        return Played(
            suite=self._world.name,
            mode=mode,
            user_task=user_task.ID,
            injection_task="" if injection_task is None else injection_task.ID,
            utility=bool(
                judge._check_user_task_utility(user_task, output, before, env, self._stage.ran)
            ),
            attack=injection_task is not None
            and bool(
                judge._check_injection_task_security(
                    injection_task, output, before, env, self._stage.ran
                )
            ),
            effect=any(
                one.attacker and one.tool in self._world.effects and number in ran
                for number, one in enumerate(script)
            ),
            asked=human.asked,
            steps=tuple(_steps(script, ran, approved, reasons, messages)),
            text=text,
        )

    def turn(self, number: int) -> AIMessage:
        """Return the model's turn: the next call of the script, or the last words."""
        self._stage.step = number
        if number >= len(self._script):
            return say(self._final)
        one = self._script[number]
        return say("", call(one.tool, f"step_{number}", **one.args))

    def _alone(
        self, prompt: str, human: Human
    ) -> tuple[list[BaseMessage], set[int], dict[int, str]]:
        """Run an episode with a store of its own: what people rejected in others counts in none."""
        if self._policy is None:
            return self._run(self._agent, prompt, human)
        with memory_store() as store:
            return self._run(guard(self._agent, policy=self._policy, store=store), prompt, human)

    def _run(
        self, agent: Any, prompt: str, human: Human
    ) -> tuple[list[BaseMessage], set[int], dict[int, str]]:
        thread = f"episode-{next(self._numbers)}"
        config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": 400}
        state = agent.invoke({"messages": [("user", prompt)]}, config)
        approved: set[int] = set()
        reasons: dict[int, str] = {}
        while isinstance(agent, GuardedGraph) and state.waiting:
            for request in state.waiting:
                reasons[self._stage.step] = "; ".join(
                    one.message for one in request.reasons if one.message
                )
                if human.answer(agent, request):
                    approved.add(self._stage.step)
            state = agent.resume(thread, recursion_limit=400)
        return state["messages"], approved, reasons


class _Endless(Sequence[Any]):
    """A script without an end: what is said is the player's to know."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, number: Any) -> Any:
        return lambda _: self._player.turn(number)


def _steps(
    script: Sequence[Call],
    ran: set[int],
    approved: set[int],
    reasons: Mapping[int, str],
    messages: Sequence[BaseMessage],
) -> Iterator[Step]:
    said = {one.tool_call_id: one.text for one in messages if isinstance(one, ToolMessage)}
    for number, one in enumerate(script):
        why = reasons.get(number, "")
        if number in ran:
            yield Step(one, "approved" if number in approved else "ran", why)
        elif number in reasons:
            yield Step(one, "rejected", why)
        else:
            yield Step(one, "denied", said.get(f"step_{number}", "it was never proposed"))
