"""Files on shared claims: folders of the test's stand for the claims."""

import os
from pathlib import Path

import pytest

from filer import shared
from filer.errors import Interrupted, NotMovable
from filer.transports import file
from tescore import report
from tests.moving import moved, scratch, tree, wrote

LARGE = bytes(range(251)) * 40_000
AWKWARD = "a b#c?d%20e+ü"
ENCODED = "a%20b%23c%3Fd%2520e%2B%C3%BC"


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    """The folders `0`, a claim mapped to /nfs/work, and `1`, one mapped read-only to /nfs/ref; beside them a secret."""
    for name in ("0", "1"):
        (tmp_path / "claims" / name).mkdir(parents=True)
    (tmp_path / "claims/secret").write_text("secret")
    shared.mount(("work:/nfs/work", "ref:/nfs/ref:ro"), tmp_path / "claims")
    return tmp_path / "claims"


def environment(claims: Path) -> dict[str, str]:
    return {"TESK_FILES": str(claims), "TESK_FILE_CLAIMS": "work:/nfs/work,ref:/nfs/ref:ro"}


def put(place: Path, content: bytes = b"x") -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def test_files_come_from_urls_and_plain_paths(claims: Path, tmp_path: Path) -> None:
    put(claims / "0/in" / AWKWARD, b"awkward")
    put(claims / "1/large", LARGE)
    urls = [
        f"file:///nfs/work/in/{ENCODED}",
        f"/nfs/work/in/{AWKWARD}",
        "FILE://localhost/nfs/ref/large",
        "file:/nfs/ref//./large",
    ]
    items = [{"path": f"/in/{i}", "url": url} for i, url in enumerate(urls)]
    assert moved(tmp_path, "inputs", environment(claims), *items) == (0, report.Report())
    assert [scratch(tmp_path, f"/in/{i}").read_bytes() for i in range(4)] == [b"awkward", b"awkward", LARGE, LARGE]


def test_a_folder_comes_with_empty_folders_hidden_files_and_what_links_lead_to(claims: Path, tmp_path: Path) -> None:
    put(claims / "0/in/f", b"f")
    put(claims / "0/in/.hidden", b"hidden")
    put(claims / f"0/in/{AWKWARD}\n/g", b"g")
    put(claims / "1/genome/h", b"h")
    (claims / "0/in/empty/below").mkdir(parents=True)
    (claims / "0/in/relative").symlink_to("../in/f")
    (claims / "0/in/absolute").symlink_to("/nfs/work/in/f")
    (claims / "0/in/other").symlink_to("../../ref/genome")
    (claims / "0/in/loop").symlink_to("/nfs/work/in")
    item = {"path": "/in", "url": "file:///nfs/work/in/", "type": "DIRECTORY"}
    assert moved(tmp_path, "inputs", environment(claims), item) == (0, report.Report())
    assert tree(scratch(tmp_path, "/in")) == {
        ".hidden": b"hidden",
        "absolute": b"f",
        f"{AWKWARD}\n/g": b"g",
        "empty/below/": b"",
        "f": b"f",
        "other/h": b"h",
        "relative": b"f",
    }


def test_folders_that_link_to_each_other_come_once_below_each(claims: Path, tmp_path: Path) -> None:
    for name, other in ("ab", "ba"):
        put(claims / f"0/in/{name}/{name}.txt")
        (claims / f"0/in/{name}/peer").symlink_to(f"../{other}")
    item = {"path": "/in", "url": "file:///nfs/work/in/", "type": "DIRECTORY"}
    assert moved(tmp_path, "inputs", environment(claims), item) == (0, report.Report())
    found = ["a/a.txt", "a/peer/b.txt", "b/b.txt", "b/peer/a.txt"]
    assert list(tree(scratch(tmp_path, "/in"))) == found


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../secret", "../../../secret", "/nfs/workevil/x", "/nfs/work/../../secret", "/nfs"]
)
def test_no_link_leads_out_of_what_is_mapped(claims: Path, tmp_path: Path, target: str) -> None:
    put(claims / "0/in/f")
    (claims / "0/in/link").symlink_to(target)
    for item in (
        {"path": "/in", "url": "/nfs/work/in/link"},
        {"path": "/in", "url": "/nfs/work/in", "type": "DIRECTORY"},
        {"path": "/in", "url": "/nfs/work/in/link/below"},
    ):
        code, told = moved(tmp_path, "inputs", environment(claims), item)
        assert code == report.FAILED
        assert told.failure.endswith("it is a link that leads out of the shared storage that the service reaches.")


@pytest.mark.parametrize(
    "url",
    ["/nfs", "/", "/etc/passwd", "/nfs/workevil", "file:///nfs/work/../../etc/passwd", "file://host/nfs/work/x", "x"],
)
def test_what_is_not_mapped_is_refused_here_too(claims: Path, tmp_path: Path, url: str) -> None:
    with pytest.raises(NotMovable):
        file.fetch(url, tmp_path / "x")
    with pytest.raises(NotMovable):
        file.store(tmp_path / "claims/secret", url)
    with pytest.raises(NotMovable):
        file.page(url, "")


def test_links_in_a_circle_and_names_that_are_not_there_are_told(claims: Path, tmp_path: Path) -> None:
    (claims / "0/a").symlink_to("b")
    (claims / "0/b").symlink_to("a")
    with pytest.raises(NotMovable, match=r"Too many levels of symbolic links"):
        file.fetch("/nfs/work/a", tmp_path / "x")
    with pytest.raises(NotMovable, match=r"^it is not there$"):
        file.fetch("/nfs/work/none/x", tmp_path / "x")


