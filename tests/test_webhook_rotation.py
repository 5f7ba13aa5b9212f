"""The webhook's certificate becomes another one: what the API server is told, and what replicas serve meanwhile."""

import base64
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tescore.cluster import Cluster
from tescore.errors import Misconfigured
from tescore.session import Session
from tests.apiserver import ApiServer, api_server
from tests.service import eventually, listens
from webhook import caller, certs, registration, rotation
from webhook.certs import Pair
from webhook.registration import Registration, registered, shared

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVICE = {"name": "tesk-webhook", "namespace": "tesk-system", "port": 443}
HOST = "tesk-webhook.tesk-system.svc"


def made(now: datetime = NOW) -> tuple[Pair, bytes]:
    return certs.made("tesk-system", now)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """With the configuration as the manifest has it."""
    with api_server() as running:
        webhook = {"name": "launch.tasks.tesk", "failurePolicy": "Fail", "clientConfig": {"service": SERVICE}}
        shown = {"metadata": {"name": "tesk"}, "webhooks": [webhook]}
        running.stored("mutatingwebhookconfigurations", shown, "ADDED")
        yield running


def told(server: ApiServer) -> tuple[bytes, str]:
    """The authorities that the API server trusts, and the path that it calls."""
    [webhook] = server.objects["mutatingwebhookconfigurations", "tesk"]["webhooks"]
    assert webhook["failurePolicy"] == "Fail"
    own = webhook["clientConfig"]
    return base64.b64decode(own["caBundle"]), own["service"]["path"]


def data(server: ApiServer) -> dict[str, str]:
    found: dict[str, str] = server.objects["secrets", registration.SECRET]["data"]
    return found


def test_the_api_server_is_told_authorities_and_path_once_for_each_path(server: ApiServer) -> None:
    cluster, kept = Cluster(Session(server.url)), rotation.begun(made)
    assert registered(cluster, kept, NOW)
    assert not registered(cluster, kept, NOW + timedelta(minutes=5))
    assert told(server) == (kept.trusted, caller.path(kept.paths, NOW))
    assert registered(cluster, kept, NOW + timedelta(minutes=10))


def replica(server: ApiServer, file: Path, now: datetime) -> Registration:
    cluster = Cluster(Session(server.url))
    return Registration(cluster, "tesk-system", file, shared(cluster, "tesk-system", now))


class Replicas:
    """Two, each with its file, that look in turn every ten seconds."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        self.server = server
        self.now = NOW
        self.files = [folder / "a.pem", folder / "b.pem"]
        self.all = [replica(server, file, NOW) for file in self.files]
        for each in self.all:
            each.look(NOW)

    def served(self) -> set[bytes]:
        return {file.read_bytes() for file in self.files}

    def turn(self, length: timedelta = timedelta(seconds=registration.EVERY)) -> None:
        """Each looks once, and what the API server is told is right for both at any time."""
        for each in self.all:
            self.now += length / 2
            each.look(self.now)
            trusted, path = told(self.server)
            for file, other in zip(self.files, self.all, strict=True):
                assert Pair(file.read_bytes(), b"").authority_among(trusted)
                assert caller.is_known(path, other.kept.paths, self.now)


@pytest.fixture
def replicas(server: ApiServer, tmp_path: Path) -> Replicas:
    return Replicas(server, tmp_path)


def lost(replicas: Replicas) -> None:
    replicas.server.stored("secrets", replicas.server.objects["secrets", registration.SECRET], "DELETED")


def old(replicas: Replicas) -> None:
    replicas.now += timedelta(days=61)


@pytest.mark.parametrize("begin", [lost, old])
def test_a_pair_that_is_old_or_was_removed_is_followed_by_another_without_a_moment_that_is_not_trusted(
    replicas: Replicas, begin: Callable[[Replicas], None]
) -> None:
    before, paths = replicas.served(), data(replicas.server)[rotation.PATHS]
    assert len(before) == 1

    begin(replicas)
    for _ in range(5):
        replicas.turn()

    assert len(replicas.served()) == 1
    assert replicas.served() != before
    assert len(x509.load_pem_x509_certificates(told(replicas.server)[0])) == 2
    replicas.turn(rotation.FORGOTTEN)
    replicas.turn()
    assert len(x509.load_pem_x509_certificates(told(replicas.server)[0])) == 1
    assert data(replicas.server)[rotation.PATHS] == paths


def test_a_pair_is_left_alone_for_two_months(replicas: Replicas) -> None:
    before = replicas.served(), told(replicas.server)[0]
    for _ in range(59):
        replicas.turn(timedelta(days=1))
    assert (replicas.served(), told(replicas.server)[0]) == before


def test_a_new_replica_serves_what_the_others_do(replicas: Replicas, tmp_path: Path) -> None:
    lost(replicas)
    replicas.turn()
    late = replica(replicas.server, tmp_path / "late.pem", replicas.now)
    late.look(replicas.now)
    assert {(tmp_path / "late.pem").read_bytes()} == replicas.served()
    assert late.kept.paths == replicas.all[0].kept.paths


def anothers(now: datetime = NOW) -> dict[str, str]:
    """As cert-manager leaves it: of another issuer, here itself, for 90 days, without what is the webhook's own."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=90))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    parts = {"tls.crt": certificate, "tls.key": private, "ca.crt": certificate}
    return {name: base64.b64encode(part).decode() for name, part in parts.items()}


