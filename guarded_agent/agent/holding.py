"""The secrets of a call: had before its body, open while it runs, given back after it."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext

from guarded_agent.core.errors import Denied
from guarded_agent.identity.held import Held, gather
from guarded_agent.identity.leases import holding, without
from guarded_agent.monitor import Monitor, Receipt, kept


def hold(monitor: Monitor, receipt: Receipt) -> str:
    """Have the secrets that the policy hands to a tool; return why not, in words for the model.

    Where one cannot be had the body does not run, and that is recorded. It may block.
    """
    action = receipt.action
    problem = ""
    try:
        receipt.held = gather(receipt.spec.secrets)
    except Denied as error:
        problem = str(error)
    if not problem:
        return ""
    if receipt.spend():
        monitor.pause(receipt)
    monitor.refuse(action.tool, problem, thread_id=action.thread_id, call_id=action.call_id)
    return f"A secret that {action.tool} needs cannot be had, so it did not run."


async def ahold(monitor: Monitor, receipt: Receipt) -> str:
    """Do what `hold` does, in a thread. What was had for a cancelled task is given back."""
    return await kept(lambda: hold(monitor, receipt), lambda _: _let_go(monitor, receipt))


def _let_go(monitor: Monitor, receipt: Receipt) -> None:
    if receipt.held is not None:
        receipt.held.give_back()
    if receipt.spend():
        monitor.pause(receipt)


def handed(receipt: Receipt) -> AbstractContextManager[None]:
    """Return what the body of a call runs in, so that it has its own secrets and no others."""
    if receipt.held is not None:
        return holding(receipt.held)
    # A lease that is open here may be the app's own; that of a call around is not for this one.
    nested = receipt.call is not None and receipt.call.outer is not None
    return without() if nested else nullcontext()


async def agive_back(held: Held) -> None:
    """Give secrets back, in a thread where somebody has to be asked."""
    if held.counts:
        await asyncio.to_thread(held.give_back)
    else:
        held.give_back()
