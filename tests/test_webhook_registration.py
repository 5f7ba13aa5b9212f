"""The webhook's certificate and path: what replicas share and serve, and what the API server is told of it."""

import base64
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tescore.cluster import Cluster
from tescore.errors import Misconfigured
from tescore.session import Object, Session
from tests.apiserver import ApiServer, api_server
from tests.service import eventually, listens
from webhook import certs, registration
from webhook.certs import Certificate
from webhook.registration import Registration, registered

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVICE = {"name": "tesk-webhook", "namespace": "tesk-system", "port": 443}
HOST = "tesk-webhook.tesk-system.svc"
OLD_PATH, NEW_PATH = f"/admit/{'0' * 40}", f"/admit/{'1' * 40}"


def configuration() -> Object:
    """As the manifest has it."""
    webhook = {"name": "launch.tasks.tesk", "failurePolicy": "Fail", "clientConfig": {"service": SERVICE}}
    return {"metadata": {"name": "tesk"}, "webhooks": [webhook]}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        running.stored("mutatingwebhookconfigurations", configuration(), "ADDED")
        yield running


def told(server: ApiServer) -> tuple[bytes, str]:
    """The authorities that the API server trusts, and the path that it calls."""
    [webhook] = server.objects["mutatingwebhookconfigurations", "tesk"]["webhooks"]
    assert webhook["failurePolicy"] == "Fail"
    own = webhook["clientConfig"]
    return base64.b64decode(own["caBundle"]), own["service"]["path"]


def kept(server: ApiServer) -> Certificate:
    return certs.read(server.objects["secrets", registration.SECRET]["data"], NOW)


def put_by_others(server: ApiServer, certificate: Certificate, **changes: str) -> None:
    """As cert-manager or an admin leaves the Secret."""
    data = {**certs.data(certificate), **{name.replace("_", "."): text for name, text in changes.items()}}
    server.stored("secrets", {"metadata": {"name": registration.SECRET}, "data": data}, "ADDED")


def lost(server: ApiServer) -> None:
    server.stored("secrets", server.objects["secrets", registration.SECRET], "DELETED")


def replica(cluster: Cluster, file: Path, digit: str) -> Registration:
    """It draws a path of that digit."""
    return Registration(cluster, "tesk-system", file, lambda: digit * 40)


