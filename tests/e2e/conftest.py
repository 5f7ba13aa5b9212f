"""What tests on the cluster are given: the service, kubectl, storage, quotas and settings of their tenant."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from demo.demo import storage
from tescore.tenants import REMEMBERED
from tests.e2e.cluster import SERVICE, STANDING, TENANT, Kubectl, Service, left_of_tasks, serving, wait_until
from tests.e2e.tenants import tenant

_NAMES = (
    "KUBECONFIG", "TES_URL", "S3_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY", "HTTP_URL_IN_CLUSTER", "BUSYBOX_IMAGE",
    "BWA_IMAGE", "NOSHELL_IMAGE", "HTTP_URL",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back on the whole run comes last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows what the cluster says."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for title, arguments in {
            "pods and tasks": ["get", "pods,pvc,configmaps", "-n", TENANT, "-L", "tesk/state"],
            "events": ["get", "events", "-n", TENANT, "--sort-by=.lastTimestamp"],
            "taskmasters": ["logs", "-n", TENANT, "-l", "app.kubernetes.io/component=taskmaster", "--tail=20"],
            "service": ["logs", "-n", SERVICE, "-l", "app.kubernetes.io/managed-by=tesk", "--tail=20", "--prefix"],
        }.items():
            run = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, check=False)
            report.sections.append((title, run.stdout[-6000:] + run.stderr[-500:]))


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    missing = [name for name in _NAMES if name not in os.environ]
    assert not missing, f"{', '.join(missing)} not set: run `make test`, or `make up` and then `. .local/env`"
    return {name: os.environ[name] for name in _NAMES}


@pytest.fixture(scope="session")
def own_tenant(environment: dict[str, str]) -> Iterator[None]:
    """TENANT, which is made unless it is the standing one. It is removed again once its tasks have left nothing."""
    if TENANT == STANDING:
        yield
        return
    kubectl = Kubectl()
    with tenant(TENANT, kubectl):
        yield
        wait_until(lambda: left_of_tasks(kubectl) == [], "everything is gone")


@pytest.fixture(scope="session")
def kubectl(own_tenant: None) -> Kubectl:
    return Kubectl()


@pytest.fixture(scope="session")
def service(environment: dict[str, str], own_tenant: None) -> Service:
    """For the tasks of this process's tenant."""
    return serving(f"{environment['TES_URL']}/{TENANT}")


@pytest.fixture(scope="session")
def default_service(environment: dict[str, str]) -> Service:
    """As a client sees it that names no tenant."""
    return serving(environment["TES_URL"])


@pytest.fixture(scope="session")
def busybox(environment: dict[str, str]) -> str:
    return environment["BUSYBOX_IMAGE"]


@pytest.fixture(scope="session")
def shell(busybox: str) -> Callable[..., dict[str, Any]]:
    """An executor that runs a shell script."""
    return lambda script, **more: {"image": busybox, "command": ["sh", "-c", script], **more}


@pytest.fixture(scope="session")
def s3(environment: dict[str, str]) -> Any:
    return storage(environment)


@pytest.fixture(scope="session")
def bucket(s3: Any) -> Iterator[str]:
    """A bucket of this run's own."""
    name = f"e2e-{TENANT}-{int(time.time())}"
    s3.create_bucket(Bucket=name)
    yield name
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=name).get("Contents", [])]
    for key in sorted(keys, reverse=True):  # a folder's mark after what is in it
        s3.delete_object(Bucket=name, Key=key)
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def quota(kubectl: Kubectl) -> Iterator[Callable[..., None]]:
    """Limits what the tenant's namespace may hold, until the test ends."""

    def limit(**hard: str) -> None:
        counts = {name.replace("_", "/"): amount for name, amount in hard.items()}
        kubectl("apply", "-f", "-", given={
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "e2e", "namespace": TENANT},
            "spec": {"hard": counts},
        })  # fmt: skip
        wait_until(
            lambda: set(kubectl.json("get", "quota", "e2e").get("status", {}).get("hard", {})) == set(counts),
            "the quota is in force",
        )

    yield limit
    kubectl("delete", "quota", "e2e", "--ignore-not-found")


@pytest.fixture(scope="module")
def configured(kubectl: Kubectl) -> Callable[..., Any]:
    """Gives the tenant settings of its own, beside those that it has, for as long as a block lasts."""
    current = dict[str, str]()

    def put() -> None:
        metadata = {"name": "tesk-settings", "namespace": TENANT}
        if current:
            given = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": current}
            kubectl("apply", "-f", "-", given=given)
        else:
            kubectl("delete", "configmap", "tesk-settings")
        time.sleep(REMEMBERED + 0.5)  # for so long the service goes by what it saw before

    @contextmanager
    def block(**values: str) -> Iterator[None]:
        before = dict(current)
        try:
            current.update(values)
            put()
            yield
        finally:
            current.clear()
            current.update(before)
            put()

    return block
