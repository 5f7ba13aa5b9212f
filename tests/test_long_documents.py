"""Ten contents of 128 KiB that nothing makes shorter: posted, admitted, run by a taskmaster, and read."""

import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from taskmaster import claim, loop
from taskmaster.kube import Kube
from tescore import naming
from tescore.account import mounted
from tescore.session import Session
from tests.apiserver import ApiServer, Break, api_server
from tests.build import drawn, settings, task_document
from tests.service import NOW, admitting, client_of

TASKS = "/ga4gh/tes/v1/tasks"
INPUTS = [{"path": f"/x/{i}", "content": drawn(range(32, 127))} for i in range(10)]
"""Of printable characters of ASCII."""
DOCUMENT = task_document(name="long", inputs=INPUTS)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        admitting(running)
        yield running


def post(server: ApiServer, document: dict[str, Any] = DOCUMENT, **headers: str) -> TestResponse:
    return client_of(server).post(
        TASKS, json=document, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


def created(server: ApiServer) -> str:
    return str(post(server).get_json()["id"])


def pages(server: ApiServer) -> list[str]:
    return sorted(name for kind, name in server.objects if kind == "configmaps" and ".document-" in name)


def named(server: ApiServer, task_id: str) -> str:
    return str(server.objects["configmaps", task_id]["metadata"]["annotations"][naming.DOCUMENT])


def run(server: ApiServer, task_id: str, folder: Path) -> claim.Claim | None:
    """A taskmaster, from its start to its end."""
    (folder / "token").write_text("p-1")
    (folder / "ca.crt").touch()
    times = itertools.count()
    kube, mine = Kube(Session(server.url, mounted(folder)), "tesk", waits=[]), settings(task=task_id)

    def now() -> datetime:
        return datetime.fromtimestamp(next(times), UTC)

    claimed = claim.claimed(kube, mine, now)
    if claimed:
        loop.Taskmaster(kube, mine, claimed, now).run()
    return claimed


def test_a_client_gets_back_what_it_sent(server: ApiServer) -> None:
    client, task_id = client_of(server), created(server)
    full: Any = client.get(f"{TASKS}/{task_id}?view=FULL").json
    assert full["inputs"] == [{**item, "type": "FILE"} for item in INPUTS]
    listed: Any = client.get(f"{TASKS}?view=FULL").json
    assert listed["tasks"] == [full]
    assert [item["path"] for item in client.get(f"{TASKS}/{task_id}?view=BASIC").get_json()["inputs"]] == [
        item["path"] for item in INPUTS
    ]
    assert client.get(TASKS).json == {"tasks": [{"id": task_id, "state": "INITIALIZING"}]}
    assert pages(server) == [named(server, task_id)]


def test_a_doubtful_answer_makes_one_task_with_one_page(server: ApiServer) -> None:
    server.broken = {1: Break.NOT_ANSWERED, 2: Break.FAILED_LATE}
    answer = post(server)
    assert answer.status_code == 200
    tasks: Any = client_of(server).get(TASKS).json
    assert [task["id"] for task in tasks["tasks"]] == [answer.get_json()["id"]]
    assert named(server, answer.get_json()["id"]) in pages(server)


def test_the_same_key_is_the_same_task_and_another_content_is_a_conflict(server: ApiServer) -> None:
    first, again = post(server, Idempotency_Key="k"), post(server, Idempotency_Key="k")
    assert (first.status_code, first.json) == (again.status_code, again.json)
    other = task_document(name="long", inputs=[*INPUTS[1:], INPUTS[0]])
    assert post(server, other, Idempotency_Key="k").status_code == 409
    assert len(pages(server)) == 1


def test_a_task_whose_page_cannot_be_stored_is_not_stored_either(server: ApiServer) -> None:
    server.refused = naming.document_page(naming.task_id(int(NOW.timestamp() * 1000), 0), "r-0")
    assert post(server).status_code == 403
    assert pages(server) == []
    assert client_of(server).get(TASKS).json == {"tasks": []}


def test_its_taskmaster_runs_it_and_the_record_becomes_the_owner_of_the_page(server: ApiServer, tmp_path: Path) -> None:
    task_id = created(server)
    run(server, task_id, tmp_path)
    record = server.objects["configmaps", task_id]
    assert record["metadata"]["labels"][naming.STATE] == "COMPLETE"
    page = server.objects["configmaps", named(server, task_id)]
    assert [owner["uid"] for owner in page["metadata"]["ownerReferences"]] == [record["metadata"]["uid"]]
    filer = next(s for _, kind, _, s in server.events if kind == "pods" and s["metadata"]["name"].endswith("-inputs"))
    [document] = [volume for volume in filer["spec"]["volumes"] if volume["name"] == "task"]
    assert document["projected"]["sources"] == [{"configMap": {"name": n}} for n in (task_id, named(server, task_id))]


@pytest.mark.parametrize("state", ["INITIALIZING", "COMPLETE"])
def test_a_task_whose_page_is_gone_ends_and_says_so(server: ApiServer, tmp_path: Path, state: str) -> None:
    task_id = created(server)
    server.objects["configmaps", task_id]["metadata"]["labels"][naming.STATE] = state
    server.objects.pop(("configmaps", named(server, task_id)))
    assert run(server, task_id, tmp_path) is None
    full: Any = client_of(server).get(f"{TASKS}/{task_id}?view=FULL").json
    assert full["state"] == ("SYSTEM_ERROR" if state == "INITIALIZING" else state)
    assert full["logs"][0]["system_logs"][0].startswith("What was asked for cannot be read any more.")


def test_what_is_too_long_for_both_is_refused_with_its_size(server: ApiServer) -> None:
    answer = post(server, task_document(description=os.urandom(2_500_000).hex()))
    assert answer.status_code == 400
    assert "may have no more than 1769472 gzipped" in answer.get_json()["message"]
    assert pages(server) == []
