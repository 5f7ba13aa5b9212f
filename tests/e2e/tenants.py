"""Tenants that are there for as long as a test needs them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import Kubectl, Service, wait_until

_COMMAND = Path(__file__).parents[2] / "scripts/tenant"


@contextmanager
def tenant(name: str, service: Service, kubectl: Kubectl, **settings: str) -> Iterator[Service]:
    """The service as it is for a new tenant with these settings, until the block ends."""
    subprocess.run([_COMMAND, name], check=True, capture_output=True)
    try:
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tesk-settings"}, "data": settings}
        kubectl("-n", name, "apply", "-f", "-", given=made)
        own = Service(f"{service.url}/{name}", service.client)
        wait_until(lambda: own.call("GET", "/tasks")[0] == 200, "the tenant is known")
        yield own
    finally:
        kubectl("delete", "namespace", name, "--timeout=300s")
