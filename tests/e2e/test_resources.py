"""What a task asks of the cluster, as Kubernetes sees it."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.e2e.cluster import TENANT, Kubectl, Service, told, wait_until

Shell = Callable[..., dict[str, Any]]
Configured = Callable[..., AbstractContextManager[None]]
PARAMETER = "resources.backend_parameters"


@pytest.fixture
def make(kubectl: Kubectl) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Creates an object and deletes it after the test."""
    made: list[tuple[str, str]] = []

    def create(given: dict[str, Any]) -> None:
        kubectl("create", "-f", "-", given=given)
        made.append((given["kind"], given["metadata"]["name"]))

    yield create
    for kind, name in reversed(made):
        kubectl("delete", kind, name, "--ignore-not-found")


@pytest.fixture
def running(service: Service, shell: Shell) -> Iterator[Callable[..., str]]:
    """Makes a task with these resources that runs until the test ends; with a volume it has a filer too."""
    made: list[str] = []

    def run(resources: dict[str, Any], **more: Any) -> str:
        task_id = service.create({"executors": [shell("sleep 600")], "resources": resources, **more})
        made.append(task_id)
        wait_until(lambda: service.state(task_id) == "RUNNING", f"{task_id} runs")
        return task_id

    yield run
    for task_id in made:
        service.call("POST", f"/tasks/{task_id}:cancel")


@pytest.fixture
def node(kubectl: Kubectl) -> str:
    return str(kubectl.names("nodes")[0].removeprefix("node/"))


@pytest.fixture
def labels(kubectl: Kubectl, node: str) -> Iterator[Callable[..., None]]:
    """Labels a node until the test ends."""
    made: list[str] = []

    def label(given: dict[str, str]) -> None:
        made.extend(given)
        kubectl("label", "node", node, "--overwrite", *(f"{key}={value}" for key, value in given.items()))

    yield label
    kubectl("label", "node", node, *(f"{key}-" for key in made))


@pytest.fixture
def gpus(kubectl: Kubectl, node: str) -> Iterator[None]:
    """A node that says it has two GPUs, until the test ends."""

    def patch(operation: dict[str, str]) -> None:
        paths = ("/status/capacity/nvidia.com~1gpu", "/status/allocatable/nvidia.com~1gpu")
        patches = json.dumps([{**operation, "path": path} for path in paths])
        kubectl("patch", "node", node, "--subresource=status", "--type=json", "-p", patches)

    patch({"op": "add", "value": "2"})
    yield
    patch({"op": "remove"})


def pod_of(kubectl: Kubectl, task_id: str) -> dict[str, Any]:
    return dict(kubectl.json("get", "pod", f"{task_id}-executor-0")["spec"])


