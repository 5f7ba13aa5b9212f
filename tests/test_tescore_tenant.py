import pytest

from tescore.errors import BadSettings
from tescore.launch import LaunchSettings
from tescore.tenant import overridden

SERVICE = LaunchSettings(taskmaster_image="t:1", filer_image="f:1", scratch_gb=2.0, task_limit=50)


def test_a_tenant_has_the_services_settings_but_for_its_own() -> None:
    own = overridden(SERVICE, {"TESK_TASK_LIMIT": "5", "TESK_QUEUE": "", "note": "for people"})
    assert (own.task_limit, own.scratch_gb, own.queue, own.taskmaster_image) == (5, 2.0, "", "t:1")


def test_all_that_is_wrong_is_told_together() -> None:
    with pytest.raises(BadSettings) as caught:
        overridden(SERVICE, {"TESK_TASK_LIMIT": "five", "TESK_TASKMASTER_IMAGE": "mine", "TESK_TASKLIMIT": "5"})
    assert caught.value.problems == (
        "TESK_TASKMASTER_IMAGE is no setting of a tenant's",
        "TESK_TASKLIMIT is no setting of a tenant's",
        "TESK_TASK_LIMIT is 'five', which is not a whole number",
    )
