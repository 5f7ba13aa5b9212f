"""FTP and FTP with TLS: vsftpd for what it does, a server of our own for what it does not."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from filer import guard
from filer.errors import Absent, Interrupted, NotMovable
from filer.patience import Patience
from filer.transports import ftp
from tescore import addresses, report
from tests.ftp_server import FtpServer, ftp_server
from tests.loopback import PASSWORD, USER
from tests.moving import moved, peak, scratch, tree, wrote
from tests.tls import certificate
from tests.vsftpd import Vsftpd, vsftpd

LARGE = bytes(range(251)) * 40_000
AWKWARD = "a b#c?d%20e+ü&;x=1"
ENCODED = "a%20b%23c%3Fd%2520e%2B%C3%BC%26%3Bx%3D1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vsftpd]:
    with vsftpd(tmp_path_factory.mktemp("ftp"), pasv_address="10.255.255.1") as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    yield
    ftp._POOL.close()


@pytest.fixture
def fake() -> Iterator[FtpServer]:
    with ftp_server() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "arriving"


def netrc(tmp_path: Path, text: str) -> dict[str, str]:
    """The environment of a filer whose tenant has this .netrc."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.netrc").write_text(text)
    return {"HOME": str(tmp_path / "home")}


def test_files_of_any_size_and_name_arrive(server: Vsftpd, tmp_path: Path) -> None:
    contents = {"empty": b"", "small": b"x", "large": LARGE, AWKWARD: b"awkward"}
    for name, content in contents.items():
        server.wrote(f"any/{name}", content)
    urls = [server.url(f"/any/{name}") for name in ("empty", "small", "large", ENCODED)]
    items = [{"path": f"/in/{i}", "url": url} for i, url in enumerate(urls)]
    assert moved(tmp_path, "inputs", {}, *items) == (0, report.Report())
    assert [scratch(tmp_path, f"/in/{i}").read_bytes() for i in range(4)] == list(contents.values())


def test_what_no_url_may_hold_is_taken_as_it_stands(server: Vsftpd, place: Path) -> None:
    server.wrote("raw/a b#c?d%zz")
    assert ftp.fetch(server.url("/raw/a b#c?d%zz"), place) == 1


def test_a_folder_comes_with_empty_folders_hidden_files_and_what_links_lead_to(server: Vsftpd, tmp_path: Path) -> None:
    for path in ("in/f", "in/.hidden", "in/sub/deep/g", f"in/{AWKWARD}/h", "in/ lead and trail ", "elsewhere/e/i"):
        server.wrote(path, path.encode())
    server.linked("../elsewhere/e")
    (server.folder / "in/sub/loop").symlink_to("..")
    told = moved(tmp_path, "inputs", {}, {"path": "/in", "url": server.url("/in/"), "type": "DIRECTORY"})
    assert told == (0, report.Report())
    assert tree(scratch(tmp_path, "/in")) == {
        " lead and trail ": b"in/ lead and trail ",
        ".hidden": b"in/.hidden",
        f"{AWKWARD}/h": f"in/{AWKWARD}/h".encode(),
        "empty/below/": b"",
        "f": b"in/f",
        "file-link": b"in/f",
        "folder-link/i": b"elsewhere/e/i",
        "sub/deep/g": b"in/sub/deep/g",
    }


def test_two_folders_become_one_and_the_later_wins(server: Vsftpd, tmp_path: Path) -> None:
    for path in ("one/README", "one/sub/1", "two/README", "two/sub/2"):
        server.wrote(path, path.encode())
    items = [{"path": "/in", "url": server.url(f"/{name}"), "type": "DIRECTORY"} for name in ("one", "two")]
    assert moved(tmp_path, "inputs", {}, *items) == (0, report.Report())
    assert tree(scratch(tmp_path, "/in")) == {"README": b"two/README", "sub/1": b"one/sub/1", "sub/2": b"two/sub/2"}


def test_a_folder_of_very_many_names_is_listed_page_by_page(server: Vsftpd) -> None:
    for i in range(1200):
        (server.folder / f"many/{i}").mkdir(parents=True)
    server.wrote("many/999/x")
    first = ftp.page(server.url("/many"), "")
    assert len(first.paths) == 1000
    again, rest = (ftp.page(server.url("/many"), first.following) for _ in range(2))
    assert again == rest
    expected = {f"{i}/" for i in range(1200)} - {"999/"} | {"999/x"}
    assert (set(first.paths) | set(rest.paths), rest.following) == (expected, "")


