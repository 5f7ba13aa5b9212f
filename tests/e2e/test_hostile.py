"""Executors that attack what they run on: each is contained, its end is told, and another tenant's tasks go on."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tes

from tescore.tenants import REMEMBERED
from tests.e2e.conftest import TENANT, Kubectl, Service, wait_until

ROOT = Path(__file__).parents[2]
HOSTILE, NEIGHBOUR = "e2e-hostile", "e2e-neighbour"
LIMITS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "e2e"},
    "spec": {"limits": [{"type": "Container", "default": {"memory": "64Mi", "ephemeral-storage": "50Mi"}}]},
}
"""As k8s/tenant/limits has them, only smaller: for what a task does not ask for."""

ASKS = """
exec 2> /dev/null
ask() {
  answer=$(timeout 3 wget -S -O /dev/null --no-check-certificate "$@" 2>&1); code=$?
  status=$(echo "$answer" | grep -m 1 -o 'HTTP/1.1 [0-9]*')
  [ $code = 143 ] && answer='no answer'
  echo "$1 ${status:-$(echo "$answer" | tail -n 1)}"
}
api=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces
"""
TOKEN = "find / -name '*token*' ! -path '/proc/*' ! -path '/sys/*'; grep -e secret -e token /proc/mounts; echo looked"
API = """
for what in secrets configmaps pods; do ask $api/e2e-hostile/$what; done
ask $api/e2e-hostile/pods --post-data={}
ask https://NODE:10250/pods
"""
METADATA = "ask http://169.254.169.254/latest/meta-data/; ask http://169.254.169.254/computeMetadata/v1/"
PRIVILEGES = """
try() { "$@" > /dev/null 2>&1 && echo "did: $*"; }
mkdir /m
try mount -t tmpfs none /m
tail -n +3 /proc/partitions | while read major minor blocks name; do
  mknod /m/$name b $major $minor
  try dd if=/m/$name of=/dev/null bs=1 count=1
done
for space in m u i n U; do try unshare -$space true; done
try nsenter -t 1 -n true
try hostname other
try dmesg
try ip link add other type dummy
try renice -n -5 1
for file in /proc/sys/kernel/panic /proc/sysrq-trigger /sys/fs/cgroup/memory/memory.limit_in_bytes \
  /sys/fs/cgroup/memory.max; do [ -e $file ] && try sh -c "echo h > $file"; done
grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status
echo the first process is $(cat /proc/1/comm)
"""
LINKS = """
cd /out
rm -r folder up
echo mine > mine
ln -s /etc/passwd absolute
ln -s ../../../../../etc/passwd relative
ln -s /tesk/secrets/s3/credentials keys
ln -s ../../../../../tesk/secrets/s3/credentials keys-relative
ln -s /proc/self/root/tesk/secrets/s3/credentials keys-by-process
ln -s /etc folder
ln -s / root
ln -s .. up
rm /log/stdout
ln -s /tesk/secrets/s3/credentials /log/stdout
"""
BOMB = "b() { if [ $1 = 0 ]; then sleep 5; else b $(($1 - 1)) & b $(($1 - 1)) & wait; fi; }; b 11"
"""It would be 4,094 processes, and no more: where nothing contains it, the test fails and the machine lives."""
BOMBS = 4094


@dataclass(frozen=True)
class Tasks:
    """The hostile tasks, which were all begun at once, and their neighbours'."""

    service: Service
    neighbour: Service
    ids: dict[str, str]

    def ended(self, name: str) -> dict[str, Any]:
        return self.service.ended(self.ids[name], within=90)


@pytest.fixture(scope="module")
def tenants(kubectl: Kubectl) -> Iterator[None]:
    try:
        for tenant in (HOSTILE, NEIGHBOUR):
            subprocess.run([ROOT / "scripts/tenant", tenant], check=True, capture_output=True)
        kubectl("-n", HOSTILE, "create", "-f", "-", given=LIMITS)
        keys = kubectl.json("-n", TENANT, "get", "secret", "tesk-s3")
        metadata = {"name": "tesk-s3", "namespace": HOSTILE}
        kubectl("-n", HOSTILE, "create", "-f", "-", given={**keys, "metadata": metadata})
        time.sleep(REMEMBERED + 0.5)  # for so long the service knows only the tenants that it saw before
        yield
    finally:
        kubectl("delete", "namespace", HOSTILE, NEIGHBOUR, "--ignore-not-found", "--timeout=180s")


def service_of(url: str, tenant: str) -> Service:
    return Service(f"{url}/{tenant}", tes.HTTPClient(f"{url}/{tenant}", timeout=10))


@pytest.fixture(scope="module")
def node(kubectl: Kubectl) -> dict[str, Any]:
    found: dict[str, Any] = kubectl.json("get", "nodes")["items"][0]
    return found


