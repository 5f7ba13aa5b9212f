"""The cluster that `make up` left, its service and storage servers, and what a test needs to ask them things."""

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tes

from demo.demo import storage
from tescore import tenants

STANDING = "tesk"
"""The tenant that `make up` leaves, which is the service's default one."""
_WORKER = os.environ.get("PYTEST_XDIST_WORKER")
TENANT = f"{STANDING}-{_WORKER}" if _WORKER else STANDING
"""The namespace of this process's tests. Tests beside it would count its pods and change its settings and quotas."""
SERVICE = "tesk-system"
FINAL = {"COMPLETE", "EXECUTOR_ERROR", "SYSTEM_ERROR", "CANCELED"}
AS_1000 = "echo 'u:x:1000:1000::/:/bin/sh' >> /etc/passwd; exec su u -c '{}'"
"""A script for a shell that is root: the rest of it runs as uid 1000."""
_ROOT = Path(__file__).parents[2]
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
            "pods and tasks": ["get", "pods,jobs,pvc,configmaps", "-n", TENANT, "-L", "tesk/state"],
            "events": ["get", "events", "-n", TENANT, "--sort-by=.lastTimestamp"],
            "taskmasters": ["logs", "-n", TENANT, "-l", "app.kubernetes.io/component=taskmaster", "--tail=20"],
            "service": ["logs", "-n", SERVICE, "-l", "app.kubernetes.io/managed-by=tesk", "--tail=20", "--prefix"],
        }.items():
            run = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, check=False)
            report.sections.append((title, run.stdout[-6000:] + run.stderr[-500:]))


@dataclass(frozen=True)
class Kubectl:
    """kubectl against the cluster under test, in the tenant's namespace unless another is named."""

    def run(self, *arguments: str, given: Any = None) -> subprocess.CompletedProcess[str]:
        """The finished command, whether it succeeded or not; `given` is an object for its standard input."""
        named = any(argument.startswith(("-n", "--namespace", "--all-namespaces")) for argument in arguments)
        return subprocess.run(
            ["kubectl", *([] if named else ["-n", TENANT]), *arguments],
            input=json.dumps(given) if given is not None else None,
            capture_output=True,
            text=True,
            check=False,
        )

    def __call__(self, *arguments: str, given: Any = None) -> str:
        """What a command printed that must succeed."""
        run = self.run(*arguments, given=given)
        assert run.returncode == 0, f"kubectl {' '.join(arguments)}: {run.stderr}"
        return run.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def patched(self, kind: str, name: str, status: dict[str, Any]) -> None:
        """Writes the status of an object, as a kubelet or controller does."""
        self("patch", kind, name, "--subresource=status", "--type=merge", "-p", json.dumps(status))

    def names(self, kinds: str, *selectors: str) -> list[str]:
        return self("get", kinds, *selectors, "-o", "name").split()


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    """Answers of 400 and more are answers too."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


_opener = urllib.request.build_opener(_AnyStatus)


@dataclass(frozen=True)
class Service:
    """The TES service over plain HTTP, and through py-tes."""

    url: str
    client: tes.HTTPClient

    def call(self, method: str, path: str, body: Any = None, raw: bytes | None = None) -> tuple[int, Any]:
        """Status and parsed JSON of a request below the standard's prefix, or of a path that names its own."""
        where = self.url + (path if path.startswith(("/v1", "//", "/ga4gh", "/nowhere")) else f"/ga4gh/tes/v1{path}")
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(where, data=data, method=method, headers={"Content-Type": "application/json"})
        with _opener.open(asked, timeout=30) as answer:
            assert answer.headers["Content-Type"] == "application/json"
            return answer.status, json.load(answer)

    def create(self, document: dict[str, Any]) -> str:
        status, answer = self.call("POST", "/tasks", document)
        assert status == 200, answer
        return str(answer["id"])

    def full(self, task_id: str) -> dict[str, Any]:
        status, answer = self.call("GET", f"/tasks/{task_id}?view=FULL")
        assert status == 200, answer
        return dict(answer)

    def state(self, task_id: str) -> str:
        return str(self.call("GET", f"/tasks/{task_id}")[1]["state"])

    def ended(self, task_id: str, *, within: float = 120) -> dict[str, Any]:
        """The full task once it has ended."""
        wait_until(lambda: self.state(task_id) in FINAL, f"{task_id} has ended", within=within)
        return self.full(task_id)


def wait_until(true: Callable[[], object], what: str, *, within: float = 120) -> None:
    """Looks until something is so; fails with what it waited for."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"waited {within} s in vain until {what}"
        time.sleep(0.1)


def left_of_tasks(kubectl: Kubectl) -> list[str]:
    """All that the tenant's tasks have made and that is still there."""
    return kubectl.names("pods,jobs,pvc", "-l", "tesk/task")


@contextmanager
def made(kubectl: Kubectl, *objects: dict[str, Any]) -> Iterator[None]:
    """Objects that are there for as long as a block lasts; the last is waited for until it is ready."""
    names = [f"{item['kind'].lower()}/{item['metadata']['name']}" for item in objects]
    try:
        kubectl("apply", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": list(objects)})
        if objects[-1]["kind"] == "Pod":
            kubectl("wait", "--for=condition=Ready", names[-1], "--timeout=60s")
        yield
    finally:
        kubectl("delete", "--ignore-not-found", "--timeout=60s", *reversed(names))


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    missing = [name for name in _NAMES if name not in os.environ]
    assert not missing, f"{', '.join(missing)} not set: run `make test`, or `make up` and then `. .local/env`"
    return {name: os.environ[name] for name in _NAMES}


@pytest.fixture(scope="session")
def own_tenant(environment: dict[str, str]) -> Iterator[None]:
    """TENANT, which is made unless it is the standing one. It is removed again once its tasks have left nothing."""
    kubectl = Kubectl()
    if TENANT == STANDING:
        yield
        return
    remove = ("delete", "namespace", TENANT, "--ignore-not-found", "--timeout=180s")
    kubectl(*remove)  # of a run that was broken off
    subprocess.run([_ROOT / "scripts/tenant", TENANT], check=True, capture_output=True)
    try:
        keys = kubectl.json("-n", STANDING, "get", "secret", "tesk-s3")["data"]
        metadata = {"name": "tesk-s3", "namespace": TENANT}
        kubectl("apply", "-f", "-", given={"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": keys})
        time.sleep(tenants.REMEMBERED + 0.5)  # for so long each process of the service goes by what it saw before
        yield
        wait_until(lambda: left_of_tasks(kubectl) == [], "everything is gone")
    finally:
        kubectl(*remove)


@pytest.fixture(scope="session")
def kubectl(own_tenant: None) -> Kubectl:
    return Kubectl()


def serving(url: str) -> Service:
    return Service(url, tes.HTTPClient(url, timeout=10))


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
        time.sleep(tenants.REMEMBERED + 0.5)  # for so long the service goes by what it saw before

    @contextmanager
    def block(**values: str) -> Iterator[None]:
        try:
            current.update(values)
            put()
            yield
        finally:
            for name in values:
                del current[name]
            put()

    return block