class Replicas:
    """Two, each with its file."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        self.server = server
        self.files = [folder / "a.pem", folder / "b.pem"]
        self.all = [replica(Cluster(Session(server.url)), file, file.stem) for file in self.files]

    def look(self, now: datetime = NOW) -> None:
        for each in self.all:
            each.look(now)

    def serve(self, certificate: Certificate) -> bool:
        """Whether all serve it, the API server trusts its authority, and all hear the path that it calls."""
        trusted, path = told(self.server)
        files = {file.read_bytes() for file in self.files}
        paths = {each.path for each in self.all}
        return (files, paths, trusted) == ({certificate.chain + certificate.key}, {path}, certificate.authority)


@pytest.fixture
def replicas(server: ApiServer, tmp_path: Path) -> Replicas:
    started = Replicas(server, tmp_path)
    started.look()
    return started


def test_replicas_serve_one_certificate_that_the_first_made(replicas: Replicas) -> None:
    assert replicas.serve(kept(replicas.server))
    assert told(replicas.server)[1] == f"/admit/{'a' * 40}"


def test_a_look_that_finds_all_as_it_was_writes_nothing(replicas: Replicas) -> None:
    before = len(replicas.server.events)
    replicas.look(NOW + timedelta(days=3650))
    assert len(replicas.server.events) == before


class Overtaken(Cluster):
    """Of a replica before whose writes another one looks."""

    def __init__(self, server: ApiServer, other: Registration) -> None:
        super().__init__(Session(server.url))
        self.other = other

    def create(self, path: str, body: Object, **options: Any) -> Object:
        self.other.look(NOW)
        return super().create(path, body, **options)

    def patch(self, path: str, body: Object) -> Object:
        self.other.look(NOW)
        return super().patch(path, body)


@pytest.mark.parametrize("is_made", [False, True], ids=["both make the Secret", "both tell the API server"])
def test_of_replicas_that_start_at_once_the_first_wins(server: ApiServer, tmp_path: Path, is_made: bool) -> None:
    if is_made:
        put_by_others(server, certs.make("tesk-system", NOW))
    replicas = Replicas(server, tmp_path)
    second = replicas.all[1]
    replicas.all[0] = replica(Overtaken(server, second), replicas.files[0], "a")

    replicas.all[0].look(NOW)

    assert replicas.serve(kept(server))
    assert second.path == f"/admit/{'b' * 40}"


def test_a_lost_secret_is_made_anew_and_served_by_each_at_its_next_look(replicas: Replicas) -> None:
    before, (_, path) = kept(replicas.server), told(replicas.server)
    lost(replicas.server)
    replicas.look()
    assert kept(replicas.server) != before
    assert replicas.serve(kept(replicas.server))
    assert told(replicas.server)[1] == path


def test_a_certificate_of_others_is_served_as_it_changes(server: ApiServer, tmp_path: Path) -> None:
    first, second = (certs.make("tesk-system", NOW) for _ in range(2))
    put_by_others(server, first)
    replicas = Replicas(server, tmp_path)
    for each in (first, second):
        put_by_others(server, each)
        replicas.look()
        assert replicas.serve(each)
    assert kept(server) == second


def test_what_an_update_of_the_manifests_takes_away_is_told_again(replicas: Replicas) -> None:
    replicas.server.stored("mutatingwebhookconfigurations", configuration(), "MODIFIED")
    replicas.look()
    assert replicas.serve(kept(replicas.server))


def test_a_path_that_an_admin_removes_is_followed_by_another(server: ApiServer, tmp_path: Path) -> None:
    replica(Cluster(Session(server.url)), tmp_path / "before.pem", "0").look(NOW)
    [webhook] = server.objects["mutatingwebhookconfigurations", "tesk"]["webhooks"]
    assert webhook["clientConfig"]["service"].pop("path") == OLD_PATH
    replicas = Replicas(server, tmp_path)
    replicas.look()
    assert told(server)[1] == f"/admit/{'a' * 40}"
    assert replicas.serve(kept(server))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, NEW_PATH),
        ({"path": ""}, NEW_PATH),
        ({"path": "/admit"}, NEW_PATH),
        ({"path": "/admit/guessed"}, NEW_PATH),
        ({"path": OLD_PATH}, OLD_PATH),
    ],
)
def test_a_path_stays_if_nobody_guesses_it(before: dict[str, str], after: str) -> None:
    webhook = {"name": "w", "clientConfig": {"service": {**SERVICE, **before}}}
    authority = {"caBundle": base64.b64encode(b"PEM").decode()}
    expected = [{"name": "w", "clientConfig": {**authority, "service": {**SERVICE, "path": after}}}]
    assert registered([webhook], b"PEM", NEW_PATH) == (expected, after)


def encrypted(certificate: Certificate) -> str:
    """Its key, as nobody without the password reads it."""
    key = serialization.load_pem_private_key(certificate.key, None)
    closed = serialization.BestAvailableEncryption(b"password")
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed)
    return base64.b64encode(text).decode()


OTHERS = certs.data(certs.make("tesk-system", NOW))
WRONG = pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ca_crt": ""}, r"no ca\.crt"),
        ({"tls_crt": "", "tls_key": ""}, r"no tls\.crt and no tls\.key"),
        ({"tls_crt": "QUJD"}, "no PEM"),
        ({"tls_key": "QUJD"}, "no PEM"),
        ({"tls_key": encrypted(certs.make("tesk-system", NOW))}, "no PEM"),
        ({"ca_crt": "QUJD"}, "no PEM"),
        ({"tls_key": OTHERS["tls.key"]}, "do not belong together"),
        ({"tls_crt": OTHERS["tls.crt"]}, "do not belong together"),
    ],
)


@WRONG
def test_without_a_certificate_that_can_be_served_none_is(
    server: ApiServer, tmp_path: Path, changes: dict[str, str], problem: str
) -> None:
    put_by_others(server, certs.make("tesk-system", NOW), **changes)
    with pytest.raises(Misconfigured, match=problem):
        Replicas(server, tmp_path).look()


@WRONG
def test_while_a_secret_cannot_be_served_the_one_before_is(
    replicas: Replicas, caplog: pytest.LogCaptureFixture, changes: dict[str, str], problem: str
) -> None:
    before = kept(replicas.server)
    put_by_others(replicas.server, certs.make("tesk-system", NOW), **changes)
    replicas.server.stored("mutatingwebhookconfigurations", configuration(), "MODIFIED")
    replicas.look()
    assert replicas.serve(before)
    assert caplog.messages == ["the certificate of before is served on"] * 2


def test_a_certificate_is_served_for_ten_years_then_its_end_is_logged(
    replicas: Replicas, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = kept(replicas.server)
    replicas.look(NOW + timedelta(days=3651))
    assert caplog.messages == []
    replicas.look(NOW + timedelta(days=3653))
    assert replicas.serve(certificate)
    assert {record.__dict__["reason"] for record in caplog.records} == {
        "The webhook's certificate, in its Secret, expired at 2036-11-21 12:00:00+00:00."
    }


HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""How a handshake begins, of 517 bytes."""
PROGRAM = """
from gevent import monkey

monkey.patch_all()

import sys
from tescore.serving import serve
from tescore.worker import Handshakes, Worker

class Hasty(Handshakes):
    seconds = 1

def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

bind = f"127.0.0.1:{sys.argv[1]}"
serve(lambda: application, bind=bind, worker_class=Worker, certfile=sys.argv[2], ssl_context=Hasty)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tls.pem"


@pytest.fixture
def two(file: Path) -> list[Certificate]:
    """Two, of which the file has the first."""
    found = [certs.make("tesk-system", datetime.now(UTC)) for _ in range(2)]  # noqa: TID251 - the server has a real clock
    registration.put(file, found[0])
    return found


@pytest.fixture
def port(file: Path, two: list[Certificate]) -> Iterator[int]:
    """Of a server with that file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(number), file], stderr=subprocess.DEVNULL) as process:
        eventually(lambda: listens(number), "it listens")
        yield number
        process.terminate()


def test_a_new_file_is_served_at_once_and_no_connection_fails_meanwhile(
    port: int, file: Path, two: list[Certificate]
) -> None:
    trusting = ssl.create_default_context(cadata="".join(each.authority.decode() for each in two))

    def shown() -> bytes:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            trusting.wrap_socket(plain, server_hostname=HOST) as client,
        ):
            client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert client.recv(15) == b"HTTP/1.1 200 OK"
            return ssl.DER_cert_to_PEM_cert(client.getpeercert(binary_form=True) or b"").encode()

    for turn in range(1, 40):
        certificate = two[turn % 2]
        registration.put(file, certificate)
        assert shown() == certificate.chain


def is_cut_off(client: socket.socket, then: bytes) -> bool:
    try:
        client.sendall(then)
        return not client.recv(100)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(b"", b"", id="that is silent"),
        pytest.param(HELLO, b"", id="that begins one"),
        pytest.param(HELLO, b"x", id="byte by byte"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", b"", id="that speaks no TLS"),
    ],
)
def test_a_client_without_a_handshake_is_cut_off(port: int, first: bytes, then: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=0.2) as client:
        client.sendall(first)
        eventually(lambda: is_cut_off(client, then), "it is cut off", within=20)
