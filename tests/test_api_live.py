"""The output of executors and the changes of tasks while they happen, from an api process over a small API server."""

import json
import os
import signal
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import pytest

from tescore import naming, record
from tests.apiserver import ApiServer, api_server
from tests.service import Served, eventually, served

TASK = "task-a"
LOGS = f"/v1/tasks/{TASK}/logs"
POD = f"{TASK}-executor-0"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[ApiServer, Served]]:
    """Started once, for it takes a second."""
    with api_server() as there, served(there, API_MEMORY=str(64 * 2**20)) as api:
        yield there, api


@pytest.fixture
def server(pair: tuple[ApiServer, Served]) -> Iterator[ApiServer]:
    yield pair[0]
    for kind, name in list(pair[0].objects):
        pair[0].stored(kind, pair[0].objects[kind, name], "DELETED")
    pair[0].logs.clear()


@pytest.fixture
def api(pair: tuple[ApiServer, Served]) -> Served:
    return pair[1]


@pytest.fixture
def narrow(server: ApiServer) -> Iterator[Served]:
    """One that has memory for two streams."""
    with served(server, API_MEMORY="450000") as there:
        yield there


def put(server: ApiServer, name: str = TASK, state: str = "RUNNING", **changes: Any) -> None:
    """A task with an executor for each of the given `executors`, its `logs` so far, and a `reason`."""
    executors = [{"image": "i", "command": ["c"], **more} for more in changes.get("executors", [{}])]
    made = record.config_map(name, "tesk", json.dumps({"name": name, "executors": executors}), owner="ann")
    made["metadata"]["uid"] = f"uid of {name}"
    made["metadata"]["labels"][naming.STATE] = state
    made["metadata"]["annotations"] |= {naming.NAME: name, naming.REASON: changes.get("reason", "")}
    log = {"logs": changes.get("logs", []), "outputs": [], "system_logs": []}
    made["data"]["log.json"] = json.dumps(log)
    server.stored("configmaps", made, "MODIFIED" if ("configmaps", name) in server.objects else "ADDED")


def pod(server: ApiServer, name: str = POD, *, uid: str = "", of: str = f"uid of {TASK}") -> None:
    labels = naming.labels(TASK, "executor")
    metadata = {"name": name, "uid": uid or f"uid of {name}", "labels": labels, "ownerReferences": [{"uid": of}]}
    server.stored("pods", {"metadata": metadata}, "ADDED")


def text(api: Served, path: str) -> str:
    answer = api.send("GET", path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return answer.read().decode()


def test_while_it_runs_the_output_up_to_now_is_shown_and_later_the_end_that_is_kept(
    server: ApiServer, api: Served
) -> None:
    put(server)
    assert text(api, f"{LOGS}/0/stdout") == ""

    pod(server)
    server.write(POD, b"so far")
    assert text(api, f"{LOGS}/0/stdout") == "so far"

    put(server, logs=[{"exit_code": 0, "stdout": "all ✓"}], executors=[{}, {}])
    assert text(api, f"{LOGS}/0/stdout") == "all ✓"
    assert text(api, f"{LOGS}/1/stdout") == ""


def test_only_the_last_64_kib_of_a_running_executor_are_shown_at_once(server: ApiServer, api: Served) -> None:
    put(server)
    pod(server)
    server.write(POD, b"x" * 70_000 + b"end")
    shown = text(api, f"{LOGS}/0/stdout")
    assert shown.startswith("… (at least ")
    assert shown.endswith("xend")
    assert len(shown) < 66_000


@pytest.mark.parametrize(
    ("executor", "stdout", "stderr"),
    [
        pytest.param({}, "output", "", id="no file"),
        pytest.param({"stdout": "/f"}, "", "output", id="stdout in a file"),
        pytest.param({"stderr": "/f"}, "output", "", id="stderr in a file"),
        pytest.param({"stdout": "/f", "stderr": "/g"}, "", "", id="both in files"),
    ],
)
def test_the_log_of_the_pod_is_the_stream_that_goes_to_no_file(
    server: ApiServer, api: Served, executor: dict[str, str], stdout: str, stderr: str
) -> None:
    put(server, executors=[executor])
    pod(server)
    server.write(POD, b"output")
    assert (text(api, f"{LOGS}/0/stdout"), text(api, f"{LOGS}/0/stderr")) == (stdout, stderr)


def test_a_container_that_has_not_begun_has_no_output(server: ApiServer, api: Served) -> None:
    put(server)
    pod(server)
    server.no_log = (400, "is waiting to start: ContainerCreating")
    assert text(api, f"{LOGS}/0/stdout") == ""

    followed = api.send("GET", f"{LOGS}/0/stdout?follow=true")
    server.no_log = None
    server.write(POD, b"begun", ends=True)
    assert followed.read(5) == b"begun"
    put(server, state="COMPLETE")
    assert followed.read() == b""


def test_a_right_that_the_service_lacks_is_its_own_fault(server: ApiServer, api: Served) -> None:
    put(server)
    pod(server)
    server.no_log = (403, "is forbidden")
    status, _, answer = api.ask("GET", f"{LOGS}/0/stdout")
    server.no_log = None
    assert (status, answer["error"]) == (500, "Misconfigured")


def test_the_pod_of_another_task_of_that_name_is_not_shown(server: ApiServer, api: Served) -> None:
    put(server)
    pod(server, of="another")
    server.write(POD, b"secret")
    assert text(api, f"{LOGS}/0/stdout") == ""


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        pytest.param("task-none/logs/0/stdout", 404, "TaskNotFound", id="no task"),
        pytest.param("task-none/logs/0/stdout?follow=true", 404, "TaskNotFound", id="no task to follow"),
        pytest.param(f"{TASK}/logs/1/stdout", 404, "OutputNotFound", id="no executor"),
        pytest.param(f"{TASK}/logs/1/stderr?follow=true", 404, "OutputNotFound", id="no executor to follow"),
        pytest.param(f"{TASK}/logs/0/stdin", 404, "NotFound", id="no stream"),
        pytest.param(f"{TASK}/logs/-1/stdout", 404, "NotFound", id="no index"),
        pytest.param(f"{TASK}/logs/0/stdout?follow=yes", 400, "BadRequest", id="no boolean"),
    ],
)
def test_output_that_there_is_not_is_an_error(
    server: ApiServer, api: Served, path: str, status: int, error: str
) -> None:
    put(server)
    answered, _, answer = api.ask("GET", f"/v1/tasks/{path}")
    assert (answered, answer["error"]) == (status, error)


