"""The api over a small Kubernetes API server: called right here, or as a process of its own over HTTP."""

import base64
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from itertools import count
from pathlib import Path
from typing import Any

from werkzeug.test import Client

from api import creation
from api.app import create_app as api
from api.entrance import entrance
from api.settings import Settings
from tescore import addresses
from tescore.cluster import Cluster
from tescore.session import Session
from tescore.tenants import Tenants
from tests.apiserver import ApiServer, Object
from webhook import tools
from webhook.app import check_permission
from webhook.app import create_app as webhook
from webhook.launcher import Launcher
from webhook.settings import Settings as WebhookSettings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
API_ACCOUNT = "system:serviceaccount:tesk-system:tesk-api"
_ROOT = Path(__file__).parents[1]
_PROGRAM = """
import os, sys
from api.__main__ import run
from api.settings import Settings
from tescore import addresses
from tescore.cluster import Cluster
from tescore.session import Session
from tescore.settings import read

run(read(Settings, os.environ), lambda: Cluster(Session(sys.argv[1])))
"""


def client_of(
    server: ApiServer,
    *,
    create_seconds: float = creation.SECONDS,
    clock: Callable[[], float] = time.monotonic,
    **settings: Any,
) -> Client:
    """Speaks HTTP with an api whose tenant `tesk` is on that server, without a network between it and the test."""
    own, numbers = Settings(**settings), count()
    way_in = entrance(Cluster(Session(server.url)), own, clock, time.time, create_seconds)
    return Client(api(own, way_in, lambda: NOW, lambda _: next(numbers)))


def admitting(server: ApiServer, **settings: Any) -> None:
    """From now on the service's own webhook decides what tasks that server stores."""
    cluster = Cluster(Session(server.url))
    own = WebhookSettings(taskmaster_image="taskmaster:1", filer_image="filer:1", **settings)
    tenants = Tenants(cluster, own, time.monotonic)
    permitted = functools.partial(check_permission, cluster, api_account=own.api_account)
    rules = addresses.rules(own.denied_ranges, own.allowed_ranges)
    looked_up = functools.partial(tools.images, hosts=own.trs_hosts, rules=rules)
    application = webhook(
        own, Launcher(cluster, tenants), tenants, lambda: NOW, permitted, looked_up, lambda: "/admit/x"
    )
    hook = Client(application)

    def admit(shown: Object) -> tuple[int, Object]:
        name, user = shown["metadata"]["name"], {"username": API_ACCOUNT}
        request = {"uid": "r", "name": name, "namespace": "tesk", "userInfo": user, "object": shown}
        answer: Any = hook.post("/admit/x", json={"request": request}).json
        response = answer["response"]
        server.warned += response.get("warnings", [])
        if not response["allowed"]:
            status = response["status"]
            return status["code"], {"kind": "Status", "reason": status["reason"], "message": status["message"]}
        for operation in json.loads(base64.b64decode(response.get("patch", "")) or "[]"):
            shown["metadata"][operation["path"].removeprefix("/metadata/")] = operation["value"]
        return 200, shown

    server.admit = admit


@dataclass(frozen=True)
class Served:
    """An api that serves on a port of the loopback interface."""

    port: int
    pid: int

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> HTTPResponse:
        """The answer, of which only the head has been read; an underscore in a header's name is a dash."""
        named = {name.replace("_", "-"): value for name, value in {"Connection": "close", **headers}.items()}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):  # what is answered outlives that
            connection.request(method, path, body=body, headers=named, encode_chunked="Transfer-Encoding" in named)
            return connection.getresponse()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Message, Any]:
        """Status, headers and parsed JSON."""
        answer = self.send(method, path, body, **headers)
        data = answer.read()
        assert answer.headers["Content-Type"] == "application/json", data
        return answer.status, answer.headers, json.loads(data or b"{}")

    def raw(self, request: bytes) -> bytes:
        """What a request that is written out is answered with, until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
            client.sendall(request)
            return b"".join(iter(lambda: client.recv(65536), b""))


@contextlib.contextmanager
def served(server: ApiServer, **environment: str) -> Iterator[Served]:
    """An api process with one worker, until the block ends; variables are named without TESK_."""
    with process(_PROGRAM, server, "API_PORT", **{"API_WORKERS": "1", **environment}) as there:
        yield there


@contextlib.contextmanager
def process(program: str, server: ApiServer, port_setting: str, **environment: str) -> Iterator[Served]:
    """A program that serves at the port of that setting and is given that server's URL, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    given = {f"TESK_{name}": value for name, value in {port_setting: str(port), **environment}.items()}
    own = {"PATH": os.defpath, "MALLOC_ARENA_MAX": "1", **given}
    with subprocess.Popen(
        [sys.executable, "-c", program, server.url], cwd=_ROOT, env=own, stderr=subprocess.DEVNULL
    ) as running:
        try:
            eventually(lambda: running.poll() is None and listens(port), "the program listens")
            yield Served(port, running.pid)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(30)


def eventually(true: Any, what: str, *, within: float = 60) -> None:
    """Looks until something is so; fails with what it waited for."""
    deadline, pause = time.monotonic() + within, threading.Event()
    while not true():
        assert time.monotonic() < deadline, f"waited {within} s in vain until {what}"
        pause.wait(0.01)


def listens(port: int) -> bool:
    """Whether anybody does on that port of the loopback interface."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
