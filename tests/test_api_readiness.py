from collections.abc import Iterator
from itertools import count

import pytest

from api.readiness import NotReady, Readiness
from tescore.cluster import Cluster
from tescore.session import Session
from tests.apiserver import ApiServer, Break, api_server
from tests.service import admitting, client_of


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as there:
        yield there


def test_a_service_that_could_create_a_task_is_ready_and_creates_none(server: ApiServer) -> None:
    answer = client_of(server).get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert server.objects == {}


def gone() -> str:
    with api_server() as server:
        return server.url


def test_without_the_webhook_or_the_api_server_it_is_not_ready_and_lives(server: ApiServer) -> None:
    server.no_webhook = True
    for client in (client_of(server), client_of(ApiServer(url=gone()))):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json is not None
        assert answer.json["error"] == "NotReady"
        assert answer.json["message"].startswith("No task could be created now: ")
        assert client.get("/healthz").status_code == 200


def test_a_right_that_is_missing_makes_it_unready_and_a_full_tenant_does_not(server: ApiServer) -> None:
    server.refused = "-readiness"
    assert client_of(server).get("/readyz").status_code == 503
    server.refused_because = 'configmaps "task-readiness" is forbidden: exceeded quota: tasks, used: 1'
    assert client_of(server).get("/readyz").status_code == 200


def test_a_webhook_that_will_not_have_the_image_of_its_task_is_one_that_answers(server: ApiServer) -> None:
    settings = {"metadata": {"name": "tesk-settings", "namespace": "tesk"}, "data": {"TESK_IMAGES": "quay.io/lab/*"}}
    server.stored("configmaps", settings, "ADDED")
    admitting(server)
    assert client_of(server).get("/readyz").status_code == 200


def test_what_was_seen_is_remembered_for_some_seconds(server: ApiServer) -> None:
    clock = count(0, 2.0)
    readiness = Readiness(Cluster(Session(server.url)), "tesk", lambda: next(clock))
    server.broken[0] = Break.NOT_HEARD
    for _ in range(3):  # at 0, 2 and 4 seconds
        with pytest.raises(NotReady):
            readiness.check()
    readiness.check()
    assert server.requests == 2
