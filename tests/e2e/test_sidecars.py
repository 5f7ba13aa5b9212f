"""A tenant in whose pods something injects a container that never ends, as service meshes and agents do."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.cluster import Kubectl, Service, made
from tests.e2e.tenants import tenant

Shell = Callable[..., dict[str, Any]]
MESHED = "e2e-meshed"


def policy(image: str) -> list[dict[str, Any]]:
    """Injects it as the first container, and by a name that comes before ours."""
    sidecar = f'Object.spec.containers{{name: "agent", image: "{image}", command: ["sleep", "3600"]}}'
    api = {"apiVersion": "admissionregistration.k8s.io/v1beta1", "metadata": {"name": MESHED}}
    injects = {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": MESHED}},
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ],
        },
        "matchConditions": [
            {
                "name": "steps",
                "expression": "object.metadata.labels['app.kubernetes.io/component'] in ['executor', 'filer']",
            }
        ],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {"expression": f'[JSONPatch{{op: "add", path: "/spec/containers/0", value: {sidecar}}}]'},
            }
        ],
    }
    return [
        {**api, "kind": "MutatingAdmissionPolicy", "spec": injects},
        {**api, "kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": MESHED}},
    ]


@pytest.fixture(scope="module")
def meshed(kubectl: Kubectl, busybox: str) -> Iterator[Service]:
    with made(kubectl, *policy(busybox)), tenant(MESHED, kubectl) as service:
        yield service


def test_a_task_runs_beside_injected_containers_to_its_end(
    meshed: Service, kubectl: Kubectl, shell: Shell, s3: Any, bucket: str
) -> None:
    task_id = meshed.create({
        "inputs": [{"path": "/in/x", "content": "given"}],
        "executors": [shell("cat /in/x; echo made > /out/x"), shell("echo failed >&2; exit 3", ignore_error=True)],
        "outputs": [{"path": "/out/x", "url": f"s3://{bucket}/meshed"}],
    })  # fmt: skip
    task = meshed.ended(task_id)
    assert task["state"] == "COMPLETE"
    first, second = task["logs"][0]["logs"]
    assert (first["stdout"], second["exit_code"], second["stdout"]) == ("given", 3, "failed\n")
    assert s3.get_object(Bucket=bucket, Key="meshed")["Body"].read() == b"made\n"
    pods = ["-n", MESHED, "-l", f"tesk/task={task_id},app.kubernetes.io/component in (executor, filer)"]
    kubectl("wait", "pods", *pods, "--for=delete", "--timeout=60s")


def test_a_filer_beside_an_injected_container_says_why_it_failed(meshed: Service, shell: Shell, bucket: str) -> None:
    missing = {"path": "/in/x", "url": f"s3://{bucket}/none"}
    task = meshed.ended(meshed.create({"inputs": [missing], "executors": [shell("true")]}))
    assert task["state"] == "SYSTEM_ERROR"
    assert any(f"s3://{bucket}/none" in note for note in task["logs"][0]["system_logs"])
