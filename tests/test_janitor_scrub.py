from dataclasses import replace
from datetime import UTC, datetime

import pytest

from janitor import scrub
from janitor.settings import Settings
from tests.build import task_record

NOW = datetime(2026, 11, 22, 5, 0, 0, tzinfo=UTC)
SETTINGS = Settings(taskmaster_image="taskmaster:1", filer_image="filer:1", shared_claim="data")
UID = "0123abcd-4567-89ab-cdef-0123456789ab"
RUNS = task_record()._replace(task_id="task-b", uid=UID, taskmaster="p-1")
WAITS = task_record()._replace(task_id="task-c", uid=UID)


def test_a_sweep_keeps_the_folders_of_tasks_that_were_begun_and_the_young_ones() -> None:
    job = scrub.job("tesk", [RUNS, WAITS], SETTINGS, listed=NOW)

    [container] = job["spec"]["template"]["spec"]["containers"]
    an_hour_before = int(datetime(2026, 11, 22, 4, 0, 0, tzinfo=UTC).timestamp())
    assert container["args"] == ["sweep", str(an_hour_before), "task-b-0123abcd"]
    assert container["volumeMounts"] == [{"name": "scratch", "mountPath": "/shared", "subPath": "tesk-tesk"}]


def test_a_sweep_asks_for_what_the_tenants_filers_do() -> None:
    job = scrub.job("tesk", [], replace(SETTINGS, filer_cpu="200m", filer_memory="300Mi"), listed=NOW)
    assert job["spec"]["template"]["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "200m", "memory": "300Mi"},
        "limits": {"memory": "300Mi"},
    }


@pytest.mark.parametrize("tasks", [0, 10_000])
def test_any_number_of_tasks_can_run_at_a_time(tasks: int) -> None:
    running = [RUNS._replace(task_id=f"task-{i}") for i in range(tasks)]
    args = scrub.job("tesk", running, SETTINGS, listed=NOW)["spec"]["template"]["spec"]["containers"][0]["args"]

    assert len(args) == 2 + tasks
    assert sum(len(argument) + 1 for argument in args) < 1_000_000  # of the 1.5 MB of an object, and 2 MB of a command


def test_a_sweep_removes_itself_and_there_is_one_at_a_time() -> None:
    job = scrub.job("tesk", [], SETTINGS, listed=NOW)
    assert job["metadata"]["name"] == "tesk-sweep"
    assert job["spec"]["ttlSecondsAfterFinished"] == 0
    assert job["spec"]["activeDeadlineSeconds"] < SETTINGS.expiry_seconds
