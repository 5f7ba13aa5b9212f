from datetime import UTC, datetime
from typing import Any

import pytest
from janitor.obstacle import Obstacle, obstacles

AT = "2026-11-22T04:00:00Z"
SINCE = datetime(2026, 11, 22, 4, tzinfo=UTC)
QUOTA = 'Error creating: pods "task-a-x7k2p" is forbidden: exceeded quota: small, used: pods=4, limited: pods=4'


def event(message: str = QUOTA, at: str = AT) -> dict[str, Any]:
    return {"involvedObject": {"name": "task-a"}, "message": message, "firstTimestamp": at, "metadata": {}}


def pod(*conditions: dict[str, str], waiting: dict[str, str] | None = None) -> dict[str, Any]:
    sidecar = {"name": "injected", "state": {"running": {}}}
    return {
        "metadata": {"labels": {"tesk/task": "task-a"}, "creationTimestamp": AT},
        "status": {
            "conditions": list(conditions),
            "containerStatuses": [sidecar, {"name": "taskmaster", "state": {"waiting": waiting}}],
        },
    }


def false(kind: str, message: str = "") -> dict[str, str]:
    return {"type": kind, "status": "False", "message": message, "lastTransitionTime": AT}


def test_a_pod_that_cannot_be_made_is_told_without_its_name_which_is_another_each_time() -> None:
    told = "Waits: no pod can be made for its taskmaster (exceeded quota: small, used: pods=4, limited: pods=4)."
    assert obstacles([], [event()]) == {"task-a": Obstacle(told, SINCE)}


def test_of_several_events_the_last_says_why_and_the_first_since_when() -> None:
    found = obstacles([], [event(), event(message="Error creating: no account", at="2026-11-22T05:00:00Z")])
    assert found == {"task-a": Obstacle("Waits: no pod can be made for its taskmaster (no account).", SINCE)}


def test_what_a_limit_range_forbids_lasts_and_is_told_in_its_words() -> None:
    words = "minimum memory usage per Container is 64Mi, but request is 32Mi"
    told = f"The taskmaster could not be created: the namespace's LimitRange does not allow it ({words})."
    refused = event(message=f'Error creating: pods "task-a-x7k2p" is forbidden: {words}')
    assert obstacles([], [refused]) == {"task-a": Obstacle(told, SINCE, lasting="LimitRange")}


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (
            pod(false("PodScheduled", "0/1 nodes are available: 1 Too many pods.")),
            "Waits: no node has room for its taskmaster (0/1 nodes are available: 1 Too many pods).",
        ),
        (
            pod(false("Ready"), waiting={"reason": "ImagePullBackOff", "message": "not found"}),
            "Waits: its taskmaster cannot start (not found).",
        ),
        (
            pod(false("Ready"), waiting={"reason": "CreateContainerConfigError"}),
            "Waits: its taskmaster cannot start (CreateContainerConfigError).",
        ),
    ],
)
def test_a_pod_that_does_not_run_says_why_itself(shown: dict[str, Any], expected: str) -> None:
    assert obstacles([shown], [event()]) == {"task-a": Obstacle(expected, SINCE)}


@pytest.mark.parametrize("shown", [pod(), pod(false("Ready"), waiting={"reason": "ContainerCreating"})])
def test_nothing_is_in_the_way_of_a_pod_that_starts(shown: dict[str, Any]) -> None:
    assert obstacles([shown], [event()]) == {}
