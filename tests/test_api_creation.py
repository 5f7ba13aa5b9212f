"""A POST makes one task or none, over HTTP to a small API server that fails in every way."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tescore import naming
from tests.apiserver import ApiServer, Break, api_server
from tests.build import task_document
from tests.service import Served, client_of, eventually, served

TASKS = "/ga4gh/tes/v1/tasks"
SETTINGS = 1
"""Requests before the first create: the tenant's settings are read."""


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


def post(server: ApiServer, *, seconds: float = 8.0, key: str | None = None, **changes: Any) -> tuple[int, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    document = task_document(**changes)
    answer = client_of(server, create_seconds=seconds).post(TASKS, json=document, headers=headers)
    return answer.status_code, answer.json


def stored(server: ApiServer) -> list[str]:
    """The ids of the tasks that there are."""
    return sorted(name for kind, name in list(server.objects) if kind == "configmaps")


@pytest.mark.parametrize("first", list(Break))
@pytest.mark.parametrize("second", [None, Break.NOT_ANSWERED, Break.FAILED_LATE])
def test_a_task_is_stored_once_whatever_becomes_of_the_first_tries(
    server: ApiServer, first: Break, second: Break | None
) -> None:
    server.broken = {SETTINGS: first, **({SETTINGS + 1: second} if second else {})}
    status, answer = post(server)
    assert (status, [answer["id"]]) == (200, stored(server))


def test_a_task_that_only_a_last_look_finds_was_created(server: ApiServer) -> None:
    server.broken = {SETTINGS: Break.FAILED_LATE, **{SETTINGS + number: Break.FAILED for number in range(1, 4)}}
    status, answer = post(server, seconds=3.0)
    assert (status, [answer["id"]]) == (200, stored(server))


def test_a_task_that_is_stored_is_not_refused_because_a_second_try_would_be(server: ApiServer) -> None:
    server.broken = {SETTINGS: Break.NOT_ANSWERED}
    server.refused_again = True
    status, answer = post(server)
    assert (status, [answer["id"]]) == (200, stored(server))


def test_when_it_fails_no_task_is_there_and_none_comes_later(server: ApiServer) -> None:
    server.opened.clear()
    status, answer = post(server, seconds=2.5)
    assert (status, answer["error"]) == (503, "Unavailable")
    server.opened.set()
    assert post(server)[0] == 200
    assert len(stored(server)) == 1


def test_nothing_is_created_when_the_client_may_have_sent_it_again_already(server: ApiServer) -> None:
    server.broken = {0: Break.NOT_HEARD, 1: Break.NOT_HEARD}
    status, answer = post(server, seconds=1.2)
    assert (status, answer["error"]) == (503, "Unavailable")
    assert stored(server) == []


def test_what_a_request_waited_for_before_counts_too(server: ApiServer) -> None:
    ticks = count()
    client = client_of(server, clock=lambda: 2.5 * next(ticks))  # so long is it from each look at the clock to the next
    assert client.post(TASKS, json=task_document()).status_code == 503
    assert stored(server) == []


def test_a_slow_create_is_waited_for(server: ApiServer) -> None:
    server.opened.clear()
    timer = threading.Timer(1.0, server.opened.set)
    timer.start()
    assert post(server)[0] == 200
    assert len(stored(server)) == 1


def test_the_name_of_another_task_is_not_taken_for_ones_own(server: ApiServer) -> None:
    assert post(server)[0] == 200
    status, answer = post(server, name="another, for the clients of this test draw the same names")
    assert (status, answer["error"]) == (409, "AlreadyExists")
    assert len(stored(server)) == 1


def test_the_same_key_and_task_are_the_same_id(server: ApiServer) -> None:
    first, again = post(server, key="a-1"), post(server, key="a-1")
    assert first == again == (200, {"id": naming.keyed_task_id("tesk:anonymous", "a-1")})
    assert post(server, key="a-2")[1] != first[1]
    assert len(stored(server)) == 2


def test_the_same_task_may_be_written_otherwise(server: ApiServer) -> None:
    client = client_of(server)
    texts = [json.dumps({"name": "n", **task_document()}), json.dumps({**task_document(), "name": "n"}, indent=1)]
    answers = [client.post(TASKS, data=text, headers={"Idempotency-Key": "k"}) for text in texts]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json


@pytest.mark.parametrize("changes", [{"name": "other"}, {"tags": {"a": "b"}}, {"ouputs": []}])
def test_a_key_that_was_sent_with_another_task_is_a_conflict(server: ApiServer, changes: dict[str, Any]) -> None:
    assert post(server, key="k")[0] == 200
    status, answer = post(server, key="k", **changes)
    assert (status, answer["error"]) == (409, "IdempotencyKeyReused")
    assert len(stored(server)) == 1


def test_a_configmap_that_is_no_task_is_not_taken_for_one(server: ApiServer) -> None:
    name = naming.keyed_task_id("tesk:anonymous", "k")
    labels = {naming.COMPONENT: "task", naming.STATE: "COMPLETE"}  # without the other one no webhook has seen it
    data = {"task.json": json.dumps(task_document())}
    server.stored("configmaps", {"metadata": {"name": name, "labels": labels}, "data": data}, "ADDED")
    client = client_of(server)
    assert [client.get(f"{TASKS}/{name}").status_code, client.post(f"{TASKS}/{name}:cancel").status_code] == [404, 404]
    assert post(server, key="k")[0] == 409


def test_an_intricate_document_is_refused_with_a_key_too(server: ApiServer) -> None:
    assert post(server, key="k")[0] == 200
    status, answer = post(server, key="k", tags=dict.fromkeys(map(str, range(250_001)), ""))
    assert (status, "more than 250000 values" in answer["message"]) == (400, True)


def test_many_posts_with_one_key_at_once_make_one_task(server: ApiServer) -> None:
    apis = [client_of(server) for _ in range(16)]  # Python 3.11 cannot make them in several threads (its issue 106905)
    with ThreadPoolExecutor(8) as clients:
        sent = clients.map(lambda api: api.post(TASKS, json=task_document(), headers={"Idempotency-Key": "k"}), apis)
        answers = [(answer.status_code, answer.json) for answer in sent]
    assert answers == [(200, {"id": stored(server)[0]})] * 16
    assert len(stored(server)) == 1


@pytest.mark.parametrize("key", ["", " ", "two words", "é", "x" * 256, "a\tb"])
def test_a_malformed_key_is_refused(server: ApiServer, key: str) -> None:
    status, answer = post(server, key=key)
    assert (status, answer["error"]) == (400, "BadRequest")
    assert stored(server) == []


def test_a_task_that_is_not_valid_is_refused_with_a_key_too(server: ApiServer) -> None:
    assert post(server, key="k", executors=[])[0] == 400
    assert post(server, key="k")[0] == 200


def test_a_key_that_was_sent_again_launches_nothing(server: ApiServer) -> None:
    post(server, key="k")
    before = len(server.events)
    post(server, key="k")
    assert len(server.events) == before


def test_a_task_whose_api_died_before_it_replied_is_there_once(server: ApiServer) -> None:
    body = json.dumps(task_document()).encode()
    server.opened.clear()
    with served(server) as api, ThreadPoolExecutor(1) as client:
        sent = client.submit(api.ask, "POST", TASKS, body, Idempotency_Key="k")
        eventually(lambda: server.waiting == 1, "the create has come to the API server")
        kill(api)
        with pytest.raises(ConnectionError):
            sent.result(30)
    server.opened.set()
    eventually(lambda: stored(server), "the task is stored")
    with served(server) as api:
        status, _, answer = api.ask("POST", TASKS, body, Idempotency_Key="k")
    assert (status, [answer["id"]]) == (200, stored(server))


def kill(api: Served) -> None:
    """Its process and those that it made, at once."""
    made = Path(f"/proc/{api.pid}/task/{api.pid}/children").read_text().split()
    for pid in [api.pid, *map(int, made)]:
        os.kill(pid, signal.SIGKILL)


def test_a_tenant_that_keeps_as_much_as_it_may_says_so(server: ApiServer) -> None:
    server.refused = ""
    server.refused_because = 'configmaps "task-1" is forbidden: exceeded quota: tesk-kept, limited: count/configmaps=3'
    status, answer = post(server)
    assert (status, answer["error"]) == (403, "QuotaExceeded")
    assert answer["message"].startswith("This tenant keeps as much as its quota allows; there is room again when ")
    assert "exceeded quota: tesk-kept" in answer["message"]
