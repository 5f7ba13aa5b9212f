"""Tasks made, looked at and deleted with kubectl, and what admission refuses."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.cluster import SERVICE, TENANT, Kubectl, Service, wait_until

Shell = Callable[..., dict[str, Any]]
LABELS = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "task"}


def config_map(name: str, document: Any, **metadata: Any) -> dict[str, Any]:
    named = {} if "generateName" in metadata else {"name": name}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**named, "namespace": TENANT, "labels": LABELS, **metadata},
        "data": {"task.json": document if isinstance(document, str) else json.dumps(document, indent=1)},
    }


@pytest.fixture
def make(kubectl: Kubectl) -> Iterator[Callable[[dict[str, Any]], str]]:
    """Creates an object with kubectl and deletes it after the test."""
    made = []

    def create(given: dict[str, Any]) -> str:
        kubectl("create", "-f", "-", given=given)
        made.append((given["kind"], given["metadata"]["name"]))
        return str(given["metadata"]["name"])

    yield create
    for kind, name in made:
        kubectl("delete", kind, name, "--ignore-not-found")


def test_a_task_made_with_kubectl_runs_like_one_that_was_posted(
    service: Service, kubectl: Kubectl, shell: Shell, make: Callable[..., str]
) -> None:
    task_id = make(config_map("task-by-kubectl", {"name": "mine", "executors": [shell("echo hello")]}))

    task = service.ended(task_id)

    assert (task["state"], task["name"]) == ("COMPLETE", "mine")
    assert task["logs"][0]["logs"][0]["stdout"] == "hello\n"
    listed = kubectl("get", "configmaps", "-l", "app.kubernetes.io/component=task", "-L", "tesk/state")
    assert any(line.startswith(task_id) and "COMPLETE" in line for line in listed.splitlines())


def test_an_invalid_task_is_refused_by_admission_with_all_its_problems(kubectl: Kubectl) -> None:
    run = kubectl.run("create", "-f", "-", given=config_map("hello", {"executors": [{"image": "x"}], "tags": {"a": 1}}))
    assert run.returncode != 0
    for problem in ("metadata.name: is 'hello'", "executors[0].command: is missing", "tags.a: is 1"):
        assert problem in run.stderr


@pytest.mark.parametrize("text", ["{", "", '{"executors": []}'])
def test_a_broken_document_is_refused_by_admission(kubectl: Kubectl, text: str) -> None:
    run = kubectl.run("create", "-f", "-", given=config_map("task-broken", text))
    assert run.returncode != 0
    assert "denied the request" in run.stderr


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("x" * 800_000, "give it gzipped, as binaryData.task.json.gz"),
        (os.urandom(1_000_000).hex(), "description: 2000000"),
    ],
    ids=["gzip would do", "random"],
)
def test_a_document_that_leaves_no_room_for_a_log_is_refused_by_admission(
    kubectl: Kubectl, shell: Shell, description: str, words: str
) -> None:
    document = {"description": description, "executors": [shell("echo never")]}
    run = kubectl.run("create", "-f", "-", given=config_map("task-too-long", document))
    assert words in run.stderr
    assert kubectl.names("jobs", "-l", "tesk/task=task-too-long") == []


def test_a_dry_run_launches_nothing(kubectl: Kubectl, shell: Shell) -> None:
    given = config_map("task-dry-run", {"executors": [shell("echo never")]})
    kubectl("create", "--dry-run=server", "-f", "-", given=given)
    assert kubectl.names("jobs", "-l", "tesk/task=task-dry-run") == []


def test_a_generated_name_is_refused(kubectl: Kubectl, shell: Shell) -> None:
    given = config_map("", {"executors": [shell("echo never")]}, generateName="task-")
    run = kubectl.run("create", "-f", "-", given=given)
    assert run.returncode != 0
    assert "generateName cannot be used" in run.stderr


def test_a_config_map_cannot_become_a_task_later(kubectl: Kubectl, make: Callable[..., str]) -> None:
    plain = config_map("task-later", {}, labels={})
    make(plain)
    labels = [f"{key}={value}" for key, value in LABELS.items()]
    run = kubectl.run("label", "configmap", "task-later", *labels)
    assert run.returncode != 0
    assert "cannot become a task" in run.stderr


def test_the_rest_of_a_tasks_metadata_is_anyones(service: Service, kubectl: Kubectl, shell: Shell) -> None:
    task_id = service.create({"executors": [shell("true")]})
    kubectl("label", "configmap", task_id, "mine=yes")
    kubectl("annotate", "configmap", task_id, "example.org/note=kept")
    assert service.ended(task_id)["state"] == "COMPLETE"
    metadata = kubectl.json("get", "configmap", task_id)["metadata"]
    assert (metadata["labels"]["mine"], metadata["annotations"]["example.org/note"]) == ("yes", "kept")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"data": {"task.json": "{}"}}, "document cannot be changed"),
        ({"data": {"log.json": "{}"}}, "written by the service alone"),
        ({"metadata": {"labels": {"tesk/state": "RUNNING"}}}, "written by the service alone"),
        ({"metadata": {"annotations": {"tesk/owner": "me"}}}, "written by the service alone"),
        ({"metadata": {"annotations": {"tesk/step": "x"}}}, "written by the service alone"),
        ({"metadata": {"labels": {"tag.tesk/new": "x"}}}, "written by the service alone"),
        ({"metadata": {"labels": {"app.kubernetes.io/component": None}}}, "cannot stop being one"),
    ],
)
def test_the_record_of_a_task_is_the_services_own(
    service: Service, kubectl: Kubectl, shell: Shell, change: dict[str, Any], refusal: str
) -> None:
    task_id = service.create({"executors": [shell("true")]})
    run = kubectl.run("patch", "configmap", task_id, "--type=merge", "-p", json.dumps(change))
    assert run.returncode != 0
    assert refusal in run.stderr
    service.ended(task_id)


@pytest.mark.parametrize("value", ["inf", "NaN", "-1"])
def test_settings_of_a_tenant_that_are_no_numbers_are_refused_where_they_are_written(
    kubectl: Kubectl, value: str
) -> None:
    metadata = {"name": "tesk-settings", "namespace": TENANT}
    given = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"TESK_RETENTION_DAYS": value}}
    run = kubectl.run("apply", "--dry-run=server", "-f", "-", given=given)
    assert run.returncode != 0
    assert "is finite, and none is negative" in run.stderr


def test_deleting_the_config_map_of_a_running_task_removes_everything(
    service: Service, kubectl: Kubectl, shell: Shell
) -> None:
    task_id = service.create({"volumes": ["/v"], "executors": [shell("sleep 600")]})
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")

    kubectl("delete", "configmap", task_id)

    wait_until(lambda: kubectl.names("pods,pvc", "-l", f"tesk/task={task_id}") == [], "nothing is left of it")
    assert service.call("GET", f"/tasks/{task_id}")[0] == 404


def test_a_name_may_be_used_again_where_a_finished_pod_still_has_it(
    service: Service, kubectl: Kubectl, shell: Shell, busybox: str, make: Callable[..., str]
) -> None:
    container = {"name": "c", "image": busybox, "command": ["true"]}
    make({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "task-again-taskmaster", "namespace": TENANT},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    })  # fmt: skip
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/task-again-taskmaster", "--timeout=30s")

    task_id = make(config_map("task-again", {"executors": [shell("echo again")]}))

    assert service.ended(task_id)["logs"][0]["logs"][0]["stdout"] == "again\n"


def test_a_task_may_be_deleted_and_made_again_at_once(
    service: Service, kubectl: Kubectl, shell: Shell, make: Callable[..., str]
) -> None:
    document = {"volumes": ["/v"], "executors": [shell("sleep 600")]}
    task_id = make(config_map("task-anew", document))
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")

    kubectl("delete", "configmap", task_id, "--wait=false")
    wait_until(lambda: service.call("GET", f"/tasks/{task_id}")[0] == 404, "it is gone")
    again = {"volumes": ["/v"], "executors": [shell("ls -A /v; echo anew; touch /v/x")]}
    wait_until(lambda: kubectl.run("create", "-f", "-", given=config_map("task-anew", again)).returncode == 0, "made")

    task = service.ended(task_id)
    assert (task["state"], task["logs"][0]["logs"][0]["stdout"]) == ("COMPLETE", "anew\n")


@pytest.fixture
def backup(service: Service, kubectl: Kubectl, shell: Shell) -> Iterator[dict[str, Any]]:
    """The record of a task that has ended, as a backup has it; the task itself is gone."""
    task_id = service.create({"executors": [shell("echo once")]})
    service.ended(task_id)
    kubectl("delete", "job", task_id, "--ignore-not-found")
    kept = kubectl.json("get", "configmap", task_id)
    for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        kept["metadata"].pop(field, None)
    kubectl("delete", "configmap", task_id)
    yield kept
    kubectl("delete", "configmap", task_id, "--ignore-not-found")


@pytest.fixture
def restorer(kubectl: Kubectl) -> Iterator[str]:
    """A user who may restore tasks of the tenant, and nothing else."""
    kubectl("create", "rolebinding", "restorer", "--clusterrole=tesk-restorer", "--user=restorer")
    yield "restorer"
    kubectl("delete", "rolebinding", "restorer")


@pytest.mark.parametrize("is_admin", [True, False], ids=["by the admin", "by one who may"])
def test_an_ended_task_from_a_backup_is_there_again_and_does_not_run_again(
    service: Service, kubectl: Kubectl, backup: dict[str, Any], restorer: str, is_admin: bool
) -> None:
    task_id, user = backup["metadata"]["name"], [] if is_admin else [f"--as={restorer}"]

    kubectl("apply", *user, "-f", "-", given=backup)
    assert "unchanged" in kubectl("apply", *user, "-f", "-", given=backup)

    assert kubectl.names("jobs", "-l", f"tesk/task={task_id}") == []
    task = service.full(task_id)
    assert (task["state"], task["logs"][0]["logs"][0]["stdout"]) == ("COMPLETE", "once\n")


def test_who_may_not_restore_cannot_forge_a_task_that_has_ended(kubectl: Kubectl, backup: dict[str, Any]) -> None:
    somebody = f"--as=system:serviceaccount:{SERVICE}:tesk-api"
    run = kubectl.run("create", somebody, "-f", "-", given=backup)
    assert run.returncode != 0
    assert "that is the verb restore on tasks.tesk" in run.stderr


def test_applying_the_manifest_of_a_task_again_changes_nothing(
    service: Service, kubectl: Kubectl, shell: Shell
) -> None:
    given = config_map("task-applied", {"executors": [shell("echo once")]})
    kubectl("apply", "-f", "-", given=given)
    assert "unchanged" in kubectl("apply", "-f", "-", given=given)
    service.ended("task-applied")
    assert "unchanged" in kubectl("apply", "-f", "-", given=given)
    assert service.ended("task-applied")["logs"][0]["logs"][0]["stdout"] == "once\n"
    kubectl("delete", "configmap", "task-applied")


@pytest.mark.alone
def test_the_webhook_makes_its_authority_anew_when_it_is_lost(service: Service, kubectl: Kubectl, shell: Shell) -> None:
    kubectl("-n", SERVICE, "delete", "secret", "tesk-webhook-tls")
    kubectl("-n", SERVICE, "rollout", "restart", "deployment/tesk-webhook")
    kubectl("-n", SERVICE, "rollout", "status", "deployment/tesk-webhook", "--timeout=60s")
    wait_until(
        lambda: kubectl.run("create", "--dry-run=server", "-f", "-", given=config_map(
            "task-dry-run", {"executors": [shell("true")]})).returncode == 0,
        "the API server trusts the new authority",
    )  # fmt: skip
    assert service.ended(service.create({"executors": [shell("true")]}))["state"] == "COMPLETE"