def test_folders_that_link_to_each_other_come_once_below_each(server: Vsftpd, tmp_path: Path) -> None:
    for name, other in ("ab", "ba"):
        server.wrote(f"peers/{name}/{name}.txt")
        (server.folder / f"peers/{name}/peer").symlink_to(f"../{other}")
    item = {"path": "/in", "url": server.url("/peers"), "type": "DIRECTORY"}
    assert moved(tmp_path, "inputs", {}, item) == (0, report.Report())
    found = ["a/a.txt", "a/peer/b.txt", "b/b.txt", "b/peer/a.txt"]
    assert list(tree(scratch(tmp_path, "/in"))) == found


def test_a_file_that_is_a_folder_comes_as_one(server: Vsftpd, tmp_path: Path) -> None:
    server.wrote("called/a", b"file")
    assert moved(tmp_path, "inputs", {}, {"path": "/in", "url": server.url("/called")}) == (0, report.Report())
    assert tree(scratch(tmp_path, "/in")) == {"a": b"file"}


def test_what_is_not_there_is_told(server: Vsftpd, tmp_path: Path) -> None:
    file, folder = ({"path": "/in", "url": server.url("/none"), "type": kind} for kind in ("FILE", "DIRECTORY"))
    url = server.url("/none", userinfo="")
    assert moved(tmp_path, "inputs", {}, file)[1].failure == (
        f"Input /in could not be fetched from {url}: the server answered 550 Failed to open file."
    )
    assert moved(tmp_path, "inputs", {}, folder)[1].failure == (
        f"Input /in could not be fetched from {url}: the server answered 550 Failed to change directory."
    )


def test_files_and_folders_are_stored_below_folders_that_are_made(server: Vsftpd, tmp_path: Path) -> None:
    contents = {"empty": b"", "large": LARGE, f"sub/{AWKWARD}/x": b"literal"}
    for name, content in contents.items():
        wrote(tmp_path, f"/out/{name}", content)
    scratch(tmp_path, "/out/sub/none/below").mkdir(parents=True)
    scratch(tmp_path, "/out/empty").chmod(0o400)
    server.own()
    outputs = [
        {"path": "/out", "url": server.url("/new/folders/"), "type": "DIRECTORY"},
        {"path": "/out/large", "url": server.url("/new/file")},
    ]
    code, told = moved(tmp_path, "outputs", {}, *outputs)
    assert (code, told.failure, told.warnings) == (0, "", ())
    assert tree(server.folder / "new") == {
        "file": LARGE,
        **{f"folders/{name}": content for name, content in contents.items()},
        "folders/sub/none/below/": b"",
    }
    shown = server.url(f"/new/folders/sub/{ENCODED}/x", userinfo="")
    assert shown in [file["url"] for file in told.moved]


def test_what_is_there_is_replaced_and_the_rest_is_kept(server: Vsftpd, tmp_path: Path) -> None:
    server.wrote("over/a", b"an older and longer one")
    server.wrote("over/other", b"kept")
    server.own()
    wrote(tmp_path, "/out/a", b"new")
    output = {"path": "/out", "url": server.url("/over"), "type": "DIRECTORY"}
    assert moved(tmp_path, "outputs", {}, output)[0] == 0
    assert tree(server.folder / "over") == {"a": b"new", "other": b"kept"}


def test_a_file_does_not_replace_a_folder(server: Vsftpd, tmp_path: Path) -> None:
    server.wrote("taken/inside")
    server.own()
    wrote(tmp_path, "/out/a")
    code, told = moved(tmp_path, "outputs", {}, {"path": "/out/a", "url": server.url("/taken")})
    assert (code, told.failure.partition(": ")[2]) == (report.FAILED, "there is a folder of that name.")
    assert tree(server.folder) == {**tree(server.folder), "taken/inside": b"x"}
    assert [name for name in tree(server.folder) if ".tesk-" in name] == []


