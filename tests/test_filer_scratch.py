"""Folders and files that executors of any uid can use."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from filer import scratch
from filer.errors import NotMovable


@pytest.fixture(autouse=True)
def strict_umask() -> Iterator[None]:
    """What is made must not depend on the umask of the image."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def mode(place: Path) -> int:
    return stat.S_IMODE(place.stat().st_mode)


def test_a_folder_and_those_above_it_are_writable_for_all(tmp_path: Path) -> None:
    scratch.folder(tmp_path, "data/a/b")
    assert [mode(tmp_path / path) for path in ("data", "data/a", "data/a/b")] == [0o777] * 3


def test_a_folder_is_made_once_more_without_harm(tmp_path: Path) -> None:
    scratch.folder(tmp_path, "data/a")
    assert scratch.folder(tmp_path, "data/a") == tmp_path / "data/a"


def test_a_file_that_arrives_in_part_leaves_what_was_there(tmp_path: Path) -> None:
    scratch.arrived(tmp_path, "data/x", lambda part: part.write_bytes(b"whole"))

    def broken(part: Path) -> int:
        part.write_bytes(b"wh")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        scratch.arrived(tmp_path, "data/x", broken)
    assert names(tmp_path / "data") == ["x"]
    assert (tmp_path / "data/x").read_bytes() == b"whole"


def test_a_name_of_full_length_arrives(tmp_path: Path) -> None:
    scratch.arrived(tmp_path, "data/" + 255 * "x", lambda part: part.write_bytes(b"c"))
    assert (tmp_path / "data" / (255 * "x")).read_bytes() == b"c"


def test_the_launcher_is_executable_and_not_for_executors_to_change(tmp_path: Path) -> None:
    (tmp_path / "shell").write_bytes(b"static")
    scratch.launcher(tmp_path, "launcher/busybox", tmp_path / "shell")
    assert (mode(tmp_path / "launcher"), mode(tmp_path / "launcher/busybox")) == (0o755, 0o755)
    assert (tmp_path / "launcher/busybox").read_bytes() == b"static"


def test_what_a_killed_filer_left_behind_is_swept(tmp_path: Path) -> None:
    def killed(part: Path) -> int:
        part.write_bytes(b"half")
        (tmp_path / "arriving-left").hardlink_to(part)
        return 4

    scratch.arrived(tmp_path, "data/x", killed)
    assert scratch.arriving(tmp_path) > 0
    scratch.swept(tmp_path)
    assert names(tmp_path) == ["data"]


def test_no_link_is_followed_on_the_way_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "volume/data").mkdir(parents=True)
    (tmp_path / "volume/data/link").symlink_to(tmp_path / "outside")
    for made in (
        lambda: scratch.arrived(tmp_path / "volume", "data/link/x", lambda part: part.write_bytes(b"c")),
        lambda: scratch.folder(tmp_path / "volume", "data/link/x"),
    ):
        with pytest.raises(NotMovable, match="link would have to be a folder"):
            made()
    assert names(tmp_path / "outside") == []


def test_a_link_in_the_place_of_a_file_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("stays")
    (tmp_path / "volume/data").mkdir(parents=True)
    (tmp_path / "volume/data/x").symlink_to(tmp_path / "outside")
    scratch.arrived(tmp_path / "volume", "data/x", lambda part: part.write_bytes(b"c"))
    assert (tmp_path / "volume/data/x").read_bytes() == b"c"
    assert (tmp_path / "outside").read_text() == "stays"
