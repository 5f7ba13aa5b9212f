"""The pages of a list, over HTTP to a small API server that forgets."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import Client

from tests.apiserver import ApiServer, api_server
from tests.build import task_document
from tests.service import admitting, client_of

TASKS = "/ga4gh/tes/v1/tasks"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        admitting(running, store_only=True)
        yield running


def asked(client: Client, query: str, token: str = "") -> tuple[int, Any]:
    answer = client.get(f"{TASKS}?{query}" + (f"&page_token={quote(token)}" if token else ""))
    return answer.status_code, answer.json


def made(client: Client, count: int, **changes: Any) -> list[str]:
    """The ids of new tasks, as a list has them."""
    answers: list[Any] = [client.post(TASKS, json=task_document(**changes)).json for _ in range(count)]
    return sorted(answer["id"] for answer in answers)


def listed(client: Client, query: str = "", token: str = "") -> tuple[list[str], str]:
    status, page = asked(client, query, token)
    assert status == 200, page
    return [task["id"] for task in page["tasks"]], page.get("next_page_token", "")


def refusal(client: Client, token: str, query: str = "") -> tuple[int, str]:
    status, error = asked(client, query, token)
    return status, error["error"]


@pytest.mark.parametrize("view", ["MINIMAL", "BASIC"])
@pytest.mark.parametrize("name_prefix", ["", "n"])
def test_a_token_that_expired_goes_on_with_the_rest(server: ApiServer, view: str, name_prefix: str) -> None:
    client = client_of(server)
    there = made(client, 7, name="name")
    query = f"page_size=3&view={view}&name_prefix={name_prefix}"

    first, token = listed(client, query)
    new = made(client, 2, name="name")
    server.stored("configmaps", server.objects["configmaps", there[4]], "DELETED")
    server.compacted = len(server.events)
    second, token = listed(client, query, token)
    rest, end = listed(client, query, token) if token else ([], "")

    pages = [*first, *second, *rest]
    assert end == ""
    assert len(set(pages)) == len(pages)
    assert set(there) - {there[4]} <= set(pages) <= set(there) | set(new)


def test_a_token_that_has_not_expired_shows_the_list_as_it_was(server: ApiServer) -> None:
    client = client_of(server)
    there = made(client, 5)
    first, token = listed(client, "page_size=2")
    made(client, 3)
    assert [*first, *listed(client, "page_size=100", token)[0]] == there


@pytest.mark.parametrize(
    "token",
    ["x", "é", "\0", "a.b", "." * 5000, "eyJydiI6IDEsICJzdGFydCI6ICJ0YXNrLXgifQ", "-1", "%00", "😀"],
)
def test_a_token_that_is_none_is_refused(server: ApiServer, token: str) -> None:
    assert refusal(client_of(server), token) == (400, "BadRequest")


@pytest.mark.parametrize(
    "query", ["state=RUNNING", "tag_key=a", "tag_key=a&tag_value=b", "name_prefix=n", "name_prefix=na&tag_key=a"]
)
def test_a_token_goes_with_its_filters_alone(server: ApiServer, query: str) -> None:
    client = client_of(server)
    made(client, 3, name="name", tags={"a": "b"})
    _, token = listed(client, "page_size=1")
    assert refusal(client, token, query) == (400, "BadRequest")
    assert listed(client, "page_size=2&view=FULL", token)[0]


def test_a_token_that_was_changed_is_refused(server: ApiServer) -> None:
    client = client_of(server)
    made(client, 3)
    _, token = listed(client, "page_size=1")
    assert refusal(client, token[:-1]) == (400, "BadRequest")
    assert refusal(client, token + "A") == (400, "BadRequest")


def test_a_token_of_another_cluster_is_refused(server: ApiServer) -> None:
    client = client_of(server)
    with api_server() as other:
        there = client_of(other)
        made(there, 30)
        _, token = listed(there, "page_size=1")
    made(client, 3)
    assert refusal(client, token) == (400, "BadRequest")


@pytest.mark.parametrize("view", ["MINIMAL", "BASIC", "FULL"])
def test_a_rare_name_is_found_in_few_requests_however_short_the_page(server: ApiServer, view: str) -> None:
    client = client_of(server)
    made(client, 30, name="other")
    rare = made(client, 5, name="rare one")
    before = server.requests
    assert listed(client, f"name_prefix=rare&page_size=1&view={view}")[0] == rare[:1]
    assert server.requests - before <= 4


def test_a_rare_name_is_found_in_few_requests_and_no_page_is_too_long(server: ApiServer) -> None:
    client = client_of(server)
    made(client, 30, name="other")
    rare = made(client, 5, name="rare one")
    before = server.requests
    first, token = listed(client, "name_prefix=rare&page_size=3")
    second, end = listed(client, "name_prefix=rare&page_size=3", token)
    assert ([*first, *second], end) == (rare, "")
    assert len(first) == 3
    assert server.requests - before <= 4
