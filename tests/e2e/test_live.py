"""Output and changes while they happen, from real pods."""

import json
import socket
import time
import urllib.request
from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.cluster import FINAL, Service, wait_until

Shell = Callable[..., dict[str, Any]]


def text(service: Service, path: str) -> str:
    with urllib.request.urlopen(f"{service.url}/ga4gh/tes/v1{path}", timeout=60) as answer:
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        return str(answer.read().decode())


def events(service: Service, query: str = "", last: str = "") -> Generator[tuple[str, str, Any], None, None]:
    """Id, name and data of each event that has any. Something is told at least each 15 s, so none comes too late."""
    began = time.monotonic()
    asked = urllib.request.Request(f"{service.url}/v1/tasks:watch{query}", headers={"Last-Event-ID": last})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        yield "", "open", None
        while True:
            lines = [line.decode().rstrip("\n") for line in iter(answer.readline, b"\n")]
            assert time.monotonic() - began < 120, "the last event that was waited for did not come"
            told = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
            if "data" in told:
                yield told["id"], told.get("event", "message"), json.loads(told["data"])


def test_output_is_followed_from_before_the_executor_begins_until_it_ends(service: Service, shell: Shell) -> None:
    script = "for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 1; done"
    task_id = service.create({"executors": [shell(script), shell("echo second")]})

    followed = text(service, f"/tasks/{task_id}/logs/0/stdout?follow=true")

    assert sorted(followed.splitlines()) == [f"{stream} {i}" for stream in ("err", "out") for i in (1, 2, 3)]
    assert text(service, f"/tasks/{task_id}/logs/1/stdout?follow=true") == "second\n"
    service.ended(task_id)
    assert sorted(text(service, f"/tasks/{task_id}/logs/0/stdout").splitlines()) == sorted(followed.splitlines())
    assert text(service, f"/tasks/{task_id}/logs/0/stderr") == ""


def test_output_up_to_now_is_shown_while_the_executor_runs(service: Service, shell: Shell) -> None:
    task_id = service.create({"executors": [shell("echo begun; sleep 600")]})
    wait_until(lambda: text(service, f"/tasks/{task_id}/logs/0/stdout") == "begun\n", "the output is there")
    wait_until(lambda: service.state(task_id) == "RUNNING", "the taskmaster has seen what the log shows already")
    service.call("POST", f"/tasks/{task_id}:cancel")
    service.ended(task_id)


def test_with_stdout_in_a_file_stderr_is_live_and_stdout_comes_with_the_file(service: Service, shell: Shell) -> None:
    task_id = service.create({"executors": [shell("echo out; echo err >&2; sleep 2", stdout="/work/out")]})
    assert text(service, f"/tasks/{task_id}/logs/0/stderr?follow=true") == "err\n"
    assert text(service, f"/tasks/{task_id}/logs/0/stdout?follow=true") == "out\n"
    service.ended(task_id)


def test_who_follows_a_log_and_goes_leaves_room_for_others(service: Service, shell: Shell) -> None:
    task_id = service.create({"executors": [shell("sleep 600")]})
    where = urlsplit(service.url)

    def status() -> bytes:
        """Of a stream that is left as soon as it is answered."""
        with socket.create_connection((where.hostname or "", where.port or 80), timeout=30) as client:
            path = f"{where.path}/v1/tasks/{task_id}/logs/0/stdout?follow=true"
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            return client.recv(12)

    assert {status() for _ in range(100)} <= {b"HTTP/1.1 200", b"HTTP/1.1 503"}  # more than there are streams
    assert service.state(task_id) in {"INITIALIZING", "RUNNING"}
    wait_until(lambda: {status() for _ in range(5)} == {b"HTTP/1.1 200"}, "there is room again")
    service.call("POST", f"/tasks/{task_id}:cancel")
    service.ended(task_id)


def test_the_states_of_a_task_are_told_in_their_order_and_again_to_who_was_cut_off(
    service: Service, shell: Shell
) -> None:
    tag = "?tag_key=watched&tag_value=live"
    watch = events(service, tag)
    next(watch)
    task_id = service.create({"tags": {"watched": "live"}, "executors": [shell("sleep 4")]})

    told = []
    for event_id, name, data in watch:
        assert (name, data["id"]) == ("message", task_id)
        told.append((event_id, data["state"]))
        if data["state"] in FINAL:
            break
    watch.close()

    states = [state for _, state in told]
    assert list(dict.fromkeys(states)) == ["INITIALIZING", "RUNNING", "COMPLETE"]
    again = events(service, tag, last=told[0][0])
    next(again)
    assert [next(again)[2]["state"] for _ in told[1:]] == states[1:]


def test_a_task_that_leaves_the_filter_is_gone(service: Service, shell: Shell) -> None:
    watch = events(service, "?state=RUNNING&name_prefix=leaves")
    next(watch)
    task_id = service.create({"name": "leaves", "executors": [shell("sleep 4")]})
    found = next(watch)
    assert (found[1], found[2]["id"], found[2]["state"]) == ("message", task_id, "RUNNING")
    gone = next(event for event in watch if event[1] == "gone")
    assert gone[2] == {"id": task_id}
    service.ended(task_id)


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/readyz", "/healthz"])
def test_what_is_beside_the_standard_is_served(default_service: Service, path: str) -> None:
    with urllib.request.urlopen(default_service.url + path, timeout=30) as answer:
        assert answer.status == 200
