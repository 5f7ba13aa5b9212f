"""Logins that are in the tenant's Secret, and not in URLs."""

import time
from pathlib import Path

import pytest

from filer import credentials, transports
from filer.errors import NotMovable
from filer.transports import address, http, objects
from tescore import report
from tests.moving import moved, wrote
from tests.servers import Answer, http_server

NETRC = (
    "machine http://127.0.0.1:{port} login me password p@ss\nmachine api.example.org login bearer password a-token\n"
)


def home(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / ".netrc").write_text(text)
    return {"HOME": str(tmp_path)}


@pytest.mark.parametrize(
    ("netrc", "userinfo", "sent"),
    [
        pytest.param(NETRC, "", "Basic bWU6cEBzcw==", id="named"),
        pytest.param(NETRC.replace("login me", "login bearer"), "", "Bearer p@ss", id="token"),
        pytest.param("machine 127.0.0.1 login me password p@ss", "", None, id="not-at-any-port-and-not-in-clear-text"),
        pytest.param(NETRC, "you:x@", "Basic eW91Ong=", id="the-URL-has-its-own"),
        pytest.param("default login me password p@ss", "", None, id="default-is-not-for-any-web-server"),
        pytest.param("", "", None, id="none"),
    ],
)
def test_a_web_server_is_told_who_asks(tmp_path: Path, netrc: str, userinfo: str, sent: str | None) -> None:
    with http_server() as server:
        server.files["/x"] = b"x"
        item = {"path": "/in/x", "url": server.url("/x", userinfo=userinfo)}
        environment = home(tmp_path, netrc.replace("{port}", str(server.port)))
        assert moved(tmp_path, "inputs", environment, item) == (0, report.Report())
        assert server.requests[0].headers.get("Authorization") == sent


@pytest.mark.parametrize(
    ("name", "servers"),
    [
        ("h", ["https://h:443", "ftp://h:21", "ftps://h:21", "ftps://h:990", "sftp://h:22"]),
        ("h:80", ["https://h:80", "ftp://h:80", "ftps://h:80", "sftp://h:80"]),
        ("http://h", ["http://h:80"]),
        ("http://h:8080", ["http://h:8080"]),
        ("ftps://h", ["ftps://h:21", "ftps://h:990"]),
        ("https://h", ["https://h:443"]),
        ("::1", ["https://::1:443", "ftp://::1:21", "ftps://::1:21", "ftps://::1:990", "sftp://::1:22"]),
        ("[::1]:80", ["https://::1:80", "ftp://::1:80", "ftps://::1:80", "sftp://::1:80"]),
    ],
)
def test_a_login_is_for_a_scheme_and_a_port(name: str, servers: list[str]) -> None:
    found = [
        f"{scheme}://{host}:{port}"
        for host in ("h", "::1")
        for scheme in ("http", "https", "ftp", "ftps", "sftp")
        for port in (21, 22, 80, 443, 990, 8080)
        if name in credentials.names(scheme, host, port)
    ]
    assert sorted(found) == sorted(servers)


def test_the_entry_for_a_scheme_goes_before_the_one_for_a_host() -> None:
    assert credentials.names("ftps", "h", 21) == ["ftps://h:21", "ftps://h", "h:21", "h"]


def test_a_redirect_to_clear_text_is_not_told_who_asks(tmp_path: Path) -> None:
    with http_server() as server:
        server.answers["/x"] = [
            Answer(302, headers=(("Location", server.url("/y").replace("127.0.0.1", "localhost")),))
        ]
        server.files["/y"] = b"x"
        netrc = f"{NETRC}machine localhost login me password p".replace("{port}", str(server.port))
        item = {"path": "/in/x", "url": server.url("/x")}
        assert moved(tmp_path, "inputs", home(tmp_path, netrc), item) == (0, report.Report())
        assert ["Authorization" in request.headers for request in server.requests] == [True, False]


def test_headers_of_the_callers_go_to_the_urls_own_server_alone(tmp_path: Path) -> None:
    with http_server() as server, http_server() as other:
        server.answers["/x"] = [Answer(302, headers=(("Location", "/y"),))]
        server.answers["/y"] = [Answer(302, headers=(("Location", other.url("/x")),))]
        other.files["/x"] = b"x"
        where = server.url("/x"), {"Authorization": "Signed"}
        assert http.fetch_from(lambda: where, tmp_path / "x") == 1
        assert [request.headers.get("Authorization") for request in server.requests] == ["Signed", "Signed"]
        assert "Authorization" not in other.requests[0].headers


