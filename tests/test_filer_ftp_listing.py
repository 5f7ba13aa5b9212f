"""How servers list a folder, as their lines were seen."""

import time

import pytest

from filer.errors import NotMovable
from filer.transports.ftp_listing import Entry, Kind, listed, machine_listed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("-rw-r--r--    1 ftp      ftp          1234 Jan  5 10:11 a b", Entry("a b", Kind.FILE), id="time"),
        pytest.param("-rw-r--r--    1 ftp      ftp             0 Dec 25  2024 x", Entry("x", Kind.FILE), id="year"),
        pytest.param("drwxrwxrwt    2 0    0        4096 Jan 15 10:11 t", Entry("t", Kind.FOLDER), id="sticky"),
        pytest.param("drwxr-sr-x.   2 0    0        4096 Jan 15 10:11 d", Entry("d", Kind.FOLDER), id="selinux"),
        pytest.param("-rw-r--r--+   1 0        0               1 Jan 15 10:11 x", Entry("x", Kind.FILE), id="acl"),
        pytest.param("-rw-r--r-- 1 first.last-x domain users 5 Jan 15 10:11 x", Entry("x", Kind.FILE), id="odd-owners"),
        pytest.param("-rw-r--r-- 1 alone 5 Jan 15 10:11 x", Entry("x", Kind.FILE), id="no-group"),
        pytest.param("-rw-r--r-- 1 o g 5 Jan 15 10:11  lead", Entry(" lead", Kind.FILE), id="leading-space"),
        pytest.param("-rw-r--r-- 1 o g 5 Jan 15 10:11 1 Jan 1 2001 x", Entry("1 Jan 1 2001 x", Kind.FILE), id="a-date"),
        pytest.param("-rw-r--r-- 1 o g 5 2026-01-15 10:11 x", Entry("x", Kind.FILE), id="iso"),
        pytest.param("-rw-r--r-- 1 o g 5 15. Mär 10:11 x", Entry("x", Kind.FILE), id="german"),
        pytest.param("lrwxrwxrwx 1 0 0 6 Jan 15 10:11 ln -> target", Entry("ln", Kind.LINK), id="link"),
        pytest.param("crw-rw-rw- 1 0 0 1, 3 Jan 15 10:11 null", Entry("null", Kind.FILE), id="device"),
        pytest.param("01-15-26  10:11AM       <DIR>          A B", Entry("A B", Kind.FOLDER), id="iis-folder"),
        pytest.param("01-15-2026  10:11PM             1234 a b.txt", Entry("a b.txt", Kind.FILE), id="iis-file"),
    ],
)  # fmt: skip
def test_a_line_is_read(line: str, expected: Entry) -> None:
    assert list(listed([line])) == [expected]


def test_what_is_no_entry_is_passed_over() -> None:
    lines = ["total 12", "drwxr-xr-x 2 0 0 4096 Jan 15 10:11 .", "drwxr-xr-x 2 0 0 4096 Jan 15 10:11 ..", ""]
    assert list(listed(lines)) == []


@pytest.mark.parametrize("line", ["x", "-rw-r--r-- 1 o g 5 Jan 15 10:11", "ls: cannot open directory"])
def test_a_line_that_cannot_be_read_is_told(line: str) -> None:
    with pytest.raises(NotMovable, match="line that cannot be read"):
        list(listed([line]))
    with pytest.raises(NotMovable, match="line that cannot be read"):
        list(machine_listed([line]))


def test_lines_for_machines_are_read() -> None:
    lines = [
        "type=cdir;modify=20260101000000; .",
        "type=pdir;modify=20260101000000; ..",
        "Type=file;Size=5; a; b=c",
        "type=dir;unix.mode=0755; d",
        "type=OS.unix=slink:/target; ln",
    ]
    assert list(machine_listed(lines)) == [
        Entry("a; b=c", Kind.FILE),
        Entry("d", Kind.FOLDER),
        Entry("ln", Kind.LINK),
    ]


@pytest.mark.parametrize("line", ["-rw-r--r-- 1 o g " + "1" * 16_000, "total " + "1" * 16_000 + " x", "1 " * 8000])
def test_a_line_that_is_to_keep_the_filer_busy_is_read_once(line: str) -> None:
    began = time.process_time()
    with pytest.raises(NotMovable, match="line that cannot be read"):
        list(listed([line]))
    assert time.process_time() - began < 0.5
