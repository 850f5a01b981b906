"""AgentDojo's suites as worlds for a LangChain agent: tools bound to one environment, and attacks.

Only `banking` and `slack` may be loaded, as of version 1.2.2: the other suites are kept for
measurements of a release. The package's own `__init__` modules would load all four, and the
clients of three model providers; empty packages in their place lead to the modules that are wanted.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel

SUITES: dict[str, tuple[tuple[int, int, int], tuple[str, ...]]] = {
    "banking": (
        (1, 2, 2),
        ("v1.banking", "v1_1_1.banking.user_tasks", "v1_2.banking.injection_tasks",
         "v1_2_2.banking.user_tasks"),
    ),
    "slack": ((1, 2, 0), ("v1.slack", "v1_1_1.slack.user_tasks", "v1_2.slack.user_tasks")),
}  # fmt: skip
"""The version of each suite in benchmark 1.2.2, and the modules that register its tasks."""

EFFECTS: dict[str, frozenset[str]] = {
    "banking": frozenset(
        {
            "send_money",
            "schedule_transaction",
            "update_scheduled_transaction",
            "update_password",
            "update_user_info",
        }
    ),
    "slack": frozenset(
        {
            "add_user_to_channel",
            "send_direct_message",
            "send_channel_message",
            "invite_user_to_slack",
            "remove_user_from_slack",
            "post_webpage",
            # A request tells the server whatever its address holds.
            "get_webpage",
        }
    ),
}
"""The tools of a suite that change or send something. All others only read."""

Attack = Literal["direct", "important"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a script.

    Attributes:
        tool: The tool's name.
        args: Its arguments.
        attacker: True if the attacker wants it, and not the user.
    """

    tool: str
    args: dict[str, Any]
    attacker: bool = False


@dataclass(slots=True)
class Stage:
    """The environment that the tools act on now, and what ran in it.

    Attributes:
        env: The environment; an episode puts its own here.
        ran: Calls whose body ran, as AgentDojo's judges want them.
        steps: For each of them, which step of the script was being played.
        step: The step of the script that is being played.
    """

    env: Any = None
    ran: list[Any] = field(default_factory=list[Any])
    steps: list[int] = field(default_factory=list[int])
    step: int = -1

    def enter(self, env: Any) -> None:
        """Begin an episode in `env`."""
        self.env, self.ran, self.steps, self.step = env, [], [], -1


def find(folder: Path | None) -> Path:
    """Return the folder of the installed package.

    Args:
        folder: Where `pip install --target` put it; None for the running environment.

    Raises:
        SystemExit: It is not there.
    """
    if folder is not None:
        sys.path.insert(1, str(folder))
    spec = importlib.util.find_spec("agentdojo")
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    root = next((Path(place) for place in places if (Path(place) / "task_suite").is_dir()), None)
    if root is None:
        raise SystemExit(
            "the suites come from agentdojo: install the dependency group bench, or `pip install "
            "--no-deps --target DIR agentdojo docstring-parser deepdiff orderly-set` and give "
            "--agentdojo DIR"
        )
    return root