def test_a_refusal_is_told(server: Vsftpd, tmp_path: Path) -> None:
    (server.folder / "locked").mkdir(mode=0o555)
    wrote(tmp_path, "/out/a")
    code, told = moved(tmp_path, "outputs", {}, {"path": "/out/a", "url": server.url("/locked/a")})
    assert (code, told.failure.partition(": ")[2]) == (report.FAILED, "the server answered 553 Could not create file.")


def test_many_files_go_over_one_connection(server: Vsftpd, tmp_path: Path) -> None:
    server.own()
    for i in range(20):
        wrote(tmp_path, f"/out/{i}")
    before = server.log.read_text().count("OK LOGIN")
    output = {"path": "/out", "url": server.url("/one-connection"), "type": "DIRECTORY"}
    assert moved(tmp_path, "outputs", {}, output)[0] == 0
    assert 1 <= server.log.read_text().count("OK LOGIN") - before <= 8
    assert len(tree(server.folder / "one-connection")) == 20


def test_each_host_has_its_entry_in_netrc(server: Vsftpd, tmp_path: Path) -> None:
    server.wrote("mine")
    server.wrote("public/everyones")
    home = netrc(
        tmp_path,
        "machine other.example.org login you password p\n"
        f"machine 127.0.0.1:{server.port} login {USER} password {PASSWORD}\n",
    )
    named = {"path": "/in/a", "url": server.url("/mine", userinfo="")}
    anonymous = {"path": "/in/b", "url": server.url("/everyones", userinfo="").replace("127.0.0.1", "localhost")}
    assert moved(tmp_path, "inputs", home, named, anonymous) == (0, report.Report())


def test_a_host_that_netrc_does_not_name_gets_its_default(server: Vsftpd, tmp_path: Path) -> None:
    server.wrote("default")
    home = netrc(
        tmp_path, f"machine other.example.org login you password p\ndefault login {USER} password {PASSWORD}\n"
    )
    item = {"path": "/in/a", "url": server.url("/default", userinfo="")}
    assert moved(tmp_path, "inputs", home, item) == (0, report.Report())


@pytest.mark.parametrize("userinfo", ["me:wrong-secret@", "me@"])
def test_a_refused_login_is_told_without_the_password_and_not_tried_as_anonymous(
    server: Vsftpd, tmp_path: Path, userinfo: str
) -> None:
    home = netrc(tmp_path, "default login you password wrong-secret")
    server.wrote("public/x")
    code, told = moved(tmp_path, "inputs", home, {"path": "/in/x", "url": server.url("/x", userinfo=userinfo)})
    url = server.url("/x", userinfo="")
    assert code == report.FAILED
    assert told.failure == f"Input /in/x could not be fetched from {url}: the server answered 530 Login incorrect."


def test_a_broken_netrc_is_told_without_its_words(server: Vsftpd, tmp_path: Path) -> None:
    home = netrc(tmp_path, "machine 127.0.0.1 login me\nsecret-word")
    failure = moved(tmp_path, "inputs", home, {"path": "/in/x", "url": server.url("/x", userinfo="")})[1].failure
    assert failure.endswith("line 2 of .netrc in the tenant's Secret cannot be read.")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


def tls(trusted: Path) -> dict[str, str]:
    """vsftpd's options: nothing goes without TLS, and data connections want the session of the first one."""
    forced = ("ssl_enable", "force_local_data_ssl", "force_local_logins_ssl", "require_ssl_reuse")
    return {
        **dict.fromkeys(forced, "YES"),
        "ssl_tlsv1": "YES",
        "ssl_ciphers": "HIGH",
        "rsa_cert_file": str(trusted),
    }


@pytest.mark.parametrize(
    ("host", "port", "more"),
    [
        pytest.param("127.0.0.1", 0, {}, id="asked-for"),
        pytest.param("127.0.0.73", 990, {"implicit_ssl": "YES"}, id="from-the-beginning"),
    ],
)
def test_both_directions_go_over_tls(tmp_path: Path, trusted: Path, host: str, port: int, more: dict[str, str]) -> None:
    environment = {"SSL_CERT_FILE": str(trusted)}
    with vsftpd(tmp_path / "server", host, port, **tls(trusted), **more) as server:
        wrote(tmp_path, "/out/sub/x", LARGE)
        outputs = {"path": "/out", "url": server.url("/kept", scheme="ftps"), "type": "DIRECTORY"}
        assert moved(tmp_path, "outputs", environment, outputs)[1].failure == ""
        assert tree(server.folder / "kept") == {"sub/x": LARGE}
        inputs = {"path": "/in", "url": server.url("/kept", scheme="ftps"), "type": "DIRECTORY"}
        assert moved(tmp_path, "inputs", environment, inputs) == (0, report.Report())
        assert tree(scratch(tmp_path, "/in")) == {"sub/x": LARGE}


