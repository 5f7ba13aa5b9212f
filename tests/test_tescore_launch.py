from typing import Any

import pytest

from tescore import naming
from tescore.launch import LaunchSettings, is_over, pod


def made(**changes: Any) -> dict[str, Any]:
    return pod("task-a", "tesk", LaunchSettings(taskmaster_image="t:1", filer_image="f:1", **changes))


def test_a_taskmaster_is_a_pod_that_is_restarted_where_it_crashes_and_gives_way_to_steps() -> None:
    found = made()
    assert (found["apiVersion"], found["kind"]) == ("v1", "Pod")
    assert (found["metadata"]["namespace"], found["metadata"]["name"]) == ("tesk", "task-a-taskmaster")
    assert found["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "tesk",
        "app.kubernetes.io/component": "taskmaster",
        "tesk/task": "task-a",
        **naming.NO_SIDECAR_LABELS,
    }
    assert found["spec"]["restartPolicy"] == "OnFailure"
    assert found["spec"]["priorityClassName"] == "tesk-taskmaster"


def test_it_has_no_owner_because_its_record_has_no_uid_yet() -> None:
    assert "ownerReferences" not in made()["metadata"]


def test_it_gives_up_a_lost_node_at_once() -> None:
    assert {each["key"]: each["tolerationSeconds"] for each in made()["spec"]["tolerations"]} == {
        "node.kubernetes.io/not-ready": 0,
        "node.kubernetes.io/unreachable": 0,
    }


def test_the_taskmaster_is_given_its_tenants_settings() -> None:
    environment = made(scratch_gb=2.0)["spec"]["containers"][0]["env"]
    assert {"name": "TESK_SCRATCH_GB", "value": "2.0"} in environment


def test_the_taskmaster_asks_for_what_its_tenant_says() -> None:
    def resources(**changes: Any) -> Any:
        return made(**changes)["spec"]["containers"][0]["resources"]

    assert resources() == {"requests": {"cpu": "0", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    expected = {"requests": {"cpu": "10m", "memory": "200Mi"}, "limits": {"memory": "200Mi"}}
    assert resources(taskmaster_cpu="10m", taskmaster_memory="200Mi") == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, False),
        ({"phase": "Pending"}, False),
        ({"phase": "Running"}, False),
        ({"phase": "Unknown"}, False),
        ({"phase": "Succeeded"}, True),
        ({"phase": "Failed"}, True),
    ],
)
def test_a_pod_is_over_when_it_has_ended_or_is_being_deleted(status: dict[str, str], expected: bool) -> None:
    assert is_over({"metadata": {}, "status": status}) == expected
    assert is_over({"metadata": {"deletionTimestamp": "2026-11-22T04:00:00Z"}, "status": status})
