"""Who may create a task with kubectl, and who may restore one from a backup."""

from collections.abc import Iterator

import pytest

from tescore.cluster import Cluster
from tescore.errors import Forbidden, Misconfigured, Unavailable
from tescore.session import Session
from tests.apiserver import ApiServer, Break, api_server
from webhook.app import check_permission

API = "system:serviceaccount:tesk-system:tesk-api"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


def check(server: ApiServer, username: str, *groups: str, state: str = "") -> None:
    user = {"username": username, **({"groups": list(groups)} if groups else {})}
    metadata = {"labels": {"tesk/state": state}} if state else {}
    request = {"userInfo": user, "namespace": "tesk", "object": {"metadata": metadata}}
    check_permission(Cluster(Session(server.url)), request, api_account=API)


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


def test_an_ended_task_is_restored_by_who_may_restore(server: ApiServer) -> None:
    server.allowed = {("velero", "restore", "tesk"), ("kubeadm:cluster-admins", "restore", "tesk")}
    check(server, "velero", state="COMPLETE")
    check(server, "kubernetes-admin", "kubeadm:cluster-admins", state="EXECUTOR_ERROR")


@pytest.mark.parametrize("user", ["ann", API])
def test_an_ended_task_is_not_restored_by_who_may_create_tasks_alone(server: ApiServer, user: str) -> None:
    server.allowed = {(user, "create", "tesk"), (user, "restore", "other")}
    with pytest.raises(Forbidden, match=r"verb restore on tasks\.tesk; to run it again, leave out"):
        check(server, user, state="COMPLETE")


@pytest.mark.parametrize("state", ["", "COMPLETE"])
def test_what_cannot_be_asked_is_no_permission(server: ApiServer, state: str) -> None:
    server.broken[0] = Break.NOT_HEARD
    with pytest.raises(Unavailable):
        check(server, "ann", state=state)
    server.refused = "Review"
    with pytest.raises(Misconfigured):
        check(server, "ann", state=state)