def test_a_server_that_nobody_vouches_for_is_refused(tmp_path: Path, trusted: Path) -> None:
    with vsftpd(tmp_path / "server", "127.0.0.1", 0, **tls(trusted)) as server:
        with pytest.raises(NotMovable, match=r"^the server's certificate is not trusted \(self.signed certificate\)$"):
            ftp.fetch(server.url("/x", scheme="ftps"), tmp_path / "x")
        assert "PASS" not in server.log.read_text()


def test_a_transfer_that_breaks_off_goes_on_from_there(fake: FtpServer, place: Path) -> None:
    fake.files["/x"] = LARGE
    fake.cuts = [1_000_000, 2_000_000]
    patience = Patience(60.0, lambda: 0.0, sleep=lambda _: None)
    assert patience.carried(lambda: ftp.fetch(fake.url("/x"), place), "") == len(LARGE)
    assert place.read_bytes() == LARGE
    assert [command for command in fake.commands if command.startswith("REST")] == ["REST 1000000", "REST 3000000"]


def test_a_transfer_that_breaks_off_without_a_byte_may_be_tried_again(fake: FtpServer, place: Path) -> None:
    fake.files["/x"] = LARGE
    fake.cuts = [0]
    with pytest.raises(Interrupted, match=r"^the server answered 426 broken off$") as told:
        ftp.fetch(fake.url("/x"), place)
    assert told.value.going_on is None


def test_a_server_that_cannot_go_on_is_asked_from_the_beginning(fake: FtpServer, place: Path) -> None:
    fake.files["/x"] = LARGE
    fake.cuts = [100]
    fake.answers["REST"] = ["502 no"]
    patience = Patience(60.0, lambda: 0.0, sleep=lambda _: None)
    assert patience.carried(lambda: ftp.fetch(fake.url("/x"), place), "") == len(LARGE)
    assert place.read_bytes() == LARGE


def test_a_file_that_changes_in_between_is_no_file(fake: FtpServer, place: Path) -> None:
    fake.files["/x"] = LARGE
    fake.cuts = [100]
    fake.answers["MDTM"] = ["213 20260101000000", "213 20260101000001"]
    with pytest.raises(Interrupted) as broken:
        ftp.fetch(fake.url("/x"), place)
    assert broken.value.going_on
    with pytest.raises(NotMovable, match="changed while it was fetched"):
        broken.value.going_on()


