"""Scratch in a folder of a claim that the tenant's tasks share, and failed pods that are kept."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.cluster import AS_1000, TENANT, Kubectl, Service, made, wait_until

Shell = Callable[..., dict[str, Any]]
LABELS = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "task"}
_SCRUB = "app.kubernetes.io/component=scrub"


@dataclass(frozen=True)
class SharedClaim:
    """The claim as a pod sees that has all of it mounted."""

    kubectl: Kubectl

    def __call__(self, script: str) -> str:
        return self.kubectl("exec", "e2e-shared", "--", "sh", "-c", f"cd /shared; {script}")

    def folders(self) -> set[str]:
        return set(self(f"ls tesk-{TENANT} 2> /dev/null || true").split())


@pytest.fixture(scope="module")
def shared(kubectl: Kubectl, busybox: str, configured: Callable[..., Any]) -> Iterator[SharedClaim]:
    """A claim of the tenant's that its tasks share, with a file of the tenant's own."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "e2e-shared", "namespace": TENANT},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "e2e-shared", "namespace": TENANT},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "main",
                    "image": busybox,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "3600"],
                    "volumeMounts": [{"name": "v", "mountPath": "/shared"}],
                }
            ],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "e2e-shared"}}],
        },
    }
    with made(kubectl, claim, pod):
        seen = SharedClaim(kubectl)
        seen("echo mine > own; chmod 755 .")
        with configured(TESK_SHARED_CLAIM="e2e-shared"):
            yield seen
        assert seen("cat own") == "mine\n"
        wait_until(lambda: kubectl.names("jobs", "-l", _SCRUB) == [], "the last sweep is over")


def folder(kubectl: Kubectl, task_id: str) -> str:
    return f"{task_id}-{kubectl.json('get', 'configmap', task_id)['metadata']['uid'][:8]}"


def left_of(kubectl: Kubectl, task_id: str) -> list[str]:
    return kubectl.names("pods,pvc", "-l", f"tesk/task={task_id},app.kubernetes.io/component!=taskmaster")


def test_tasks_at_once_share_a_claim_and_do_not_meet(
    service: Service, kubectl: Kubectl, shell: Shell, s3: Any, bucket: str, shared: SharedClaim
) -> None:
    def document(text: str) -> dict[str, Any]:
        script = AS_1000.format("mkdir /data/inner; cp /data/in /data/inner/file; sleep 3")
        return {
            "inputs": [{"path": "/data/in", "content": text}, {"path": "/etc/alone", "content": text}],
            "executors": [shell(script), shell("cat /data/inner/file /etc/alone; ls /data", stdout="/o/out")],
            "outputs": [{"path": "/o/out", "url": f"s3://{bucket}/shared-{text}"}],
        }

    one, two = service.create(document("one")), service.create(document("two"))
    its_folders = {folder(kubectl, task) for task in (one, two)}
    wait_until(lambda: {service.state(one), service.state(two)} == {"RUNNING"}, "both run")
    assert shared.folders() == its_folders
    assert kubectl.names("pvc", "-l", "tesk/task") == []

    for task_id, text in ((one, "one"), (two, "two")):
        task = service.ended(task_id)
        assert task["state"] == "COMPLETE"
        assert task["logs"][0]["logs"][1]["stdout"] == f"{text}{text}in\ninner\n"
        stored = s3.get_object(Bucket=bucket, Key=f"shared-{text}")["Body"].read()
        assert stored.decode() == f"{text}{text}in\ninner\n"
    wait_until(lambda: shared.folders() == set(), "the folders are gone")
    scrubs = [name for name in kubectl.names("jobs,pods", "-l", _SCRUB) if "-scrub" in name]  # the janitor sweeps, too
    assert scrubs == [], "their filers removed them"


def test_an_executor_cannot_have_the_next_one_see_more_of_the_claim(
    service: Service, shell: Shell, s3: Any, bucket: str, shared: SharedClaim
) -> None:
    """A link in place of a folder that is mounted next would lead to the root of the claim."""
    script = (
        "for folder in /.tesk*; do mv $folder/work $folder/w; ln -s ../../../.. $folder/work; done; "
        "mv /work /w; ln -s ../../../.. /work/work; echo x > /x.txt"
    )
    document = {
        "volumes": ["/work"],
        "executors": [shell(f"{script}; true"), shell("find /work /work/ | sort -u; cat /x.txt")],
        "outputs": [{"path": "/x.txt", "url": f"s3://{bucket}/alone"}],
    }
    task = service.ended(service.create(document))
    assert task["logs"][0]["logs"][1]["stdout"] == "/work\n/work/\n/work/work\nx\n"
    assert s3.get_object(Bucket=bucket, Key="alone")["Body"].read() == b"x\n"


