"""Tenants that a campaign has for itself."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.campaigns.cases import CLAIM, OWN, SHARED
from tests.e2e.conftest import Kubectl

ROOT = Path(__file__).parents[2]


@contextmanager
def tenants(kubectl: Kubectl) -> Iterator[None]:
    """One with a claim for each task and one whose tasks share a claim, until the block ends."""
    try:
        for tenant in (OWN, SHARED):
            subprocess.run([ROOT / "scripts/tenant", "--quick", tenant], check=True, capture_output=True)
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}
        kubectl("-n", SHARED, "create", "-f", "-", given=claim)
        data = json.dumps({"data": {"TESK_SHARED_CLAIM": CLAIM}})
        kubectl("-n", SHARED, "patch", "configmap", "tesk-settings", "--type=merge", "-p", data)
        yield
    finally:
        kubectl("delete", "namespace", OWN, SHARED, "--ignore-not-found", "--timeout=180s")
