from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from taskmaster.kube import Kube
from taskmaster.release import release
from tescore.session import Account, Session
from tests.apiserver import ApiServer, api_server
from tests.build import settings

ACCOUNT = Account("", lambda: "token")


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture
def kube(server: ApiServer) -> Kube:
    return Kube(Session(server.url, ACCOUNT), "tesk", waits=[])


def add(server: ApiServer, name: str, room: str = "", second: int = 0) -> None:
    labels = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "taskmaster"}
    server.stored("jobs", {
        "metadata": {
            "name": name, "creationTimestamp": f"2026-11-22T04:00:{second:02}Z",
            "labels": {**labels, **({"tesk/room": room} if room else {})},
        },
        "spec": {"suspend": room == "waits"},
    }, "ADDED")  # fmt: skip


def waiting(server: ApiServer) -> list[str]:
    return [name for (kind, name), job in sorted(server.objects.items()) if kind == "jobs" and job["spec"]["suspend"]]


def ends(kube: Kube, task: str, **changes: Any) -> None:
    release(kube, settings(task=task, task_limit=changes.pop("task_limit", 2), **changes))


def test_who_ends_lets_the_oldest_begin(server: ApiServer, kube: Kube) -> None:
    for name in ("task-1", "task-2"):
        add(server, name)
    for second, name in enumerate(("task-9", "task-7", "task-8")):
        add(server, name, "waits", second)
    ends(kube, "task-1")
    assert waiting(server) == ["task-7", "task-8"]
    assert "tesk/room" not in server.objects["jobs", "task-9"]["metadata"]["labels"]
    assert server.objects["jobs", "task-1"]["metadata"]["labels"]["tesk/room"] == "left"


def test_it_may_be_called_again(server: ApiServer, kube: Kube) -> None:
    for name in ("task-1", "task-2"):
        add(server, name)
    for name in ("task-8", "task-9"):
        add(server, name, "waits")
    ends(kube, "task-1")
    ends(kube, "task-1")
    assert waiting(server) == ["task-8"]


def test_nobody_begins_while_more_run_than_may(server: ApiServer, kube: Kube) -> None:
    for name in ("task-1", "task-2", "task-3"):
        add(server, name)
    add(server, "task-9", "waits")
    ends(kube, "task-1")
    assert waiting(server) == ["task-9"]


def test_the_tenants_settings_and_quotas_of_now_count(server: ApiServer, kube: Kube) -> None:
    add(server, "task-1")
    for name in ("task-6", "task-7", "task-8", "task-9"):
        add(server, name, "waits")
    server.stored("configmaps", {"metadata": {"name": "tesk-settings"}, "data": {"TESK_TASK_LIMIT": "3"}}, "ADDED")
    ends(kube, "task-1")
    assert waiting(server) == ["task-6"]
    server.stored("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "9"}}}, "ADDED")
    server.stored("configmaps", {"metadata": {"name": "tesk-settings"}, "data": {"TESK_TASK_LIMIT": "0"}}, "ADDED")
    ends(kube, "task-1")
    assert waiting(server) == []


def test_with_a_queue_of_kueues_nothing_is_asked(server: ApiServer, kube: Kube) -> None:
    ends(kube, "task-1", queue="q")
    assert server.requests == 0


def test_a_task_without_a_limit_makes_room_too_for_a_quota_of_pods_is_one(server: ApiServer, kube: Kube) -> None:
    add(server, "task-1")
    add(server, "task-9", "waits")
    server.stored("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "3"}}}, "ADDED")
    ends(kube, "task-1", task_limit=0)
    assert waiting(server) == []
    assert server.objects["jobs", "task-1"]["metadata"]["labels"]["tesk/room"] == "left"


def test_two_that_end_at_once_let_two_begin(server: ApiServer, kube: Kube) -> None:
    for name in ("task-1", "task-2"):
        add(server, name)
    for name in ("task-6", "task-7", "task-8", "task-9"):
        add(server, name, "waits")
    others = [Thread(target=ends, args=(kube, name)) for name in ("task-1", "task-2")]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    assert waiting(server) == ["task-6", "task-7"]


@pytest.mark.parametrize("data", [{"TESK_TASK_LIMIT": "many"}, {}])
def test_what_cannot_be_done_is_no_failure(kube: Kube, server: ApiServer, data: dict[str, str]) -> None:
    add(server, "task-9", "waits")
    if data:
        server.stored("configmaps", {"metadata": {"name": "tesk-settings"}, "data": data}, "ADDED")
        ends(kube, "task-gone")
    else:
        ends(Kube(Session("http://127.0.0.1:1", ACCOUNT), "tesk", waits=[]), "task-1")
    assert waiting(server) == ["task-9"]
