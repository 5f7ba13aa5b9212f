"""Scratch as tenants have it: a folder of a shared claim, small or closed volumes, failed pods that are kept."""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import TENANT, Kubectl, Service, wait_until

Shell = Callable[..., dict[str, Any]]
LABELS = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "task"}
AS_1000 = "echo 'u:x:1000:1000::/:/bin/sh' >> /etc/passwd; exec su u -c '{}'"
"""A script for a shell that is root: the rest of it runs as uid 1000."""


@pytest.fixture(scope="module")
def configured(kubectl: Kubectl) -> Callable[..., Any]:
    """Gives the tenant settings of its own, beside those that it has, for as long as a block lasts."""
    current = dict[str, str]()

    def put() -> None:
        metadata = {"name": "tesk-settings", "namespace": TENANT}
        if current:
            given = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": current}
            kubectl("apply", "-f", "-", given=given)
        else:
            kubectl("delete", "configmap", "tesk-settings")
        time.sleep(3.5)  # the service remembers what it saw for 3 s

    @contextmanager
    def block(**values: str) -> Iterator[None]:
        try:
            current.update(values)
            put()
            yield
        finally:
            for name in values:
                del current[name]
            put()

    return block


@contextmanager
def made(kubectl: Kubectl, *objects: dict[str, Any]) -> Iterator[None]:
    """Objects that are there for as long as a block lasts; the last is waited for until it is ready."""
    names = [f"{item['kind'].lower()}/{item['metadata']['name']}" for item in objects]
    try:
        kubectl("apply", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": list(objects)})
        if objects[-1]["kind"] == "Pod":
            kubectl("wait", "--for=condition=Ready", names[-1], "--timeout=60s")
        yield
    finally:
        kubectl("delete", "--ignore-not-found", "--timeout=60s", *reversed(names))


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
    with made(kubectl, claim, pod), configured(TESK_SHARED_CLAIM="e2e-shared"):
        seen = SharedClaim(kubectl)
        seen("echo mine > own; chmod 755 .")
        yield seen
        assert seen("cat own") == "mine\n"


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
    assert shared.folders() == set()


@pytest.mark.parametrize(
    ("script", "expected"), [("echo x > /v/x", "COMPLETE"), ("mkdir -m 500 /v/x; exit 3", "EXECUTOR_ERROR")]
)
def test_the_folder_is_scrubbed_after_a_task_without_outputs_and_after_a_failure(
    service: Service, kubectl: Kubectl, shell: Shell, shared: SharedClaim, script: str, expected: str
) -> None:
    task_id = service.create({"volumes": ["/v"], "executors": [shell(script)]})
    assert service.ended(task_id)["state"] == expected
    wait_until(lambda: shared.folders() == set(), "the folder is gone")
    wait_until(lambda: kubectl.names("jobs,pods", "-l", "app.kubernetes.io/component=scrub") == [], "so is the scrub")
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

    first = run("echo secret > /v/x; sleep 600")
    kubectl("delete", "configmap", "task-twice")
    wait_until(lambda: kubectl.names("jobs,pods", "-l", "tesk/task=task-twice") == [], "the first one is gone")
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
        wait_until(lambda: kubectl.names("jobs", "-l", f"tesk/task={task_id}") == [], "its taskmaster has gone")
        assert kubectl("logs", f"{task_id}-executor-1") == "look at me\n"
        wait_until(lambda: left_of(kubectl, task_id) == [], "its time is over")


_CLASS = "e2e-loop"
_PLACE = "/var/lib/tesk-e2e-loop"
"""Folder of the node in which a test has its file systems."""


def on_node(script: str) -> None:
    """Runs a script as root on the node, which is this machine unless NODE_SHELL names a shell elsewhere."""
    shell = shlex.split(os.environ.get("NODE_SHELL", "sh"))
    run = subprocess.run([*shell, "-ec", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def loop_class(kubectl: Kubectl, configured: Callable[..., Any]) -> Iterator[None]:
    """A storage class whose volumes are those of `loop_volume` alone."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": _CLASS},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    with made(kubectl, storage_class), configured(TESK_STORAGE_CLASS=_CLASS):
        yield


@pytest.fixture
def loop_volume(kubectl: Kubectl, loop_class: None) -> Iterator[Callable[[str, str], None]]:
    """Makes the one volume of that class, a file system of 20 MB whose root has this mode and owner."""
    remove = f"umount {_PLACE}/root 2> /dev/null || true; rm -rf {_PLACE}"

    def make(mode: str, owner: str) -> None:
        node = kubectl.json("get", "nodes")["items"][0]["metadata"]["name"]
        on_node(
            f"{remove}; mkdir -p {_PLACE}/root; cd {_PLACE}; truncate -s 20M disk; mkfs.ext4 -q -F -m 0 disk; "
            f"mount -o loop disk root; chmod {mode} root; chown {owner} root"
        )
        on_this_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
        kubectl("create", "-f", "-", given={
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": _CLASS},
            "spec": {
                "storageClassName": _CLASS, "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain", "local": {"path": f"{_PLACE}/root"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_this_node]}]}},
            },
        })  # fmt: skip

    yield make
    wait_until(lambda: kubectl.names("pods,pvc", "-l", "tesk/task,app.kubernetes.io/component!=taskmaster") == [],
               "no task uses the volume")  # fmt: skip
    kubectl("delete", "pv", _CLASS, "--ignore-not-found", "--timeout=60s")
    on_node(f"while mountpoint -q {_PLACE}/root && ! umount {_PLACE}/root; do sleep 0.2; done; {remove}")


def test_an_input_for_which_there_is_no_room_is_a_system_error_with_the_reason(
    service: Service, shell: Shell, s3: Any, bucket: str, loop_volume: Callable[[str, str], None]
) -> None:
    loop_volume("755", "0:0")
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(30_000_000))
    url = f"s3://{bucket}/large"

    task = service.ended(
        service.create({"inputs": [{"path": "/data/large", "url": url}], "executors": [shell("echo never")]})
    )

    assert task["state"] == "SYSTEM_ERROR"
    assert task["logs"][0]["logs"] == []
    [reason] = task["logs"][0]["system_logs"]
    assert all(part in reason for part in ("/data/large", url, "No space left on device"))


def test_an_executor_that_fills_its_volume_ends_with_its_own_error_and_outputs_are_saved(
    service: Service, shell: Shell, s3: Any, bucket: str, loop_volume: Callable[[str, str], None]
) -> None:
    loop_volume("755", "0:0")
    fills = "echo kept > /o/small; head -c 100000000 /dev/zero"
    task_id = service.create({
        "executors": [shell(fills, stdout="/o/large"), shell("echo never")],
        "outputs": [{"path": "/o/small", "url": f"s3://{bucket}/small"}],
    })  # fmt: skip

    task = service.ended(task_id)

    assert task["state"] == "EXECUTOR_ERROR"
    [log] = task["logs"][0]["logs"]
    assert (log["exit_code"], "No space left on device" in log["stderr"]) == (1, True)
    assert any("Executor 0 exited with 1." in line for line in task["logs"][0]["system_logs"])
    assert s3.get_object(Bucket=bucket, Key="small")["Body"].read() == b"kept\n"


@pytest.mark.parametrize(("mode", "owner"), [("755", "0:0"), ("700", "1000:1000")])
@pytest.mark.parametrize("uid_1000", [False, True], ids=["as-root", "as-1000"])
def test_a_volume_whose_root_is_closed_to_the_executor_works(
    service: Service, shell: Shell, s3: Any, bucket: str, loop_volume: Callable[[str, str], None],
    mode: str, owner: str, uid_1000: bool,
) -> None:  # fmt: skip
    loop_volume(mode, owner)
    script = "id -u; cat /data/in /etc/alone; echo out > /o/x; mv /data/in /data/moved; mkdir /v/a; touch /v/a/b"
    task_id = service.create({
        "inputs": [{"path": path, "content": path} for path in ("/data/in", "/etc/alone")],
        "volumes": ["/v"],
        "executors": [shell(AS_1000.format(script) if uid_1000 else script), shell("ls /data /v/a", stdout="/o/list")],
        "outputs": [{"path": "/o/x", "url": f"s3://{bucket}/x-{mode}"}],
    })  # fmt: skip

    task = service.ended(task_id)

    assert task["state"] == "COMPLETE", task["logs"][0]["system_logs"]
    first, second = task["logs"][0]["logs"]
    assert first["stdout"] == f"{1000 if uid_1000 else 0}\n/data/in/etc/alone"
    assert second["stdout"] == "/data:\nmoved\n\n/v/a:\nb\n"
    assert s3.get_object(Bucket=bucket, Key=f"x-{mode}")["Body"].read() == b"out\n"