@pytest.mark.parametrize(
    ("url", "user", "password", "path"),
    [
        ("ftp://h/a", "", None, "/a"),
        ("ftp://me@h:21/a/", "me", None, "/a"),
        ("ftp://m%40e:p%3A%2F%40@h//a", "m@e", "p:/@", "/a"),
        ("ftp://me:p@ss@h/a@b", "me", "p@ss", "/a@b"),
        ("ftp://me:@[::1]:2121", "me", None, "/"),
        ("ftp://h/~/a%20b", "", None, "a b"),
        ("ftp://h/%2Fetc/x", "", None, "/etc/x"),
        ("ftp://h/a%FF#b?c", "", None, "/a\udcff#b?c"),
    ],
)
def test_a_url_says_who_logs_in_where_for_what(url: str, user: str, password: str | None, path: str) -> None:
    server, found = address.parse(url, 21)
    assert (server.user, server.password, found) == (user, password, path)
    assert "password" not in repr(server)


@pytest.mark.parametrize("rest", ["@" * 30_000 + ":x", "@" * 30_000 + "]:" + "1" * 30_000])
def test_a_url_that_is_to_keep_the_filer_busy_is_read_once(rest: str) -> None:
    began = time.process_time()
    with pytest.raises(NotMovable, match="not of the form"):
        address.parse(f"ftp://{rest}", 21)
    assert time.process_time() - began < 1


def test_no_credentials_are_shown() -> None:
    assert address.shown("sftp://me:p@ss@h:1/a@b#c?d") == "sftp://h:1/a@b#c?d"


@pytest.mark.parametrize(
    ("url", "folder", "expected"),
    [
        ("gs://b/k/l", False, ("b", "k/l")),
        ("gs://b/k/", True, ("b", "k/")),
        ("gs://b", True, ("b", "")),
        ("gs://b//k%20#?", False, ("b", "/k%20#?")),
    ],
)
def test_a_key_is_what_stands_in_the_url(url: str, folder: bool, expected: tuple[str, str]) -> None:
    assert objects.parse(url, "gs://bucket/key", folder=folder) == expected


@pytest.mark.parametrize(
    ("url", "form"),
    [("gs://", "gs://bucket/key"), ("gs://b/", "gs://bucket/key"), ("gs:///k", "gs://bucket/key"),
     ("az://a/c", "az://account/container/blob"), ("az://a//k", "az://account/container/blob")],
)  # fmt: skip
def test_a_url_without_all_of_its_parts_is_refused(url: str, form: str) -> None:
    with pytest.raises(NotMovable, match="not of the form"):
        objects.parse(url, form)


def site() -> str:
    """Where the packages are that the tests need."""
    return str(Path(pytest.__file__).parents[1])


def test_a_key_that_fails_in_a_way_nobody_foresaw_is_not_told_and_the_others_are_tried(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text('machine http://127.0.0.1:1 login bearer password "geheim\n"\n')
    outputs = [{"path": f"/out/{name}", "url": f"http://127.0.0.1:1/{name}"} for name in "ab"]
    for output in outputs:
        wrote(tmp_path, output["path"])
    code, told = moved(tmp_path, "outputs", {"HOME": str(tmp_path)}, *outputs)
    assert code == report.FAILED
    assert told.failure.count("ValueError (transports/http.py, line ") == 2
    assert "geheim" not in told.failure
    item = {"path": "/in/x", "url": "http://127.0.0.1:1/a"}
    told = moved(tmp_path, "inputs", {"HOME": str(tmp_path)}, item)[1]
    assert told.failure.startswith("Input /in/x could not be fetched from http://127.0.0.1:1/a: ValueError (")


def test_a_library_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    (tmp_path / "paramiko.py").write_text("raise RuntimeError('broken')")
    environment = {"PYTHONPATH": f"{tmp_path}:{Path(transports.__file__).parents[2]}:{site()}"}
    wrote(tmp_path, "/out/x")
    for step, done in (("inputs", "fetched from"), ("outputs", "stored at")):
        code, told = moved(tmp_path, step, environment, {"path": "/out/x", "url": "sftp://h/x"})
        assert code == report.FAILED
        assert f"put /out/x could not be {done} its URL: RuntimeError (transports/" in told.failure
