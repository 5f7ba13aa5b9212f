from typing import Any

import pytest

from taskmaster import manifests, placement
from taskmaster.plan import Kind, Step
from tescore import document, model
from tests.build import executor, settings, task, task_document, task_record

PATIENCE = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30},
]
ALLOWED = {
    "node_selector_keys": ("disk", "pool"),
    "priority_classes": ("high",),
    "runtime_classes": ("kata",),
    "image_pull_secrets": ("registry",),
    "reference_claims": ("genomes", "proteins"),
    "gpu_resources": ("amd.com/gpu", "nvidia.com/gpu"),
    "preemptible_selector": ("pool=spot", "spot"),
    "preemptible_toleration": ("spot=yes:NoSchedule", "cheap:NoExecute", "odd"),
}
LINUX = {"kubernetes.io/os": "linux"}
STEPS = {kind: Step(kind, 0 if kind == Kind.EXECUTOR else -1) for kind in Kind}


def allowed(**changes: Any) -> model.Task:
    return model.task(document.clean(task_document(**changes), settings(**ALLOWED))[0])


def asking(parameters: dict[str, str] | None = None, **resources: Any) -> model.Task:
    """A task with files, so that it has filers too."""
    given = {**resources, **({"backend_parameters": parameters} if parameters else {})}
    inputs = [{"path": "/data/x", "content": "a"}]
    return allowed(inputs=inputs, resources=given)


def spec(asked: model.Task, kind: Kind = Kind.EXECUTOR, **changes: Any) -> dict[str, Any]:
    pod = manifests.pod(task_record(), asked, STEPS[kind], settings(**ALLOWED | changes), failed=False)
    found: dict[str, Any] = pod["spec"]
    return found


def amounts(asked: model.Task, kind: Kind = Kind.EXECUTOR, **changes: Any) -> Any:
    return spec(asked, kind, **changes)["containers"][0]["resources"]


@pytest.mark.parametrize("kind", Kind)
def test_a_pod_gives_a_lost_node_up_after_30_seconds(kind: Kind) -> None:
    assert spec(asking(), kind)["tolerations"] == PATIENCE


@pytest.mark.parametrize("kind", Kind)
def test_every_pod_of_a_task_runs_where_its_executors_may(kind: Kind) -> None:
    pod = spec(asking({"node_selector": "disk=ssd,pool=big", "priority_class": "high"}, zones=["a", "b"]), kind)
    [term] = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term == {
        "matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a", "b"]}]
    }
    assert pod["nodeSelector"] == {"disk": "ssd", "pool": "big", **LINUX}
    assert pod["priorityClassName"] == "high"


@pytest.mark.parametrize("kind", Kind)
def test_a_preemptible_task_goes_to_the_nodes_that_the_admin_has_for_it(kind: Kind) -> None:
    pod = spec(asking({"node_selector": "disk=ssd,pool=big"}, preemptible=True), kind)
    assert pod["nodeSelector"] == {"disk": "ssd", "pool": "spot", "spot": "", **LINUX}
    assert pod["tolerations"] == [
        *PATIENCE,
        {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
        {"key": "cheap", "operator": "Exists", "effect": "NoExecute"},
        {"key": "odd", "operator": "Exists"},
    ]


def test_another_task_does_not() -> None:
    assert spec(asking(preemptible=False))["nodeSelector"] == LINUX


def test_only_executors_have_a_runtime_class_and_the_secret_for_their_images() -> None:
    asked = asking({"runtime_class": "kata", "image_pull_secret": "registry"})
    own = {"runtimeClassName": "kata", "imagePullSecrets": [{"name": "registry"}]}
    assert own.items() <= spec(asked).items()
    assert not own.keys() & spec(asked, Kind.INPUTS).keys()


@pytest.mark.parametrize(
    ("asked", "of_the_tenant", "expected"),
    [
        ({}, 0.0, None),
        ({}, 90.5, 91),
        ({"max_run_seconds": "60"}, 0.0, 60),
        ({"max_run_seconds": "60"}, 90.5, 60),
        ({}, 1e12, 2**31 - 1),
    ],
)
def test_an_executor_has_its_deadline(asked: dict[str, str], of_the_tenant: float, expected: int | None) -> None:
    assert spec(asking(asked), run_seconds=of_the_tenant).get("activeDeadlineSeconds") == expected


def test_a_filer_has_none() -> None:
    assert "activeDeadlineSeconds" not in spec(asking({"max_run_seconds": "60"}), Kind.INPUTS, run_seconds=90.0)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"cpu_cores": 2.0, "ram_gb": 1.5}, {"cpu": "2", "memory": "1610612736"}),
        ({"cpu_cores": 1, "ram_gb": 2}, {"cpu": "1", "memory": "2Gi"}),
        ({"ram_gb": 1e-9}, {"memory": "2"}),
        ({"ram_gb": 0.1}, {"memory": "107374183"}),
        ({"cpu_cores": 2**31 - 1, "ram_gb": 2.0**32}, {"cpu": "2147483647", "memory": "4294967296Gi"}),
        ({"cpu_cores": 0, "ram_gb": 0.0}, {}),
    ],
)
def test_cores_and_memory_are_asked_for_exactly(asked: dict[str, Any], expected: dict[str, str]) -> None:
    assert amounts(asking(**asked)) == ({"requests": expected, "limits": expected} if expected else {})


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"gpus": "2"}, {"amd.com/gpu": "2"}),
        ({"gpus": "1", "gpu_resource": "nvidia.com/gpu"}, {"nvidia.com/gpu": "1"}),
        ({"gpus": "0"}, {}),
        ({"gpu_resource": "nvidia.com/gpu"}, {}),
    ],
)
def test_gpus_are_those_of_the_task_or_the_admins_first(parameters: dict[str, str], expected: dict[str, str]) -> None:
    assert amounts(asking(parameters)).get("limits", {}) == expected