def test_a_pipe_is_no_file(claims: Path, tmp_path: Path) -> None:
    os.mkfifo(claims / "0/pipe")
    with pytest.raises(NotMovable, match=r"it is a device, a pipe or a socket"):
        file.fetch("/nfs/work/pipe", tmp_path / "x")


def test_a_file_that_is_a_folder_comes_as_one(claims: Path, tmp_path: Path) -> None:
    put(claims / "0/d/a")
    assert moved(tmp_path, "inputs", environment(claims), {"path": "/in", "url": "/nfs/work/d"}) == (0, report.Report())
    assert tree(scratch(tmp_path, "/in")) == {"a": b"x"}


def test_outputs_are_stored_and_belong_to_whom_the_folder_belongs(claims: Path, tmp_path: Path) -> None:
    (claims / "0/home").mkdir()
    os.chown(claims / "0/home", 1234, 4321)
    for name in ("empty", "sub/x", f"sub/{AWKWARD}"):
        wrote(tmp_path, f"/out/{name}", name.encode() * (name != "empty"))
    scratch(tmp_path, "/out/none").mkdir()
    scratch(tmp_path, "/out/sub/x").chmod(0o700)
    outputs = [
        {"path": "/out", "url": "file:///nfs/work/home/new%20one", "type": "DIRECTORY"},
        {"path": "/out/sub/x", "url": "/nfs/work/home/x"},
        {"path": "/out/sub/*", "path_prefix": "/out", "url": "/nfs/work/home/matched"},
    ]
    code, told = moved(tmp_path, "outputs", environment(claims), *outputs)
    assert (code, told.failure, told.warnings) == (0, "", ())
    assert tree(claims / "0/home") == {
        f"matched/sub/{AWKWARD}": f"sub/{AWKWARD}".encode(),
        "matched/sub/x": b"sub/x",
        "new one/empty": b"",
        "new one/none/": b"",
        f"new one/sub/{AWKWARD}": f"sub/{AWKWARD}".encode(),
        "new one/sub/x": b"sub/x",
        "x": b"sub/x",
    }
    for place in (claims / "0/home").rglob("*"):
        assert (place.stat().st_uid, place.stat().st_gid) == (1234, 4321)
    assert [oct((claims / "0/home" / name).stat().st_mode)[-3:] for name in ("x", "new one/empty")] == ["755", "644"]
    assert f"file:///nfs/work/home/new%20one/sub/{ENCODED}" in [item["url"] for item in told.moved]


def test_what_is_there_is_replaced_and_the_rest_is_kept(claims: Path, tmp_path: Path) -> None:
    put(claims / "0/over/a", b"old and longer")
    put(claims / "0/over/sub/kept", b"kept")
    (claims / "0/over/link").symlink_to("a")
    for name in ("a", "link", "sub/b"):
        wrote(tmp_path, f"/out/{name}", b"new")
    output = {"path": "/out", "url": "/nfs/work/over", "type": "DIRECTORY"}
    assert moved(tmp_path, "outputs", environment(claims), output)[0] == 0
    assert tree(claims / "0/over") == {"a": b"new", "link": b"new", "sub/b": b"new", "sub/kept": b"kept"}


def test_a_file_does_not_replace_a_folder_and_nothing_is_left(claims: Path, tmp_path: Path) -> None:
    put(claims / "0/taken/inside")
    wrote(tmp_path, "/out/a")
    code, told = moved(tmp_path, "outputs", environment(claims), {"path": "/out/a", "url": "/nfs/work/taken"})
    assert (code, told.failure.partition(": ")[2]) == (report.FAILED, "there is a folder of that name.")
    assert tree(claims / "0") == {"taken/inside": b"x"}


def test_no_output_goes_where_claims_are_read_only_or_out_by_a_link(claims: Path, tmp_path: Path) -> None:
    wrote(tmp_path, "/out/a")
    scratch(tmp_path, "/out/none").mkdir()
    (claims / "0/out").symlink_to("../")
    (claims / "0/ref").symlink_to("/nfs/ref")
    words = {
        "/nfs/ref/d": "the shared storage is read-only there",
        "/nfs/work/ref": "the shared storage is read-only there",
        "/nfs/work/out": "it is a link that leads out of the shared storage that the service reaches",
    }
    for url, why in words.items():
        output = {"path": "/out", "url": url, "type": "DIRECTORY"}
        code, told = moved(tmp_path, "outputs", environment(claims), output)
        assert code == report.FAILED
        assert told.failure.count(why) == 2
    assert [*(claims / "1").iterdir()] == []
    assert sorted(place.name for place in claims.iterdir()) == ["0", "1", "secret"]


def test_a_file_that_grows_while_it_is_copied_is_no_file(claims: Path, tmp_path: Path) -> None:
    put(claims / "0/x")
    grows = os.open(claims / "0/x", os.O_RDONLY)
    made = os.open(tmp_path / "y", os.O_RDWR | os.O_CREAT)
    os.lseek(grows, 1, os.SEEK_SET)  # as if its first byte had come later
    with pytest.raises(Interrupted, match=r"^0 of 1 bytes arrived$"):
        file._copied(grows, made)
    os.close(grows)
    os.close(made)