def test_cores_memory_and_disk_are_exact_quantities(kubectl: Kubectl, running: Callable[..., str]) -> None:
    task_id = running({"cpu_cores": 1.0, "ram_gb": 0.1, "disk_gb": 0.3}, volumes=["/v"])
    amounts = {"cpu": "1", "memory": "107374183"}
    assert pod_of(kubectl, task_id)["containers"][0]["resources"] == {"requests": amounts, "limits": amounts}
    [claim] = kubectl.json("get", "pvc", "-l", f"tesk/task={task_id}")["items"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "322122548"


def test_a_task_runs_on_the_nodes_that_it_asks_for(
    kubectl: Kubectl, labels: Callable[..., None], node: str, running: Callable[..., str]
) -> None:
    labels({"topology.kubernetes.io/zone": "e2e-b", "tesk-trial/pool": "e2e"})
    asked = {
        "zones": ["e2e-a", "e2e-b"],
        "preemptible": True,
        "backend_parameters": {"Node_Selector": "tesk-trial/pool=e2e"},
    }
    pod = pod_of(kubectl, running(asked, volumes=["/v"]))
    assert pod["nodeName"] == node
    assert pod["nodeSelector"] == {"tesk-trial/pool": "e2e", "kubernetes.io/os": "linux"}
    [term] = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["e2e-a", "e2e-b"]
    by_key = {item["key"]: item for item in pod["tolerations"]}
    assert by_key["tesk-trial/spot"]["effect"] == "NoSchedule"
    assert by_key["node.kubernetes.io/unreachable"]["tolerationSeconds"] == 30


@pytest.mark.parametrize(
    "resources",
    [{"zones": ["e2e-nowhere"]}, {"backend_parameters": {"node_selector": "tesk-trial/pool=none"}}],
    ids=["zone", "label"],
)
def test_a_task_waits_for_a_node_that_is_as_it_asks(
    service: Service, kubectl: Kubectl, shell: Shell, resources: dict[str, Any]
) -> None:
    task_id = service.create({"executors": [shell("true")], "resources": resources})
    wait_until(
        lambda: "didn't match Pod's node affinity/selector" in kubectl(
            "get", "configmap", task_id, "-o", r"jsonpath={.metadata.annotations.tesk/reason}"
        ),
        "the reason is told",
    )  # fmt: skip
    assert service.state(task_id) == "INITIALIZING"
    service.call("POST", f"/tasks/{task_id}:cancel")


def test_a_task_has_the_classes_that_the_admin_allows(
    kubectl: Kubectl, make: Callable[[dict[str, Any]], None], running: Callable[..., str]
) -> None:
    named = {"metadata": {"name": "tesk-trial"}}
    make({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 1000, **named})
    make({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "runc", **named})
    classes = dict.fromkeys(("priority_class", "runtime_class", "image_pull_secret"), "tesk-trial")
    pod = pod_of(kubectl, running({"backend_parameters": classes, "backend_parameters_strict": True}))
    assert (pod["priority"], pod["priorityClassName"], pod["runtimeClassName"]) == (1000, "tesk-trial", "tesk-trial")
    assert pod["imagePullSecrets"] == [{"name": "tesk-trial"}]


def test_what_is_not_allowed_is_told_and_not_used_and_refused_if_the_task_is_strict(
    service: Service, shell: Shell
) -> None:
    given = {"VmSize": "x", "priority_class": "system-cluster-critical", "max_attempts": "99", "runtime_class": None}
    resources = {"backend_parameters": given}
    document = {"executors": [shell("true")], "resources": resources}
    why = {
        "VmSize": "is not supported",
        "priority_class": "asks for 'system-cluster-critical', and allowed here is tesk-trial",
        "max_attempts": "is 99, and allowed here is 3 at most",
    }

    task = service.ended(service.create(document))
    status, answer = service.call(
        "POST", "/tasks", {**document, "resources": {**resources, "backend_parameters_strict": True}}
    )

    unused = [f"The field {PARAMETER}.{name} was not used: it {reason}." for name, reason in why.items()]
    assert (task["state"], told(task["logs"][0])) == ("COMPLETE", unused)
    assert task["resources"] == {}
    assert status == 400
    assert answer["problems"] == [
        f"{PARAMETER}.{name}: {reason}, and backend_parameters_strict is true" for name, reason in why.items()
    ]


def test_a_text_that_cannot_be_read_is_refused_in_any_case(service: Service, shell: Shell) -> None:
    document = {"executors": [shell("true")], "resources": {"backend_parameters": {"gpus": "many"}}}
    status, answer = service.call("POST", "/tasks", document)
    assert (status, answer["problems"]) == (400, [f"{PARAMETER}.gpus: is 'many', which is not a whole number"])


def test_service_info_names_the_parameters(service: Service) -> None:
    named = service.call("GET", "/service-info")[1]["tesResources_backend_parameters"]
    assert {"gpus", "priority_class", "read_only_claims"} <= set(named)


def test_reference_data_is_there_to_read(
    service: Service, kubectl: Kubectl, shell: Shell, busybox: str, make: Callable[[dict[str, Any]], None]
) -> None:
    make({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "tesk-trial", "namespace": TENANT},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    })  # fmt: skip
    make({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tesk-trial", "namespace": TENANT},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{
                "name": "writer", "image": busybox, "command": ["sh", "-c", "echo GATTACA > /ref/genome"],
                "volumeMounts": [{"name": "ref", "mountPath": "/ref"}],
            }],
            "volumes": [{"name": "ref", "persistentVolumeClaim": {"claimName": "tesk-trial"}}],
        },
    })  # fmt: skip
    kubectl("wait", "pod/tesk-trial", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s")

    script = "cat /ref/genome /again/genome; touch /ref/mine || echo refused; cp /ref/genome /out/genome"
    task = service.ended(service.create({
        "volumes": ["/out"],
        "executors": [shell(script)],
        "resources": {"backend_parameters": {"read_only_claims": "tesk-trial:/ref,tesk-trial:/again"}},
    }))  # fmt: skip

    assert task["state"] == "COMPLETE"
    out = task["logs"][0]["logs"][0]["stdout"]
    assert "GATTACA\nGATTACA\n" in out
    assert "Read-only file system" in out
    assert "refused\n" in out


@pytest.mark.parametrize(
    ("script", "code"),
    [("sleep 600", 143), ("trap 'exit 0' TERM; while true; do sleep 0.1; done", 137)],
    ids=["ended", "ends well"],
)
def test_an_executor_runs_no_longer_than_it_may(service: Service, shell: Shell, script: str, code: int) -> None:
    resources = {"backend_parameters": {"max_run_seconds": "2"}}
    task = service.ended(service.create({"executors": [shell(script)], "resources": resources}), within=30)
    assert (task["state"], task["logs"][0]["logs"][0]["exit_code"]) == ("EXECUTOR_ERROR", code)
    assert any("ran longer than it may" in note for note in task["logs"][0]["system_logs"])


def test_an_output_that_is_missing_may_be_no_error(service: Service, shell: Shell, bucket: str) -> None:
    task = service.ended(service.create({
        "executors": [shell("true")],
        "outputs": [{"path": "/out/x", "url": f"s3://{bucket}/x"}],
        "resources": {"backend_parameters": {"optional_outputs": "true"}},
    }))  # fmt: skip
    assert task["state"] == "COMPLETE"
    assert any("/out/x" in note for note in task["logs"][0]["system_logs"])


@pytest.mark.parametrize(("asked", "state"), [({}, "COMPLETE"), ({"optional_outputs": "false"}, "SYSTEM_ERROR")])
def test_a_tenant_may_have_missing_outputs_noted_unless_the_task_asks_otherwise(
    service: Service, shell: Shell, configured: Configured, bucket: str, asked: dict[str, str], state: str
) -> None:
    with configured(TESK_OPTIONAL_OUTPUTS="true"):
        task = service.ended(service.create({
            "executors": [shell("true")],
            "outputs": [{"path": "/out/x", "url": f"s3://{bucket}/x"}],
            "resources": {"backend_parameters": asked},
        }))  # fmt: skip
    assert task["state"] == state
    assert any("/out/x" in note for note in task["logs"][0]["system_logs"])


def test_an_executor_gets_its_gpu(kubectl: Kubectl, gpus: None, running: Callable[..., str], node: str) -> None:
    pod = pod_of(kubectl, running({"backend_parameters": {"GPUs": "1"}, "backend_parameters_strict": True}))
    assert pod["nodeName"] == node
    assert pod["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "1"}


def test_memory_too_little_to_start_with_is_named(service: Service, shell: Shell) -> None:
    task = service.ended(service.create({"executors": [shell("true")], "resources": {"ram_gb": 0.004}}), within=60)
    assert task["state"] == "EXECUTOR_ERROR"
    assert any("less than 16 MiB of memory" in note for note in task["logs"][0]["system_logs"])