@pytest.fixture(scope="module")
def tasks(
    environment: dict[str, str], tenants: None, shell: Callable[..., dict[str, Any]], bucket: str, node: dict[str, Any]
) -> Tasks:
    service, neighbour = (service_of(environment["TES_URL"], tenant) for tenant in (HOSTILE, NEIGHBOUR))
    [address] = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
    before = neighbour.create({
        "inputs": [{"path": "/in/x", "content": "x"}], "executors": [shell("sleep 20; cat /in/x")],
    })  # fmt: skip
    hostile: dict[str, dict[str, Any]] = {
        "bomb": {"executors": [shell(BOMB)], "resources": {"ram_gb": 1}},
        "memory": {"executors": [shell("exec tail /dev/zero")]},
        "disk": {"executors": [shell("head -c 200000000 /dev/zero > /fill; sleep 80")]},
        "token": {"executors": [shell(TOKEN)]},
        "api": {"executors": [shell(ASKS + API.replace("NODE", address))]},
        "metadata": {"executors": [shell(ASKS + METADATA)]},
        "metadata by an input": {
            "inputs": [{"path": "/in/x", "url": "http://169.254.169.254/latest/meta-data/"}],
            "executors": [shell("cat /in/x")],
        },
        "privileges": {"executors": [shell(PRIVILEGES)]},
        "links": {
            "executors": [shell(LINKS, stdout="/log/stdout")],
            "outputs": [
                *({"path": f"/out/{name}", "url": f"s3://{bucket}/links/one/{i}"} for i, name in enumerate(LINKED)),
                {"path": "/out", "url": f"s3://{bucket}/links/folder", "type": "DIRECTORY"},
                {"path": "/out/*", "path_prefix": "/out", "url": f"s3://{bucket}/links/wild"},
                {"path": "/out/folder/*", "path_prefix": "/out", "url": f"s3://{bucket}/links/wilder"},
            ],
        },
    }
    ids = {name: service.create(document) for name, document in hostile.items()}
    after = neighbour.create({"executors": [shell("echo x")]})
    return Tasks(service, neighbour, {**ids, "before": before, "after": after})


LINKED = ("absolute", "relative", "keys", "keys-relative", "keys-by-process", "folder/passwd", "up/etc/passwd")


def answers(task: dict[str, Any]) -> list[str]:
    """What each request of an executor came to."""
    lines = str(task["logs"][0]["logs"][0]["stdout"]).splitlines()
    return [line.partition(" ")[2] for line in lines]


def test_an_executor_finds_no_token(tasks: Tasks) -> None:
    task = tasks.ended("token")
    assert (task["state"], task["logs"][0]["logs"][0]["stdout"]) == ("COMPLETE", "looked\n")


def test_the_api_server_and_the_kubelet_tell_an_executor_nothing(tasks: Tasks) -> None:
    told = answers(tasks.ended("api"))
    assert len(told) == 5
    assert set(told) <= {"HTTP/1.1 401", "HTTP/1.1 403", "no answer"}


def test_the_metadata_address_does_not_answer_an_executor(tasks: Tasks) -> None:
    assert answers(tasks.ended("metadata")) == ["no answer", "no answer"]


def test_a_filer_does_not_fetch_from_the_metadata_address(tasks: Tasks) -> None:
    task = tasks.ended("metadata by an input")
    assert (task["state"], task["logs"][0]["logs"]) == ("SYSTEM_ERROR", [])
    assert "169.254.169.254" in task["logs"][0]["system_logs"][-1]
    assert "must not reach" in task["logs"][0]["system_logs"][-1]


def test_an_executor_gets_no_power_over_the_node_though_it_is_root_in_its_container(tasks: Tasks) -> None:
    task = tasks.ended("privileges")
    lines = task["logs"][0]["logs"][0]["stdout"].splitlines()
    assert lines == ["NoNewPrivs:\t1", "Seccomp:\t2", "the first process is pause"]


def test_no_link_brings_what_is_not_the_tasks_own_into_its_outputs(tasks: Tasks, s3: Any, bucket: str) -> None:
    task = tasks.ended("links")

    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="links/")["Contents"]]
    assert "links/folder/mine" in keys
    assert {s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys} == {b"mine\n"}
    assert task["state"] == "SYSTEM_ERROR"
    told = "\n".join(task["logs"][0]["system_logs"])
    for name in LINKED:
        assert f"Output /out/{name} could not be stored" in told
    assert "it is a link to what is not on the task's volume" in told


def test_no_link_brings_a_filers_keys_into_the_log(tasks: Tasks, environment: dict[str, str]) -> None:
    task = tasks.ended("links")
    assert not task["logs"][0]["logs"][0].get("stdout")
    assert environment["S3_SECRET_KEY"] not in str(task)


def test_a_fork_bomb_ends_at_the_nodes_limit(tasks: Tasks, kubectl: Kubectl, node: dict[str, Any]) -> None:
    path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/configz"
    limit = json.loads(kubectl("get", "--raw", path))["kubeletconfig"]["podPidsLimit"]
    assert 0 < limit < BOMBS, "the node limits no pod's processes (podPidsLimit, docs/admin.md)"
    assert "can't fork" in tasks.ended("bomb")["logs"][0]["logs"][0]["stdout"]


