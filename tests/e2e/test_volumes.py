"""Scratch volumes as some clusters have them: of a size that fills up, and with a root that is closed to others."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.cluster import AS_1000, Kubectl, Service, made, told, wait_until

Shell = Callable[..., dict[str, Any]]
_CLASS = "e2e-loop"
_PLACE = "/var/lib/tesk-e2e-loop"
"""Folder of the node in which a test has its file systems."""


def on_node(script: str) -> None:
    """Runs a script as root on the node."""
    shell = shlex.split(os.environ.get("NODE_SHELL", ""))
    assert shell, "NODE_SHELL not set: it must be a command that is a root's shell on the node; `make up` sets it"
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
    [reason] = told(task["logs"][0])
    assert all(part in reason for part in ("/data/large", url, "No space left on device"))


def test_an_executor_that_fills_its_volume_ends_with_its_own_error_and_outputs_are_saved(
    service: Service, shell: Shell, s3: Any, bucket: str, loop_volume: Callable[[str, str], None]
) -> None:
    loop_volume("755", "0:0")
    fills = "echo kept > /o/small; head -c 100000000 /dev/zero | cat"
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
