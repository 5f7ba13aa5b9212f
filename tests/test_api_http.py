"""How the api speaks HTTP, from a process of its own over a small API server."""

import contextlib
import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tescore import naming, record
from tests.apiserver import ApiServer, api_server
from tests.service import Served, eventually, served

PAGE = "https://portal.example.org"
DOCUMENT = {"name": "n", "executors": [{"image": "busybox", "command": ["true"]}]}
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with api_server() as there:
        yield there


@pytest.fixture(scope="module")
def api(server: ApiServer) -> Iterator[Served]:
    with served(server, CORS_ORIGINS=PAGE) as there:
        yield there


def stored(server: ApiServer, task: str, **document: Any) -> None:
    made = record.config_map(task, "tesk", json.dumps({**DOCUMENT, **document}), owner="ann")
    made["metadata"]["uid"] = "u"
    made["metadata"]["labels"][naming.STATE] = "RUNNING"
    server.stored("configmaps", made, "ADDED")


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        pytest.param("GET", "/", 404, "NotFound", id="the root"),
        pytest.param("GET", "/v2/tasks", 404, "NotFound", id="another prefix"),
        pytest.param("GET", "/v1/tasks/", 404, "NotFound", id="a slash at the end"),
        pytest.param("GET", "/v1//tasks/task-none", 404, "TaskNotFound", id="two slashes"),
        pytest.param("GET", "/v1/tasks/%ff%fe", 404, "TaskNotFound", id="a path that is not UTF-8"),
        pytest.param("GET", "/v1/tasks/%ed%a0%80", 404, "TaskNotFound", id="half a surrogate pair in the path"),
        pytest.param("GET", "/v1/tasks/a%00b", 404, "TaskNotFound", id="a NUL in the path"),
        pytest.param("GET", "/v1/tasks?state=%ff", 400, "BadRequest", id="a state that is not UTF-8"),
        pytest.param("GET", "/v1/tasks/task-none?view=%ed%a0%80", 400, "BadRequest", id="half a pair in the query"),
        pytest.param("DELETE", "/v1/tasks", 405, "MethodNotAllowed", id="a method that is not for this path"),
        pytest.param("TRACE", "/v1/tasks/x", 405, "MethodNotAllowed", id="TRACE"),
        pytest.param("SPLIT", "/v1/service-info", 405, "MethodNotAllowed", id="a method that nobody knows"),
    ],
)
def test_an_error_is_json_with_a_reason_and_a_sentence(
    api: Served, method: str, path: str, status: int, error: str
) -> None:
    answered, headers, answer = api.ask(method, path)
    assert (answered, answer["error"]) == (status, error)
    assert answer["message"].endswith(".")
    assert status != 405 or "GET" in headers["Allow"]


@pytest.mark.parametrize("query", ["tag_key=%ff&tag_value=%ed%a0%80", "name_prefix=%ff%00", "&=&%", "tag_value=x"])
def test_a_filter_of_any_bytes_finds_nothing_or_something_and_breaks_nothing(api: Served, query: str) -> None:
    assert api.ask("GET", f"/v1/tasks?{query}")[0] == 200


