"""The reference monitor: every action and every text passes here.

It runs the guards in order, asks the policy, folds their verdicts into one,
writes the verdict down before anything happens, and hands out the receipt
without which a guarded tool's body does not run. It knows nothing of LangChain;
the agent layer brings actions in and carries decisions out.

The life of a call:

    propose -> Standing (cleared, waiting or denied; stored, never recomputed)
    begin   -> Receipt  (re-checked, `started` is durable) or Replay (it ran before);
               of a call whose body follows at once, both are one transaction
    end     -> the result, judged and redacted, recorded as done
    fail    -> the error, recorded as failed
"""

from __future__ import annotations

from guarded_agent.monitor.proposals import Proposals
from guarded_agent.monitor.texts import Texts


class Monitor(Texts, Proposals):
    """The reference monitor of one agent identity.

    Safe to use from several threads, processes and event loops at once: all
    that must hold between them is decided in the store.
    """
