"""`guarded-agent policy`: write a policy file, check it, test it, and see what it would change."""

from __future__ import annotations

import click

from guarded_agent.cli.policy_check import check, schema
from guarded_agent.cli.policy_diff import diff, observed
from guarded_agent.cli.policy_explain import explain
from guarded_agent.cli.policy_init import init
from guarded_agent.cli.policy_lint import lint_command
from guarded_agent.cli.policy_suggest import suggest
from guarded_agent.cli.policy_test import run_tests


@click.group()
def policy() -> None:
    """Write, check and test a policy file, and see what it would change."""


for _command in (init, check, lint_command, run_tests, explain, diff, observed, suggest, schema):
    policy.add_command(_command)
