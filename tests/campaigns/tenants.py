"""The tenants of `make bench`."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.campaigns.cases import CLAIM, OWN, SHARED
from tests.e2e.conftest import Kubectl
from tests.e2e.tenants import tenant


@contextmanager
def bench_tenants(kubectl: Kubectl) -> Iterator[None]:
    """One with a claim for each task and one whose tasks share a claim, until the block ends."""
    token = {"TESK_TOKEN_SECRET": "tesk-taskmaster-token"}
    with (
        tenant(OWN, kubectl, "--quick", **token),
        tenant(SHARED, kubectl, "--quick", TESK_SHARED_CLAIM=CLAIM, **token),
    ):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}
        kubectl("-n", SHARED, "create", "-f", "-", given=claim)
        yield
