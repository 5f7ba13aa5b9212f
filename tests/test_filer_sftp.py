"""SFTP, against OpenSSH."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.sftp import SFTP_EOF, SFTP_OK

from filer.errors import Interrupted, NotMovable
from filer.patience import Patience
from filer.transports import sftp, sftp_reading
from filer.transports.sftp_session import cause
from tescore import report
from tests.loopback import PASSWORD, USER
from tests.moving import moved, scratch, tree, wrote
from tests.relay import relay
from tests.sshd import Sshd, sshd

LARGE = bytes(range(251)) * 80_000
"""More than two windows."""
AWKWARD = "a b#c?d%20e+ü"
ENCODED = "a%20b%23c%3Fd%2520e%2B%C3%BC"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sftp")) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    yield
    sftp._POOL.close()


def home(tmp_path: Path, **files: str) -> dict[str, str]:
    """The environment of a filer whose tenant has these files in its Secret."""
    (tmp_path / "home").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "home" / name).write_text(text)
    return {"HOME": str(tmp_path / "home")}


def test_files_of_any_size_and_name_arrive(server: Sshd, tmp_path: Path) -> None:
    contents = {"empty": b"", "small": b"x", "large": LARGE, AWKWARD: b"awkward"}
    for name, content in contents.items():
        server.wrote(f"any/{name}", content)
    urls = [server.url(f"/data/any/{name}") for name in ("empty", "small", "large", ENCODED)]
    items = [{"path": f"/in/{i}", "url": url} for i, url in enumerate(urls)]
    assert moved(tmp_path, "inputs", {}, *items) == (0, report.Report())
    assert [scratch(tmp_path, f"/in/{i}").read_bytes() for i in range(4)] == list(contents.values())


def test_a_folder_comes_with_empty_folders_hidden_files_and_what_links_lead_to(server: Sshd, tmp_path: Path) -> None:
    for path in ("in/f", "in/.hidden", f"in/{AWKWARD}/h", "elsewhere/e/i"):
        server.wrote(path, path.encode())
    server.linked("/data/elsewhere/e")
    (server.folder / "in/loop").symlink_to("../in")
    told = moved(tmp_path, "inputs", {}, {"path": "/in", "url": server.url("/~/in/"), "type": "DIRECTORY"})
    assert told == (0, report.Report())
    assert tree(scratch(tmp_path, "/in")) == {
        ".hidden": b"in/.hidden",
        f"{AWKWARD}/h": f"in/{AWKWARD}/h".encode(),
        "empty/below/": b"",
        "f": b"in/f",
        "file-link": b"in/f",
        "folder-link/i": b"elsewhere/e/i",
    }


def test_folders_that_link_to_each_other_come_once_below_each(server: Sshd, tmp_path: Path) -> None:
    for name, other in ("ab", "ba"):
        server.wrote(f"peers/{name}/{name}.txt")
        (server.folder / f"peers/{name}/peer").symlink_to(f"../{other}")
    item = {"path": "/in", "url": server.url("/data/peers"), "type": "DIRECTORY"}
    assert moved(tmp_path, "inputs", {}, item) == (0, report.Report())
    found = ["a/a.txt", "a/peer/b.txt", "b/b.txt", "b/peer/a.txt"]
    assert list(tree(scratch(tmp_path, "/in"))) == found


def test_a_file_that_is_a_folder_comes_as_one(server: Sshd, tmp_path: Path) -> None:
    server.wrote("called/a", b"file")
    assert moved(tmp_path, "inputs", {}, {"path": "/in", "url": server.url("/data/called")}) == (0, report.Report())
    assert tree(scratch(tmp_path, "/in")) == {"a": b"file"}


@pytest.mark.parametrize("kind", ["FILE", "DIRECTORY"])
def test_what_is_not_there_is_told(server: Sshd, tmp_path: Path, kind: str) -> None:
    failure = moved(tmp_path, "inputs", {}, {"path": "/in", "url": server.url("/none"), "type": kind})[1].failure
    url = server.url("/none", userinfo="")
    assert failure == f"Input /in could not be fetched from {url}: the server answered: No such file."


def test_files_and_folders_are_stored_below_folders_that_are_made(server: Sshd, tmp_path: Path) -> None:
    contents = {"empty": b"", "large": LARGE, f"sub/{AWKWARD}/x": b"literal"}
    for name, content in contents.items():
        wrote(tmp_path, f"/out/{name}", content)
    scratch(tmp_path, "/out/none/below").mkdir(parents=True)
    server.wrote("over/empty", b"an older one")
    server.wrote("over/other", b"kept")
    server.own()
    outputs = [
        {"path": "/out", "url": server.url("/~/new/folders/"), "type": "DIRECTORY"},
        {"path": "/out", "url": server.url("/data/over"), "type": "DIRECTORY"},
    ]
    code, told = moved(tmp_path, "outputs", {}, *outputs)
    assert (code, told.failure, told.warnings) == (0, "", ())
    assert tree(server.folder / "new/folders") == dict(sorted({**contents, "none/below/": b""}.items()))
    assert tree(server.folder / "over") == dict(sorted({**contents, "none/below/": b"", "other": b"kept"}.items()))
    assert server.url(f"/data/over/sub/{ENCODED}/x", userinfo="") in [file["url"] for file in told.moved]


def test_a_file_does_not_replace_a_folder_and_a_refusal_is_told(server: Sshd, tmp_path: Path) -> None:
    server.wrote("taken/inside")
    server.own()
    (server.folder / "locked").mkdir(mode=0o555)
    wrote(tmp_path, "/out/a")
    outputs = [{"path": "/out/a", "url": server.url(path)} for path in ("/data/taken", "/data/locked/a")]
    code, told = moved(tmp_path, "outputs", {}, *outputs)
    assert code == report.FAILED
    assert "there is a folder of that name. " in told.failure
    assert told.failure.endswith("the server answered: Permission denied.")
    assert [name for name in tree(server.folder) if ".tesk-" in name] == []


def test_a_user_comes_in_with_a_key_or_by_netrc(server: Sshd, tmp_path: Path) -> None:
    server.wrote("mine")
    item = {"path": "/in/x", "url": server.url("/data/mine", userinfo="me@")}
    keys = home(tmp_path / "a", id_ed25519=server.key.read_text(), known_hosts=server.known_hosts)
    assert moved(tmp_path, "inputs", keys, item) == (0, report.Report())
    item = {"path": "/in/x", "url": server.url("/data/mine", userinfo="")}
    passwords = home(tmp_path / "b", **{".netrc": f"machine 127.0.0.1:{server.port} login {USER} password {PASSWORD}"})
    assert moved(tmp_path, "inputs", passwords, item) == (0, report.Report())


@pytest.mark.parametrize(
    ("userinfo", "files", "words"),
    [
        pytest.param("me:wrong-secret@", {}, "the server refused the login", id="password"),
        pytest.param("", {}, "names a user for this host", id="nobody"),
        pytest.param("me@", {}, "there is neither a password nor a key for the user", id="nothing"),
        pytest.param("me@", {"id_rsa": "no key"}, "id_rsa in the tenant's Secret is no key", id="no-key"),
        pytest.param("me:x@", {"known_hosts": ""}, "the server is not in known_hosts", id="unknown"),
        pytest.param("me:x@", {"known_hosts": "another"}, "the server's key is another", id="another"),
    ],
)  # fmt: skip
def test_who_does_not_come_in_is_told_why(
    server: Sshd, tmp_path: Path, userinfo: str, files: dict[str, str], words: str
) -> None:
    if files.get("known_hosts") == "another":
        host, kind, _ = server.known_hosts.split()[:3]
        files = {"known_hosts": f"{host} {kind} {server.key.with_suffix('.pub').read_text().split()[1]}"}
    code, told = moved(
        tmp_path, "inputs", home(tmp_path, **files), {"path": "/in/x", "url": server.url("/data/x", userinfo=userinfo)}
    )
    assert code == report.FAILED
    assert words in told.failure
    assert "secret@" not in told.failure


def test_a_folder_of_very_many_names_is_listed_page_by_page(server: Sshd) -> None:
    for i in range(1200):
        (server.folder / f"many/{i}").mkdir(parents=True)
    first = sftp.page(server.url("/data/many"), "")
    rest = sftp.page(server.url("/data/many"), first.following)
    assert sorted([*first.paths, *rest.paths]) == sorted(f"{i}/" for i in range(1200))
    assert (len(first.paths), rest.following) == (1000, "")


def test_a_transfer_that_breaks_off_goes_on_from_there(server: Sshd, tmp_path: Path) -> None:
    server.wrote("breaks", LARGE)
    patience = Patience(60.0, lambda: 0.0, sleep=lambda _: None)
    with relay(server.port, cuts=[12_000_000, 6_000_000]) as through:
        url = server.url("/data/breaks", port=through.port)
        assert patience.carried(lambda: sftp.fetch(url, tmp_path / "x"), "") == len(LARGE)
    assert (tmp_path / "x").read_bytes() == LARGE
    assert (through.cuts, through.passed < len(LARGE) + 6_000_000) == ([], True)


def test_a_file_that_changes_in_between_begins_anew(server: Sshd, tmp_path: Path) -> None:
    server.wrote("changes", LARGE)
    with relay(server.port, cuts=[12_000_000]) as through:
        with pytest.raises(Interrupted) as broken:
            sftp.fetch(server.url("/data/changes", port=through.port), tmp_path / "x")
        server.wrote("changes", b"another")
        assert broken.value.going_on
        assert broken.value.going_on() == 7
    assert (tmp_path / "x").read_bytes() == b"another"


class _Sparing(paramiko.SFTPServerInterface):
    """Has LARGE under every name, of which it tells nothing, and gives no more than 10,000 bytes of it at a time."""

    def open(self, path: str, flags: int, attr: object) -> paramiko.SFTPHandle:
        return _Handle()

    def stat(self, path: str) -> paramiko.SFTPAttributes:
        told = paramiko.SFTPAttributes()
        told.st_size = len(LARGE) if path.startswith("/sized") else None
        return told

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return SFTP_OK


class _Handle(paramiko.SFTPHandle):
    def read(self, offset: int, length: int) -> bytes | int:
        return LARGE[offset : offset + min(length, 10_000)] or SFTP_EOF

    def write(self, offset: int, data: object) -> int:
        return SFTP_OK


class _Open(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED


def speak(connection: socket.socket) -> paramiko.Transport:
    """Has such a server speak over a connection, in a thread of the library's."""
    serving = paramiko.Transport(connection)
    serving.add_server_key(paramiko.ECDSAKey.generate())
    serving.set_subsystem_handler("sftp", paramiko.SFTPServer, _Sparing)
    serving.start_server(threading.Event(), _Open())  # an event: else it waits for the client
    return serving


