"""`python -m tests.campaigns.kill`: a taskmaster killed at each request of a whole task, and replaced.

The process is killed with SIGKILL before its k-th request is forwarded to the real API server, or after that has
carried it out; then a second one is started, for every other k in the same pod, else in a new one. The end must be as
if nothing had happened. Environment: `.local/env`; KILL_FROM and KILL_TO (the first k, and the one after the last),
KILL_AT_ONCE (4).
"""

import os
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.campaigns.bench import Bench, bench
from tests.campaigns.proxy import Asked, Fault, Kill
from tests.campaigns.tables import percentiles, table
from tests.e2e.cluster import Kubectl


@dataclass(frozen=True, slots=True)
class Outcome:
    number: int
    how: Kill
    request: str
    """At which it was killed; empty if it made fewer."""
    took: float
    wrong: tuple[str, ...]


def killed(ready: Bench, number: int, how: Kill) -> Outcome:
    """A task whose first taskmaster is killed there."""
    key = f"{how.name.lower().replace('_', '-')}-{number}"
    began = time.monotonic()
    task = ready.create(key, ready.document(key))
    first, second = str(uuid.uuid4()), str(uuid.uuid4())

    def fault(asked: Asked) -> Fault:
        return how if asked.number == number else None

    with ready.taskmaster(task, first, fault) as process:
        code = process.ended()
        asked = process.proxy.asked[number] if number < len(process.proxy.asked) else None
    if code == 0:
        return Outcome(number, how, "", time.monotonic() - began, tuple(ready.wrong(task, key)))
    with ready.taskmaster(task, first if number % 2 else second) as process:
        again = process.ended()
    wrong = ready.wrong(task, key)
    if (code, again) != (-9, 0):
        wrong.append(f"the taskmasters ended with {code} and {again}:\n{process.log.read_text()}")
    request = f"{asked.method} {asked.path.removeprefix('/api/v1/namespaces/')[:90]}" if asked else ""
    return Outcome(number, how, request, time.monotonic() - began, tuple(wrong))


def main() -> int:
    environment = os.environ
    at_once = int(environment.get("KILL_AT_ONCE", "4"))
    with bench(Kubectl(), environment["BUSYBOX_IMAGE"]) as ready:
        task = ready.create("whole", ready.document("whole"))
        with ready.taskmaster(task) as process:
            assert process.ended() == 0, process.log.read_text()
        requests, wrong = len(process.proxy.asked), ready.wrong(task, "whole")
        print(f"  a whole task is {requests} requests; {wrong or 'nothing is wrong'}", flush=True)
        numbers = range(int(environment.get("KILL_FROM", "0")), int(environment.get("KILL_TO", str(requests))))
        began = time.monotonic()
        with ThreadPoolExecutor(at_once) as pool:
            jobs = [pool.submit(killed, ready, number, how) for number in numbers for how in Kill]
            outcomes = [job.result() for job in jobs]
    rows = [["k", "killed", "at", "seconds", ""]]
    rows += [[str(o.number), o.how.name, o.request or "(it made fewer)", f"{o.took:.0f}", "✗" if o.wrong else "✓"]
             for o in outcomes]  # fmt: skip
    violations = [f"k = {o.number}, {o.how.name}: {text}" for o in outcomes for text in o.wrong] + wrong
    print(table(rows))
    print(f"\n  {len(outcomes)} tasks in {time.monotonic() - began:.0f} s, {percentiles([o.took for o in outcomes])}")
    print("\n".join(f"  ✗ {violation}" for violation in violations) or "  ✓ nothing is wrong")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
