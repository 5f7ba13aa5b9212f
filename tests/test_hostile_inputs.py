"""What somebody would send who wants to keep a server busy: each process says on within a second that it lives."""

import base64
import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import bcrypt
import pytest

from tescore import naming
from tescore.retry import pause
from tests.apiserver import ApiServer, api_server
from tests.build import executor, task_document
from tests.service import API_ACCOUNT, process, served

pytestmark = pytest.mark.alone  # they measure

WITHIN = 1.0
"""Seconds in which a process says that it lives, whatever it works on. The probes of the pods have five."""
MIB = 1024 * 1024
URL = "s3://bucket/key"
STARS = "r.org/lab/*-*-*-*-*"
WEBHOOK = """
import os, sys
from tescore import addresses
from tescore.cluster import Cluster
from tescore.session import Session
from tescore.settings import read
from webhook.__main__ import run
from webhook.settings import Settings

run(read(Settings, os.environ), lambda: Cluster(Session(sys.argv[1])), addresses.rules([], []))
"""


@dataclass(frozen=True)
class Target:
    port: int
    tls: ssl.SSLContext | None = None

    def connected(self) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return self.tls.wrap_socket(plain) if self.tls else plain

    def answered(self, request: bytes) -> bytes:
        """What comes until the connection is closed; less where it is closed before all was sent."""
        with self.connected() as client, contextlib.suppress(ConnectionError, ssl.SSLError):
            client.sendall(request)
            return b"".join(iter(lambda: client.recv(65536), b""))
        return b""