def test_a_pair_of_others_is_served_and_left_for_them_to_renew(server: ApiServer, tmp_path: Path) -> None:
    first, second = anothers(), anothers()
    server.stored("secrets", {"metadata": {"name": registration.SECRET}, "data": first}, "ADDED")
    replicas = Replicas(server, tmp_path)
    paths = data(server)[rotation.PATHS]

    replicas.turn(timedelta(days=80))
    assert replicas.served() == {base64.b64decode(first["tls.crt"]) + base64.b64decode(first["tls.key"])}
    data(server).update(second)  # what is not its own cert-manager leaves as it is
    for each in replicas.all:
        each.look(NOW)

    assert replicas.served() == {base64.b64decode(second["tls.crt"]) + base64.b64decode(second["tls.key"])}
    assert told(server)[0] == base64.b64decode(second["ca.crt"])
    assert data(server)[rotation.PATHS] == paths


@pytest.mark.parametrize(
    ("changes", "problem"), [({"ca.crt": ""}, r"no ca\.crt"), ({"tls.crt": "QUJD"}, "cannot be read")]
)
def test_a_secret_that_is_not_whole_is_told(
    server: ApiServer, tmp_path: Path, changes: dict[str, str], problem: str
) -> None:
    given = {"metadata": {"name": registration.SECRET}, "data": {**anothers(), **changes}}
    server.stored("secrets", given, "ADDED")
    with pytest.raises(Misconfigured, match=problem):
        Replicas(server, tmp_path)


PROGRAM = """
import sys
from tescore.serving import serve

def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

serve(lambda: application, bind=f"127.0.0.1:{sys.argv[1]}", workers=1, threads=4, certfile=sys.argv[2])
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tls.pem"


@pytest.fixture
def pairs(file: Path) -> list[tuple[Pair, bytes]]:
    """Two with their authorities, of which the file has the first."""
    found = [made(datetime.now(UTC)) for _ in range(2)]  # noqa: TID251 - a real server looks at a real clock
    registration.put(file, found[0][0])
    return found


@pytest.fixture
def port(file: Path, pairs: list[tuple[Pair, bytes]]) -> Iterator[int]:
    """Of a server with that file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(number), file], stderr=subprocess.DEVNULL) as process:
        eventually(lambda: listens(number), "it listens")
        yield number
        process.terminate()


def test_a_new_file_is_served_at_once_and_no_connection_fails_meanwhile(
    port: int, file: Path, pairs: list[tuple[Pair, bytes]]
) -> None:
    trusting = ssl.create_default_context(cadata="".join(authority.decode() for _, authority in pairs))

    def shown() -> bytes:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            trusting.wrap_socket(plain, server_hostname=HOST) as client,
        ):
            client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert client.recv(15) == b"HTTP/1.1 200 OK"
            return ssl.DER_cert_to_PEM_cert(client.getpeercert(binary_form=True) or b"").encode()

    for turn in range(1, 40):
        pair = pairs[turn % 2][0]
        registration.put(file, pair)
        assert shown() == pair.certificate
