"""What clients are shown of tasks that are large, broken or tampered with, over HTTP to a small API server."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.test import Client

from taskmaster import pages
from tescore import naming, outputs, parts, record
from tescore.outputs import Batch, File, Pages
from tests.apiserver import ApiServer, api_server
from tests.service import client_of

LOG = {"logs": [], "outputs": [], "system_logs": [], "start_time": "t"}
ORDINARY = json.dumps({"executors": [{"image": "busybox", "command": ["true"]}]})


@dataclass
class Tenant:
    """A tenant's ConfigMaps, and the api in front of them."""

    server: ApiServer
    client: Client

    def task(self, name: str, *, document: str = ORDINARY, log: str = "", note: str = "") -> record.Record:
        """An ended task."""
        made = record.config_map(name, "tesk", ORDINARY, owner="ann")
        made["data"] = {"task.json": document, "log.json": log or json.dumps(LOG)}
        made["metadata"]["uid"] = f"uid of {name}"
        made["metadata"]["labels"][naming.STATE] = "COMPLETE"
        made["metadata"]["annotations"][naming.OUTPUTS] = note
        return record.record(self.server.stored("configmaps", made, "ADDED"))

    def paged(self, name: str, listed: list[Batch], /, **changes: Any) -> None:
        """An ended task with pages; `changes` are those of the second page's metadata."""
        count = Pages(len(listed), sum(page.files for page in listed), sum(page.size for page in listed))
        seen = self.task(name, note=count.encoded())
        for number, page in enumerate(listed):
            made = pages.config_map(seen, number, page)
            if number == 1:
                made["metadata"] |= changes
            self.server.stored("configmaps", made, "ADDED")

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/ga4gh/tes/v1/tasks{path}")
        assert answer.status_code == 200, answer.text
        return answer.json


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with api_server() as server:
        yield Tenant(server, client_of(server))


def files(count: int, *, first: int = 0) -> list[File]:
    return [{"url": f"s3://b/{i}", "path": f"/o/{i}", "size_bytes": "1"} for i in range(first, first + count)]


def three_pages() -> list[Batch]:
    """Pages of a thousand files each."""
    return outputs.batches(files(3000))


def log_of(shown: Any) -> Any:
    [log] = shown["logs"]
    return log


@pytest.mark.parametrize("view", ["BASIC", "FULL"])
def test_all_outputs_are_shown_in_order(tenant: Tenant, view: str) -> None:
    tenant.paged("task-a", three_pages())
    tenant.task("task-b")
    listed = tenant.get(f"?view={view}")["tasks"]
    assert log_of(tenant.get(f"/task-a?view={view}"))["outputs"] == files(3000)
    assert [len(log_of(task)["outputs"]) for task in listed] == [3000, 0]


def test_nothing_is_read_of_pages_for_the_minimal_view(tenant: Tenant) -> None:
    tenant.paged("task-a", three_pages())
    before = tenant.server.requests
    assert tenant.get("/task-a") == {"id": "task-a", "state": "COMPLETE"}
    assert tenant.get("") == {"tasks": [{"id": "task-a", "state": "COMPLETE"}]}
    assert tenant.server.requests == before + 2


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"name": "task-a.gone"}, id="gone"),
        pytest.param({"ownerReferences": [{"uid": "uid of task-b"}]}, id="of another task"),
        pytest.param({"ownerReferences": []}, id="of nobody"),
        pytest.param({"labels": {}}, id="not made by a taskmaster"),
    ],
)
def test_outputs_on_a_page_that_is_not_the_tasks_own_are_told_as_missing(
    tenant: Tenant, changes: dict[str, Any]
) -> None:
    tenant.paged("task-a", three_pages(), **changes)
    log = log_of(tenant.get("/task-a?view=FULL"))
    assert log["outputs"] == [*files(1000), *files(1000, first=2000)]
    assert log["system_logs"] == ["1000 of 3000 outputs were stored and cannot be listed: their ConfigMaps are gone."]
    assert "system_logs" not in log_of(tenant.get("/task-a?view=BASIC"))


def test_a_page_of_a_list_ends_at_its_size_and_not_within_a_task(tenant: Tenant) -> None:
    for name in "abcde":
        tenant.paged(f"task-{name}", [Batch(page.zipped, page.files, 3_000_000) for page in three_pages()[:1]])
    tenant.task("task-f")

    first = tenant.get("?view=FULL")
    second = tenant.get(f"?view=FULL&page_token={first['next_page_token']}")

    assert [task["id"] for task in first["tasks"]] == ["task-a", "task-b", "task-c"]
    assert [task["id"] for task in second["tasks"]] == ["task-d", "task-e", "task-f"]
    assert "next_page_token" not in second
    assert len(tenant.get("")["tasks"]) == 6


@pytest.mark.parametrize("view", ["MINIMAL", "BASIC", "FULL"])
@pytest.mark.parametrize(
    ("document", "log"),
    [
        pytest.param("{", "", id="document is no JSON"),
        pytest.param("[" * 100_000, "", id="document is too deep"),
        pytest.param('{"inputs": "none", "executors": {}, "tags": 3, "resources": []}', "", id="document of odd parts"),
        pytest.param('{"inputs": [1, null]}', "", id="document of odd items"),
        pytest.param(ORDINARY, "{", id="log is no JSON"),
        pytest.param(ORDINARY, "[" * 100_000, id="log is too deep"),
        pytest.param(ORDINARY, '{"logs": {}, "outputs": 1, "system_logs": null}', id="log of odd parts"),
        pytest.param(ORDINARY, '{"logs": ["x"], "outputs": [1], "system_logs": [{}]}', id="log of odd items"),
    ],
)
def test_what_is_broken_in_one_task_does_not_keep_the_others_from_being_shown(
    tenant: Tenant, document: str, log: str, view: str
) -> None:
    tenant.task("task-a")
    tenant.task("task-b", document=document, log=log)
    tenant.task("task-c")
    listed = tenant.get(f"?view={view}")["tasks"]
    assert [(task["id"], task["state"]) for task in listed] == [(f"task-{x}", "COMPLETE") for x in "abc"]
    assert tenant.get(f"/task-b?view={view}")["state"] == "COMPLETE"


@pytest.mark.parametrize("size", [1_000, 1_000_000])
def test_the_size_of_a_record_is_that_of_its_parts_unzipped(size: int) -> None:
    made = record.config_map("task-a", "tesk", json.dumps({"description": "x" * size}), owner="ann")
    assert parts.size(made) == len(json.dumps({"description": "x" * size}))


def test_parts_that_are_no_gzip_do_not_keep_a_task_from_being_shown(tenant: Tenant) -> None:
    made = record.config_map("task-a", "tesk", ORDINARY, owner="ann")
    made["metadata"]["uid"] = "u"
    del made["data"]
    made["binaryData"] = {f"{part}.json.gz": base64.b64encode(b"no").decode() for part in ("task", "log")}
    tenant.server.stored("configmaps", made, "ADDED")

    task = tenant.get("/task-a?view=FULL")

    assert (task["state"], task["executors"]) == ("UNKNOWN", [])
    assert log_of(task)["system_logs"][0].startswith("What was asked for cannot be read any more.")
