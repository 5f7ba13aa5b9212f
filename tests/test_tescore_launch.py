from typing import Any

import pytest

from tescore.launch import LaunchSettings, job, seen


def made(*, waits: bool = False, **changes: Any) -> dict[str, Any]:
    settings = LaunchSettings(taskmaster_image="t:1", filer_image="f:1", **changes)
    return job("task-a", "tesk", settings, waits=waits)


def test_a_job_runs_at_once_and_its_pod_gives_way_to_steps() -> None:
    found = made()
    assert not seen(found).waits
    assert found["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "tesk",
        "app.kubernetes.io/component": "taskmaster",
        "tesk/task": "task-a",
    }
    assert found["spec"]["template"]["spec"]["priorityClassName"] == "tesk-taskmaster"


def test_a_job_that_waits_for_room_is_suspended_and_says_so_but_not_on_its_pod() -> None:
    found = made(waits=True)
    assert seen(found).waits
    assert found["metadata"]["labels"]["tesk/room"] == "waits"
    assert "tesk/room" not in found["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize("waits", [False, True])
def test_a_job_in_a_queue_is_suspended_for_kueue_and_waits_for_no_room(waits: bool) -> None:
    found = made(waits=waits, queue="research")
    assert seen(found).waits
    assert found["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"
    assert "tesk/room" not in found["metadata"]["labels"]


def test_the_taskmaster_is_given_its_tenants_settings() -> None:
    environment = made(scratch_gb=2.0)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "TESK_SCRATCH_GB", "value": "2.0"} in environment


def test_the_taskmaster_asks_for_what_its_tenant_says() -> None:
    def resources(**changes: Any) -> Any:
        return made(**changes)["spec"]["template"]["spec"]["containers"][0]["resources"]

    assert resources() == {"requests": {"cpu": "0", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    expected = {"requests": {"cpu": "10m", "memory": "200Mi"}, "limits": {"memory": "200Mi"}}
    assert resources(taskmaster_cpu="10m", taskmaster_memory="200Mi") == expected


@pytest.mark.parametrize(
    ("conditions", "failed", "ended"),
    [
        ([], "", False),
        ([{"type": "SuccessCriteriaMet", "status": "True"}], "", False),
        ([{"type": "Failed", "status": "False"}], "", False),
        ([{"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"}], "", True),
        ([{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True", "reason": "R"}], "R", True),
    ],
)
def test_a_jobs_end_is_read_from_the_condition_that_says_so(
    conditions: list[dict[str, Any]], failed: str, ended: bool
) -> None:
    found = seen({"metadata": {}, "status": {"conditions": conditions}})
    assert (found.failed, found.ended) == (failed, ended)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param({"failed": 3}, True, id="Kubernetes waits before it makes the next pod"),
        pytest.param({"failed": 2}, False, id="not for long"),
        pytest.param({"failed": 3, "active": 1}, False, id="there is a pod"),
        pytest.param({"failed": 3, "terminating": 1}, False, id="a pod still goes"),
        pytest.param({"failed": 3, "conditions": [{"type": "Failed", "status": "True"}]}, False, id="it has ended"),
    ],
)
def test_a_job_that_lost_many_pods_and_has_none_is_stalled(status: dict[str, Any], expected: bool) -> None:
    assert seen({"metadata": {}, "status": status}).stalled == expected