@pytest.mark.parametrize(
    ("request_line", "header", "status", "error"),
    [
        pytest.param("nonsense", "", 400, "BadRequest", id="no request line"),
        pytest.param("get / HTTP/1.1", "", 400, "BadRequest", id="a method in small letters"),
        pytest.param("GET / HTTP/7.7", "", 400, "BadRequest", id="no version of HTTP"),
        pytest.param(f"GET /{'x' * 9000} HTTP/1.1", "", 414, "RequestURITooLong", id="too long a path"),
        pytest.param("GET / HTTP/1.1", f"X: {'x' * 9000}\r\n", 431, "RequestHeaderFieldsTooLarge", id="too long"),
        pytest.param("GET / HTTP/1.1", "a b: c\r\n", 400, "BadRequest", id="no name of a header"),
        pytest.param("POST / HTTP/1.1", "Content-Length: x\r\n", 400, "BadRequest", id="no length"),
        pytest.param("POST / HTTP/1.1", "Transfer-Encoding: x\r\n", 501, "NotImplemented", id="no coding"),
    ],
)
def test_what_is_no_http_is_answered_with_json_too(
    api: Served, request_line: str, header: str, status: int, error: str
) -> None:
    answer = api.raw(f"{request_line}\r\nHost: h\r\n{header}\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/json" in head
    assert json.loads(body)["error"] == error
    assert json.loads(body)["message"].endswith(".")


def test_a_broken_chunk_in_a_body_is_a_bad_request(api: Served) -> None:
    answer = api.raw(b"POST /v1/tasks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "BadRequest"


@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/service-info", "/healthz"])
def test_head_is_answered_as_get_without_the_body(api: Served, path: str) -> None:
    got, head = api.send("GET", path), api.send("HEAD", path)
    assert (head.status, head.headers["Content-Length"]) == (200, got.headers["Content-Length"])
    assert head.read() == b""


def test_options_names_the_methods_of_a_path(api: Served) -> None:
    answer = api.send("OPTIONS", "/v1/tasks")
    assert (answer.status, answer.read()) == (204, b"")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Content_Type": "text/plain"}, id="text"),
        pytest.param({"Content_Type": "application/x-www-form-urlencoded"}, id="a form"),
        pytest.param({"Content_Type": "application/json", "Content_Encoding": "gzip"}, id="compressed"),
    ],
)
def test_a_body_that_says_that_it_is_no_json_is_refused(api: Served, headers: dict[str, str]) -> None:
    status, _, answer = api.ask("POST", "/v1/tasks", json.dumps(DOCUMENT), **headers)
    assert (status, answer["error"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", ""])
def test_a_body_of_json_is_taken_whether_it_says_so_or_not(api: Served, kind: str) -> None:
    headers = {"Content_Type": kind} if kind else {}
    assert api.ask("POST", "/v1/tasks", json.dumps(DOCUMENT), **headers)[0] == 200


def test_a_body_over_the_limit_is_refused_before_it_is_sent(api: Served) -> None:
    head = b"POST /v1/tasks HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 9000000\r\n\r\n"
    answer = api.send("POST", "/v1/tasks", b"", Content_Length="9000000")  # and nothing follows
    assert answer.status == 413
    assert json.loads(answer.read())["error"] == "TooLarge"
    assert api.raw(head + b" " * 9_000_000).startswith(b"HTTP/1.1 413 ")


def test_a_body_over_the_limit_that_comes_in_chunks_is_cut_off(api: Served) -> None:
    chunks = (b" " * MIB for _ in range(16))
    status, _, answer = api.ask("POST", "/v1/tasks", chunks, Transfer_Encoding="chunked")
    assert (status, answer["error"]) == (413, "TooLarge")


def test_of_many_large_bodies_at_once_some_are_refused_for_now_and_small_ones_never(api: Served) -> None:
    large = json.dumps({**DOCUMENT, "inputs": [{"path": "/f", "content": "x" * (2 * MIB)}]}).encode()
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: h\r\nContent-Length: {len(large)}\r\n\r\n".encode()

    def refused() -> bool:
        status, headers, answer = api.ask("POST", "/v1/tasks", large)
        assert status == 200 or (headers["Retry-After"], answer["error"]) == ("5", "Busy")
        return status == 503

    with contextlib.ExitStack() as sockets:

        def refused_beside_one_more() -> bool:
            client = sockets.enter_context(socket.create_connection(("127.0.0.1", api.port), timeout=30))
            client.sendall(head + large[:-1])  # and the rest is awaited
            return refused()

        eventually(refused_beside_one_more, "there is no room for another one")
        assert api.ask("POST", "/v1/tasks", json.dumps(DOCUMENT))[0] == 200
    eventually(lambda: not refused(), "there is room again")


def test_an_answer_that_is_known_is_not_sent_again(server: ApiServer, api: Served) -> None:
    stored(server, "task-known", inputs=[{"path": "/f", "content": "c"}])
    first = api.send("GET", "/v1/tasks/task-known?view=FULL")
    tag = first.headers["ETag"]
    assert first.read()

    again = api.send("GET", "/v1/tasks/task-known?view=FULL", If_None_Match=tag)

    assert (again.status, again.headers["ETag"], again.read()) == (304, tag, b"")
    assert api.send("GET", "/v1/tasks/task-known?view=BASIC", If_None_Match=tag).status == 200
    stored(server, "task-known", name="changed")
    assert api.send("GET", "/v1/tasks/task-known?view=FULL", If_None_Match=tag).status == 200


def test_settings_that_change_an_answer_change_its_etag(server: ApiServer) -> None:
    resources = {"backend_parameters": {"priority_class": "high"}}
    stored(server, "task-parameters", resources=resources)
    with served(server) as without, served(server, PRIORITY_CLASSES="high") as allowed:
        tags = {api.send("GET", "/v1/tasks/task-parameters?view=FULL").headers["ETag"] for api in (without, allowed)}
    assert len(tags) == 2


def test_large_replies_are_compressed_for_who_accepts_that(server: ApiServer, api: Served) -> None:
    stored(server, "task-large", description="x" * 10_000)
    path = "/v1/tasks/task-large?view=FULL"
    plain, small = api.send("GET", path), api.send("GET", "/v1/tasks/task-large", Accept_Encoding="gzip")
    zipped = api.send("GET", path, Accept_Encoding="gzip, deflate")

    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in small.headers
    assert (zipped.headers["Content-Encoding"], zipped.headers["Vary"]) == ("gzip", "Origin, Accept-Encoding")
    data = zipped.read()
    assert len(data) < 1000
    assert json.loads(gzip.decompress(data)) == json.loads(plain.read())
    refused = api.send("GET", path, Accept_Encoding="gzip;q=0")
    assert "Content-Encoding" not in refused.headers
    again = api.send("GET", path, Accept_Encoding="gzip", If_None_Match=zipped.headers["ETag"])
    assert again.status == 304


def test_the_page_of_an_allowed_origin_may_use_the_api(api: Served) -> None:
    for path, status in (("/v1/tasks", 200), ("/v1/tasks/task-none", 404)):
        answer = api.send("GET", path, Origin=PAGE)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, PAGE)
        assert answer.headers["Access-Control-Expose-Headers"] == "ETag, Retry-After"
        assert "Origin" in answer.headers["Vary"]


def test_a_preflight_is_answered_with_what_may_be_sent(api: Served) -> None:
    answer = api.send("OPTIONS", "/v1/tasks", Origin=PAGE, Access_Control_Request_Method="POST")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, PAGE)
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))


def test_the_page_of_another_origin_may_not(api: Served) -> None:
    for method in ("GET", "OPTIONS"):
        answer = api.send(method, "/v1/tasks", Origin="https://evil.example", Access_Control_Request_Method="POST")
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/tasks/task-a:cancel"])
def test_the_page_of_another_site_changes_nothing(
    server: ApiServer, api: Served, path: str, headers: dict[str, str]
) -> None:
    """Which needs no preflight where it sends no Content-Type, as a form does or `fetch` with bytes."""
    stored(server, "task-a")
    before = len(server.events)
    answer = api.send("POST", path, json.dumps(DOCUMENT), **headers)
    assert (answer.status, json.load(answer)["error"]) == (403, "Forbidden")
    assert len(server.events) == before


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": PAGE, "Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-origin"}], ids=str
)
def test_an_allowed_page_the_services_own_and_what_is_no_browser_may_cancel(
    server: ApiServer, api: Served, headers: dict[str, str]
) -> None:
    stored(server, "task-a")
    assert api.send("POST", "/v1/tasks/task-a:cancel", **headers).status == 200
    own = f"http://127.0.0.1:{api.port}"
    assert api.send("POST", "/v1/tasks/task-a:cancel", Origin=own).status == 200
