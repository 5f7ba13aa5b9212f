from taskmaster.settings import Settings
from tescore import launch, settings, tenant
from tescore.launch import LaunchSettings

OWN = {"TESK_POD_UID": "p-1"}


def launched(chosen: LaunchSettings) -> Settings:
    """What a taskmaster reads that was launched with these settings."""
    [container] = launch.job("task-a", "tesk", chosen)["spec"]["template"]["spec"]["containers"]
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
    service = {"TESK_PRIORITY_CLASSES": "high", "TESK_RUN_SECONDS": "60"}
    read = tenant.overridden(service, {"TESK_PRIORITY_CLASSES": ",", "TESK_RUN_SECONDS": ""})
    assert (read.priority_classes, read.run_seconds) == ((), 60.0)
