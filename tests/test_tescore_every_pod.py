"""What the service's admin says of all pods of tasks."""

from typing import Any

import pytest

from taskmaster import manifests, plan
from tescore import every_pod, filer_pod, launch, settings, tenant
from tescore.errors import BadSettings
from tescore.launch import LaunchSettings
from tests.build import settings as taskmaster_settings
from tests.build import task, task_record

ASKED = task(inputs=[{"path": "/x/y", "content": "a"}], outputs=[{"path": "/x/z", "url": "s3://b/z"}])


def every(**said: Any) -> list[dict[str, Any]]:
    """One of each kind of pod, as far as admin and task say what it is."""
    service = LaunchSettings(taskmaster_image="t:1", filer_image="f:1", shared_claim="c", **said)
    of_the_task = (
        manifests.pod(task_record(), ASKED, step, taskmaster_settings(**said), failed=False)
        for step in plan.steps(ASKED)
    )
    scrub = filer_pod.scrub_job({"name": "s", "namespace": "tesk"}, "f:1", [], service)
    return [launch.pod("task-a", "tesk", service), scrub["spec"]["template"], *of_the_task]


def test_by_default_they_run_on_linux_and_are_not_moved_away_to_save_nodes() -> None:
    assert len(every()) == 5
    for pod in every():
        assert pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
        assert pod["metadata"]["annotations"] == {
            "karpenter.sh/do-not-disrupt": "true",
            "linkerd.io/inject": "disabled",
        }


def test_an_admin_says_where_they_run_and_what_is_written_on_them() -> None:
    said = {"node_selector": ("kubernetes.io/arch=amd64", "pool="), "pod_annotations": ("a.example/b=c=d",)}
    for pod in every(**said):
        assert pod["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64", "pool": ""}
        assert pod["metadata"]["annotations"] == {"a.example/b": "c=d", "linkerd.io/inject": "disabled"}


def test_a_lone_comma_is_neither() -> None:
    none = settings.read(every_pod.PodSettings, {"TESK_NODE_SELECTOR": ",", "TESK_POD_ANNOTATIONS": ","})
    said = {"node_selector": none.node_selector, "pod_annotations": none.pod_annotations}
    for pod in every(**said):
        assert "nodeSelector" not in pod["spec"]
        assert pod["metadata"]["annotations"] == {"linkerd.io/inject": "disabled"}


@pytest.mark.parametrize("variable", ["TESK_NODE_SELECTOR", "TESK_POD_ANNOTATIONS"])
def test_a_tenant_does_not_say_otherwise(variable: str) -> None:
    service = LaunchSettings(taskmaster_image="t:1", filer_image="f:1", node_selector=("pool=tes",))
    with pytest.raises(BadSettings, match=f"{variable} is no setting of a tenant's"):
        tenant.overridden(service, {variable: "a=b"})
    assert tenant.overridden(service, {}).node_selector == ("pool=tes",)


def test_a_tasks_own_choice_of_nodes_is_among_the_admins() -> None:
    asked = task(resources={"preemptible": True})
    said = {"preemptible_selector": ("kubernetes.io/os=windows", "spot=yes")}
    pod = manifests.pod(task_record(), asked, plan.steps(asked)[0], taskmaster_settings(**said), failed=False)
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux", "spot": "yes"}


def test_a_taskmaster_is_told_what_an_admin_says() -> None:
    service = LaunchSettings(taskmaster_image="t:1", filer_image="f:1", node_selector=(), pod_annotations=("a=b",))
    [container] = launch.pod("task-a", "tesk", service)["spec"]["containers"]
    told = {each["name"]: each.get("value") for each in container["env"]}
    assert (told["TESK_NODE_SELECTOR"], told["TESK_POD_ANNOTATIONS"]) == (",", "a=b")
