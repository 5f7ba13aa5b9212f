"""Who is heard by the webhook, and what the API server is told of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.test import Client

from tescore.cluster import Cluster
from tescore.tenants import Tenants
from tests.apiserver import ApiServer, api_server
from webhook import caller, certs, registration
from webhook.app import create_app
from webhook.caller import OnlyTheApiServer
from webhook.certs import Pair
from webhook.launcher import Launcher
from webhook.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = b"s" * 32
SERVICE = {"name": "tesk-webhook", "namespace": "tesk-system", "port": 443}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture
def configured(server: ApiServer) -> ApiServer:
    """With the configuration as the manifest has it."""
    webhook = {"name": "launch.tasks.tesk", "failurePolicy": "Fail", "clientConfig": {"service": SERVICE}}
    shown = {"metadata": {"name": "tesk"}, "webhooks": [webhook]}
    server.stored("mutatingwebhookconfigurations", shown, "ADDED")
    return server


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
    cluster = Cluster(server.url)
    tenants = Tenants(cluster, settings, lambda: 0.0)
    application = create_app(settings, Launcher(cluster, tenants), tenants, lambda: NOW, lambda _: None, lambda _: {})
    return Client(OnlyTheApiServer(application, SECRET, lambda: NOW))


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


def webhooks(server: ApiServer) -> list[dict[str, object]]:
    found: list[dict[str, object]] = server.objects["mutatingwebhookconfigurations", "tesk"]["webhooks"]
    return found


def test_the_api_server_is_told_authority_and_path_once_for_each_path(configured: ApiServer) -> None:
    cluster, pair = Cluster(configured.url), Pair("QQ==", b"c", b"k")
    assert registration.registered(cluster, pair, NOW)
    assert not registration.registered(cluster, pair, NOW + timedelta(minutes=5))

    called = {**SERVICE, "path": caller.path(pair.secret, NOW)}
    assert webhooks(configured) == [
        {
            "name": "launch.tasks.tesk",
            "failurePolicy": "Fail",
            "clientConfig": {"caBundle": "QQ==", "service": called},
        }
    ]
    assert registration.registered(cluster, pair, NOW + timedelta(minutes=10))
    assert webhooks(configured)[0]["clientConfig"] != {"caBundle": "QQ==", "service": called}


def test_an_old_replica_leaves_the_path_of_a_new_pair_alone(configured: ApiServer) -> None:
    cluster = Cluster(configured.url)
    old = certs.ensured(cluster, "tesk-system", NOW)
    assert registration.still_registered(cluster, "tesk-system", old, NOW)
    cluster.delete("/api/v1/namespaces/tesk-system/secrets/tesk-webhook-tls")
    assert not registration.still_registered(cluster, "tesk-system", old, NOW + timedelta(minutes=10))
    new = certs.ensured(cluster, "tesk-system", NOW)
    assert registration.registered(cluster, new, NOW)
    assert not registration.still_registered(cluster, "tesk-system", old, NOW)
    assert not registration.registered(cluster, new, NOW)


def test_replicas_share_one_pair_and_so_one_path(server: ApiServer) -> None:
    cluster = Cluster(server.url)
    first, second = (certs.ensured(cluster, "tesk-system", NOW) for _ in range(2))
    assert first == second
    assert caller.path(first.secret, NOW) == caller.path(second.secret, NOW)
