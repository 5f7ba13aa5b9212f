"""What happens to a task whose taskmaster is killed, lost or never comes."""

from collections.abc import Callable
from typing import Any

from tests.e2e.cluster import SERVICE, Kubectl, Service, told, wait_until

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


def test_a_task_whose_taskmaster_is_gone_for_good_ends_with_the_reason_and_is_cleaned_up(
    service: Service, kubectl: Kubectl, shell: Shell
) -> None:
    task_id = service.create({"volumes": ["/v"], "executors": [shell("sleep 600")]})
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")

    kubectl("delete", "job", task_id)

    task = service.ended(task_id)
    assert task["state"] == "SYSTEM_ERROR"
    assert told(task["logs"][0]) == ["The taskmaster died (its Job is gone)."]
    wait_until(lambda: kubectl.names("pods,pvc,jobs", "-l", f"tesk/task={task_id}") == [], "nothing is left of it")


def test_a_task_that_nobody_began_is_launched_again(
    service: Service, kubectl: Kubectl, shell: Shell, quota: Callable[..., None]
) -> None:
    quota(pods="0")
    task_id = service.create({"executors": [shell("echo at last")]})
    kubectl("delete", "job", task_id)
    kubectl("delete", "quota", "e2e")

    task = service.ended(task_id)

    assert task["logs"][0]["logs"][0]["stdout"] == "at last\n"
    assert "task launched again" in kubectl("-n", SERVICE, "logs", "deployment/tesk-janitor")


def test_a_task_that_was_launched_and_then_not_stored_leaves_nothing(
    service: Service, kubectl: Kubectl, shell: Shell, quota: Callable[..., None]
) -> None:
    before = set(kubectl.names("jobs"))
    quota(count_configmaps="0")

    status, answer = service.call("POST", "/tasks", {"executors": [shell("echo never")]})

    assert (status, answer["error"]) == (403, "QuotaExceeded")
    assert "exceeded quota" in answer["message"]
    wait_until(lambda: set(kubectl.names("jobs")) - before, "it was launched")
    wait_until(lambda: not set(kubectl.names("jobs")) - before, "the launched taskmaster is gone")


def test_an_ended_task_expires(service: Service, kubectl: Kubectl, shell: Shell) -> None:
    task_id = service.create({"executors": [shell("true")]})
    service.ended(task_id)

    janitor = f"--as=system:serviceaccount:{SERVICE}:tesk-janitor"
    kubectl("annotate", janitor, "--overwrite", "configmap", task_id, "tesk/ended=2020-01-01T00:00:00.000000Z")

    wait_until(lambda: service.call("GET", f"/tasks/{task_id}")[0] == 404, "it has expired")
