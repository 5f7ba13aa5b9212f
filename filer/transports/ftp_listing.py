"""What the lines mean with which FTP servers list a folder: MLSD by RFC 3659, and LIST as Unix and Windows write it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from filer.errors import NotMovable
from tescore.errors import shortened


class Kind(Enum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    """It may lead to either."""


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    kind: Kind


_UNIX = re.compile(
    r"(?P<kind>[-a-zA-Z])[-rwxsStTlL]{9}\S?\s+\d+\s.*?"  # mode, links; then owner and group, which may hold anything
    r"(?<!\d)(?:\d+,\s*)?\d+\s+"  # size, or the two numbers of a device
    r"(?:[^\W\d]\S*\s+\d{1,2}\.?\s+(?:\d{4}|\d{1,2}:\d{2})|\d{1,2}\.?\s+[^\W\d]\S*\s+(?:\d{4}|\d{1,2}:\d{2})"
    r"|\d{4}-\d\d-\d\d(?:\s\d\d:\d\d(?::\d\d)?)?)"
    r" (?P<name>.+)",
    re.DOTALL,
)
_WINDOWS = re.compile(
    r"\d\d-\d\d-\d{2,4}\s+\d\d:\d\d(?:[AP]M)?\s+(?P<kind><[A-Z]+>(?=\s)|\d+)(?:(?<=>)\s+|\s)(?P<name>.+)", re.DOTALL
)
_UNIX_KINDS = {"d": Kind.FOLDER, "l": Kind.LINK}
_WINDOWS_KINDS = {"<DIR>": Kind.FOLDER, "<JUNCTION>": Kind.LINK, "<SYMLINK>": Kind.LINK, "<SYMLINKD>": Kind.LINK}
_MLSD_KINDS = {"dir": Kind.FOLDER, "file": Kind.FILE}
_OWN_AND_ABOVE = frozenset({".", ".."})


def listed(lines: Iterable[str]) -> Iterator[Entry]:
    """Entries of a LIST. Raises NotMovable for a line that cannot be read, since its file would be missing."""
    for line in lines:
        if not line.strip() or re.fullmatch(r"total\s+\d\S*", line):
            continue
        entry = _unix(line) or _windows(line)
        if entry is None:
            raise NotMovable(f"the server lists the folder with a line that cannot be read: {shortened(line, 80)!r}")
        if entry.name not in _OWN_AND_ABOVE:
            yield entry


def machine_listed(lines: Iterable[str]) -> Iterator[Entry]:
    """Entries of an MLSD. Raises NotMovable as `listed` does."""
    for line in lines:
        facts, space, name = line.partition(" ")
        known = {key.lower(): value for key, _, value in (fact.partition("=") for fact in facts.split(";"))}
        kind = known.get("type", "").lower()
        if not (space and kind):
            raise NotMovable(f"the server lists the folder with a line that cannot be read: {shortened(line, 80)!r}")
        if kind not in {"cdir", "pdir"} and name not in _OWN_AND_ABOVE:
            yield Entry(name, _MLSD_KINDS.get(kind, Kind.LINK))


def _unix(line: str) -> Entry | None:
    found = _UNIX.fullmatch(line)
    if not found:
        return None
    kind, name = _UNIX_KINDS.get(found["kind"], Kind.FILE), found["name"]
    return Entry(name.partition(" -> ")[0] if kind is Kind.LINK else name, kind)


def _windows(line: str) -> Entry | None:
    found = _WINDOWS.fullmatch(line)
    if not found:
        return None
    return Entry(found["name"], _WINDOWS_KINDS.get(found["kind"], Kind.FILE))
