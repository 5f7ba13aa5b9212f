import pytest

from taskmaster.settings import Settings
from tescore import launch, settings, tenant
from tescore.errors import BadSettings
from tescore.launch import LaunchSettings
from tescore.tenant import overridden

OWN = {"TESK_POD_UID": "p-1"}


def launched(chosen: LaunchSettings) -> Settings:
    """What a taskmaster reads that was launched with these settings."""
    [container] = launch.pod("task-a", "tesk", chosen)["spec"]["containers"]
    return settings.read(Settings, OWN | {item["name"]: item["value"] for item in container["env"] if "value" in item})


def test_a_taskmaster_reads_the_settings_that_it_is_launched_with() -> None:
    chosen = LaunchSettings(
        taskmaster_image="t",
        filer_image="f",
        scratch_gb=2.5,
        local_scratch=True,
        gpu_resources=(),
        priority_classes=("low", "high"),
        preemptible_toleration=("spot=yes:NoSchedule",),
    )
    read = launched(chosen)
    assert {name: getattr(read, name) for name in tenant.FIELDS} == {
        name: getattr(chosen, name) for name in tenant.FIELDS
    }


def test_a_tenants_own_settings_go_before_the_services_also_where_they_allow_less() -> None:
    service = LaunchSettings(taskmaster_image="t:1", filer_image="f:1", priority_classes=("high",), run_seconds=60.0)
    own = overridden(service, {"TESK_PRIORITY_CLASSES": ",", "TESK_RUN_SECONDS": ""})
    assert (own.priority_classes, own.run_seconds) == ((), 60.0)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("TESK_FILER_CPU", value) for value in ("0", "50m", "1", "0.25")),
        *(("TESK_TASKMASTER_MEMORY", value) for value in ("1Mi", "512Mi", "4Gi")),
    ],
)
def test_what_a_pod_of_the_service_asks_for_is_taken_as_it_stands(variable: str, value: str) -> None:
    field = variable.removeprefix("TESK_").lower()
    assert getattr(overridden(SERVICE, {variable: value}), field) == value


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("TESK_TASKMASTER_CPU", value) for value in ("-1", "50 m", "1.5m", "1e3", "half")),
        *(("TESK_FILER_MEMORY", value) for value in ("0Mi", "96", "96M", "1.5Gi", "96MiB", "-1Mi")),
    ],
)
def test_another_text_is_refused_with_what_it_should_be(variable: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"{variable} is '{value}', which is not of its form .* asks for"):
        overridden(SERVICE, {variable: value})


@pytest.mark.parametrize(
    ("memory", "limit"), [("96Mi", "256Mi"), ("256Mi", "256Mi"), ("257Mi", "257Mi"), ("1Gi", "1024Mi")]
)
def test_a_pod_of_the_service_may_have_the_memory_that_it_asks_for(memory: str, limit: str) -> None:
    asked = tenant.resources("50m", memory, least=256)
    assert asked == {"requests": {"cpu": "50m", "memory": memory}, "limits": {"memory": limit}}


SERVICE = LaunchSettings(taskmaster_image="t:1", filer_image="f:1", scratch_gb=2.0, task_limit=50)


def test_a_tenant_has_the_services_settings_but_for_its_own() -> None:
    own = overridden(SERVICE, {"TESK_TASK_LIMIT": "5", "TESK_SCRATCH_GB": "", "note": "for people"})
    assert (own.task_limit, own.scratch_gb, own.taskmaster_image) == (5, 2.0, "t:1")


def test_all_that_is_wrong_is_told_together() -> None:
    with pytest.raises(BadSettings) as caught:
        overridden(SERVICE, {"TESK_TASK_LIMIT": "five", "TESK_TASKMASTER_IMAGE": "mine", "TESK_TASKLIMIT": "5"})
    assert caught.value.problems == (
        "TESK_TASKMASTER_IMAGE is no setting of a tenant's",
        "TESK_TASKLIMIT is no setting of a tenant's",
        "TESK_TASK_LIMIT is 'five', which is not a whole number",
    )


def test_a_setting_that_keeps_others_waiting_while_it_is_looked_at_is_refused() -> None:
    with pytest.raises(BadSettings) as caught:
        overridden(SERVICE, {"TESK_IMAGES": "x," * 5000})
    assert caught.value.problems == ("TESK_IMAGES has more than 8192 characters",)