@pytest.mark.parametrize("size", [1_000_000, 9 * 1024 * 1024], ids=["small", "large"])
def test_a_file_of_which_no_time_is_told_begins_anew(fake: FtpServer, place: Path, size: int) -> None:
    fake.files["/x"] = b"a" * size
    fake.cuts = [size // 2]
    fake.answers["MDTM"] = ["502 no"] * 2
    with pytest.raises(Interrupted) as broken:
        ftp.fetch(fake.url("/x"), place)
    assert broken.value.going_on is None
    fake.files["/x"] = b"b" * (size + 1)
    assert ftp.fetch(fake.url("/x"), place) == size + 1
    assert set(place.read_bytes()) == {ord("b")}


def test_a_large_file_of_which_no_time_is_told_has_its_size_compared(fake: FtpServer, place: Path) -> None:
    fake.files["/x"] = LARGE
    fake.answers["SIZE"] = [f"213 {len(LARGE) + 1}"]
    fake.answers["MDTM"] = ["502 no"]
    with pytest.raises(Interrupted, match=f"{len(LARGE)} of {len(LARGE) + 1} bytes arrived"):
        ftp.fetch(fake.url("/x"), place)


def test_fewer_bytes_than_the_server_said_are_no_file(fake: FtpServer, place: Path) -> None:
    fake.files["/x"] = b"half"
    fake.answers["SIZE"] = ["213 8"]
    with pytest.raises(Interrupted, match=r"^4 of 8 bytes arrived$"):
        ftp.fetch(fake.url("/x"), place)


def test_fewer_bytes_than_were_sent_are_no_file(fake: FtpServer, place: Path) -> None:
    place.write_bytes(b"content")
    fake.answers["SIZE"] = ["213 3"]
    with pytest.raises(Interrupted, match=r"^3 of 7 bytes arrived$"):
        ftp.store(place, fake.url("/x"))
    assert "/x" not in fake.files


def test_a_server_that_tells_no_sizes_is_believed(fake: FtpServer, place: Path) -> None:
    fake.files["/x"] = b"whole"
    fake.answers["SIZE"] = ["502 no"] * 2
    assert ftp.fetch(fake.url("/x"), place) == 5
    ftp.store(place, fake.url("/y"))
    assert fake.files["/y"] == b"whole"


def test_a_file_appears_under_its_name_when_it_is_whole(fake: FtpServer, place: Path) -> None:
    place.write_bytes(b"whole")
    ftp.store(place, fake.url("/sub/x"))
    part = next(command for command in fake.commands if command.startswith("STOR ")).removeprefix("STOR ")
    assert part.startswith("/sub/.tesk-")
    assert fake.commands[-4:] == [f"STOR {part}", f"SIZE {part}", f"RNFR {part}", "RNTO /sub/x"]
    assert fake.files == {"/sub/x": b"whole"}


def test_where_no_file_may_be_renamed_it_is_stored_under_its_name(fake: FtpServer, place: Path) -> None:
    place.write_bytes(b"whole")
    fake.files["/x"] = b"old"
    fake.answers["RNTO"] = ["553 it is there"]
    ftp.store(place, fake.url("/x"))
    assert fake.files == {"/x": b"whole"}


@pytest.mark.parametrize("answer", ["550 no such name", "553 no such name"])
def test_where_no_part_may_be_named_it_is_stored_under_its_name(fake: FtpServer, place: Path, answer: str) -> None:
    place.write_bytes(b"whole")
    fake.files["/x"] = b"old"
    fake.answers["STOR"] = [answer] * 2
    ftp.store(place, fake.url("/x"))
    assert fake.files == {"/x": b"whole"}


@pytest.mark.parametrize(
    ("answer", "family"),
    [
        pytest.param("552 no room", NotMovable, id="full"),
        pytest.param("550 no room", NotMovable, id="full-in-other-words"),
        pytest.param("452 no room", Interrupted, id="full-for-now"),
        pytest.param("451 cannot write", Interrupted, id="trouble"),
    ],
)
def test_for_what_cannot_be_stored_the_file_that_is_there_stays(
    fake: FtpServer, place: Path, answer: str, family: type[Exception]
) -> None:
    place.write_bytes(b"another")
    fake.files["/x"] = b"old"
    fake.ends = [answer]
    with pytest.raises(family, match=f"^the server answered {answer}$"):
        ftp.store(place, fake.url("/x"))
    assert fake.files == {"/x": b"old"}
    assert [command for command in fake.commands if command.startswith("STOR /x")] == []


def test_why_the_server_breaks_off_is_told(fake: FtpServer, place: Path) -> None:
    place.write_bytes(LARGE)
    fake.files["/x"] = b"old"
    fake.room = 100_000
    with pytest.raises(NotMovable, match=r"^the server answered 552 no room$"):
        ftp.store(place, fake.url("/x"))
    assert fake.files == {"/x": b"old"}


@pytest.mark.parametrize("command", ["STOR", "RNTO"])
def test_a_disk_that_is_full_is_told_at_once(fake: FtpServer, place: Path, command: str) -> None:
    place.write_bytes(b"x")
    fake.files["/x"] = b"old"
    fake.answers[command] = ["552 no room"]
    with pytest.raises(NotMovable, match=r"^the server answered 552 no room$"):
        ftp.store(place, fake.url("/x"))
    assert fake.files == {"/x": b"old"}


@pytest.mark.parametrize(
    ("answer", "family"), [("421 too many", Interrupted), ("530 no", NotMovable), ("99", NotMovable)]
)
def test_an_answer_is_passing_by_its_code(fake: FtpServer, place: Path, answer: str, family: type[Exception]) -> None:
    fake.answers["PASS"] = [answer]
    with pytest.raises(family):
        ftp.fetch(fake.url("/x"), place)


def test_a_password_that_the_server_repeats_is_not_told(fake: FtpServer, place: Path) -> None:
    fake.answers["PASS"] = ["500 PASS geheim: what is that?"]
    with pytest.raises(NotMovable, match=r"^the server answered 500 to the login$"):
        ftp.fetch(fake.url("/x", userinfo="me:geheim@"), place)


@pytest.mark.parametrize("url", ["ftp:///x", "ftp://h:99999/x", "ftp:h/x", "ftp://me:geheim@h:x/y"])
def test_a_malformed_url_is_told_without_its_words(place: Path, url: str) -> None:
    with pytest.raises(NotMovable) as told:
        ftp.fetch(url, place)
    assert "geheim" not in str(told.value)


def test_a_name_that_would_be_a_command_is_refused(place: Path) -> None:
    with pytest.raises(NotMovable, match="line break"):
        ftp.fetch("ftp://127.0.0.1:1/x%0D%0ADELE%20y", place)


def test_a_path_is_the_servers_and_behind_a_tilde_the_users(fake: FtpServer, place: Path) -> None:
    fake.answers["PWD"] = ['257 "/home/me" here']
    fake.files = {"/x": b"root", "/home/me/x": b"home"}
    for path, content in {"/x": b"root", "/%2Fx": b"root", "/~/x": b"home"}.items():
        ftp.fetch(fake.url(path), place)
        assert place.read_bytes() == content


def test_a_line_that_cannot_be_read_is_told(fake: FtpServer) -> None:
    fake.listing = "total 1\r\n-rw-r--r-- 1 o g 5 Jan  1 10:00 x\r\nwhat is this\r\n"
    with pytest.raises(NotMovable, match="line that cannot be read: 'what is this'"):
        ftp.page(fake.url("/"), "")


def test_a_listing_that_drips_ends_with_the_time_for_all_transfers(fake: FtpServer, tmp_path: Path) -> None:
    fake.listing, fake.pause = "x" * 1000, 0.1
    item = {"path": "/in", "url": fake.url("/"), "type": "DIRECTORY"}
    began = time.monotonic()
    code, told = moved(tmp_path, "inputs", {"TESK_TRANSFER_SECONDS": "2"}, item)
    assert time.monotonic() - began < 30
    assert (code, told.failure.rpartition(": ")[2]) == (report.FAILED, "the time for all transfers is over.")


def test_a_folder_that_is_called_a_file_may_be_asked_for_as_one(fake: FtpServer, place: Path) -> None:
    fake.folders.add("/folder")
    with pytest.raises(Absent):
        ftp.fetch(fake.url("/folder"), place)


def test_no_connection_goes_to_where_transfers_must_not_go(fake: FtpServer, place: Path) -> None:
    guard.use(addresses.Rules())
    with pytest.raises(NotMovable, match="an address that transfers must not reach"):
        ftp.fetch(fake.url("/x"), place)
    assert fake.commands == []


def test_no_server_may_be_asked_again(place: Path) -> None:
    with pytest.raises(Interrupted, match=r"no connection to the server could be made \(Connection refused\)"):
        ftp.fetch("ftp://127.0.0.1:1/x", place)


def test_memory_does_not_grow_with_files_or_their_number(server: Vsftpd, tmp_path: Path) -> None:
    with (server.folder / "gib").open("wb") as large:
        large.truncate(512 * 1024 * 1024)
    for i in range(500):
        wrote(tmp_path, f"/out/{i}")
    (server.folder / "mem").mkdir()
    server.own()
    large_one = {"path": "/out/large", "url": server.url("/gib")}
    assert peak(tmp_path, "inputs", {}, large_one)[0] < 100
    assert peak(tmp_path, "outputs", {}, {"path": "/out", "url": server.url("/mem"), "type": "DIRECTORY"})[0] < 100
    assert len(tree(server.folder / "mem")) == 501


def test_where_a_server_has_ended_an_idle_connection_the_next_try_has_another(fake: FtpServer, place: Path) -> None:
    fake.files["/x"] = b"x"
    assert ftp.fetch(fake.url("/x"), place) == 1
    fake.answers["SIZE"] = ["421 Timeout."]
    with pytest.raises(Interrupted, match="421 Timeout"):
        ftp.fetch(fake.url("/x"), place)
    assert ftp.fetch(fake.url("/x"), place) == 1