def test_who_follows_gets_all_output_as_it_is_written_until_the_executor_ends(server: ApiServer, api: Served) -> None:
    put(server, state="INITIALIZING")
    answer = api.send("GET", f"{LOGS}/0/stdout?follow=true")
    assert answer.status == 200

    pod(server)
    server.write(POD, b"one ")
    assert answer.read(4) == b"one "
    server.write(POD, b"two ")
    assert answer.read(4) == b"two "
    server.write(POD, b"three", ends=True)
    assert answer.read(5) == b"three"
    put(server, logs=[{"exit_code": 0, "stdout": "three"}])

    assert answer.read() == b""


def test_after_a_lost_pod_the_output_of_the_next_attempt_follows(server: ApiServer, api: Served) -> None:
    put(server)
    pod(server)
    server.write(POD, b"lost ", ends=True)
    answer = api.send("GET", f"{LOGS}/0/stdout?follow=true")
    assert answer.read(5) == b"lost "
    pod(server, f"{POD}-2")
    server.write(f"{POD}-2", b"again", ends=True)
    assert answer.read(5) == b"again"
    put(server, logs=[{"exit_code": 0}])
    assert answer.read() == b""


def test_a_log_that_broke_off_goes_on_where_it_was(server: ApiServer, api: Served) -> None:
    put(server)
    pod(server)
    server.write(POD, b"before ", ends=True)  # the stream ends, and the executor does not
    answer = api.send("GET", f"{LOGS}/0/stdout?follow=true")
    assert answer.read(7) == b"before "
    server.write(POD, b"after", ends=True)
    assert answer.read(5) == b"after"
    put(server, state="COMPLETE")
    assert answer.read() == b""


def test_output_in_a_file_is_followed_by_waiting_for_it(server: ApiServer, api: Served) -> None:
    executors = [{"stdout": "/f"}]
    put(server, executors=executors)
    answer = api.send("GET", f"{LOGS}/0/stdout?follow=true")
    put(server, executors=executors, logs=[{"exit_code": 0}])
    put(server, executors=executors, logs=[{"exit_code": 0, "stdout": "from the file"}])
    assert answer.read() == b"from the file"


def test_when_the_client_goes_the_log_is_followed_no_more(server: ApiServer, api: Served) -> None:
    put(server)
    pod(server)
    server.write(POD, b"begun")
    answer = api.send("GET", f"{LOGS}/0/stdout?follow=true")
    assert answer.read(5) == b"begun"
    assert server.followed == 1

    answer.close()

    def is_followed() -> bool:
        server.write(POD, b".")  # by which the server sees whether anybody is there
        return server.followed > 0

    eventually(lambda: not is_followed(), "nobody follows the log")


