"""That Pod Security `restricted` admits every pod of a task in a tenant with a user, and nobody becomes root there."""

from datetime import UTC, datetime
from typing import Any

import pytest

import janitor.scrub
from janitor.settings import Settings as JanitorSettings
from taskmaster import manifests, scratch
from taskmaster.plan import Kind, Step
from tescore import launch
from tests.build import settings, task, task_record

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LAUNCHER = JanitorSettings(taskmaster_image="t", filer_image="f", shared_claim="data", run_as_user=1000)
NEEDS = task(inputs=[{"path": "/in/x", "content": "x"}], outputs=[{"path": "/out/x", "url": "s3://b/x"}])
USER = {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000}


def spec(step: Step, **changes: Any) -> dict[str, Any]:
    """Of the pod of a step."""
    found: dict[str, Any] = manifests.pod(task_record(), NEEDS, step, settings(**changes), failed=False)["spec"]
    return found


def template(job: dict[str, Any] | None) -> dict[str, Any]:
    """Of the pod of a Job."""
    assert job
    found: dict[str, Any] = job["spec"]["template"]["spec"]
    return found


def violations(pod: dict[str, Any]) -> set[str]:
    """What `restricted` would refuse, by the fields of Kubernetes' Pod Security Standards."""
    [container] = pod["containers"]
    own = container["securityContext"]
    context = {**pod["securityContext"], **own}
    kinds = {kind for volume in pod.get("volumes", []) for kind in volume if kind != "name"}
    checks = {
        "runAsNonRoot": context.get("runAsNonRoot") is True,
        "runAsUser": context.get("runAsUser") != 0,
        "seccompProfile": context["seccompProfile"]["type"] == "RuntimeDefault",
        "allowPrivilegeEscalation": own["allowPrivilegeEscalation"] is False,
        "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
        "volumes": kinds <= {"configMap", "secret", "persistentVolumeClaim", "emptyDir", "projected"},
        "host": not any(name.startswith("host") for name in pod),
    }
    return {name for name, holds in checks.items() if not holds}


INPUTS, EXECUTOR, OUTPUTS = Step(Kind.INPUTS), Step(Kind.EXECUTOR, 0), Step(Kind.OUTPUTS)


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(spec(INPUTS, run_as_user=1000), id="inputs"),
        pytest.param(spec(EXECUTOR, run_as_user=1000), id="executor"),
        pytest.param(spec(OUTPUTS, run_as_user=1000), id="outputs"),
        pytest.param(spec(OUTPUTS, run_as_user=1000, shared_claim="data"), id="outputs-shared"),
        pytest.param(launch.pod("task-a", "tesk", LAUNCHER)["spec"], id="taskmaster"),
        pytest.param(template(janitor.scrub.job("tesk", [], LAUNCHER, listed=NOW)), id="sweep"),
        pytest.param(
            template(scratch.scrub_job(task_record(), NEEDS, settings(shared_claim="data", run_as_user=1000))),
            id="scrub",
        ),
    ],
)
def test_restricted_admits_every_pod_of_a_tenant_with_a_user(pod: dict[str, Any]) -> None:
    assert violations(pod) == set()


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (INPUTS, {"runAsNonRoot", "runAsUser", "capabilities"}),
        (EXECUTOR, {"runAsNonRoot", "capabilities"}),
    ],
)
def test_without_a_user_restricted_refuses_what_may_be_root(step: Step, expected: set[str]) -> None:
    assert violations(spec(step)) == expected


@pytest.mark.parametrize("step", [INPUTS, EXECUTOR, OUTPUTS])
def test_all_pods_of_a_task_are_the_tenants_user_so_that_they_share_its_files(step: Step) -> None:
    for pod in (spec(step, run_as_user=1000), spec(step, run_as_user=1000, shared_claim="data")):
        assert pod["securityContext"].items() >= USER.items()


def test_a_claim_of_the_tasks_own_is_given_to_that_user_and_a_shared_one_is_left_as_it_is() -> None:
    for step in (INPUTS, EXECUTOR, OUTPUTS):
        assert spec(step, run_as_user=1000)["securityContext"]["fsGroup"] == 1000
        assert "fsGroup" not in spec(step, run_as_user=1000, shared_claim="data")["securityContext"]
