"""What happens to a task whose taskmaster is killed, lost or never comes."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.cluster import SERVICE, TENANT, Kubectl, Service, wait_until

Shell = Callable[..., dict[str, Any]]


def taskmaster(task_id: str) -> str:
    return f"tesk/task={task_id},app.kubernetes.io/component=taskmaster"


def test_a_taskmaster_that_is_killed_is_replaced_and_no_executor_runs_twice(
    service: Service, kubectl: Kubectl, shell: Shell, s3: Any, bucket: str
) -> None:
    count = "echo run >> /v/count; "
    task_id = service.create({
        "executors": [shell(count + "sleep 6"), shell(count + "cat /v/count")],
        "outputs": [{"path": "/v/count", "url": f"s3://{bucket}/count"}],
    })  # fmt: skip
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")

    kubectl("delete", "pod", "-l", taskmaster(task_id), "--grace-period=0", "--force")

    task = service.ended(task_id)
    assert task["state"] == "COMPLETE"
    assert task["logs"][0]["logs"][1]["stdout"] == "run\nrun\n"
    assert s3.get_object(Bucket=bucket, Key="count")["Body"].read() == b"run\nrun\n"


def deleted(kubectl: Kubectl, pod: str) -> None:
    kubectl("delete", "pod", pod, "--wait=false")


def lost(kubectl: Kubectl, pod: str) -> None:
    kubectl("delete", "pod", pod, "--grace-period=0", "--force")


def evicted(kubectl: Kubectl, pod: str) -> None:
    where = f"/api/v1/namespaces/{TENANT}/pods/{pod}/eviction"
    asked = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": TENANT}}
    kubectl("create", "--raw", where, "-f", "-", given=asked)


@pytest.mark.parametrize("lose", [deleted, lost, evicted])
def test_a_taskmaster_that_is_deleted_or_evicted_is_replaced_within_seconds(
    service: Service, kubectl: Kubectl, shell: Shell, lose: Callable[[Kubectl, str], None]
) -> None:
    task_id = service.create({"executors": [shell("sleep 5; echo done")]})
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")

    def claimed_by() -> str:
        return str(kubectl.json("get", "configmap", task_id)["metadata"]["annotations"]["tesk/taskmaster"])

    before = claimed_by()
    lose(kubectl, f"{task_id}-taskmaster")
    wait_until(lambda: claimed_by() != before, "another one has taken over", within=5)

    assert service.ended(task_id)["logs"][0]["logs"][0]["stdout"] == "done\n"


def test_a_task_that_nobody_began_is_launched_again(
    service: Service, kubectl: Kubectl, shell: Shell, quota: Callable[..., None]
) -> None:
    quota(pods="0")
    task_id = service.create({"executors": [shell("echo at last")]})
    kubectl("delete", "quota", "e2e")

    task = service.ended(task_id, within=15)

    assert task["logs"][0]["logs"][0]["stdout"] == "at last\n"
    assert "task launched" in kubectl("-n", SERVICE, "logs", "deployment/tesk-janitor", "--tail=50")


def test_a_task_that_was_launched_and_then_not_stored_leaves_nothing(
    service: Service, kubectl: Kubectl, shell: Shell, quota: Callable[..., None]
) -> None:
    before = set(kubectl.names("pods"))
    quota(count_configmaps="0")

    status, answer = service.call("POST", "/tasks", {"executors": [shell("echo never")]})

    assert (status, answer["error"]) == (403, "QuotaExceeded")
    assert "exceeded quota" in answer["message"]
    wait_until(lambda: set(kubectl.names("pods")) - before, "it was launched")
    wait_until(lambda: not set(kubectl.names("pods")) - before, "the launched taskmaster is gone")


def test_a_job_in_which_a_task_waited_in_the_release_before_is_removed(kubectl: Kubectl, busybox: str) -> None:
    labels = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "taskmaster", "tesk/room": "waits"}
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": busybox, "command": ["true"]}]}
    given = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "task-before", "labels": labels},
        "spec": {"suspend": True, "template": {"spec": pod}},
    }  # fmt: skip
    kubectl("create", "-f", "-", given=given)
    kubectl("wait", "--for=delete", "job/task-before", "--timeout=30s")


def test_an_ended_task_expires(service: Service, kubectl: Kubectl, shell: Shell) -> None:
    task_id = service.create({"executors": [shell("true")]})
    service.ended(task_id)

    janitor = f"--as=system:serviceaccount:{SERVICE}:tesk-janitor"
    kubectl("annotate", janitor, "--overwrite", "configmap", task_id, "tesk/ended=2020-01-01T00:00:00.000000Z")

    wait_until(lambda: service.call("GET", f"/tasks/{task_id}")[0] == 404, "it has expired")