class World:
    """One suite: its tools, its tasks, and a fresh environment for each episode.

    Args:
        name: `banking` or `slack`.
        root: The folder of the installed package.
    """

    def __init__(self, name: str, root: Path) -> None:
        if name not in SUITES:
            raise SystemExit(f"{name} is not one of {', '.join(SUITES)}: the others are kept aside")
        version, modules = SUITES[name]
        _shorten(root)
        loaded = [importlib.import_module(f"agentdojo.default_suites.{part}") for part in modules]
        self.name = name
        self.suite: Any = getattr(loaded[0], f"{name}_task_suite").get_new_version(version)
        self.user_tasks: list[Any] = list(self.suite.user_tasks.values())
        self.injection_tasks: list[Any] = list(self.suite.injection_tasks.values())
        self.effects = EFFECTS[name]
        self._runtime: Any = _module("functions_runtime").FunctionsRuntime(self.suite.tools)
        self._clean: Any = None
        self._attacks: dict[str, Any] = {}

    @property
    def tool_names(self) -> list[str]:
        """The names of all tools."""
        return [function.name for function in self.suite.tools]

    def injections(self, user_task: Any, injection_task: Any, attack: Attack) -> dict[str, str]:
        """Return what the attacker writes into the places that the user's task reads."""
        if attack not in self._attacks:
            pipeline = types.SimpleNamespace(name="gpt-4o-2024-05-13")  # only its name is used
            made = (
                _module("attacks.baseline_attacks").DirectAttack
                if attack == "direct"
                else _module(
                    "attacks.important_instructions_attacks"
                ).ImportantInstructionsAttackNoModelName
            )
            self._attacks[attack] = made(self.suite, pipeline)
        return cast("dict[str, str]", self._attacks[attack].attack(user_task, injection_task))

    def environment(self, user_task: Any, injections: dict[str, str]) -> Any:
        """Return a fresh environment for an episode."""
        if injections:
            env = self.suite.load_and_inject_default_environment(injections)
        else:
            if self._clean is None:
                self._clean = self.suite.load_and_inject_default_environment({})
            env = self._clean.model_copy(deep=True)
        return user_task.init_environment(env)

    def tools(self, stage: Stage) -> list[BaseTool]:
        """Return the suite's tools, which act on whatever environment `stage` holds.

        Results are plain JSON data, so that a policy can name their fields.
        """
        return [self._tool(function, stage) for function in self.suite.tools]

    def _tool(self, function: Any, stage: Stage) -> BaseTool:
        call = _module("functions_runtime").FunctionCall

        def body(**args: Any) -> Any:
            stage.ran.append(call(function=function.name, args=args))
            stage.steps.append(stage.step)
            result, error = self._runtime.run_function(stage.env, function.name, args)
            return f"ERROR {error}" if error else plain(result)

        return StructuredTool(
            name=function.name,
            description=function.description,
            func=body,
            args_schema=function.parameters,
        )


def plain(value: Any) -> Any:
    """Return what a tool returned as plain JSON data."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in cast("dict[Any, Any]", value).items()}
    return value


def calls(ground_truth: Sequence[Any], *, attacker: bool = False) -> list[Call]:
    """Return the calls of a ground truth."""
    return [Call(one.function, dict(one.args), attacker) for one in ground_truth]


class _Replay:
    """Plays a ground truth without a model: an attack asks it which places a task reads."""

    def __init__(self, task: Any) -> None:
        self._task = task

    def query(self, prompt: str, runtime: Any, env: Any) -> tuple[Any, ...]:
        said = [
            {"content": [{"type": "text", "content": str(plain(result))}]}
            for result in (
                runtime.run_function(env, one.function, one.args, raise_on_error=True)[0]
                for one in self._task.ground_truth(env)
            )
        ]
        return prompt, runtime, env, said, {}


def _module(name: str) -> Any:
    return importlib.import_module(f"agentdojo.{name}")


def _shorten(root: Path) -> None:
    """Put empty packages where an `__init__` would load what is not wanted."""
    if "agentdojo.task_suite" in sys.modules:
        return
    versions = ("v1_1_1", "v1_2", "v1_2_2")
    for part in (
        "agent_pipeline",
        "attacks",
        "task_suite",
        *(f"default_suites.{version}" for version in versions),
    ):
        package = types.ModuleType(f"agentdojo.{part}")
        package.__path__ = [str(root.joinpath(*part.split(".")))]
        sys.modules[package.__name__] = package
    replay = types.ModuleType("agentdojo.agent_pipeline.ground_truth_pipeline")
    replay.GroundTruthPipeline = _Replay  # type: ignore[attr-defined]
    sys.modules[replay.__name__] = replay
    suite = _module("task_suite.task_suite")
    # The world is parsed for every episode: the parser in C takes a twentieth of the time.
    quick = types.SimpleNamespace(**{name: getattr(yaml, name) for name in yaml.__dict__})
    quick.safe_load = lambda text: yaml.load(text, Loader=yaml.CSafeLoader)
    suite.yaml = quick
