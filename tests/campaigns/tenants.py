"""The tenants of `make bench`, set as suits a node of two cores."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.campaigns.cases import CLAIM, OWN, SHARED
from tests.e2e.cluster import Kubectl
from tests.e2e.tenants import tenant

_LIMIT = "16"
"""Tasks at a time: more only take the cores from each other, 50 tasks with files took 100 s with 40, 62 s with 10."""


@contextmanager
def bench_tenants(kubectl: Kubectl) -> Iterator[None]:
    """One with a claim for each task and one whose tasks share a claim, until the block ends."""
    with (
        tenant(OWN, kubectl, TESK_TASK_LIMIT=_LIMIT),
        tenant(SHARED, kubectl, TESK_SHARED_CLAIM=CLAIM, TESK_TASK_LIMIT=_LIMIT),
    ):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}
        kubectl("-n", SHARED, "create", "-f", "-", given=claim)
        yield
