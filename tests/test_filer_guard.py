"""Which addresses a transfer may reach."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from filer import guard
from filer.errors import NotMovable
from filer.transports import http
from tescore import addresses, report
from tescore.errors import BadSettings
from tests.servers import Answer, HttpServer, aws_files, http_server
from tests.test_filer_s3 import moved

BUILT_IN = addresses.Rules()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as running:
        yield running


@pytest.mark.parametrize(
    ("address", "permitted"),
    [
        ("127.0.0.1", False),
        ("127.8.9.10", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False),
        ("100.100.100.200", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00:ec2::254", False),
        ("fd20:ce::254", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("10.0.0.1", True),
        ("192.168.1.1", True),
        ("8.8.8.8", True),
        ("fd00::1", True),
        ("2001:db8::1", True),
        ("::ffff:10.0.0.1", True),
    ],
)
def test_what_only_the_pod_itself_can_reach_is_denied(address: str, permitted: bool) -> None:
    assert BUILT_IN.permit(address) is permitted


def test_an_admin_denies_more_and_makes_exceptions() -> None:
    rules = addresses.rules(["10.0.0.0/8", "fd00::/8"], ["10.1.0.0/16", "127.0.0.1"], "10.96.0.1")
    found = {text: rules.permit(text) for text in ("10.0.0.1", "10.1.0.1", "fd00::1", "127.0.0.1")}
    assert found == {"10.0.0.1": False, "10.1.0.1": True, "fd00::1": False, "127.0.0.1": True}


@pytest.mark.parametrize(
    ("host", "asked"), [("10.96.0.1", "10.96.0.1"), ("fd01::1", "fd01::1"), ("api.example", "API.example.")]
)
def test_the_api_server_is_denied_by_address_or_name(host: str, asked: str) -> None:
    guard.use(addresses.rules([], [], host))
    with pytest.raises(NotMovable, match="transfers must not reach"):
        guard.checked(asked, 443)


def test_a_range_that_is_none_is_told() -> None:
    with pytest.raises(BadSettings, match=r"TESK_DENIED_RANGES: '10\.0\.0\.0/33'"):
        addresses.rules(["10.0.0.0/33"], [])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "0"])
def test_an_address_is_denied_in_every_spelling(server: HttpServer, tmp_path: Path, host: str) -> None:
    guard.use(BUILT_IN)
    with pytest.raises(NotMovable, match="is an address that transfers must not reach"):
        http.fetch(f"http://{host}:{server.port}/x", tmp_path / "x")
    assert server.requests == []


def test_a_file_is_not_put_to_a_denied_address(server: HttpServer, tmp_path: Path) -> None:
    guard.use(BUILT_IN)
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(NotMovable, match="transfers must not reach"):
        http.store(tmp_path / "x", server.url("/x"))
    assert server.files == {}


def test_a_redirect_does_not_lead_to_a_denied_address(server: HttpServer, tmp_path: Path) -> None:
    with http_server() as inner:
        server.answers["/x"] = [Answer(302, headers=(("Location", f"http://127.0.0.9:{inner.port}/x"),))]
        guard.use(addresses.rules([], ["127.0.0.1"]))
        with pytest.raises(NotMovable, match=r"127\.0\.0\.9 is an address that transfers must not reach"):
            http.fetch(server.url("/x"), tmp_path / "x")
        assert inner.requests == []


@pytest.mark.parametrize("step", ["inputs", "outputs"])
def test_an_s3_endpoint_at_a_denied_address_is_not_asked(server: HttpServer, tmp_path: Path, step: str) -> None:
    (tmp_path / "scratch/data/o/x").parent.mkdir(parents=True)
    (tmp_path / "scratch/data/o/x").write_bytes(b"x")
    environment = {**aws_files(tmp_path / "aws", server.url("")), "TESK_ALLOWED_RANGES": ""}
    code, told = moved(tmp_path, step, environment, {"path": "/o/x", "url": "s3://bucket/x"})
    assert (code, server.requests) == (report.FAILED, [])
    assert told.failure.endswith(": 127.0.0.1 is an address that transfers must not reach.")


def of_google(tmp_path: Path, endpoint: str) -> dict[str, str]:
    """The environment of a filer for which Google's storage is elsewhere."""
    return {"STORAGE_EMULATOR_HOST": endpoint, "HOME": str(tmp_path)}


