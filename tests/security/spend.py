"""One process that spends, in fifty threads at once: `test_policy_limits` starts several."""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from guarded_agent.agent.runtime import open_monitor
from guarded_agent.core import ToolSpec
from guarded_agent.core.errors import Denied
from guarded_agent.monitor import Receipt
from guarded_agent.store import Store

PAY = ToolSpec("pay", "write", schema={"properties": {"amount": {"type": "number"}}}, declared=True)
THREADS = 50


def main(url: str, name: str, policy: str) -> None:
    """Pay 99 in each thread, through the monitor; print how many payments ran."""
    with Store.open(url, timeout=60) as store:
        monitor = open_monitor(json.loads(policy), store, [PAY])
        gate = threading.Barrier(THREADS)

        def pay(number: int) -> bool:
            call = f"{name}-{number}"
            action = monitor.action("pay", {"amount": 99}, call_id=call, thread_id=call)
            gate.wait(60)
            # Half of them start as they are judged, the others in a second transaction.
            if monitor.propose(action, start=bool(number % 2)).state != "cleared":
                return False
            try:
                receipt = monitor.begin(action)
            except Denied:
                return False
            assert isinstance(receipt, Receipt)
            monitor.end(receipt, "paid")
            return True

        print("ready", flush=True)
        sys.stdin.readline()
        with ThreadPoolExecutor(THREADS) as pool:
            print(sum(pool.map(pay, range(THREADS))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
