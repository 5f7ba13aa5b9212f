"""Clients notice nothing while the service is restarted, loses a pod or has its node drained.

Some give a run up after one failed request.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.cluster import SERVICE, Kubectl, Service, wait_until
from tests.e2e.load import Load
from tests.e2e.tenants import tenant

pytestmark = pytest.mark.alone

TENANT = "e2e-rolling"
DEPLOYMENTS = ("tesk-api", "tesk-webhook")
PAUSE = 0.05


@pytest.fixture(scope="module")
def own(kubectl: Kubectl) -> Iterator[Service]:
    """The service with two replicas, in a tenant where one task runs at a time, so that many cost little."""
    try:
        scale(kubectl, 2)
        with tenant(TENANT, kubectl, TESK_TASK_LIMIT="1") as made:
            yield made
    finally:
        scale(kubectl, 1)


def scale(kubectl: Kubectl, replicas: int) -> None:
    kubectl("-n", SERVICE, "scale", "deployment", *DEPLOYMENTS, f"--replicas={replicas}")
    is_rolled_out(kubectl)


def is_rolled_out(kubectl: Kubectl) -> None:
    for name in DEPLOYMENTS:
        kubectl("-n", SERVICE, "rollout", "status", f"deployment/{name}", "--timeout=180s")


class Client:
    """Posts tasks and polls the last one, each on a new connection and never twice."""

    def __init__(self, service: Service, document: dict[str, Any]) -> None:
        self._url = f"{service.url}/ga4gh/tes/v1/tasks"
        self._document = document
        self.posted: list[str] = []
        """Names of the tasks."""
        self.ids: list[str] = []
        self.polls = 0

    def post(self, number: int) -> None:
        self.posted.append(f"rolling-{number}")
        body = json.dumps({**self._document, "name": self.posted[-1]}).encode()
        asked = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            self.ids.append(json.load(answer)["id"])

    def poll(self, _: int) -> None:
        if self.ids:
            with urllib.request.urlopen(f"{self._url}/{self.ids[-1]}", timeout=30) as answer:
                assert json.load(answer)["id"]
            self.polls += 1


def restart(kubectl: Kubectl) -> None:
    """Both deployments at once."""
    kubectl("-n", SERVICE, "rollout", "restart", "deployment", *DEPLOYMENTS)
    is_rolled_out(kubectl)


def lose_pods(kubectl: Kubectl) -> None:
    """One of each."""
    for name in DEPLOYMENTS:
        kubectl("-n", SERVICE, "delete", pods(kubectl, name)[0], "--wait=false")
    is_rolled_out(kubectl)


def drain(kubectl: Kubectl) -> None:
    """The node takes no pod meanwhile, so the second of each must stay."""
    [node] = kubectl.names("nodes")
    kubectl("cordon", node)
    try:
        for name in DEPLOYMENTS:
            first, second = pods(kubectl, name)
            assert evict(kubectl, first)
            assert not evict(kubectl, second)
        time.sleep(5)  # the evicted ones have gone
    finally:
        kubectl("uncordon", node)
    is_rolled_out(kubectl)


def pods(kubectl: Kubectl, deployment: str) -> list[str]:
    component = deployment.removeprefix("tesk-")
    selector = f"app.kubernetes.io/component={component}"
    wait_until(lambda: len(kubectl.names("pods", "-n", SERVICE, "-l", selector)) == 2, "there are two pods")
    return kubectl.names("pods", "-n", SERVICE, "-l", selector)


def evict(kubectl: Kubectl, pod: str) -> bool:
    """Whether the disruption budget allows it."""
    name = pod.removeprefix("pod/")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": SERVICE}}
    where = f"/api/v1/namespaces/{SERVICE}/pods/{name}/eviction"
    run = kubectl.run("create", "--raw", where, "-f", "-", given=eviction)
    assert run.returncode == 0 or "disruption budget" in run.stderr
    return run.returncode == 0


@pytest.mark.parametrize("change", [restart, lose_pods, drain])
def test_no_request_fails_and_no_task_is_lost_or_made_twice(
    change: Callable[[Kubectl], None], own: Service, kubectl: Kubectl, shell: Callable[..., dict[str, Any]]
) -> None:
    client = Client(own, {"executors": [shell("sleep 600")]})
    with Load(client.post, client.poll, pause=PAUSE) as load:
        wait_until(lambda: len(client.ids) > 5, "tasks are posted")
        change(kubectl)
    assert load.failures == [{}, {}]
    assert client.polls > 20
    made = [(task["name"], task["id"]) for task in listed(own)]
    kubectl("-n", TENANT, "delete", "configmaps", "-l", "app.kubernetes.io/component=task", "--wait=false")
    assert sorted(made) == sorted(zip(client.posted, client.ids, strict=True))


def listed(service: Service) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        _, page = service.call("GET", f"/tasks?view=BASIC&page_size=500&name_prefix=rolling-&page_token={token}")
        yield from page["tasks"]
        token = page.get("next_page_token") or ""
        if not token:
            return