def slowest(target: Target, over: threading.Event) -> float:
    """Seconds of the slowest answer to whether it lives, until that is over."""
    longest = 0.0
    while True:
        began = time.monotonic()
        answer = target.answered(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        longest = max(longest, time.monotonic() - began)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        if over.wait(0.02):
            return longest


def check(target: Target, work: Callable[[], object]) -> None:
    """While that is done the target lives. It may be tried once more, for the machine may have been busy."""
    took: list[float] = []
    while not took or (took[-1] >= WITHIN and len(took) < 2):
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(slowest, target, over)
            try:
                work()
            finally:
                over.set()
            took.append(asking.result())
    assert took[-1] < WITHIN


def text(**changes: Any) -> str:
    return json.dumps(task_document(**changes))


def beside(extra: str) -> str:
    """A document with more in it, as JSON."""
    return '{"executors": [{"image": "i", "command": ["c"]}], ' + extra + "}"


def outputs(count: int, path: str) -> str:
    return text(outputs=[{"path": path, "path_prefix": "/x", "url": f"{URL}{i}"} for i in range(count)])


CONFIGURATION = ("mutatingwebhookconfigurations", "tesk")
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
DOCUMENTS: dict[str, Callable[[], str | bytes]] = {
    "deep arrays": lambda: "[" * MIB,
    "deep objects": lambda: '{"a":' * (MIB // 5),
    "a million values": lambda: beside('"x": [' + "0," * 1_000_000 + "0]"),
    "as many values as are taken": lambda: beside('"x": [' + "0," * 240_000 + "0]"),
    "one long string": lambda: text(description="x" * 2 * MIB),
    "noise": lambda: text(description=base64.b85encode(bytes(i * i % 251 for i in range(MIB))).decode()),
    "escapes": lambda: beside('"name": "' + "\\ud83d" * (MIB // 3) + '"'),
    "quotes": lambda: '"' + '\\"' * MIB,
    "blanks": lambda: " " * 2 * MIB + text(),
    "gzip that says it is short": lambda: (
        gzip.compress(beside('"x": [' + "0," * 240_000 + "0]").encode()) + gzip.compress(b" ")
    ),
    "no UTF-8": lambda: b"\xff\xfe" * MIB,
    "gzip": lambda: gzip.compress(bytes(8 * MIB), 1),
    "tags": lambda: text(tags={f"k{i}": "v" for i in range(20_000)}),
    "volumes": lambda: text(volumes=[f"/v/{i}" for i in range(20_000)]),
    "volumes in each other": lambda: text(volumes=["/v" * n for n in range(1, 1000)]),
    "inputs": lambda: text(inputs=[{"path": f"/f/{i}", "url": URL} for i in range(10_000)]),
    "deep inputs": lambda: text(inputs=[{"path": f"{'/a' * 1000}/{i}", "url": URL} for i in range(900)]),
    "executors": lambda: text(executors=[executor() for _ in range(4000)]),
    "executors of the wrong kind": lambda: text(executors=[0] * 240_000),
    "arguments": lambda: text(executors=[executor(command=["x"] * 80_000)]),
    "variables": lambda: text(executors=[executor(env={f"V{i}": "x" for i in range(20_000)})]),
    "braces": lambda: outputs(3000, "/x/" + "{a,b}" * 9),
    "brackets": lambda: outputs(200, "/x/*" + "[:a" * 1300),
    "stars": lambda: outputs(1000, "/x/" + "*a" * 100 + "b"),
    "backslashes": lambda: outputs(200, "/x/*" + "\\\\" * 2000),
    "images": lambda: text(executors=[executor(image=f"r.org/lab/{'-' * 490}/x{i}") for i in range(1900)]),
    "digits": lambda: beside(f'"resources": {{"cpu_cores": {"9" * 2 * MIB}}}'),
    "decimals": lambda: beside(f'"resources": {{"ram_gb": 0.{"9" * 2 * MIB}e-999999}}'),
    "one name many times": lambda: beside(",".join(['"name": "x"'] * 60_000)),
    "combining characters": lambda: text(name="e" + "\u0301" * (MIB // 3), tags={"\u0130" * 100_000: "x"}),
    "claims": lambda: text(resources={"backend_parameters": {"read_only_claims": "genomes:/r," * 100_000}}),
}


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: h", "Connection: close", *headers, "", ""]).encode("latin-1")


def as_user(path: str, *headers: str) -> bytes:
    return get(path, "Authorization: Bearer token", *headers)


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: h", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def basic(user: str, password: str) -> str:
    return f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def jwt_of(header: str) -> str:
    return f"Authorization: Bearer {base64.urlsafe_b64encode(header.encode()).decode().rstrip('=')}.e30.AA"


CHUNKED = (
    b"POST /v1/tasks HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
LINE = 8000
REQUESTS: dict[str, tuple[int, Callable[[], bytes]]] = {
    "a long name": (5, lambda: as_user(f"/v1/tasks?name_prefix={'%C3%A9' * (LINE // 6)}&view=FULL")),
    "a name that none has": (5, lambda: as_user("/v1/tasks?name_prefix=none&page_size=1&view=FULL")),
    "tags": (5, lambda: as_user("/v1/tasks?" + "&".join(["tag_key=a&tag_value=b"] * (LINE // 22)))),
    "parameters": (5, lambda: as_user("/v1/tasks?" + "&" * LINE)),
    "a page token": (5, lambda: as_user(f"/v1/tasks?page_token={'W1tb' * (LINE // 4)}")),
    "digits": (5, lambda: as_user(f"/v1/tasks/t/logs/{'9' * LINE}/stdout?page_size={'9' * 100}")),
    "slashes": (5, lambda: as_user("/" * LINE)),
    "headers": (5, lambda: as_user("/v1/tasks", *(f"X-{i}: {'x' * LINE}" for i in range(90)))),
    "cookies": (5, lambda: as_user("/v1/tasks", *("Cookie: " + "a=\\;" * (LINE // 4) for _ in range(90)))),
    "ranges": (5, lambda: as_user("/v1/tasks", "Range: bytes=" + "0-0," * (LINE // 4))),
    "tags of content": (5, lambda: as_user("/v1/tasks/task-a", "If-None-Match: " + 'W/"' * (LINE // 3))),
    "what is accepted": (5, lambda: as_user("/v1/tasks", "Accept-Encoding: " + "gzip;q=0.1," * (LINE // 11))),
    "a kind of content": (5, lambda: post("/v1/tasks", b"{}", "Content-Type: a/b" + '; a*0*="\\"' * (LINE // 11))),
    "a form": (
        5,
        lambda: post("/v1/tasks/t:cancel", b"a=b&" * 250_000, f"Content-Type: {FORM}"),
    ),
    "parts": (
        1,
        lambda: post("/v1/tasks/t:cancel", b"--x\r\n" * 200_000, f"Content-Type: {PARTS}"),
    ),
    "a key": (5, lambda: post("/v1/tasks", b"{}", f"Idempotency-Key: {'x' * LINE}")),
    "chunks of a byte": (1, lambda: CHUNKED + b"1\r\n \r\n" * 200_000 + b"0\r\n\r\n"),
    "chunks with extensions": (1, lambda: CHUNKED + b"1;" + b"x" * 8 * MIB + b"\r\n \r\n0\r\n\r\n"),
    "trailers": (1, lambda: CHUNKED + b"0\r\n" + b"x: y\r\n" * 500_000 + b"\r\n"),
    "one request after the other": (
        1,
        lambda: get("/v1/service-info").replace(b"Connection: close\r\n", b"") * 5000 + get("/healthz"),
    ),
    "wrong passwords": (20, lambda: get("/v1/tasks", basic("ann", "x" * 70))),
    "passwords of nobody": (20, lambda: get("/v1/tasks", basic("x" * 3000, "x" * 3000))),
    "a deep token": (5, lambda: get("/v1/tasks", jwt_of("[" * (LINE // 2)))),
    "a token of numbers": (5, lambda: get("/v1/tasks", jwt_of(f'{{"alg": "none", "kid": {"9" * 4000}}}'))),
    "a long token": (5, lambda: get("/v1/tasks", "Authorization: Bearer " + "." * LINE)),
}


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with api_server() as there:
        there.tokens["token"] = {"user": {"username": "ann", "groups": []}, "audiences": ["tesk"]}
        there.allowed = {("ann", verb, "tesk") for verb in ("create", "get", "list", "delete")}
        webhook = {"name": "launch.tasks.tesk", "clientConfig": {"service": {"name": "tesk-webhook"}}}
        there.stored("mutatingwebhookconfigurations", {"metadata": {"name": "tesk"}, "webhooks": [webhook]}, "ADDED")
        settings = {"metadata": {"name": "tesk-settings"}, "data": {"TESK_IMAGES": f"i,busybox,{STARS}"}}
        there.stored("configmaps", settings, "ADDED")
        yield there


@pytest.fixture(scope="module")
def api(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One process that takes credentials of each kind."""
    users = tmp_path_factory.mktemp("users") / "users"
    users.write_bytes(b"ann:" + bcrypt.hashpw(b"secret", bcrypt.gensalt(10)))
    ways = {"AUTHENTICATION": "oidc,kubernetes,basic", "BASIC_FILE": str(users), "OIDC_ISSUERS": "http://127.0.0.1:9"}
    with served(server, **ways, OIDC_AUDIENCES="tesk") as there:
        yield Target(there.port)


@pytest.fixture(scope="module")
def webhook(server: ApiServer) -> Iterator[Target]:
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    with process(WEBHOOK, server, "WEBHOOK_PORT", TASKMASTER_IMAGE="t:1", FILER_IMAGE="f:1") as there:
        yield Target(there.port, tls)


def review(server: ApiServer, text: str | bytes) -> bytes:
    """A create, as the API server asks about it."""
    if isinstance(text, str):
        data = {"data": {"task.json": text}}
    else:
        data = {"binaryData": {"task.json.gz": base64.b64encode(text).decode()}}
    shown = {"metadata": {"name": "task-a", "namespace": "tesk", "labels": naming.TASK_LABELS}, **data}
    asked = {"uid": "u", "name": "task-a", "namespace": "tesk", "object": shown, "userInfo": {"username": API_ACCOUNT}}
    path = server.objects[CONFIGURATION]["webhooks"][0]["clientConfig"]["service"]["path"]
    return post(path, json.dumps({"request": asked}).encode(), "Content-Type: application/json")


def send(target: Target, request: bytes, times: int = 1) -> None:
    """That often at once."""
    sending = [threading.Thread(target=target.answered, args=(request,)) for _ in range(times)]
    for thread in sending:
        thread.start()
    for thread in sending:
        thread.join()


@pytest.mark.parametrize("what", DOCUMENTS)
def test_the_api_lives_whatever_document_it_is_sent(api: Target, what: str) -> None:
    made = DOCUMENTS[what]()
    body = made if isinstance(made, bytes) else made.encode()
    check(api, lambda: send(api, post("/v1/tasks", body, "Authorization: Bearer token")))


@pytest.mark.parametrize("what", REQUESTS)
def test_the_api_lives_whatever_request_it_is_sent(api: Target, what: str) -> None:
    times, made = REQUESTS[what]
    request = made()
    check(api, lambda: send(api, request, times))


@pytest.mark.parametrize("what", DOCUMENTS)
def test_the_webhook_lives_whatever_document_it_is_sent(server: ApiServer, webhook: Target, what: str) -> None:
    request = review(server, DOCUMENTS[what]())
    check(webhook, lambda: send(webhook, request))


HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""The first bytes of a TLS handshake, of 517."""
BODY = b"POST /admit/x HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: h\r\n"
SLOW = 70
"""Clients at a time."""


@dataclass(frozen=True)
class Slow:
    """A client that sends something first, and then a byte now and then, or none."""

    first: bytes = b""
    then: bytes = b""
    shakes_hands: bool = True

    def begun(self, target: Target) -> socket.socket:
        client = (target if self.shakes_hands else Target(target.port)).connected()
        client.sendall(self.first)
        return client


def besiege(target: Target, slow: Slow, admission: bytes) -> None:
    """There are such clients for some seconds, and meanwhile somebody creates a task."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(slow.begun(target)) for _ in range(SLOW)]
        for turn in range(10):
            for client in clients:
                with contextlib.suppress(OSError):  # the webhook has had enough of it
                    client.sendall(slow.then)
            pause(0.3)
            if turn == 5:
                assert b'"allowed":true' in target.answered(admission)


@pytest.mark.parametrize(
    "slow",
    [
        pytest.param(Slow(shakes_hands=False), id="silent before the handshake"),
        pytest.param(Slow(HELLO, b"x", shakes_hands=False), id="a handshake byte by byte"),
        pytest.param(Slow(), id="silent after the handshake"),
        pytest.param(Slow(HEALTH + b"X: ", b"x"), id="a head byte by byte"),
        pytest.param(Slow(BODY, b" "), id="a body byte by byte"),
        pytest.param(Slow(HEALTH + b"\r\n"), id="one request and no other"),
    ],
)
def test_the_webhook_lives_and_admits_tasks_whatever_slow_clients_it_has(
    server: ApiServer, webhook: Target, slow: Slow
) -> None:
    admission = review(server, text())
    check(webhook, lambda: besiege(webhook, slow, admission))
