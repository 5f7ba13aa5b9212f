"""Tenants that are there for as long as a test needs them."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tescore.tenants import REMEMBERED
from tests.e2e.cluster import STANDING, Kubectl, Service, serving

_COMMAND = Path(__file__).parents[2] / "scripts/tenant"


@contextmanager
def tenant(name: str, kubectl: Kubectl, *, pod_security: str = "baseline", **settings: str) -> Iterator[Service]:
    """The service as it is for a new tenant, with these settings and the storage keys of the standing one, until the
    block ends.
    """
    given = {**os.environ, "POD_SECURITY": pod_security}
    kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=300s")  # of a run that was broken off
    subprocess.run([_COMMAND, name], env=given, check=True, capture_output=True)
    try:
        keys = kubectl.json("-n", STANDING, "get", "secret", "tesk-s3")["data"]
        kubectl("-n", name, "create", "-f", "-", given=_object("Secret", "tesk-s3", keys))
        if settings:
            kubectl("-n", name, "apply", "-f", "-", given=_object("ConfigMap", "tesk-settings", settings))
        time.sleep(REMEMBERED + 0.5)  # for so long each process of the service goes by what it saw before
        yield serving(f"{os.environ['TES_URL']}/{name}")
    finally:
        kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=300s")


def brought_up_to_date(name: str) -> None:
    """With no word of what it is."""
    subprocess.run([_COMMAND, name], check=True, capture_output=True)


@contextmanager
def tenants(kubectl: Kubectl, *names: str) -> Iterator[list[Service]]:
    """Several."""
    with ExitStack() as stack:
        yield [stack.enter_context(tenant(name, kubectl)) for name in names]


def _object(kind: str, name: str, data: dict[str, str]) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data}