def test_there_are_so_many_streams_and_other_requests_do_not_wait_behind_them(
    server: ApiServer, narrow: Served
) -> None:
    put(server)
    streams = [narrow.send("GET", "/v1/tasks:watch"), narrow.send("GET", f"{LOGS}/0/stdout?follow=true")]

    for path in ("/v1/tasks:watch", f"{LOGS}/0/stdout?follow=true"):
        status, headers, answer = narrow.ask("GET", path)
        assert (status, answer["error"], headers["Retry-After"]) == (503, "Busy", "5")
    assert [narrow.ask("GET", f"/v1/tasks/{TASK}")[0] for _ in range(4)] == [200] * 4

    streams[0].close()
    eventually(lambda: narrow.send("GET", "/v1/tasks:watch").status == 200, "there is room for another stream")


def test_a_head_request_takes_no_stream(server: ApiServer, narrow: Served) -> None:
    put(server)
    statuses = [narrow.send("HEAD", path).status for path in ("/v1/tasks:watch", f"{LOGS}/0/stdout?follow=true") * 3]
    assert statuses == [200] * 6
    assert narrow.send("GET", "/v1/tasks:watch").status == 200


def test_streams_end_when_the_process_is_told_to_stop(server: ApiServer, narrow: Served) -> None:
    put(server)
    answers = [narrow.send("GET", "/v1/tasks:watch"), narrow.send("GET", f"{LOGS}/0/stdout?follow=true")]
    os.kill(narrow.pid, signal.SIGTERM)
    for answer in answers:
        answer.read()


class Events:
    """Server-sent events of an answer, one after the other."""

    def __init__(self, answer: HTTPResponse) -> None:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        self._answer = answer
        self.last = ""

    def next(self) -> tuple[str, Any]:
        """Name and data of the next event that has any."""
        while True:
            lines = list(iter(self._answer.readline, b"\n"))
            told = dict(line.decode().rstrip("\n").split(": ", 1) for line in lines if not line.startswith(b":"))
            self.last = told.get("id", self.last)
            if "data" in told:
                return told.get("event", "message"), json.loads(told["data"])


def watch(api: Served, query: str = "", **headers: str) -> Events:
    return Events(api.send("GET", f"/ga4gh/tes/v1/tasks:watch{query}", **headers))


def test_changes_of_tasks_are_told_as_they_happen(server: ApiServer, api: Served) -> None:
    put(server, "task-old")
    events = watch(api)
    put(server, "task-a", state="QUEUED", reason="Waits for room.")
    put(server, "task-a", state="INITIALIZING")
    server.stored("configmaps", server.objects["configmaps", "task-a"], "DELETED")

    assert events.next() == ("message", {"id": "task-a", "state": "QUEUED", "reason": "Waits for room."})
    assert events.next() == ("message", {"id": "task-a", "state": "INITIALIZING"})
    assert events.next() == ("gone", {"id": "task-a"})


def test_only_the_tasks_that_were_asked_for_are_told_of(server: ApiServer, api: Served) -> None:
    events = watch(api, "?state=RUNNING&name_prefix=task-b")
    put(server, "task-a")
    put(server, "task-b1", state="QUEUED")
    put(server, "task-b1")
    put(server, "task-b1", state="COMPLETE")
    put(server, "task-b2")

    assert events.next() == ("message", {"id": "task-b1", "state": "RUNNING"})
    assert events.next() == ("gone", {"id": "task-b1"})
    assert events.next() == ("message", {"id": "task-b2", "state": "RUNNING"})


def test_a_client_that_was_cut_off_misses_nothing(server: ApiServer, api: Served) -> None:
    events = watch(api)
    put(server, "task-a")
    events.next()
    put(server, "task-b")

    assert watch(api, Last_Event_ID=events.last).next() == ("message", {"id": "task-b", "state": "RUNNING"})


def test_a_watch_of_the_api_server_that_ends_is_begun_again_where_it_was(server: ApiServer, api: Served) -> None:
    events = watch(api)
    put(server, "task-a")
    events.next()
    server.cut()
    put(server, "task-b")
    assert events.next() == ("message", {"id": "task-b", "state": "RUNNING"})


@pytest.mark.parametrize(
    "after", [pytest.param(-1, id="that nobody remembers"), pytest.param(1000, id="that have not been made")]
)
def test_a_client_that_missed_changes_is_told_so(server: ApiServer, api: Served, after: int) -> None:
    for name in ("task-a", "task-b"):
        put(server, name)
    server.forgotten = len(server.events)

    events = watch(api, Last_Event_ID=str(server.forgotten + after))

    assert events.next() == ("reset", {})
    put(server, "task-c")
    assert events.next() == ("message", {"id": "task-c", "state": "RUNNING"})


@pytest.mark.parametrize("last", ["x", "0", "-1", "1" * 30, "ä"])
def test_what_is_no_id_of_an_event_is_refused(api: Served, last: str) -> None:
    status, _, answer = api.ask("GET", "/v1/tasks:watch", Last_Event_ID=last)
    assert (status, answer["error"]) == (400, "BadRequest")
