"""What the bench sees of pods and tasks, where the API server ends its watches."""

import threading
from collections.abc import Iterator

import pytest

from tescore import naming
from tests.apiserver import ApiServer, api_server
from tests.campaigns.first_seen import TERMINATED, FirstSeen, first_seen
from tests.campaigns.load import Target


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture
def seen(server: ApiServer) -> Iterator[FirstSeen]:
    with first_seen(Target(server.url), "tesk") as seen:
        yield seen


def task(server: ApiServer, name: str, state: str) -> None:
    labels = {**naming.TASK_LABELS, naming.STATE: state}
    server.stored("configmaps", {"metadata": {"name": name, "namespace": "tesk", "labels": labels}}, "ADDED")


def ended_pod(server: ApiServer, name: str) -> None:
    status = {"containerStatuses": [{"state": {"terminated": {"exitCode": 0}}}]}
    server.stored("pods", {"metadata": {"name": name, "namespace": "tesk"}, "status": status}, "ADDED")


def test_what_happens_after_a_watch_was_ended_is_seen_as_well(server: ApiServer, seen: FirstSeen) -> None:
    task(server, "a", "QUEUED")
    _, queued = seen.first("a", {"QUEUED"}, within=10)
    server.cut()
    task(server, "a", "COMPLETE")
    ended_pod(server, "p")
    state, completed = seen.first("a", {"COMPLETE", "EXECUTOR_ERROR"}, within=10)
    assert (state, completed > queued) == ("COMPLETE", True)
    assert seen.first("p", {TERMINATED}, within=10)[0] == TERMINATED
    assert seen.first("a", {"QUEUED"}) == ("QUEUED", queued)


def test_who_waits_for_what_may_have_been_missed_is_told_so(server: ApiServer, seen: FirstSeen) -> None:
    task(server, "a", "QUEUED")
    seen.first("a", {"QUEUED"}, within=10)
    server.forgotten = 100
    threading.Timer(0.1, server.cut).start()
    with pytest.raises(AssertionError, match=r"a was not seen as any of \{'COMPLETE'\}: the watch of .* in tesk .*410"):
        seen.first("a", {"COMPLETE"}, within=10)
