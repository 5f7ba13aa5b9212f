"""A whole task with the connection to the API server broken at each of its requests, one after the other."""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from taskmaster import claim, loop
from taskmaster.kube import Kube
from tescore import naming, record
from tescore.errors import Unavailable
from tescore.record import Record
from tests.apiserver import ApiServer, Break, api_server
from tests.build import PREFIX, executor, settings, task_document

DOCUMENT = task_document(executors=[executor(), executor(stdout="/o/x")], outputs=[{"path": "/o/x", "url": "s3://b/x"}])
PODS = [f"{PREFIX}-{step}" for step in ("inputs", "executor-0", "executor-1", "outputs")]
MOST_REQUESTS = 26
TIMES = [datetime(2026, 11, 22, 4, 0, second, tzinfo=UTC) for second in range(60)]


def filled(server: ApiServer) -> None:
    """A task that the webhook has just launched."""
    stored: dict[str, Any] = record.config_map(PREFIX, "tesk", json.dumps(DOCUMENT), owner="ann")
    stored["metadata"] |= {"uid": "u-1"}
    stored["metadata"]["labels"] |= {naming.STATE: "INITIALIZING"}
    server.stored("configmaps", stored, "ADDED")
    server.stored("jobs", {"metadata": {"name": PREFIX, "uid": "j-1"}}, "ADDED")


def run(server: ApiServer, folder: Path, pod: str, **changes: Any) -> None:
    """A taskmaster in a pod of that uid, from its start to its end."""
    account = folder / pod
    account.mkdir()
    (account / "token").write_text(pod)
    clock = itertools.cycle(TIMES)
    kube = Kube(server.url, "tesk", account=account, waits=[0.001, 0.001])
    mine = settings(pod_uid=pod, **changes)
    claimed = claim.claimed(kube, mine, lambda: next(clock))
    assert claimed is not None
    loop.Taskmaster(kube, mine, claimed, lambda: next(clock)).run()


def ended(server: ApiServer) -> Record:
    return record.record(server.objects["configmaps", PREFIX])


def assert_as_if_nothing_had_happened(server: ApiServer) -> None:
    after = ended(server)
    assert (after.state, after.reason) == ("COMPLETE", "")
    assert [entry["exit_code"] for entry in after.log["logs"]] == [0, 0]
    assert server.made == PODS
    assert {kind for kind, _ in server.objects} == {"configmaps", "jobs"}


def test_a_task_runs_its_steps_and_leaves_its_record(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        run(server, tmp_path, "p-1")
        assert_as_if_nothing_had_happened(server)
        assert 20 < server.requests < MOST_REQUESTS
        owned = server.objects["jobs", PREFIX]["metadata"]["ownerReferences"]
        assert [owner["uid"] for owner in owned] == ["u-1"]


def test_on_a_shared_claim_none_is_made_and_a_job_removes_the_folder_after_the_pods(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        run(server, tmp_path, "p-1", shared_claim="data", attempts=2)
        assert "persistentvolumeclaims" not in {kind for _, kind, _, _ in server.events}
        changes = [(event, shown["metadata"]["name"]) for _, _, event, shown in server.events]
        assert changes[-1] == ("ADDED", f"{PREFIX}-u-1-scrub")
        assert changes.index(("DELETED", PODS[-1])) < len(changes) - 1


@pytest.mark.parametrize("broken", list(Break), ids=[each.name.lower() for each in Break])
@pytest.mark.parametrize("number", range(MOST_REQUESTS))
def test_a_connection_that_breaks_changes_nothing(tmp_path: Path, number: int, broken: Break) -> None:
    with api_server() as server:
        filled(server)
        server.broken = {number: broken}
        run(server, tmp_path, "p-1")
        assert_as_if_nothing_had_happened(server)


@pytest.mark.parametrize("broken", list(Break), ids=[each.name.lower() for each in Break])
@pytest.mark.parametrize("number", range(MOST_REQUESTS))
def test_a_taskmaster_that_is_killed_is_replaced_and_changes_nothing(
    tmp_path: Path, number: int, broken: Break
) -> None:
    with api_server() as server:
        filled(server)
        server.broken, server.kills = {number: broken}, True
        try:
            run(server, tmp_path, "p-1")
        except Unavailable:
            run(server, tmp_path, "p-2")
        assert_as_if_nothing_had_happened(server)
