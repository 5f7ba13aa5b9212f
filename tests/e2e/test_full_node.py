"""A node without cpu for another step: the taskmasters on it ask for none, so ending them would make no room."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tescore import naming
from tests.e2e.cluster import Kubectl, Service, made, told, wait_until

pytestmark = pytest.mark.alone
TASKS = 6
LEFT = 30
"""Thousandths of a cpu, which are less than a filer asks for."""


@pytest.fixture
def running(service: Service, shell: Callable[..., dict[str, Any]]) -> Iterator[list[str]]:
    """Tasks that run until the test ends."""
    tasks = [service.create({"executors": [shell("sleep 600")]}) for _ in range(TASKS)]
    wait_until(lambda: {service.state(task_id) for task_id in tasks} == {"RUNNING"}, "they run")
    yield tasks
    for task_id in tasks:
        service.call("POST", f"/tasks/{task_id}:cancel")
    for task_id in tasks:
        service.ended(task_id)


def test_a_filer_without_cpu_on_a_full_node_waits_and_ends_no_taskmaster(
    service: Service, kubectl: Kubectl, busybox: str, running: list[str]
) -> None:
    before, ended = taskmasters(kubectl), preempted(kubectl)
    with made(kubectl, asking("full-node", busybox, unasked(kubectl) - LEFT)):
        task_id = service.create({
            "inputs": [{"path": "/in/x", "content": "x"}],
            "executors": [{"image": busybox, "command": ["cat"], "stdin": "/in/x", "stdout": "/in/y"}],
        })  # fmt: skip
        wait_until(lambda: "Insufficient cpu" in str(service.full(task_id).get("logs")), "it says what it waits for")
    task = service.ended(task_id)

    assert (task["state"], told(task["logs"][0])) == ("COMPLETE", [])
    assert before <= taskmasters(kubectl)
    assert preempted(kubectl) == ended
    assert {service.state(name) for name in running} == {"RUNNING"}


def unasked(kubectl: Kubectl) -> int:
    """Thousandths of the one node's cpu that no pod on it asks for."""
    nodes = kubectl.json("get", "nodes")["items"]
    assert len(nodes) == 1, "run this on a cluster of one node: of several, this fills none"
    pods = kubectl.json(
        "get", "pods", "--all-namespaces", "--field-selector=status.phase!=Succeeded,status.phase!=Failed"
    )
    asked = [
        container["resources"].get("requests", {}).get("cpu", "0")
        for pod in pods["items"]
        for container in pod["spec"]["containers"]
    ]
    return thousandths(nodes[0]["status"]["allocatable"]["cpu"]) - sum(map(thousandths, asked))


def thousandths(cpu: str) -> int:
    """As the API server writes it: `2` or `100m`."""
    return int(cpu[:-1]) if cpu.endswith("m") else 1000 * int(cpu)


def asking(name: str, image: str, cpu: int) -> dict[str, Any]:
    """One that asks for so many thousandths of a cpu and uses none."""
    container = {
        "name": "sleep", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "600"],
        "resources": {"requests": {"cpu": f"{cpu}m"}},
    }  # fmt: skip
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }  # fmt: skip


def taskmasters(kubectl: Kubectl) -> set[str]:
    """The uids of the pods of those that run."""
    pods = kubectl.json("get", "pods", "-l", f"{naming.COMPONENT}=taskmaster", "--field-selector=status.phase=Running")
    return {pod["metadata"]["uid"] for pod in pods["items"]}


def preempted(kubectl: Kubectl) -> set[str]:
    """The Events that tell of pods, with or without a task that ran, which were ended for another."""
    return set(kubectl.names("events", "--field-selector", "reason=Preempted"))
