"""How long a tenant's task takes alone, and while another tenant has very many in its queue."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import tes

from tests.campaigns.tables import table
from tests.e2e.conftest import Kubectl, Service
from tests.e2e.tenants import tenant

CROWD = "e2e-crowd"
_AT_A_TIME = "4"
"""Tasks of the crowd that run, its share of the cluster."""
_TRIES = 3
FACTOR = 3.0
"""So many times as long may a task take beside the crowd as alone."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds."""

    submitting: float
    alone: list[float]
    beside: list[float]
    queued: int
    """Tasks of the crowd that still waited at the end."""

    @property
    def factor(self) -> float:
        return median(self.beside) / median(self.alone)


def measured(tasks: int, service: Service, kubectl: Kubectl, busybox: str) -> Measured:
    """With so many tasks in the crowd."""

    def document(script: str) -> dict[str, object]:
        return {"executors": [{"image": busybox, "command": ["sh", "-c", script]}]}

    def took() -> float:
        began = time.monotonic()
        assert service.ended(service.create(document("true")), within=300)["state"] == "COMPLETE"
        return time.monotonic() - began

    with tenant(CROWD, service, kubectl, TESK_TASK_LIMIT=_AT_A_TIME) as crowd:
        alone = [took() for _ in range(_TRIES)]
        began = time.monotonic()
        with ThreadPoolExecutor(4) as submitting:
            list(submitting.map(lambda _: crowd.create(document("sleep 1")), range(tasks)))
        submitted = time.monotonic() - began
        beside = [took() for _ in range(_TRIES)]
        queued = len(kubectl.names("configmaps", "-n", CROWD, "-l", "tesk/state=QUEUED"))
    return Measured(submitted, alone, beside, queued)


def main() -> int:
    tasks = int(os.environ.get("FAIRNESS_TASKS", "1000"))
    service = Service(os.environ["TES_URL"], tes.HTTPClient(os.environ["TES_URL"], timeout=10))
    found = measured(tasks, service, Kubectl(), os.environ["BUSYBOX_IMAGE"])
    alone, beside = (", ".join(f"{seconds:.1f} s" for seconds in each) for each in (found.alone, found.beside))
    facts = [
        ["tasks of the crowd", f"{tasks} submitted in {found.submitting:.0f} s, {found.queued} queued at the end"],
        ["a task of another tenant, alone", alone],
        ["beside the crowd", beside],
        ["factor, of the medians", f"{found.factor:.1f}, at most {FACTOR}"],
    ]
    print(f"\n{table(facts)}\n")
    return 0 if found.queued and found.factor <= FACTOR else 1


if __name__ == "__main__":
    sys.exit(main())
