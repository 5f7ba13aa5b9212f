from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from janitor.informer import Changed, Informer, Listed
from janitor.sweep import UNFINISHED
from tescore import record
from tescore.cluster import Cluster
from tescore.session import Session
from tests.apiserver import ApiServer, api_server
from tests.tenant import add_task, remove


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


class Heard:
    """What an informer of unfinished tasks tells."""

    def __init__(self, server: ApiServer) -> None:
        self._told: SimpleQueue[Listed | Changed] = SimpleQueue()
        Informer(Cluster(Session(server.url)), "configmaps", UNFINISHED, _read, whole=False).start(self._told.put)

    def next(self) -> tuple[str, Any]:
        """A list and its names, or what became of one object and its name."""
        told = self._told.get(timeout=20)
        assert told.kind == "configmaps"
        if isinstance(told, Listed):
            return "listed", [each.task_id for each in told.items]
        return "gone" if told.gone else "changed", told.item.task_id


def _read(shown: dict[str, Any]) -> record.Record:
    if "broken" in shown["metadata"]["annotations"].get("tesk/reason", ""):
        raise ValueError("It cannot be read.")
    return record.record(shown)


def test_it_lists_those_of_all_namespaces_that_are_selected_and_then_tells_changes(server: ApiServer) -> None:
    add_task(server, "task-1")
    add_task(server, "task-2", namespace="other")
    add_task(server, "task-3", "COMPLETE")
    heard = Heard(server)
    assert heard.next() == ("listed", ["task-1", "task-2"])
    add_task(server, "task-4", namespace="other")
    assert heard.next() == ("changed", "task-4")
    add_task(server, "task-1", "RUNNING")
    assert heard.next() == ("changed", "task-1")
    remove(server, "configmaps", "task-4")
    assert heard.next() == ("gone", "task-4")


def test_what_is_not_selected_any_more_is_gone(server: ApiServer) -> None:
    add_task(server, "task-1", "RUNNING")
    heard = Heard(server)
    assert heard.next() == ("listed", ["task-1"])
    add_task(server, "task-1", "COMPLETE")
    assert heard.next() == ("gone", "task-1")


def test_a_list_of_several_pages_is_one(server: ApiServer) -> None:
    for number in range(1001):
        add_task(server, f"task-{number:04}")
    assert Heard(server).next() == ("listed", [f"task-{number:04}" for number in range(1001)])


def test_after_a_cut_it_goes_on_where_it_was(server: ApiServer) -> None:
    add_task(server, "task-1")
    heard = Heard(server)
    assert heard.next() == ("listed", ["task-1"])
    server.cut()
    add_task(server, "task-2")
    assert heard.next() == ("changed", "task-2")
    add_task(server, "task-3")
    assert heard.next() == ("changed", "task-3")


def test_where_changes_are_forgotten_it_lists_all_again(server: ApiServer) -> None:
    add_task(server, "task-1")
    heard = Heard(server)
    assert heard.next() == ("listed", ["task-1"])
    with server.changed:  # all at once for the watch
        server.forgotten = len(server.events) + 2
        server.cut()
        remove(server, "configmaps", "task-1")
        add_task(server, "task-2")
    assert heard.next() == ("listed", ["task-2"])
    add_task(server, "task-3")
    assert heard.next() == ("changed", "task-3")


def test_what_cannot_be_read_keeps_none_of_the_others_away(server: ApiServer) -> None:
    add_task(server, "task-1", reason="broken")
    add_task(server, "task-2")
    heard = Heard(server)
    assert heard.next() == ("listed", ["task-2"])
    add_task(server, "task-3", reason="broken")
    add_task(server, "task-4")
    assert heard.next() == ("changed", "task-4")
