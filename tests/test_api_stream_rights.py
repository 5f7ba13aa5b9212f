"""Streams end when the rights of their users do: an api process that asks a small API server who may what."""

import time
from collections.abc import Callable, Iterator
from http.client import HTTPResponse

import pytest

from tescore.retry import pause
from tests.apiserver import ApiServer, Break, api_server
from tests.oidc_provider import AUDIENCE, Provider, oidc_provider, signing_key
from tests.service import Served, eventually, served
from tests.test_api_live import LOGS, POD, pod, put

STREAMS = ("/v1/tasks:watch", f"{LOGS}/0/stdout?follow=true")
VERBS = ("create", "get", "list")


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[ApiServer, Served]]:
    """The api remembers verdicts for half a second."""
    with api_server() as there, served(there, AUTHENTICATION="kubernetes", REMEMBERED_SECONDS="0.5") as api:
        yield there, api


@pytest.fixture
def server(pair: tuple[ApiServer, Served]) -> ApiServer:
    """With a task that runs."""
    server, api = pair
    server.tenants, server.refused, server.broken = ["tesk"], "-", {}
    eventually(lambda: api.ask("GET", "/v1/service-info")[0] == 200, "the tenant is there")
    put(server)
    pod(server)
    server.logs.clear()
    server.write(POD, b"begun")
    return server


@pytest.fixture
def api(pair: tuple[ApiServer, Served]) -> Served:
    return pair[1]


@pytest.fixture
def user(server: ApiServer, request: pytest.FixtureRequest) -> str:
    """One of whom nothing is remembered, who may see all tasks; name and token are the same."""
    return coming(server, f"ann-{request.node.name}")


def coming(server: ApiServer, user: str) -> str:
    server.tokens[user] = {"user": {"username": user, "groups": []}, "audiences": ["tesk"]}
    server.allowed |= {(user, verb, "tesk") for verb in VERBS}
    return user


def opened(api: Served, token: str) -> list[HTTPResponse]:
    """A watch and a log that is followed."""
    answers = [api.send("GET", path, Authorization=f"Bearer {token}") for path in STREAMS]
    assert [answer.status for answer in answers] == [200, 200]
    return answers


def right(server: ApiServer, user: str) -> None:
    server.allowed -= {(user, verb, "tesk") for verb in ("get", "list")}


def token(server: ApiServer, user: str) -> None:
    del server.tokens[user]


def name(server: ApiServer, user: str) -> None:
    coming(server, f"other {user}")
    server.tokens[user] = server.tokens[f"other {user}"]


def tenant(server: ApiServer, _: str) -> None:
    server.tenants = []


def answers(server: ApiServer, _: str) -> None:
    server.refused = "Review"


@pytest.mark.parametrize("withdrawn", [right, token, name, tenant, answers])
def test_streams_end_soon_after_what_their_user_came_in_by(
    server: ApiServer, api: Served, user: str, withdrawn: Callable[[ApiServer, str], None]
) -> None:
    streams = opened(api, user)
    withdrawn(server, user)
    began = time.monotonic()
    for stream in streams:
        stream.read()  # until its end
    assert time.monotonic() - began < 10


def test_nothing_is_told_after_the_end_of_the_right_and_others_go_on(server: ApiServer, api: Served, user: str) -> None:
    ending, going_on = opened(api, user), opened(api, coming(server, "bob"))
    right(server, user)
    pause(0.6)  # verdicts are remembered for half a second
    server.write(POD, b"task-later\n")
    put(server, "task-later")
    for stream in ending:
        assert b"task-later" not in stream.read()
    for stream in going_on:
        assert any(b"task-later" in line for line in iter(stream.readline, b""))


def test_a_user_has_so_many_streams_and_leaves_others_theirs(server: ApiServer, api: Served, user: str) -> None:
    def watch(token: str) -> HTTPResponse:
        return api.send("GET", STREAMS[0], Authorization=f"Bearer {token}")

    mine = [watch(user) for _ in range(100)]
    assert {answer.status for answer in mine} == {200}

    status, _, answer = api.ask("GET", STREAMS[1], Authorization=f"Bearer {user}")
    assert (status, answer["error"]) == (429, "TooManyStreams")
    assert watch(coming(server, "bob")).status == 200
    for stream in mine:
        stream.close()
    eventually(lambda: watch(user).status == 200, "there is room for another stream")


def test_while_nobody_can_say_who_may_what_the_last_answer_serves_on(server: ApiServer, api: Served, user: str) -> None:
    watch, _ = opened(api, user)
    server.broken = dict.fromkeys(range(server.requests, server.requests + 1000), Break.NOT_HEARD)
    pause(1.0)
    put(server, "task-later")
    assert any(b"task-later" in line for line in iter(watch.readline, b""))


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with oidc_provider(signing_key("k")) as running:
        yield running


def test_streams_end_when_their_token_has_expired_however_long_verdicts_are_remembered(
    server: ApiServer, provider: Provider
) -> None:
    server.allowed |= {(f"{provider.url}#ann", verb, "tesk") for verb in VERBS}
    oidc = {"OIDC_ISSUERS": provider.url, "OIDC_AUDIENCES": AUDIENCE, "OIDC_SKEW_SECONDS": "0"}
    with served(server, AUTHENTICATION="oidc", REMEMBERED_SECONDS="600", **oidc) as api:
        ends = int(time.time()) + 3
        for stream in opened(api, provider.signed(exp=ends)):
            stream.read()
    assert ends <= time.time() < ends + 10
