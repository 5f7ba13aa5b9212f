"""Executors that attack what they run on: each is contained, its end is told, and another tenant's tasks go on."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import attacks
from tests.e2e.cluster import Kubectl, Service, wait_until
from tests.e2e.tenants import tenants

pytestmark = pytest.mark.alone

LIMITS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "e2e"},
    "spec": {"limits": [{"type": "Container", "default": {"memory": "64Mi", "ephemeral-storage": "50Mi"}}]},
}
"""As k8s/tenant/limits has them, only smaller: for what a task does not ask for."""


@dataclass(frozen=True)
class Tasks:
    """The hostile tasks, which were all begun at once, and their neighbours'."""

    service: Service
    neighbour: Service
    ids: dict[str, str]

    def ended(self, name: str) -> dict[str, Any]:
        return self.service.ended(self.ids[name], within=90)


@pytest.fixture(scope="module")
def node(kubectl: Kubectl) -> dict[str, Any]:
    found: dict[str, Any] = kubectl.json("get", "nodes")["items"][0]
    return found


@pytest.fixture(scope="module")
def tasks(kubectl: Kubectl, shell: Callable[..., dict[str, Any]], bucket: str, node: dict[str, Any]) -> Iterator[Tasks]:
    [address] = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
    with tenants(kubectl, attacks.TENANT, "e2e-neighbour") as (service, neighbour):
        kubectl("-n", attacks.TENANT, "create", "-f", "-", given=LIMITS)
        slow = {"inputs": [{"path": "/in/x", "content": "x"}], "executors": [shell("sleep 20; cat /in/x")]}
        before = neighbour.create(slow)
        hostile = attacks.documents(shell, bucket, address)
        ids = {name: service.create(document) for name, document in hostile.items()}
        after = neighbour.create({"executors": [shell("echo x")]})
        yield Tasks(service, neighbour, {**ids, "before": before, "after": after})


def answers(task: dict[str, Any]) -> list[str]:
    """What each request of an executor came to."""
    lines = str(task["logs"][0]["logs"][0]["stdout"]).splitlines()
    return [line.partition(" ")[2] for line in lines]


def test_a_fork_bomb_ends_at_the_nodes_limit(
    tasks: Tasks, kubectl: Kubectl, shell: Callable[..., dict[str, Any]], node: dict[str, Any]
) -> None:
    path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/configz"
    limit = json.loads(kubectl("get", "--raw", path))["kubeletconfig"]["podPidsLimit"]
    assert 0 < limit < attacks.BOMBS, "the node limits no pod's processes: podPidsLimit, docs/admin.md"

    task = tasks.service.ended(tasks.service.create({"executors": [shell(attacks.BOMB)], "resources": {"ram_gb": 1}}))

    assert (task["state"], "can't fork" in task["logs"][0]["logs"][0]["stdout"]) == ("COMPLETE", True)


def test_what_a_document_asks_for_in_vain_is_not_in_its_pod(tasks: Tasks, kubectl: Kubectl) -> None:
    task_id = tasks.ids["choices"]
    pod = ["-n", attacks.TENANT, "get", "pod", f"{task_id}-executor-0"]
    wait_until(lambda: kubectl.run(*pod).returncode == 0, "the executor's pod is there")
    spec = kubectl.json(*pod)["spec"]

    assert [set(volume) for volume in spec["volumes"]] == [{"name", "persistentVolumeClaim"}]
    assert spec["volumes"][0]["persistentVolumeClaim"]["claimName"] == f"{task_id}-scratch"
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("tesk-executor", False)
    assert spec["priority"] == 0
    assert not {"hostNetwork", "hostPID", "hostIPC", "imagePullSecrets", "runtimeClassName"} & set(spec)
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    task = tasks.ended("choices")
    assert (task["state"], task["logs"][0]["logs"][0].get("stdout", "")) == ("COMPLETE", "")


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
    for name in attacks.LINKED:
        assert f"Output /out/{name} could not be stored" in told
    assert "it is a link to what is not on the task's volume" in told


def test_no_link_brings_a_filers_keys_into_the_log(tasks: Tasks, environment: dict[str, str]) -> None:
    task = tasks.ended("links")
    assert not task["logs"][0]["logs"][0].get("stdout")
    assert environment["S3_SECRET_KEY"] not in str(task)


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


@pytest.mark.parametrize("name", attacks.CHOICES)
def test_a_document_chooses_nothing_that_the_admin_has_not_listed(tasks: Tasks, busybox: str, name: str) -> None:
    resources = {"backend_parameters": {name: attacks.CHOICES[name]}, "backend_parameters_strict": True}
    document = {"executors": [{"image": busybox, "command": ["true"]}], "resources": resources}
    status, answer = tasks.service.call("POST", "/tasks", document)
    assert (status, f"backend_parameters.{name}" in answer["message"]) == (400, True)
