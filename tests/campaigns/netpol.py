"""What pods of a tenant reach, and who reaches them, where the network enforces its policies (`make netpol`)."""

import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tescore import naming
from tests.campaigns.outside import INTERNET, METADATA, outside
from tests.e2e.cluster import Kubectl, serving

TENANT, OTHER = "netpol-a", "netpol-b"
TASK_KINDS = ("taskmaster", "filer", "scrub", "executor")
EVERYTHING = {
    "internet", "metadata", "API server", "kubelet", "names", "storage", "service", "own pod", "other tenant's pod",
}  # fmt: skip
REACHED = {
    "executor": {"internet", "names"},
    "filer": EVERYTHING - {"metadata"} | {"taskmaster"},  # which it tells that it is done
    "taskmaster": {"API server", "names", "taskmaster"},  # itself
    "scrub": set(),
    "own pod": EVERYTHING,  # of no task: no policy is about it
}
"""Of what there is to be reached; other pods of tasks are reached by nobody."""
Places = dict[str, tuple[str, int]]


def server(name: str, namespace: str, image: str, kind: str = "", port: int = 8080) -> dict[str, Any]:
    """A pod that serves and can ask others, with the labels of a kind of pod of tasks."""
    labels = {naming.MANAGED_BY: "tesk", naming.COMPONENT: kind} if kind else {}
    container = {"name": "server", "image": image, "command": ["httpd", "-f", "-h", "/tmp", "-p", str(port)]}
    spec = {"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False, "containers": [container]}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def pods(kubectl: Kubectl, busybox: str) -> Iterator[None]:
    """Two tenants; in the first a pod of its own, one of each kind that tasks have, and one more like an executor's."""
    made = [
        server("own", TENANT, busybox),
        server("task", TENANT, busybox, "executor"),
        *(server(kind, TENANT, busybox, kind) for kind in TASK_KINDS),
        server("own", OTHER, busybox),
        server("netpol-names", "kube-system", busybox, port=53),
    ]
    try:
        for tenant in (TENANT, OTHER):
            subprocess.run([Path(__file__).parents[2] / "scripts/tenant", tenant], check=True, capture_output=True)
        kubectl("apply", "--namespace=", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": made})
        for pod in made:
            at = pod["metadata"]
            kubectl("wait", "-n", at["namespace"], "--for=condition=Ready", f"pod/{at['name']}", "--timeout=60s")
        yield
    finally:
        kubectl("delete", "namespace", TENANT, OTHER, "--ignore-not-found", "--timeout=180s")
        kubectl("delete", "pod", "netpol-names", "-n", "kube-system", "--ignore-not-found")


@pytest.fixture(scope="module")
def places(kubectl: Kubectl, pods: None) -> Iterator[Places]:
    """Where everything is."""

    def pod(name: str, namespace: str) -> str:
        return str(kubectl.json("get", "pod", name, "-n", namespace)["status"]["podIP"])

    def url(name: str) -> tuple[str, int]:
        parts = urlsplit(os.environ[name])
        return str(parts.hostname), parts.port or 80

    with outside(os.environ["NODE_NETNS"]):
        yield {
            "internet": (INTERNET, 80),
            "metadata": (METADATA, 80),
            "API server": (kubectl.json("get", "service", "kubernetes", "-n", "default")["spec"]["clusterIP"], 443),
            "kubelet": (kubectl.json("get", "nodes")["items"][0]["status"]["addresses"][0]["address"], 10250),
            "names": (pod("netpol-names", "kube-system"), 53),
            "storage": url("HTTP_URL_IN_CLUSTER"),
            "service": url("TES_URL_IN_CLUSTER"),
            "own pod": (pod("own", TENANT), 8080),
            "other tenant's pod": (pod("own", OTHER), 8080),
            "taskmaster": (pod("taskmaster", TENANT), 8080),
            "task's pod": (pod("task", TENANT), 8080),
        }


def asking(places: Places) -> str:
    """A script that tries all places at once and prints the names of those it reaches."""
    tries = [
        f"(nc -w 3 {host} {port} < /dev/null > /dev/null 2>&1 && echo {name!r}) &"
        for name, (host, port) in places.items()
    ]
    return f"{' '.join(tries)} wait"


@pytest.mark.parametrize("kind", REACHED)
def test_a_pod_reaches_what_its_policy_says_and_nothing_else(kubectl: Kubectl, places: Places, kind: str) -> None:
    pod = kind.removesuffix(" pod")
    reached = kubectl("-n", TENANT, "exec", pod, "--", "sh", "-c", asking(places)).splitlines()
    assert set(reached) == REACHED[kind]


def test_a_pod_of_a_task_is_not_reached_from_another_tenant(kubectl: Kubectl, places: Places) -> None:
    reached = kubectl("-n", OTHER, "exec", "own", "--", "sh", "-c", asking(places)).splitlines()
    assert set(reached) == EVERYTHING


def test_a_task_with_files_runs_and_its_executor_reaches_the_internet_alone(
    environment: dict[str, str], shell: Callable[..., dict[str, Any]], places: Places
) -> None:
    put = urllib.request.Request(f"{environment['HTTP_URL']}/upload/netpol/in", b"fetched\n", method="PUT")
    urllib.request.urlopen(put, timeout=10).close()
    folder = f"{environment['HTTP_URL_IN_CLUSTER']}/upload/netpol"
    document = {
        "inputs": [{"url": f"{folder}/in", "path": "/data/in"}],
        "outputs": [{"url": f"{folder}/out", "path": "/data/out"}],
        "executors": [shell(f"cp /data/in /data/out; {asking(places)}")],
    }
    tenant = serving(f"{environment['TES_URL']}/{TENANT}")
    task = tenant.ended(tenant.create(document), within=300)
    assert task["state"] == "COMPLETE", task["logs"]
    assert set(task["logs"][0]["logs"][0]["stdout"].splitlines()) == REACHED["executor"]
    with urllib.request.urlopen(f"{environment['HTTP_URL']}/upload/netpol/out", timeout=10) as stored:
        assert stored.read() == b"fetched\n"
