from datetime import UTC, datetime
from typing import Any

import pytest

from janitor.taskmaster import Obstacle, taskmaster

AT = "2026-11-22T04:00:00Z"
SINCE = datetime(2026, 11, 22, 4, tzinfo=UTC)
LATER = "2026-11-22T04:30:00Z"


def pod(
    *conditions: dict[str, str], phase: str = "Pending", state: Any = None, last: Any = None, **metadata: str
) -> dict[str, Any]:
    sidecar = {"name": "injected", "state": {"running": {}}, "restartCount": 7}
    ours = {"name": "taskmaster", "state": state or {}, "lastState": last or {}, "restartCount": 2 if last else 0}
    labels = {"tesk/task": "task-a"}
    named = {"name": "task-a-taskmaster", "namespace": "tesk", "uid": "p-1", "labels": labels, "creationTimestamp": AT}
    status = {"phase": phase, "conditions": list(conditions), "containerStatuses": [sidecar, ours]}
    return {"metadata": {**named, **metadata}, "status": status}


def false(kind: str, message: str = "") -> dict[str, str]:
    return {"type": kind, "status": "False", "message": message, "lastTransitionTime": LATER}


def waiting(**why: str) -> dict[str, Any]:
    return {"waiting": why}


def test_a_pod_says_whose_it_is() -> None:
    seen = taskmaster(pod())
    assert (seen.namespace, seen.task, seen.name, seen.uid) == ("tesk", "task-a", "task-a-taskmaster", "p-1")
    assert seen.created == SINCE


@pytest.mark.parametrize(
    ("shown", "is_over", "runs"),
    [
        pytest.param({"metadata": pod()["metadata"]}, False, False, id="a new one"),
        pytest.param(pod(state=waiting(reason="ContainerCreating")), False, False, id="one that starts"),
        pytest.param(pod(phase="Running", state={"running": {}}), False, True, id="one that runs"),
        pytest.param(pod(phase="Running", state=waiting(reason="CrashLoopBackOff")), False, False, id="between runs"),
        pytest.param(pod(phase="Succeeded", state={"terminated": {}}), True, False, id="one that has ended"),
        pytest.param(pod(phase="Failed"), True, False, id="one that was evicted"),
        pytest.param(pod(state={"running": {}}, deletionTimestamp=LATER), True, True, id="one that is being deleted"),
    ],
)
def test_whether_it_runs_or_is_over(shown: dict[str, Any], is_over: bool, runs: bool) -> None:
    seen = taskmaster(shown)
    assert (seen.is_over, seen.runs) == (is_over, runs)


@pytest.mark.parametrize(
    ("last", "restarts", "crash"),
    [
        (None, 0, ""),
        ({"terminated": {"reason": "OOMKilled", "exitCode": 137}}, 2, "OOMKilled, exit code 137"),
        ({"terminated": {"exitCode": 1}}, 2, "Error, exit code 1"),
    ],
)
def test_how_often_its_own_container_crashed_and_how(last: Any, restarts: int, crash: str) -> None:
    seen = taskmaster(pod(last=last))
    assert (seen.restarts, seen.crash) == (restarts, crash)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (
            pod(false("PodScheduled", "0/1 nodes are available: 1 Too many pods.")),
            "Waits: no node has room for its taskmaster (0/1 nodes are available: 1 Too many pods).",
        ),
        (
            pod(false("Ready"), state=waiting(reason="ImagePullBackOff", message="not found")),
            "Waits: its taskmaster cannot start (not found).",
        ),
        (
            pod(false("Ready"), state=waiting(reason="CreateContainerConfigError")),
            "Waits: its taskmaster cannot start (CreateContainerConfigError).",
        ),
    ],
)
def test_a_pod_that_does_not_run_says_why_and_since_when(shown: dict[str, Any], expected: str) -> None:
    assert taskmaster(shown).obstacle == Obstacle(expected, datetime.fromisoformat(LATER))


def test_an_obstacle_without_a_time_is_as_old_as_the_pod() -> None:
    seen = taskmaster(pod(state=waiting(reason="ImagePullBackOff")))
    assert seen.obstacle == Obstacle("Waits: its taskmaster cannot start (ImagePullBackOff).", SINCE)


@pytest.mark.parametrize(
    "shown", [pod(), pod(false("Ready"), state=waiting(reason="ContainerCreating")), pod(state={"running": {}})]
)
def test_nothing_is_in_the_way_of_a_pod_that_starts_or_runs(shown: dict[str, Any]) -> None:
    assert taskmaster(shown).obstacle is None
