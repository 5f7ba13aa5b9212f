"""Links, special files and folders as the filer sees them."""

import os
import socket
import time
from pathlib import Path

import pytest

from filer import tree
from filer.errors import NotAFile, NotThere


def content(root: Path, path: str) -> bytes:
    """What would be read of a file."""
    with tree.opened(root, path) as file:
        assert file.size == file.place.stat().st_size
        return file.place.read_bytes()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A container's `/`, with a file of the filer's own outside of it."""
    (tmp_path / "secret").write_text("the filer's")
    (tmp_path / "data/out/sub").mkdir(parents=True)
    (tmp_path / "data/out/a").write_text("a")
    (tmp_path / "data/out/sub/b").write_text("bb")
    (tmp_path / "data/out/.hidden").write_text("")
    return tmp_path / "data"


def test_an_absolute_link_leads_where_it_leads_in_the_container(root: Path) -> None:
    (root / "out/link").symlink_to("/out/sub/b")
    assert content(root, "/out/link") == b"bb"


def test_a_link_through_a_linked_folder_is_followed(root: Path) -> None:
    (root / "out/folder").symlink_to("sub")
    (root / "out/link").symlink_to("folder/../a")
    assert content(root, "/out/link") == b"a"


@pytest.mark.parametrize("target", ["/secret", "../../secret", "../../../../../../etc/passwd", "/etc/passwd", "/proc"])
def test_no_link_leads_out_of_what_executors_wrote(root: Path, target: str) -> None:
    (root / "out/link").symlink_to(target)
    with pytest.raises(NotThere, match="a link to what is not on the task's volume"):
        content(root, "/out/link")


def test_no_link_leads_to_the_real_path_of_a_file_outside(root: Path) -> None:
    (root / "out/link").symlink_to(root.parent / "secret")
    (root / "out/folder").symlink_to(root.parent)
    for path in ("/out/link", "/out/folder/secret"):
        with pytest.raises(NotThere):
            content(root, path)


def test_links_in_a_circle_end(root: Path) -> None:
    (root / "out/one").symlink_to("two")
    (root / "out/two").symlink_to("one")
    with pytest.raises(NotThere, match="circle"):
        content(root, "/out/one")


def test_a_missing_file_is_not_there(root: Path) -> None:
    for path in ("/out/none", "/out/a/none", "/none/a"):
        with pytest.raises(NotThere, match="it is not there"):
            content(root, path)


def test_a_pipe_is_refused(root: Path) -> None:
    os.mkfifo(root / "out/pipe")
    with pytest.raises(NotAFile, match="pipe"):
        content(root, "/out/pipe")


def test_a_folder_is_no_file_and_a_file_is_no_folder(root: Path) -> None:
    with pytest.raises(NotAFile, match="it is a folder"):
        content(root, "/out")
    with pytest.raises(NotAFile, match="it is no folder"):
        list(tree.files(root, "/out/a"))


def test_a_name_that_is_not_utf8_is_refused(root: Path) -> None:
    name = os.fsdecode(b"\xff")
    (root / "out/sub" / name).write_text("")
    with pytest.raises(NotAFile, match="not UTF-8"):
        content(root, f"/out/sub/{name}")


def test_all_files_below_a_folder_are_told_in_order(root: Path) -> None:
    assert list(tree.files(root, "/out/")) == ["/out/.hidden", "/out/a", "/out/sub/b"]


def test_a_link_back_up_does_not_repeat_the_files_above(root: Path) -> None:
    (root / "out/sub/up").symlink_to("..")
    assert list(tree.files(root, "/out")) == ["/out/.hidden", "/out/a", "/out/sub/b"]


def test_empty_folders_are_told_with_a_slash(root: Path) -> None:
    (root / "out/sub/none").mkdir()
    (root / "none").mkdir()
    assert list(tree.files(root, "/out/sub")) == ["/out/sub/b", "/out/sub/none/"]
    assert list(tree.files(root, "/none/")) == ["/none/"]


@pytest.mark.parametrize(
    ("pattern", "folders", "found"),
    [
        ("/out/*", False, ["/out/a", "/out/sub"]),
        ("/out/.*", False, ["/out/.hidden"]),
        ("/out/*", True, ["/out/sub"]),
        ("/*/*/b", False, ["/out/sub/b"]),
        ("/out/*/b", False, ["/out/sub/b"]),
        ("/out//./*/[a-z]", False, ["/out/sub/b"]),
        ("/none/*", False, []),
        ("/out/a/*", False, []),
        ("/out/{a,sub/*,none}", False, ["/out/a", "/out/sub/b"]),
        ("/out/**", False, ["/out/a", "/out/sub/b"]),
        ("/**/b", False, ["/out/sub/b"]),
        ("/out/**/b", False, ["/out/sub/b"]),
        ("/out/**b", False, ["/out/sub/b"]),
        ("/**", True, ["/out", "/out/sub"]),
        ("/o**b", False, ["/out/sub/b"]),
        ("/out/**/.hidden", False, ["/out/.hidden"]),
    ],
)
def test_a_pattern_stands_for_what_is_there(root: Path, pattern: str, folders: bool, found: list[str]) -> None:
    assert tree.matches(root, pattern, folders=folders) == found


def test_a_folder_that_is_linked_into_itself_is_searched_once(root: Path) -> None:
    (root / "out/sub/up").symlink_to("..")
    assert tree.matches(root, "/out/**/b", folders=False) == ["/out/sub/b"]


def test_a_folder_is_searched_once_however_often_a_pattern_may_come_to_it(root: Path) -> None:
    (root / ("a/" * 20)).mkdir(parents=True)
    began = time.process_time()
    assert tree.matches(root, "/**/a" * 8 + "/**/b", folders=False) == []
    assert time.process_time() - began < 2


def test_a_file_that_is_opened_stays_the_same_whatever_takes_its_name(root: Path) -> None:
    with tree.opened(root, "/out/a") as file:
        (root / "out/a").unlink()
        (root / "out/a").symlink_to(root.parent / "secret")
        assert file.place.read_bytes() == b"a"


def test_neither_a_socket_nor_a_device_is_opened(root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "out/socket"))
        with pytest.raises(NotAFile, match="socket"):
            content(root, "/out/socket")


@pytest.mark.parametrize("name", ["-rf", "two\nlines", " ", "a\\b", "ü", "*"])
def test_a_name_is_no_more_than_a_name(root: Path, name: str) -> None:
    (root / "out" / name).write_text("named")
    assert content(root, f"/out/{name}") == b"named"
    assert f"/out/{name}" in tree.files(root, "/out")