@pytest.mark.parametrize(
    ("script", "expected"), [("echo x > /v/x", "COMPLETE"), ("mkdir -m 500 /v/x; exit 3", "EXECUTOR_ERROR")]
)
def test_the_folder_is_scrubbed_after_a_task_without_outputs_and_after_a_failure(
    service: Service, kubectl: Kubectl, shell: Shell, shared: SharedClaim, script: str, expected: str
) -> None:
    task_id = service.create({"volumes": ["/v"], "executors": [shell(script)]})
    assert service.ended(task_id)["state"] == expected
    wait_until(lambda: shared.folders() == set(), "the folder is gone")
    wait_until(lambda: kubectl.names("jobs,pods", "-l", _SCRUB) == [], "so is the scrub")
    assert left_of(kubectl, task_id) == []


def test_a_cancelled_task_leaves_no_folder(
    service: Service, kubectl: Kubectl, shell: Shell, shared: SharedClaim
) -> None:
    task_id = service.create({"volumes": ["/v"], "executors": [shell("while echo x >> /v/x; do :; done")]})
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")
    service.client.cancel_task(task_id)
    assert service.ended(task_id)["state"] == "CANCELED"
    assert left_of(kubectl, task_id) == []
    wait_until(lambda: shared.folders() == set(), "the folder is gone")


def test_a_name_used_again_meets_nothing_and_a_folder_without_a_task_goes_when_it_is_old(
    service: Service, kubectl: Kubectl, shell: Shell, shared: SharedClaim
) -> None:
    def run(script: str) -> str:
        document = json.dumps({"volumes": ["/v"], "executors": [shell(script)]})
        kubectl("create", "-f", "-", given={
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "task-twice", "labels": LABELS},
            "data": {"task.json": document},
        })  # fmt: skip
        wait_until(lambda: service.state("task-twice") == "RUNNING", "it runs")
        return folder(kubectl, "task-twice")

    kubectl("delete", "configmap", "task-twice", "--ignore-not-found")  # of a run before this one
    first = run("echo secret > /v/x; sleep 600")
    kubectl("delete", "configmap", "task-twice")
    wait_until(lambda: kubectl.names("pods", "-l", "tesk/task=task-twice") == [], "the first one is gone")
    second = run("ls -A /v > /v/found; sleep 600")
    wait_until(lambda: shared(f"cat tesk-{TENANT}/{second}/1/data/v/found || true") == "found\n", "it has looked")

    shared(f"cd tesk-{TENANT}; mkdir results task-young-0123abcd; touch -d '2020-01-01 00:00' results {first} {second}")
    wait_until(lambda: first not in shared.folders(), "the folder without a task is gone")

    assert shared.folders() == {second, "results", "task-young-0123abcd"}
    service.client.cancel_task("task-twice")
    wait_until(lambda: second not in shared.folders(), "the second one is scrubbed")
    shared(f"cd tesk-{TENANT}; rmdir results task-young-0123abcd")


def test_a_failed_pod_is_kept_for_its_time(
    service: Service, kubectl: Kubectl, shell: Shell, s3: Any, bucket: str, configured: Callable[..., Any]
) -> None:
    with configured(TESK_KEEP_FAILED="15"):
        task_id = service.create({
            "executors": [shell("exit 7", ignore_error=True), shell("echo look at me; exit 3"), shell("echo never")],
            "outputs": [{"path": "/o/x", "url": f"s3://{bucket}/x"}],
        })  # fmt: skip
        assert service.ended(task_id)["state"] == "EXECUTOR_ERROR"
        pods = ("pods", "-l", f"tesk/task={task_id},app.kubernetes.io/component!=taskmaster")
        wait_until(lambda: kubectl.names(*pods) == [f"pod/{task_id}-executor-1"], "the failed pod alone is left")
        wait_until(
            lambda: kubectl.names("pods", "-l", f"tesk/task={task_id},app.kubernetes.io/component=taskmaster") == [],
            "its taskmaster has gone",
        )
        assert kubectl("logs", f"{task_id}-executor-1") == "look at me\n"
        wait_until(lambda: left_of(kubectl, task_id) == [], "its time is over")