@contextlib.contextmanager
def sparing_server() -> Iterator[int]:
    """The port of such a server."""
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as spoken:

        def accept() -> None:
            with contextlib.suppress(OSError):  # it is closed
                while True:
                    spoken.enter_context(contextlib.closing(speak(listening.accept()[0])))

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()


@contextlib.contextmanager
def sparing() -> Iterator[paramiko.SFTPClient]:
    """A client of such a server."""
    ours, theirs = socket.socketpair()
    with (
        ours, theirs, contextlib.closing(speak(theirs)), contextlib.closing(paramiko.Transport(ours)) as mine,
    ):  # fmt: skip
        mine.start_client()
        mine.auth_password("me", "p")
        client = paramiko.SFTPClient.from_transport(mine)
        assert client is not None
        yield client


def test_a_file_of_which_no_size_is_told_comes_whole(tmp_path: Path) -> None:
    with sparing_server() as port:
        assert sftp.fetch(f"sftp://me:p@127.0.0.1:{port}/x", tmp_path / "x") == len(LARGE)
    assert (tmp_path / "x").read_bytes() == LARGE


def test_a_server_that_tells_no_sizes_is_believed_to_have_what_was_stored(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    with sparing_server() as port:
        sftp.store(tmp_path / "x", f"sftp://me:p@127.0.0.1:{port}/x")


def test_a_file_of_which_no_time_is_told_begins_anew(tmp_path: Path) -> None:
    with sparing_server() as port, relay(port, cuts=[12_000_000]) as through:
        with pytest.raises(Interrupted) as broken:
            sftp.fetch(f"sftp://me:p@127.0.0.1:{through.port}/sized", tmp_path / "x")
        assert broken.value.moved > 0
        (tmp_path / "x").write_bytes(b"another version of the file" * 100)
        assert broken.value.going_on
        assert broken.value.going_on() == len(LARGE)
    assert (tmp_path / "x").read_bytes() == LARGE


def test_where_a_server_has_ended_an_idle_connection_the_next_try_has_another(server: Sshd, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    sftp.store(tmp_path / "x", server.url("/data/idle"))
    for (idle,) in sftp._POOL._idle.values():
        idle.close()
    with pytest.raises(Interrupted):
        sftp.store(tmp_path / "x", server.url("/data/idle"))
    sftp.store(tmp_path / "x", server.url("/data/idle"))


@pytest.mark.parametrize("more", [0, 99_999], ids=["as-told", "shorter-than-told"])
def test_a_server_that_gives_less_at_a_time_than_it_is_asked_for_gives_all_there_is(more: int) -> None:
    with sparing() as client, client.open("x") as file:
        assert b"".join(sftp_reading.received(client, file.handle, 0, len(LARGE) + more)) == LARGE


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (EOFError(), Interrupted),
        (ConnectionResetError(), Interrupted),
        (OSError("Socket is closed"), Interrupted),
        (TimeoutError(), Interrupted),
        (OSError("Failure"), NotMovable),
        (PermissionError(13, "Permission denied"), NotMovable),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), NotMovable),
    ],
    ids=repr,
)
def test_a_failure_is_passing_by_its_class(error: Exception, family: type[Exception]) -> None:
    assert isinstance(cause(error), family)