def of_azure(tmp_path: Path, endpoint: str) -> dict[str, str]:
    """The environment of a filer for which Azure's storage is elsewhere."""
    (tmp_path / "azure").write_text(f"[s]\nconnection_string = AccountName=a;BlobEndpoint={endpoint}/a\n")
    return {"HOME": str(tmp_path)}


LIBRARIES = pytest.mark.parametrize(
    ("url", "elsewhere"),
    [pytest.param("gs://b/x", of_google, id="gs"), pytest.param("az://a/b/x", of_azure, id="azure")],
)


@LIBRARIES
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("step", ["inputs", "outputs"])
def test_no_library_asks_a_denied_address(
    server: HttpServer,
    tmp_path: Path,
    url: str,
    elsewhere: Callable[[Path, str], dict[str, str]],
    host: str,
    step: str,
) -> None:
    (tmp_path / "scratch/data/o/x").parent.mkdir(parents=True)
    (tmp_path / "scratch/data/o/x").write_bytes(b"x")
    environment = {**elsewhere(tmp_path, f"http://{host}:{server.port}"), "TESK_ALLOWED_RANGES": ""}
    code, told = moved(tmp_path, step, environment, {"path": "/o/x", "url": url})
    assert (code, server.requests) == (report.FAILED, [])
    assert told.failure.endswith(" is an address that transfers must not reach.")


@LIBRARIES
def test_no_library_follows_a_redirect_to_a_denied_address(
    server: HttpServer, tmp_path: Path, url: str, elsewhere: Callable[[Path, str], dict[str, str]]
) -> None:
    with http_server() as inner:
        there = Answer(302, headers=(("Location", f"http://127.0.0.9:{inner.port}/x"),))
        for asked in ("/storage/v1/b/b/o/x?projection=noAcl&prettyPrint=false", "/a/b/x"):
            server.answers[asked] = [there]
        environment = {**elsewhere(tmp_path, server.url("")), "TESK_ALLOWED_RANGES": "127.0.0.1"}
        told = moved(tmp_path, "inputs", environment, {"path": "/x", "url": url})[1]
        assert len(server.requests) == 1
        assert inner.requests == []
    assert told.failure.endswith(": 127.0.0.9 is an address that transfers must not reach.")


def test_a_key_is_not_exchanged_for_a_token_at_a_denied_address(server: HttpServer, tmp_path: Path) -> None:
    drawn = rsa.generate_private_key(65537, 2048)
    pem = drawn.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = {"type": "service_account", "client_email": "e", "private_key": pem, "token_uri": server.url("/token")}
    (tmp_path / "gcs.json").write_text(json.dumps(key))
    environment = {"HOME": str(tmp_path), "TESK_ALLOWED_RANGES": ""}
    told = moved(tmp_path, "inputs", environment, {"path": "/x", "url": "gs://b/x"})[1]
    assert server.requests == []
    assert told.failure.endswith(": 127.0.0.1 is an address that transfers must not reach.")


def test_the_api_servers_address_is_known_from_the_environment(server: HttpServer, tmp_path: Path) -> None:
    server.files["/x"] = b"secret"
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.2", "TESK_ALLOWED_RANGES": "127.0.0.1"}
    url = server.url("/x").replace("127.0.0.1", "127.0.0.2")
    code, told = moved(tmp_path, "inputs", environment, {"path": "/x", "url": url})
    assert code == report.FAILED
    assert "127.0.0.2 is an address that transfers must not reach" in told.failure


def test_a_name_that_nobody_has_is_told_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    code, told = moved(tmp_path, "inputs", {}, {"path": "/x", "url": "http://no-such-host.invalid/x"})
    assert code == report.FAILED
    # Where there is no name server at all it is that which is told, after some tries.
    assert "there is no server of that name" in told.failure or "could not be looked up" in told.failure
    assert time.monotonic() - began < 60
