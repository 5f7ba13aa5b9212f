"""A node that is lost with a pod on it: scheduler, controllers and API server are real, the kubelet is played here."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.cluster import STANDING, Kubectl, Service, wait_until

LABEL = "tesk-trial/pool"
"""By which tasks may choose nodes in the trial's settings."""
Shell = Callable[..., dict[str, Any]]


@pytest.fixture
def node(kubectl: Kubectl) -> Iterator[str]:
    """A node that is ready as far as anyone knows, with its name as a label; real nodes have none.

    Pods that ask for memory have no room there: taskmasters must run, and nothing does on this node. Its name is
    new, because controllers remember the heartbeats of one that had it before.
    """
    name = f"tesk-lost-{uuid.uuid4().hex[:6]}"
    room = {"cpu": "2", "memory": "1Mi", "pods": "10"}
    kubectl("create", "-f", "-", given={
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {LABEL: name}},
    })  # fmt: skip
    kubectl.patched("node", name, {"status": {"capacity": room, "allocatable": room, "conditions": [ready("True")]}})
    kubectl.run("taint", "node", name, "node.kubernetes.io/not-ready-")
    yield name
    kubectl("delete", "node", name, "--ignore-not-found")
    kubectl("label", "nodes", "--all", f"{LABEL}-")
    kubectl("delete", "pods", "--force", "--grace-period=0", "--field-selector", f"spec.nodeName={name}")


def test_a_pod_that_is_lost_with_its_node_gets_another_attempt_on_another_node(
    service: Service, kubectl: Kubectl, shell: Shell, node: str
) -> None:
    task_id = service.create({
        "executors": [shell("echo at last")],
        "resources": {"backend_parameters": {"node_selector": f"{LABEL}={node}", "max_attempts": "2"}},
    })  # fmt: skip
    first = f"{task_id}-executor-0"
    wait_until(lambda: node_of(kubectl, first) == node, "it is on the node")
    started = {"name": "executor", "image": "x", "imageID": "x", "ready": True, "restartCount": 0,
               "state": {"running": {"startedAt": "2026-11-22T00:00:00Z"}}}  # fmt: skip
    kubectl.patched("pod", first, {"status": {"phase": "Running", "containerStatuses": [started]}})
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")

    lose(kubectl, node)

    wait_until(lambda: kubectl.names("pods", "--field-selector", f"metadata.name={first}-2") != [], "again", within=120)
    others = [name for name in kubectl.names("nodes") if not name.endswith(node)]
    kubectl("label", *others, f"{LABEL}={node}")
    task = service.ended(task_id)
    assert task["state"] == "COMPLETE"
    [log] = task["logs"]
    assert [entry["stdout"] for entry in log["logs"]] == ["at last\n"]
    assert log["metadata"]["attempts"] == "2"
    assert any("DeletionByTaintManager" in line for line in log["system_logs"])


def test_a_pod_that_is_lost_with_its_node_ends_a_task_of_one_attempt(
    service: Service, kubectl: Kubectl, shell: Shell, node: str
) -> None:
    task_id = service.create({
        "executors": [shell("true")],
        "resources": {"backend_parameters": {"node_selector": f"{LABEL}={node}"}},
    })  # fmt: skip
    wait_until(lambda: node_of(kubectl, f"{task_id}-executor-0") == node, "it is on the node")
    lose(kubectl, node)
    task = service.ended(task_id, within=120)
    assert task["state"] == "SYSTEM_ERROR"
    assert "was lost: its pod was ended by Kubernetes (DeletionByTaintManager)" in task["logs"][0]["system_logs"][-1]


def node_of(kubectl: Kubectl, pod: str) -> str:
    return kubectl.run("-n", STANDING, "get", "pod", pod, "-o", "jsonpath={.spec.nodeName}").stdout


def ready(status: str) -> dict[str, str]:
    return {"type": "Ready", "status": status, "reason": "Played", "message": "played by a test"}


def lose(kubectl: Kubectl, node: str) -> None:
    """The controllers see that it is not heard of: a taint alone they would take away from a node that is ready."""
    kubectl.patched("node", node, {"status": {"conditions": [ready("Unknown")]}})
