from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from tescore.cluster import Cluster
from tescore.errors import Misconfigured
from tescore.session import Session
from tescore.tenants import Tenants
from tests.apiserver import ApiServer, api_server
from webhook.launcher import Launcher
from webhook.settings import Settings

WAITS = "Waits until one of the 2 tasks that may run at a time in this tenant has ended."


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


def launcher(server: ApiServer, **settings: Any) -> Launcher:
    cluster, clock = Cluster(Session(server.url)), count(step=60.0)  # it remembers nothing from one launch to the next
    service = Settings(taskmaster_image="t:1", filer_image="f:1", **{"task_limit": 2, **settings})
    return Launcher(cluster, Tenants(cluster, service, lambda: next(clock)))


def suspended(server: ApiServer) -> list[bool]:
    """Of each Job, the newest name last, whether it waits."""
    return [bool(job["spec"].get("suspend")) for (kind, _), job in sorted(server.objects.items()) if kind == "jobs"]


def settle(server: ApiServer, **data: str) -> None:
    server.stored("configmaps", {"metadata": {"name": "tesk-settings"}, "data": data}, "ADDED")


def test_tasks_beyond_the_limit_wait_with_the_reason(server: ApiServer) -> None:
    launch = launcher(server).launch
    assert [launch(f"task-{number}", "tesk") for number in range(4)] == ["", "", WAITS, WAITS]
    assert suspended(server) == [False, False, True, True]


def test_however_many_come_at_once_no_more_run_than_may(server: ApiServer) -> None:
    launch = launcher(server).launch
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda number: launch(f"task-{number:03}", "tesk"), range(60)))
    assert told.count("") == suspended(server).count(False) == 2
    assert told.count(WAITS) == 58


def test_of_those_held_by_an_old_count_as_many_run_as_may(server: ApiServer) -> None:
    launch = launcher(server).launch
    for number in range(2):
        launch(f"task-{number}", "tesk")
        server.objects["jobs", f"task-{number}"]["metadata"]["labels"]["tesk/room"] = "left"
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda number: launch(f"task-{number + 2}", "tesk"), range(16)))
    assert told.count("") == 2
    assert suspended(server).count(True) == 14


def test_a_task_that_has_ended_takes_no_room_while_its_job_is_still_there(server: ApiServer) -> None:
    launch = launcher(server, task_limit=1).launch
    launch("task-1", "tesk")
    server.objects["jobs", "task-1"]["metadata"]["labels"]["tesk/room"] = "left"
    assert launch("task-2", "tesk") == ""


def test_who_comes_later_does_not_go_before_those_who_wait(server: ApiServer) -> None:
    launch = launcher(server).launch
    for number in range(3):
        launch(f"task-{number}", "tesk")
    server.objects["jobs", "task-0"]["metadata"]["labels"]["tesk/room"] = "left"
    assert launch("task-3", "tesk") == WAITS


def test_the_same_task_sent_again_waits_as_before(server: ApiServer) -> None:
    launch = launcher(server).launch
    for number in (1, 2, 3, 3):
        told = launch(f"task-{number}", "tesk")
    assert told == WAITS
    assert launch("task-1", "tesk") == ""


def test_a_job_of_that_name_that_has_ended_is_made_anew(server: ApiServer) -> None:
    ended = {"conditions": [{"type": "Complete", "status": "True"}]}
    old = {"metadata": {"name": "task-1", "namespace": "tesk", "uid": "old", "labels": {}}, "status": ended}
    server.stored("jobs", old, "ADDED")
    assert launcher(server).launch("task-1", "tesk") == ""
    assert server.objects["jobs", "task-1"]["metadata"]["uid"] != "old"


def test_half_the_pods_of_a_quota_are_for_taskmasters(server: ApiServer) -> None:
    server.stored("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "4"}}}, "ADDED")
    launch = launcher(server).launch
    assert (launch("task-1", "tesk"), launch("task-2", "tesk")) == ("", WAITS.replace("2", "1"))


def test_a_tenant_has_a_limit_or_a_queue_of_its_own(server: ApiServer) -> None:
    settle(server, TESK_QUEUE="research")
    launch = launcher(server, task_limit=1).launch
    assert [launch(f"task-{number}", "tesk") for number in range(2)] == ["Waits in the queue research."] * 2
    settle(server, TESK_TASK_LIMIT="0")
    assert [launch(f"task-{number}", "tesk") for number in range(2, 5)] == ["", "", ""]


def test_bad_settings_of_a_tenant_are_a_fault_of_the_installation(server: ApiServer) -> None:
    settle(server, TESK_TASK_LIMIT="many", TESK_NONSENSE="x")
    with pytest.raises(Misconfigured) as caught:
        launcher(server).launch("task-1", "tesk")
    assert str(caught.value) == (
        "The settings of this tenant, in its ConfigMap tesk-settings, are not valid: TESK_NONSENSE is no setting of a "
        "tenant's; TESK_TASK_LIMIT is 'many', which is not a whole number."
    )
    assert suspended(server) == []