def test_an_executor_that_fills_its_memory_is_killed(tasks: Tasks) -> None:
    task = tasks.ended("memory")
    assert (task["state"], task["logs"][0]["logs"][0]["exit_code"]) == ("EXECUTOR_ERROR", 137)
    assert "used more memory than it has" in task["logs"][0]["system_logs"][-1]


def test_an_executor_that_fills_its_containers_disk_is_evicted(tasks: Tasks) -> None:
    task = tasks.ended("disk")
    assert task["state"] == "SYSTEM_ERROR"
    words = "Pod ephemeral local storage usage exceeds the total limit of containers 50Mi"
    assert words in task["logs"][0]["system_logs"][-1]


def test_the_tasks_of_another_tenant_go_on_meanwhile(tasks: Tasks, kubectl: Kubectl, node: dict[str, Any]) -> None:
    for name in ("before", "after"):
        task = tasks.neighbour.ended(tasks.ids[name])
        assert (task["state"], task["logs"][0]["logs"][0]["stdout"].strip()) == ("COMPLETE", "x")
        assert task["logs"][0]["metadata"]["attempts"] == "1"
    seen = kubectl.json("get", "node", node["metadata"]["name"])["status"]["conditions"]
    assert [each["type"] for each in seen if each["status"] == "True"] == ["Ready"]


REFUSED: dict[str, dict[str, Any]] = {
    "the image's root as a volume": {"volumes": ["/"]},
    "a volume outside": {"volumes": ["/data/../../etc"]},
    "an input outside": {"inputs": [{"path": "/data/../../etc/passwd", "content": "x"}]},
    "a file of the node": {"inputs": [{"path": "/in/x", "url": "file:///etc/shadow"}]},
    "a file of the filer": {"inputs": [{"path": "/in/x", "url": "/tesk/secrets/s3/credentials"}]},
    "a place on the node": {"outputs": [{"path": "/out/x", "url": "file:///etc/cron.d/x"}]},
    "an output outside": {"outputs": [{"path": "/out/../../etc/shadow", "url": "s3://b/x"}]},
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_document_reaches_no_path_that_is_not_the_tasks(tasks: Tasks, busybox: str, what: str) -> None:
    document = {"executors": [{"image": busybox, "command": ["true"]}], **REFUSED[what]}
    assert tasks.service.call("POST", "/tasks", document)[0] == 400


CHOICES = {
    "namespace": "kube-system",
    "service_account": "tesk-taskmaster",
    "host_path": "/",
    "host_network": "true",
    "privileged": "true",
    "image_pull_secret": "tesk-s3",
    "read_only_claims": "other:/other",
    "priority_class": "system-node-critical",
    "runtime_class": "other",
    "node_selector": "kubernetes.io/hostname=other",
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_document_chooses_nothing_that_the_admin_has_not_listed(tasks: Tasks, busybox: str, name: str) -> None:
    resources = {"backend_parameters": {name: CHOICES[name]}, "backend_parameters_strict": True}
    document = {"executors": [{"image": busybox, "command": ["true"]}], "resources": resources}
    status, answer = tasks.service.call("POST", "/tasks", document)
    assert (status, f"backend_parameters.{name}" in answer["message"]) == (400, True)


def test_what_a_document_asks_for_in_vain_is_not_in_its_pod(
    tasks: Tasks, kubectl: Kubectl, shell: Callable[..., dict[str, Any]]
) -> None:
    volumes = ["/v", "/var/run/secrets/kubernetes.io/serviceaccount"]
    task_id = tasks.service.create({
        "executors": [shell("ls -A /var/run/secrets/kubernetes.io/serviceaccount; sleep 2")],
        "resources": {"backend_parameters": CHOICES}, "volumes": volumes,
    })  # fmt: skip
    pod = ["-n", HOSTILE, "get", "pod", f"{task_id}-executor-0"]
    wait_until(lambda: kubectl.run(*pod).returncode == 0, "the executor's pod is there")
    spec = kubectl.json(*pod)["spec"]

    assert {kind for volume in spec["volumes"] for kind in volume} == {"name", "persistentVolumeClaim"}
    assert spec["volumes"][0]["persistentVolumeClaim"]["claimName"] == f"{task_id}-scratch"
    assert spec["serviceAccountName"] == "tesk-executor"
    assert spec["automountServiceAccountToken"] is False
    assert spec["priority"] == 0
    chosen = {"hostNetwork", "hostPID", "hostIPC", "imagePullSecrets", "nodeSelector", "runtimeClassName"}
    assert not chosen & set(spec)
    task = tasks.service.ended(task_id)
    assert (task["state"], task["logs"][0]["logs"][0].get("stdout", "")) == ("COMPLETE", "")
