"""Who may create a task with kubectl."""

from collections.abc import Iterator

import pytest

from tescore.cluster import Cluster
from tescore.errors import Forbidden, Misconfigured, Unavailable
from tescore.session import Session
from tests.apiserver import ApiServer, Break, api_server
from webhook import permission

API = "system:serviceaccount:tesk-system:tesk-api"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


def check(server: ApiServer, username: str, *groups: str) -> None:
    user = {"username": username, **({"groups": list(groups)} if groups else {})}
    permission.checked(Cluster(Session(server.url)), {"userInfo": user, "namespace": "tesk"}, api_account=API)


def test_who_may_create_tasks_does_by_name_or_by_group(server: ApiServer) -> None:
    server.allowed = {("ann", "create", "tesk"), ("lab", "create", "tesk")}
    check(server, "ann")
    check(server, "bob", "office", "lab")
    assert server.reviews[1]["groups"] == ["office", "lab"]


def test_who_may_create_config_maps_alone_does_not(server: ApiServer) -> None:
    server.allowed = {("ann", "list", "tesk"), ("ann", "create", "other")}
    with pytest.raises(Forbidden, match="verb create on tasks"):
        check(server, "ann")


def test_the_api_is_not_asked_about_again(server: ApiServer) -> None:
    check(server, API)
    assert server.reviews == []


def test_what_cannot_be_asked_is_no_permission(server: ApiServer) -> None:
    server.broken[0] = Break.NOT_HEARD
    with pytest.raises(Unavailable):
        check(server, "ann")
    server.refused = "Review"
    with pytest.raises(Misconfigured):
        check(server, "ann")
