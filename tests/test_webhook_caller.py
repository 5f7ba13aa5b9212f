"""Who is heard by the webhook."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.test import Client

from tescore.cluster import Cluster
from tescore.session import Session
from tescore.tenants import Tenants
from tests.apiserver import ApiServer, api_server
from webhook import caller
from webhook.app import create_app
from webhook.caller import OnlyTheApiServer
from webhook.launcher import Launcher
from webhook.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = b"s" * 32


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


def test_a_path_serves_for_half_an_hour_and_no_longer() -> None:
    told = caller.path(SECRET, NOW)
    for minutes in (-10, 0, 5, 29):
        assert caller.is_known(told, SECRET, NOW + timedelta(minutes=minutes))
    for minutes in (-20, 31, 600):
        assert not caller.is_known(told, SECRET, NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("asked", ["/admit", "/admit/", "/admit/x", "/admitted", "/admit/\u00e9"])
def test_no_other_path_is_known(asked: str) -> None:
    assert not caller.is_known(asked, SECRET, NOW)


def test_another_secret_makes_another_path() -> None:
    assert not caller.is_known(caller.path(b"t" * 32, NOW), SECRET, NOW)


def client(server: ApiServer) -> Client:
    settings = Settings(taskmaster_image="t:1", filer_image="f:1")
    cluster = Cluster(Session(server.url))
    tenants = Tenants(cluster, settings, lambda: 0.0)
    application = create_app(settings, Launcher(cluster, tenants), tenants, lambda: NOW, lambda _: None, lambda _: {})
    return Client(OnlyTheApiServer(application, lambda: SECRET, lambda: NOW))


def review() -> dict[str, object]:
    document = json.dumps({"executors": [{"image": "x", "command": ["true"]}]})
    shown = {"metadata": {"name": "task-a", "namespace": "tesk"}, "data": {"task.json": document}}
    asked = {"uid": "u", "name": "task-a", "namespace": "tesk", "object": shown, "userInfo": {"username": "ann"}}
    return {"request": asked}


def test_the_api_server_is_heard(server: ApiServer) -> None:
    answer = client(server).post(caller.path(SECRET, NOW), json=review(), query_string="timeout=10s")
    assert answer.json["response"]["allowed"] is True  # type: ignore[index]
    assert ("jobs", "task-a") in server.objects


@pytest.mark.parametrize("path", ["/admit", "/admit/", "/admit/" + "0" * 40, "//admit", "/admit;x"])
def test_an_uninvited_caller_launches_nothing(server: ApiServer, path: str) -> None:
    answer = client(server).post(path, json=review())
    assert answer.status_code in {403, 404, 308}
    assert server.objects == {}
    assert server.requests == 0


def test_anybody_may_ask_whether_it_lives(server: ApiServer) -> None:
    assert client(server).get("/healthz").status_code == 200
