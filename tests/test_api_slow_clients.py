"""Clients that are slow, silent or ask for much, against api processes: others are served, and memory is bounded."""

import base64
import contextlib
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tescore import naming, record
from tescore.retry import pause
from tests.apiserver import ApiServer, api_server
from tests.service import Served, served
from tests.test_api_live import LOGS, POD, pod, put

pytestmark = pytest.mark.alone  # they measure

MIB = 1024 * 1024
GET = b"GET /v1/service-info HTTP/1.1\r\nHost: h\r\n"
HEAD = GET + b"X: "
BODY = b"POST /v1/tasks HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"
LARGE = b"GET /v1/tasks/task-large?view=FULL HTTP/1.1\r\nHost: h\r\n\r\n"
WITHIN = 1.0
"""Seconds. The probes of the pod have five."""
WITHIN_AT_WORK = 2.0
"""Where the processes themselves have all that the machine can do: then a busy one shows."""
FOLLOW = f"GET {LOGS}/0/stdout?follow=true HTTP/1.1\r\nHost: h\r\n\r\n".encode()


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """With a task of 7 MiB, another one that runs, and sixteen of 0.9 MB of noise."""
    with api_server() as there:
        stored(there, "task-large", "x" * 7 * MIB)
        put(there)
        pod(there)
        there.write(POD, b"y" * 4 * MIB)
        noise = base64.b85encode(hashlib.shake_256(b"noise").digest(7 * MIB // 10)).decode()  # 0.7 MiB gzipped
        for number in range(16):
            stored(there, f"task-noise-{number:02}", noise)
        yield there


def stored(server: ApiServer, name: str, text: str) -> None:
    document = {"executors": [{"image": "i", "command": ["c"]}], "inputs": [{"path": "/f", "content": text}]}
    made = record.config_map(name, "tesk", json.dumps(document), owner="ann")
    made["metadata"]["uid"] = f"uid of {name}"
    made["metadata"]["labels"][naming.STATE] = "COMPLETE"
    server.stored("configmaps", made, "ADDED")


@pytest.fixture
def api(server: ApiServer) -> Iterator[Served]:
    with served(server) as there:
        yield there


@contextlib.contextmanager
def clients(api: Served, number: int, first: bytes, then: Callable[[socket.socket], object]) -> Iterator[None]:
    """So many connections, on each of which something is sent first, and something is done each second then."""
    over = threading.Event()
    with contextlib.ExitStack() as stack:
        open_ = [stack.enter_context(socket.create_connection(("127.0.0.1", api.port))) for _ in range(number)]

        def run() -> None:
            for client in open_:
                client.sendall(first)
                client.setblocking(False)  # one that is refused has nothing to receive
            while not over.wait(1):
                for client in open_:
                    with contextlib.suppress(OSError):  # the server has had enough of it
                        then(client)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def slowest(api: Served, seconds: float) -> float:
    """Seconds of the slowest answer to whether it lives, of those that it is asked for meanwhile."""
    ends, longest = time.monotonic() + seconds, 0.0
    while time.monotonic() < ends:
        began = time.monotonic()
        assert api.ask("GET", "/healthz")[0] == 200
        longest = max(longest, time.monotonic() - began)
        pause(0.05)
    return longest


def check(measure: Callable[[], float], within: float = WITHIN) -> None:
    """The api's health is told at once. The whole is tried once more, for the machine may have been busy."""
    took = [measure()]
    if took[0] >= within:
        took.append(measure())
    assert took[-1] < within, took


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(HEAD, lambda client: client.sendall(b"x"), id="a head byte by byte"),
        pytest.param(BODY, lambda client: client.sendall(b" "), id="a body byte by byte"),
        pytest.param(b"", lambda client: None, id="nothing"),
        pytest.param(GET + b"\r\n", lambda client: None, id="one request and no other"),
        pytest.param(LARGE, lambda client: client.recv(4096), id="a large answer slowly"),
        pytest.param(FOLLOW, lambda client: client.recv(4096), id="a stream slowly"),
    ],
)
def test_seventy_slow_clients_keep_nobody_waiting(
    api: Served, first: bytes, then: Callable[[socket.socket], object]
) -> None:
    def measure() -> float:
        with clients(api, 70, first, then):
            return slowest(api, 4)

    check(measure)


def resident(api: Served) -> float:
    """MiB that the processes of the api have in memory."""
    children = Path(f"/proc/{api.pid}/task/{api.pid}/children").read_text().split()
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in (str(api.pid), *children)]
    return sum(int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith("VmHWM")) / 1024


def test_many_large_answers_under_way_stay_within_the_pods_memory(server: ApiServer) -> None:
    def measure() -> float:
        with served(server, API_WORKERS="2") as api, clients(api, 110, LARGE, lambda client: client.recv(16_384)):
            longest = slowest(api, 10)
            assert resident(api) < 400  # of 512
            return longest

    check(measure, WITHIN_AT_WORK)


MANY = json.dumps(
    {
        "executors": [{"image": "i", "command": ["c"]}],
        "inputs": [{"path": f"/f/{i}", "url": f"s3://b/{i}"} for i in range(20_000)],
    }
)


@pytest.mark.parametrize(
    ("number", "method", "path", "body"),
    [
        pytest.param(40, "GET", "/v1/tasks?view=FULL", None, id="lists of large tasks"),
        pytest.param(40, "GET", "/v1/tasks/task-large?view=FULL", None, id="a large task"),
        pytest.param(4, "POST", "/v1/tasks", MANY, id="documents of many values"),
        pytest.param(20, "POST", "/v1/tasks", " " * 7 * MIB + MANY[:100_000], id="long documents"),
    ],
)
def test_much_that_is_asked_at_once_keeps_nobody_waiting_and_stays_within_memory(
    server: ApiServer, number: int, method: str, path: str, body: str | None
) -> None:
    def ask(api: Served) -> int:
        answer = api.send(method, path, body)
        answer.read()
        return answer.status

    def measure() -> float:
        with served(server, API_WORKERS="2") as api, ThreadPoolExecutor(number) as pool:
            asking = [pool.submit(ask, api) for _ in range(number)]
            longest = slowest(api, 4)
            statuses = {each.result() for each in asking}
            assert statuses <= {200, 400, 503}
            assert statuses - {503}
            assert resident(api) < 400  # of 512
            return longest

    check(measure, WITHIN_AT_WORK)