def test_filers_ask_for_little() -> None:
    little = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}}
    large = asking({"gpus": "1"}, cpu_cores=8, ram_gb=64)
    assert [amounts(large, kind) for kind in (Kind.INPUTS, Kind.OUTPUTS)] == [little, little]


def test_filers_ask_for_what_the_tenant_says() -> None:
    said = {"filer_cpu": "200m", "filer_memory": "1Gi"}
    expected = {"requests": {"cpu": "200m", "memory": "1Gi"}, "limits": {"memory": "1024Mi"}}
    assert [amounts(asking(), kind, **said) for kind in (Kind.INPUTS, Kind.OUTPUTS)] == [expected, expected]
    small = asking(cpu_cores=1, ram_gb=0.5)
    local = amounts(small, Kind.INPUTS, local_scratch=True, **said)
    assert local == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1024Mi"}}


@pytest.mark.parametrize(
    ("asked", "requests", "limits"),
    [
        ({"cpu_cores": 8, "ram_gb": 64}, {"cpu": "8", "memory": "64Gi"}, {"memory": "64Gi"}),
        ({"ram_gb": 0.125}, {"cpu": "50m", "memory": "134217728"}, {"memory": "256Mi"}),
        ({}, {"cpu": "50m", "memory": "96Mi"}, {"memory": "256Mi"}),
        (
            {"parameters": {"gpus": "1"}},
            {"cpu": "50m", "memory": "96Mi", "amd.com/gpu": "1"},
            {"memory": "256Mi", "amd.com/gpu": "1"},
        ),
    ],
)
def test_on_local_scratch_the_first_filer_finds_a_node_that_the_executors_fit_on(
    asked: dict[str, Any], requests: dict[str, str], limits: dict[str, str]
) -> None:
    found = amounts(asking(**asked), Kind.INPUTS, local_scratch=True)
    assert found == {"requests": requests, "limits": limits}
    assert amounts(asking(**asked), Kind.OUTPUTS, local_scratch=True)["limits"] == {"memory": "256Mi"}


def test_reference_data_is_mounted_read_only_into_executors() -> None:
    asked = asking({"read_only_claims": "proteins:/p,genomes:/ref/,genomes:/mnt/again"})
    assert spec(asked)["volumes"][1:] == [
        {"name": "reference-0", "persistentVolumeClaim": {"claimName": "genomes", "readOnly": True}},
        {"name": "reference-1", "persistentVolumeClaim": {"claimName": "proteins", "readOnly": True}},
    ]
    assert spec(asked)["containers"][0]["volumeMounts"][1:] == [
        {"name": "reference-1", "mountPath": "/p", "readOnly": True},
        {"name": "reference-0", "mountPath": "/ref", "readOnly": True},
        {"name": "reference-0", "mountPath": "/mnt/again", "readOnly": True},
    ]


def test_the_first_filer_goes_where_the_reference_data_is_and_does_not_see_it() -> None:
    asked = asking({"read_only_claims": "genomes:/ref"})
    filer = spec(asked, Kind.INPUTS)
    assert "reference-0" in [volume["name"] for volume in filer["volumes"]]
    assert "reference-0" not in [mount["name"] for mount in filer["containers"][0]["volumeMounts"]]


def test_a_task_with_nothing_but_reference_data_has_no_other_volume() -> None:
    alone = allowed(resources={"backend_parameters": {"read_only_claims": "genomes:/ref"}})
    assert [volume["name"] for volume in spec(alone)["volumes"]] == ["reference-0"]


@pytest.mark.parametrize(
    "image",
    ["busybox", "registry.example.org:5000/a/b:1", f"registry.example.org/a@sha256:{'0' * 64}", "localhost/a/b"],
)
def test_an_image_is_named_as_the_task_names_it_and_pulled_once(image: str) -> None:
    container = spec(task(executors=[executor(image=image)]))["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == (image, "IfNotPresent")


def test_the_tolerations_are_no_list_that_pods_share() -> None:
    first = placement.of_every_pod(asking(), settings())["tolerations"]
    first.append({})
    assert placement.of_every_pod(asking(), settings())["tolerations"] == PATIENCE
