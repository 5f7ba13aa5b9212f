"""What a taskmaster does with its own pod when it has nothing more to do."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from taskmaster.__main__ import run
from taskmaster.kube import Kube
from tescore import naming, record
from tescore.session import Account, Session
from tests.apiserver import ApiServer, api_server
from tests.build import PREFIX, settings, task_document

OWN = ("pods", naming.taskmaster(PREFIX))
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        running.stored("pods", {"metadata": {"name": OWN[1], "namespace": "tesk", "uid": "p-1"}}, "ADDED")
        yield running


def stored(server: ApiServer, state: str = "INITIALIZING") -> None:
    shown: dict[str, Any] = record.config_map(PREFIX, "tesk", json.dumps(task_document()), owner="ann")
    shown["metadata"] |= {"uid": "u-1"}
    shown["metadata"]["labels"] |= {naming.STATE: state}
    server.stored("configmaps", shown, "ADDED")


def change(server: ApiServer, **annotations: str) -> None:
    shown = server.objects["configmaps", PREFIX]
    noted = {**shown["metadata"]["annotations"], **annotations}
    server.stored("configmaps", {**shown, "metadata": {**shown["metadata"], "annotations": noted}}, "MODIFIED")


def runs(server: ApiServer, uid: str = "p-1", now: Callable[[], datetime] = lambda: NOW) -> None:
    """A taskmaster whose pod has that uid, from its start to its end."""
    kube = Kube(Session(server.url, Account("", lambda: "t")), "tesk", waits=[0.001, 0.001])
    run(kube, settings(pod_uid=uid), now)


def test_after_the_end_of_its_task_it_is_deleted_and_the_record_alone_is_left(server: ApiServer) -> None:
    stored(server)
    runs(server)
    assert record.record(server.objects["configmaps", PREFIX]).state == "COMPLETE"
    assert list(server.objects) == [("configmaps", PREFIX)]
    assert [(kind, event) for _, kind, event, _ in server.events][-1] == ("pods", "DELETED")
    assert server.events[-1][3]["metadata"]["name"] == OWN[1]


def test_it_is_deleted_when_the_task_had_ended_before(server: ApiServer) -> None:
    stored(server, "CANCELED")
    runs(server)
    assert OWN not in server.objects
    assert server.made == []


def test_it_is_deleted_when_there_is_no_record_to_claim(server: ApiServer) -> None:
    stored(server)

    def while_the_record_goes() -> datetime:
        server.stored("configmaps", server.objects["configmaps", PREFIX], "DELETED")
        return NOW

    runs(server, now=while_the_record_goes)
    assert server.objects == {}
    assert server.made == []


def test_it_is_deleted_when_its_record_goes_while_it_runs(server: ApiServer) -> None:
    stored(server)
    server.sees_end = lambda _: False
    gone = threading.Thread(target=delete_once_a_step_runs, args=(server,))
    gone.start()
    runs(server)
    gone.join()
    assert OWN not in server.objects


def delete_once_a_step_runs(server: ApiServer) -> None:
    with server.changed:
        assert server.changed.wait_for(lambda: server.made, timeout=20)
        server.stored("configmaps", server.objects["configmaps", PREFIX], "DELETED")


def test_it_is_deleted_when_another_taskmaster_has_claimed_the_record(server: ApiServer) -> None:
    stored(server)
    server.sees_end = lambda _: False

    def claim() -> None:
        with server.changed:
            assert server.changed.wait_for(lambda: server.made, timeout=20)
            change(server, **{naming.TASKMASTER: "p-2"})

    other = threading.Thread(target=claim)
    other.start()
    runs(server)
    other.join()
    assert OWN not in server.objects
    assert record.record(server.objects["configmaps", PREFIX]).taskmaster == "p-2"


def test_the_pod_of_that_name_that_replaced_it_is_left_alone(server: ApiServer) -> None:
    stored(server)
    runs(server, "p-0")
    assert server.objects[OWN]["metadata"]["uid"] == "p-1"


def test_a_pod_that_is_gone_already_is_no_failure(server: ApiServer) -> None:
    stored(server)
    server.stored("pods", server.objects[OWN], "DELETED")
    runs(server)
