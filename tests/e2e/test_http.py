"""The API over HTTP, beside the running of tasks."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests import texts
from tests.e2e.cluster import Service, told

Shell = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def service(default_service: Service) -> Service:
    """Who names no tenant has the same paths as the standard."""
    return default_service


@pytest.mark.parametrize("prefix", ["/ga4gh/tes/v1", "/v1", "//v1"])
def test_the_api_is_the_same_under_every_prefix(service: Service, prefix: str) -> None:
    status, info = service.call("GET", f"{prefix}/service-info")
    assert status == 200
    assert info["type"] == {"group": "org.ga4gh", "artifact": "tes", "version": "1.1.0"}
    assert service.call("GET", f"{prefix}/tasks")[0] == 200


def test_old_py_tes_is_told_the_three_fields_that_it_knows(service: Service) -> None:
    status, info = service.call("GET", "/v1/tasks/service-info")
    assert (status, set(info)) == (200, {"name", "doc", "storage"})


def test_py_tes_understands_the_service_info(service: Service) -> None:
    assert service.client.get_service_info().name


def test_a_task_is_shown_in_three_views(service: Service, shell: Shell) -> None:
    document = {"name": "views", "inputs": [{"path": "/v/x", "content": "c"}], "executors": [shell("echo out")]}
    task_id = service.create(document)
    service.ended(task_id)

    assert service.call("GET", f"/tasks/{task_id}") == (200, {"id": task_id, "state": "COMPLETE"})
    basic = service.call("GET", f"/v1/tasks/{task_id}?view=BASIC")[1]
    full = service.full(task_id)

    assert basic["inputs"] == [{"path": "/v/x", "type": "FILE"}]
    assert full["inputs"] == [{"path": "/v/x", "type": "FILE", "content": "c"}]
    assert "stdout" not in basic["logs"][0]["logs"][0]
    assert "system_logs" not in basic["logs"][0]
    assert full["logs"][0]["logs"][0]["stdout"] == "out\n"


def test_ten_contents_of_128_kib_arrive_and_are_shown(service: Service, shell: Shell) -> None:
    inputs = [{"path": f"/x/{i}", "content": texts.reads(), "type": "FILE"} for i in range(10)]
    digests = [hashlib.sha256(item["content"].encode()).hexdigest() for item in inputs]
    task = service.ended(service.create({"inputs": inputs, "executors": [shell("cd /x; sha256sum *")]}))
    assert task["state"] == "COMPLETE"
    assert task["logs"][0]["logs"][0]["stdout"] == "".join(f"{digest}  {i}\n" for i, digest in enumerate(digests))
    are_shown = task["inputs"] == inputs
    assert are_shown  # not their difference, which would take pytest minutes to tell


def test_tasks_are_listed_newest_first_in_pages_and_filtered(service: Service, shell: Shell) -> None:
    tags = {"run": "e2e ✓", "empty": ""}
    made = [service.create({"name": f"listed {i}", "tags": tags, "executors": [shell("true")]}) for i in range(3)]
    query = "tag_key=run&tag_value=e2e%20%E2%9C%93&tag_key=empty"

    pages: list[list[str]] = []
    token = ""
    while not pages or token:
        status, page = service.call("GET", f"/tasks?{query}&page_size=2&page_token={token}")
        assert status == 200
        pages.append([task["id"] for task in page["tasks"]])
        token = page.get("next_page_token", "")

    listed = [task_id for page in pages for task_id in page]
    assert listed[:3] == made[::-1]
    assert len(pages[0]) == 2
    for task_id in made:
        service.ended(task_id)
    named = service.call("GET", f"/tasks?{query}&name_prefix=listed%201&view=BASIC&state=COMPLETE")[1]["tasks"]
    assert made[1] in [task["id"] for task in named]
    assert {task["name"] for task in named} == {"listed 1"}
    assert service.call("GET", "/tasks?tag_key=run&tag_value=other")[1] == {"tasks": []}


def test_a_document_with_problems_is_refused_with_all_of_them(service: Service) -> None:
    status, answer = service.call("POST", "/tasks", {"executors": [{"image": "x"}], "volumes": ["v"]})
    assert status == 400
    assert answer["error"] == "InvalidTask"
    assert answer["problems"] == ["executors[0].command: is missing"]


def test_nulls_and_unknown_fields_are_accepted_and_the_unknown_ones_named(service: Service, shell: Shell) -> None:
    document = {
        "id": None,
        "state": None,
        "logs": None,
        "ouputs": [],
        "tags": {"a": None},
        "executors": [shell("true")],
    }
    task = service.ended(service.create(document))
    assert task["state"] == "COMPLETE"
    assert told(task["logs"][0]) == ["The field ouputs was not used: it is unknown to TES 1.1."]
    assert not {"inputs", "outputs", "ouputs"} & set(task)


@pytest.mark.parametrize(
    ("method", "path", "raw", "status", "error"),
    [
        pytest.param("POST", "/tasks", b"{", 400, "InvalidTask", id="no JSON"),
        pytest.param("POST", "/tasks", b"[]", 400, "InvalidTask", id="no object"),
        pytest.param("POST", "/tasks", b"\xff", 400, "InvalidTask", id="no UTF-8"),
        pytest.param("POST", "/tasks", b" " * 9_000_000, 413, "TooLarge", id="too large"),
        pytest.param("GET", "/tasks/task-none", None, 404, "TaskNotFound", id="no such task"),
        pytest.param("GET", "/tasks/..%2Fsecrets", None, 404, "NotFound", id="no path"),
        pytest.param("GET", "/tasks/kube-root-ca.crt", None, 404, "TaskNotFound", id="a ConfigMap that is no task"),
        pytest.param("POST", "/tasks/task-none:cancel", b"", 404, "TaskNotFound", id="cancel of none"),
        pytest.param("GET", "/tasks?page_size=2048", None, 400, "BadRequest", id="too large a page"),
        pytest.param("GET", "/tasks?page_token=broken", None, 400, "BadRequest", id="a broken token"),
        pytest.param("GET", "/tasks?view=full", None, 400, "BadRequest", id="no view"),
        pytest.param("DELETE", "/tasks", None, 405, "MethodNotAllowed", id="no method"),
        pytest.param("GET", "/nowhere/tasks", None, 404, "NotFound", id="no prefix"),
    ],
)
def test_an_error_is_json_with_a_reason_and_a_sentence(
    service: Service, method: str, path: str, raw: bytes | None, status: int, error: str
) -> None:
    answered, answer = service.call(method, path, raw=raw)
    assert (answered, answer["error"]) == (status, error)
    assert answer["message"].endswith(".")


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"no json"])
def test_a_cancel_takes_any_body(service: Service, shell: Shell, body: bytes) -> None:
    task_id = service.create({"executors": [shell("true")]})
    assert service.call("POST", f"/tasks/{task_id}:cancel", raw=body) == (200, {})
    assert service.ended(task_id)["state"] == "CANCELED"
