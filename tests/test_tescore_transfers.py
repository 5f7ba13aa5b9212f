"""What an admin says of transfers reaches the filer."""

from typing import Any

import pytest

from filer.settings import Settings as FilerSettings
from taskmaster import manifests
from taskmaster.plan import Kind, Step
from taskmaster.settings import Settings as TaskmasterSettings
from tescore import settings, tenant, transfers
from tescore.launch import LaunchSettings, pod
from tests.build import task, task_record

CHANGED: dict[str, Any] = {
    "transfer_limit": 3,
    "transfer_seconds": 60.0,
    "retry_seconds": 5.0,
    "denied_ranges": ("10.0.0.0/8", "fd00::/8"),
    "allowed_ranges": ("10.1.0.0/16",),
}


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "p-1") for item in container["env"]}


def by_way_of_its_pods(**changes: Any) -> FilerSettings:
    launched = pod("task-a", "tesk", LaunchSettings(taskmaster_image="t:1", filer_image="f:1", **changes))
    [taskmaster] = launched["spec"]["containers"]
    read = settings.read(TaskmasterSettings, variables(taskmaster))
    inputs = manifests.pod(task_record(), task(), Step(Kind.INPUTS), read, failed=False)
    return settings.read(FilerSettings, variables(inputs["spec"]["containers"][0]))


def test_all_of_them_have_been_changed_here() -> None:
    assert set(CHANGED) == set(transfers.FIELDS)


@pytest.mark.parametrize("changes", [{}, CHANGED], ids=["as-they-are", "changed"])
def test_the_filer_has_what_the_admin_set(changes: dict[str, Any]) -> None:
    had = by_way_of_its_pods(**changes)
    meant = LaunchSettings(taskmaster_image="t:1", filer_image="f:1", **changes)
    assert {name: getattr(had, name) for name in transfers.FIELDS} == {
        name: getattr(meant, name) for name in transfers.FIELDS
    }


def test_a_tenant_cannot_change_them_for_itself() -> None:
    assert set(tenant.FIELDS).isdisjoint(transfers.FIELDS)
