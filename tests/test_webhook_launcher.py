from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from tescore import record
from tescore.cluster import Cluster
from tescore.errors import Misconfigured, Unavailable
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
    """It remembers nothing from one launch to the next."""
    cluster, clock = Cluster(Session(server.url)), count(step=60.0)
    service = Settings(taskmaster_image="t:1", filer_image="f:1", **{"task_limit": 2, **settings})
    return Launcher(cluster, Tenants(cluster, service, lambda: next(clock)), lambda: next(clock))


def pods(server: ApiServer) -> list[str]:
    """Tasks that have a taskmaster's pod."""
    return sorted(name.removesuffix("-taskmaster") for kind, name in server.objects if kind == "pods")


def becomes(server: ApiServer, task: str, **status: str) -> None:
    """The kubelet says something of a task's taskmaster."""
    server.stored("pods", {**server.objects["pods", f"{task}-taskmaster"], "status": status}, "MODIFIED")


def queue(server: ApiServer, task: str, state: str = "QUEUED") -> None:
    stored = record.config_map(task, "tesk", "{}", owner="ann")
    stored["metadata"]["labels"]["tesk/state"] = state
    server.stored("configmaps", stored, "ADDED")


def settle(server: ApiServer, **data: str) -> None:
    server.stored("configmaps", {"metadata": {"name": "tesk-settings"}, "data": data}, "ADDED")


def test_tasks_beyond_the_limit_have_no_pod_and_are_told_the_reason(server: ApiServer) -> None:
    launch = launcher(server).launch
    assert [launch(f"task-{number}", "tesk") for number in range(4)] == ["", "", WAITS, WAITS]
    assert pods(server) == ["task-0", "task-1"]
    assert {kind for kind, _ in server.objects} == {"pods"}


def test_however_many_come_at_once_no_more_run_than_may(server: ApiServer) -> None:
    launch = launcher(server).launch
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda number: launch(f"task-{number:03}", "tesk"), range(60)))
    assert told.count("") == len(pods(server)) == 2
    assert told.count(WAITS) == 58


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_task_that_has_ended_takes_no_room_while_its_pod_is_still_there(server: ApiServer, phase: str) -> None:
    launch = launcher(server, task_limit=1).launch
    launch("task-1", "tesk")
    becomes(server, "task-1", phase=phase)
    assert launch("task-2", "tesk") == ""


def test_who_comes_later_does_not_go_before_those_in_the_queue(server: ApiServer) -> None:
    queue(server, "task-0")
    assert launcher(server).launch("task-1", "tesk") == WAITS
    assert pods(server) == []


def test_records_that_are_not_in_the_queue_keep_nobody_waiting(server: ApiServer) -> None:
    queue(server, "task-0", "INITIALIZING")
    assert launcher(server).launch("task-1", "tesk") == ""


def test_where_no_limit_is_set_nobody_waits_for_those_in_the_queue(server: ApiServer) -> None:
    queue(server, "task-0")
    assert launcher(server, task_limit=0).launch("task-1", "tesk") == ""


@pytest.mark.parametrize(
    ("because", "told"),
    [
        (
            "exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4",
            "no pod can be made for its taskmaster",
        ),
        ("minimum memory usage per Container is 1Gi", "the namespace's LimitRange does not allow it"),
    ],
    ids=["quota", "LimitRange"],
)
def test_a_task_whose_pod_kubernetes_refuses_waits_with_its_sentence(
    server: ApiServer, because: str, told: str
) -> None:
    server.refused, server.refused_because = "-taskmaster", f'pods "task-1-taskmaster" is forbidden: {because}'
    assert launcher(server).launch("task-1", "tesk").endswith(f"{told} ({because}).")
    assert pods(server) == []


def test_where_kubernetes_cannot_make_the_pod_now_the_task_is_not_put_into_the_queue(server: ApiServer) -> None:
    server.failing = {"pods": 99}
    with pytest.raises(Unavailable):
        launcher(server).launch("task-1", "tesk")


def test_the_same_task_sent_again_has_one_pod(server: ApiServer) -> None:
    launch = launcher(server).launch
    assert [launch("task-1", "tesk"), launch("task-1", "tesk")] == ["", ""]
    assert server.made == ["task-1-taskmaster"]


@pytest.mark.parametrize("phase", ["Pending", "Running"])
def test_a_pod_of_that_name_that_lives_is_kept(server: ApiServer, phase: str) -> None:
    launcher(server).launch("task-1", "tesk")
    becomes(server, "task-1", phase=phase)
    uid = server.objects["pods", "task-1-taskmaster"]["metadata"]["uid"]
    assert launcher(server).launch("task-1", "tesk") == ""
    assert server.objects["pods", "task-1-taskmaster"]["metadata"]["uid"] == uid


@pytest.mark.parametrize(
    "old",
    [
        pytest.param({"status": {"phase": "Succeeded"}}, id="Succeeded"),
        pytest.param({"status": {"phase": "Failed"}}, id="Failed"),
        pytest.param({"deletionTimestamp": "2026-11-22T04:00:00Z"}, id="being deleted"),
    ],
)
def test_a_pod_of_that_name_that_is_over_is_replaced(server: ApiServer, old: dict[str, Any]) -> None:
    status = old.pop("status", {"phase": "Running"})
    metadata = {"name": "task-1-taskmaster", "namespace": "tesk", "uid": "old", "labels": {}, **old}
    server.stored("pods", {"metadata": metadata, "status": status}, "ADDED")
    assert launcher(server).launch("task-1", "tesk") == ""
    assert server.objects["pods", "task-1-taskmaster"]["metadata"]["uid"] != "old"


def test_half_the_pods_of_a_quota_are_for_taskmasters(server: ApiServer) -> None:
    server.stored("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "4"}}}, "ADDED")
    launch = launcher(server).launch
    assert (launch("task-1", "tesk"), launch("task-2", "tesk")) == ("", WAITS.replace("2", "1"))


def test_a_tenant_has_a_limit_of_its_own(server: ApiServer) -> None:
    settle(server, TESK_TASK_LIMIT="1")
    launch = launcher(server).launch
    assert [launch(f"task-{number}", "tesk") for number in range(2)] == ["", WAITS.replace("2", "1")]
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
    assert pods(server) == []
