"""Long lists of output files: packed in batches, told in the report, kept on pages beside the record.

A batch is gzipped lines of JSON, one file each (`tesOutputFileLog`). So batches put one after the other are one list,
and nobody has to unpack them for that.
"""

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tescore import naming, parts, record

File = dict[str, str]
"""As `tesOutputFileLog`: url, path and size_bytes, a string."""

PART = "outputs.jsonl.gz"
"""What holds a page in its ConfigMap's binaryData."""
_BATCH_FILES = 1000
_BATCH_SIZE = 256 * 1024
"""Files and bytes with which a batch is full."""
_PAGES = re.compile(r"(\d{1,4}) pages, (\d{1,9}) files, (\d{1,12}) bytes", re.ASCII)


class Batch(NamedTuple):
    zipped: bytes
    files: int
    size: int
    """Bytes, unzipped."""


class Pages(NamedTuple):
    """What a record says of the outputs that it does not hold itself."""

    number: int = 0
    files: int = 0
    size: int = 0
    """Bytes of all pages, unzipped."""

    def encoded(self) -> str:
        """As an annotation holds it."""
        return f"{self.number} pages, {self.files} files, {self.size} bytes"


class Packer:
    """Takes files in order, and gives them packed to `deliver` whenever enough have come."""

    def __init__(self, deliver: Callable[[Batch], None]) -> None:
        self._deliver = deliver
        self._lines: list[bytes] = []
        self._size = 0

    def add(self, file: File) -> None:
        # A name that is no text is told with marks in it, like everywhere.
        line = json.dumps(file, ensure_ascii=False).encode(errors="replace") + b"\n"
        self._lines.append(line)
        self._size += len(line)
        if len(self._lines) == _BATCH_FILES or self._size >= _BATCH_SIZE:
            self.close()

    def close(self) -> None:
        """Gives what has come since the last batch."""
        if self._lines:
            self._deliver(Batch(gzip.compress(b"".join(self._lines), mtime=0), len(self._lines), self._size))
            self._lines, self._size = [], 0


def batches(listed: Iterable[File]) -> list[Batch]:
    """The files in order, packed."""
    made: list[Batch] = []
    packer = Packer(made.append)
    for file in listed:
        packer.add(file)
    packer.close()
    return made


def batch(zipped: bytes) -> Batch:
    """The batch in gzipped data. Raises ValueError if it is none."""
    text = parts.unzipped(zipped)
    return Batch(zipped, text.count("\n"), len(text.encode()))


def files(zipped: bytes) -> list[File]:
    """The files of a batch or page. Raises ValueError if it is none."""
    # All lines at once, so that the files share one text for each key.
    lines = parts.unzipped(zipped).split("\n")
    listed: list[File] = json.loads(f"[{','.join(filter(None, lines))}]")
    if not all(isinstance(file, dict) for file in listed):
        raise ValueError("not a list of files")
    return listed


def joined(given: Iterable[Batch]) -> Iterator[Batch]:
    """The same list in as few batches as ConfigMaps can hold."""
    page = Batch(b"", 0, 0)
    for part in given:
        both = Batch(page.zipped + part.zipped, page.files + part.files, page.size + part.size)
        if len(both.zipped) > record.PACKED_LIMIT or both.size > parts.UNZIPPED_LIMIT:
            yield page
            both = part
        page = both
    if page.files:
        yield page


def pages(note: str) -> Pages:
    """What a record's note says; none where it says nothing."""
    found = _PAGES.fullmatch(note)
    return Pages(*(int(number) for number in found.groups())) if found else Pages()


def page(stored: Mapping[str, Any], owner: str) -> list[File]:
    """The files on a page as the API server shows it, which must belong to the record with that uid.

    Raises ValueError if it does not, or is broken. Only a taskmaster can give an object the label of a page
    (k8s/base/admission.yaml).
    """
    metadata = stored["metadata"]
    owners = [reference["uid"] for reference in metadata.get("ownerReferences") or []]
    if owner not in owners or (metadata.get("labels") or {}).get(naming.COMPONENT) != naming.OUTPUTS_COMPONENT:
        raise ValueError("not a page of this task")
    return files(base64.b64decode((stored.get("binaryData") or {}).get(PART, "")))
