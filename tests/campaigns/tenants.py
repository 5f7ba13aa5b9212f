"""The tenants of `make bench`, set as suits a node of two cores."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.campaigns.cases import CLAIM, OWN, SHARED
from tests.e2e.cluster import Kubectl
from tests.e2e.tenants import tenant

_SETTINGS = {
    "TESK_TOKEN_SECRET": "tesk-taskmaster-token",
    # More at a time only take the cores from each other: 50 tasks with files took 100 s with 40, 62 s with 10.
    "TESK_TASK_LIMIT": "16",
}


@contextmanager
def bench_tenants(kubectl: Kubectl) -> Iterator[None]:
    """One with a claim for each task and one whose tasks share a claim, until the block ends."""
    with (
        tenant(OWN, kubectl, "--quick", **_SETTINGS),
        tenant(SHARED, kubectl, "--quick", TESK_SHARED_CLAIM=CLAIM, **_SETTINGS),
    ):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}
        kubectl("-n", SHARED, "create", "-f", "-", given=claim)
        yield
