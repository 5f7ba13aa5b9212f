"""The webhook over HTTP, with the small API server behind it."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from tescore.cluster import Cluster
from tescore.session import Session
from tescore.tenants import Tenants
from tests import texts
from tests.apiserver import ApiServer, api_server
from tests.build import task_document
from tests.service import NOW, admitting, client_of
from webhook.app import create_app
from webhook.launcher import Launcher
from webhook.settings import Settings

PATH = f"/admit/{'0' * 40}"
TASKS = "/ga4gh/tes/v1/tasks"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


def pods(server: ApiServer) -> list[str]:
    return [name for kind, name in server.objects if kind == "pods"]


def test_a_task_is_launched_as_it_is_stored(server: ApiServer) -> None:
    admitting(server)
    answer: Any = client_of(server).post(TASKS, json=task_document()).json
    assert pods(server) == [f"{answer['id']}-taskmaster"]
    assert server.warned == []


def test_ten_contents_of_128_kib_are_admitted_and_shown_as_they_were_sent(server: ApiServer) -> None:
    admitting(server)
    inputs = [{"path": f"/x/{i}", "content": texts.prose(), "type": "FILE"} for i in range(10)]
    client = client_of(server)
    answer: Any = client.post(TASKS, json=task_document(inputs=inputs)).json
    shown: Any = client.get(f"{TASKS}/{answer['id']}?view=FULL").json
    assert shown["inputs"] == inputs


def test_a_document_that_does_not_fit_into_one_config_map_is_a_400_and_nothing_is_launched(server: ApiServer) -> None:
    admitting(server)
    answer = client_of(server).post(TASKS, json=task_document(description=os.urandom(900_000).hex()))
    assert answer.status_code == 400
    assert "may have no more than 786432 gzipped" in answer.get_json()["message"]
    assert server.objects == {}


def test_a_webhook_for_tests_launches_nothing_and_says_so_to_everyone(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    admitting(server, store_only=True)
    assert client_of(server).post(TASKS, json=task_document()).status_code == 200
    assert pods(server) == []
    words = "TESK_STORE_ONLY is set, which is for tests alone: tasks are stored and NEVER RUN"
    assert server.warned == [words]
    assert words in caplog.messages


def test_a_tenant_cannot_keep_its_tasks_from_being_launched(server: ApiServer) -> None:
    admitting(server)
    own = {"metadata": {"name": "tesk-settings"}, "data": {"TESK_STORE_ONLY": "true"}}
    server.stored("configmaps", own, "ADDED")
    answer: Any = client_of(server).post(TASKS, json=task_document())
    assert answer.status_code == 500
    assert "TESK_STORE_ONLY is no setting of a tenant's" in answer.json["message"]


@pytest.fixture
def webhook(server: ApiServer) -> Client:
    """That hears who knows PATH, and lets them create any task."""
    settings = Settings(taskmaster_image="t:1", filer_image="f:1")
    cluster = Cluster(Session(server.url))
    tenants = Tenants(cluster, settings, lambda: 0.0)
    launcher = Launcher(cluster, tenants)
    return Client(create_app(settings, launcher, tenants, lambda: NOW, lambda _: None, lambda _: {}, lambda: PATH))


def review() -> dict[str, object]:
    shown = {"metadata": {"name": "task-a", "namespace": "tesk"}, "data": {"task.json": json.dumps(task_document())}}
    asked = {"uid": "u", "name": "task-a", "namespace": "tesk", "object": shown, "userInfo": {"username": "ann"}}
    return {"request": asked}


def test_the_api_server_is_heard(server: ApiServer, webhook: Client) -> None:
    answer: Any = webhook.post(PATH, json=review(), query_string="timeout=10s").json
    assert answer["response"]["allowed"] is True
    assert pods(server) == ["task-a-taskmaster"]


@pytest.mark.parametrize(
    "path", ["/admit", "/admit/", "/admit/x", f"/admit/{'1' * 40}", "/admit/\u00e9", "//admit", "/admit;x", f"{PATH}/"]
)
def test_an_uninvited_caller_launches_nothing(server: ApiServer, webhook: Client, path: str) -> None:
    assert webhook.post(path, json=review()).status_code in {403, 404, 308}
    assert server.objects == {}
    assert server.requests == 0


def test_anybody_may_ask_whether_it_lives(webhook: Client) -> None:
    assert webhook.get("/healthz").status_code == 200


@pytest.mark.parametrize(("shown", "state"), [("", "QUEUED"), ("true", "QUEUED"), ("false", "INITIALIZING")])
def test_a_tenant_may_have_tasks_that_wait_shown_as_initializing(server: ApiServer, shown: str, state: str) -> None:
    admitting(server)
    own = {"metadata": {"name": "tesk-settings"}, "data": {"TESK_TASK_LIMIT": "1", "TESK_SHOW_QUEUED": shown}}
    server.stored("configmaps", own, "ADDED")
    client = client_of(server)
    ids = [client.post(TASKS, json=task_document()).get_json()["id"] for _ in range(2)]
    assert [client.get(f"{TASKS}/{task_id}").get_json()["state"] for task_id in ids] == ["INITIALIZING", state]
    listed = client.get(f"{TASKS}?state=QUEUED").get_json()["tasks"]
    assert [task["id"] for task in listed] == ([ids[1]] if state == "QUEUED" else [])
    assert "may run at a time" in server.objects["configmaps", ids[1]]["metadata"]["annotations"]["tesk/reason"]
    assert pods(server) == [f"{ids[0]}-taskmaster"]


def test_a_task_whose_pod_a_quota_refuses_is_stored_in_the_queue_with_the_quotas_sentence(server: ApiServer) -> None:
    admitting(server)
    because = "exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4"
    server.refused, server.refused_because = "-taskmaster", f'pods "x" is forbidden: {because}'
    answer: Any = client_of(server).post(TASKS, json=task_document()).json
    stored = server.objects["configmaps", answer["id"]]["metadata"]
    assert stored["labels"]["tesk/state"] == "QUEUED"
    assert f"({because})" in stored["annotations"]["tesk/reason"]
    assert pods(server) == []


@pytest.mark.parametrize("room", [True, False])
def test_the_cancel_of_a_task_that_nobody_has_claimed_ends_its_record_and_touches_nothing_else(
    server: ApiServer, room: bool
) -> None:
    admitting(server)
    server.refused = "-" if room else "-taskmaster"
    client = client_of(server)
    task_id = client.post(TASKS, json=task_document()).get_json()["id"]
    before = pods(server)
    assert len(before) == room
    assert client.post(f"{TASKS}/{task_id}:cancel").status_code == 200
    assert client.get(f"{TASKS}/{task_id}").get_json()["state"] == "CANCELED"
    assert pods(server) == before
