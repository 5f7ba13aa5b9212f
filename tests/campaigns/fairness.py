"""How long a tenant's task takes while another tenant has very many in its queue."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import tes

from tescore import naming
from tests.campaigns.sights import Sights, sights
from tests.campaigns.tables import percentiles, table
from tests.e2e.cluster import FINAL, Kubectl, Service
from tests.e2e.tenants import tenant

CROWD = "e2e-crowd"
_AT_A_TIME = 2
"""Tasks of the crowd that run."""
_TRIES = 7
_FACTOR = float(_AT_A_TIME + 1)
"""With so many tasks on the cluster each has that part of it, so it may take so many times as long as alone."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds."""

    submitting: float
    alone: list[float]
    beside: list[float]
    crowds: list[float]
    """Of the crowd's tasks, from their turn to their end, in the same time."""
    overtaken: int
    """Tasks of the crowd that ended while the other tenant's task was there, at most."""
    queued: int
    """Tasks of the crowd that still waited at the end."""


def measured(tasks: int, service: Service, kubectl: Kubectl, busybox: str) -> Measured:
    """With so many tasks in the crowd, each the same as the other tenant's."""
    document = {"executors": [{"image": busybox, "command": ["true"]}]}

    def run() -> tuple[float, float]:
        began = time.time()
        assert service.ended(service.create(document), within=300)["state"] == "COMPLETE"
        return began, time.time()

    with tenant(CROWD, kubectl, TESK_TASK_LIMIT=str(_AT_A_TIME)) as crowd:
        alone = [run() for _ in range(_TRIES)]
        began = time.time()
        with ThreadPoolExecutor(4) as submitting:
            list(submitting.map(lambda _: crowd.create(document), range(tasks)))
        submitted = time.time() - began
        with sights(naming.TASK_SELECTOR, CROWD) as seen:
            beside = [run() for _ in range(_TRIES)]
        queued = len(kubectl.names("configmaps", "-n", CROWD, "-l", f"{naming.STATE}=QUEUED"))
    ends = [sight.at for sight in seen.all if sight.state in FINAL]
    overtaken = max(sum(began <= end <= ended for end in ends) for began, ended in beside)
    return Measured(submitted, _seconds(alone), _seconds(beside), _turns(seen), overtaken, queued)


def _seconds(runs: list[tuple[float, float]]) -> list[float]:
    return [ended - began for began, ended in runs]


def _turns(seen: Sights) -> list[float]:
    """How long each task took that was seen to leave the queue and to end."""
    took = []
    for sights_of_one in seen.by_task().values():
        states = [sight.state for sight in sights_of_one]
        if states[0] == "QUEUED" and states[-1] in FINAL:
            turn = next(sight.at for sight in sights_of_one if sight.state != "QUEUED")
            took.append(next(sight.at for sight in sights_of_one if sight.state in FINAL) - turn)
    return took


def main() -> int:
    tasks = int(os.environ.get("FAIRNESS_TASKS", "1000"))
    service = Service(os.environ["TES_URL"], tes.HTTPClient(os.environ["TES_URL"], timeout=10))
    found = measured(tasks, service, Kubectl(), os.environ["BUSYBOX_IMAGE"])
    facts = [
        ["tasks of the crowd", f"{tasks} submitted in {found.submitting:.0f} s, {found.queued} queued at the end"],
        ["another tenant's task, alone", percentiles(found.alone)],
        ["beside the crowd", percentiles(found.beside)],
        ["tasks of the crowd that ended meanwhile", f"{found.overtaken} at most"],
        ["one of the crowd, from its turn", percentiles(found.crowds)],
    ]
    print(f"\n{table(facts)}\n")
    return 0 if found.queued and median(found.beside) <= _FACTOR * median(found.alone) else 1


if __name__ == "__main__":
    sys.exit(main())
