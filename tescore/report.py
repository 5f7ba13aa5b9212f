"""What the filer tells the taskmaster: one JSON object a line on its standard output.

`{"moved": {"url", "path", "size_bytes"}}` a file that arrived; `{"batch": "…"}` many of them, packed
(tescore/outputs.py) and in base64; `{"tail": {"executor", "stream", "text"}}` the end of a redirected stream;
`{"warning": "…"}`; `{"failure": "…"}` what stopped it, a sentence with file, URL and cause; `{"end": {"moved"}}` how
many files there were; `{"progress": {"files", "bytes", "seconds"}}` now and then, for people.

It has to be short, for a kubelet keeps no more than the last 10 MiB of a container's log.
"""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

from tescore import outputs
from tescore.outputs import Batch, File

FAILED = 64
"""Exit code of a filer that could not move a file; any other code but 0 is a defect or a kill."""

SHORT = 256 * 1024
"""Bytes of a report that a filer tells the taskmaster itself; a longer one is read from the log."""

END, WRITTEN, DONE = b"\n", b"w", b"d"
"""On the connection where a filer tells the taskmaster its report: the empty line that ends it, the taskmaster's answer
once it is in the record, and the filer's once it has done what waited for that.
"""

_PLAIN_FILES = 100
"""Files told in lines that people can read."""
_FAILURES = 10
_WARNINGS = 100
"""Sentences of a kind that are told; more are counted."""


class Tail(NamedTuple):
    executor: int
    stream: str
    """`stdout` or `stderr`."""
    text: str


class Report(NamedTuple):
    moved: tuple[File, ...] = ()
    """The first files that arrived."""
    batches: tuple[Batch, ...] = ()
    """Those after them."""
    tails: tuple[Tail, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: str = ""


def warning(message: str) -> str:
    return _line({"warning": message})


def failure(message: str) -> str:
    return _line({"failure": message})


def progress(files: int, size: int, seconds: float) -> str:
    """For whoever reads along; it is no part of the report."""
    return _line({"progress": {"files": files, "bytes": size, "seconds": round(seconds)}})


class Telling:
    """A report of any number of files, given line by line to `tell`; it is whole once its block has ended."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._packer = outputs.Packer(lambda batch: tell(_line({"batch": base64.b64encode(batch.zipped).decode()})))
        self._moved = self._warnings = self._failures = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._packer.close()
        if self._warnings > _WARNINGS:
            self._tell(warning(f"And {self._warnings - _WARNINGS} more of the kind."))
        if self._failures > _FAILURES:
            self._tell(failure(f"And {self._failures - _FAILURES} more of the kind."))
        self._tell(_line({"end": {"moved": self._moved}}))

    def moved(self, url: str, path: str, size: int) -> None:
        file = {"url": url, "path": path, "size_bytes": str(size)}
        self._moved += 1
        if self._moved <= _PLAIN_FILES:
            self._tell(_line({"moved": file}))
        else:
            self._packer.add(file)

    def tail(self, executor: int, stream: str, text: str) -> None:
        self._tell(_line({"tail": {"executor": executor, "stream": stream, "text": text}}))

    def warning(self, message: str) -> None:
        self._warnings += 1
        if self._warnings <= _WARNINGS:
            self._tell(warning(message))

    def failure(self, message: str) -> None:
        self._failures += 1
        if self._failures <= _FAILURES:
            self._tell(failure(message))


def read(lines: Iterable[str]) -> Report:
    """The report in a filer's log; lines that are none of it (a library's, a crash's) are passed over."""
    found: dict[str, list[Any]] = {"moved": [], "batch": [], "tail": [], "warning": [], "failure": [], "end": []}
    for line in lines:
        for key, value in _object(line).items():
            if key in found:
                found[key] += _batches(value) if key == "batch" else [value]
    moved, batches = tuple(found["moved"]), tuple(found["batch"])
    lost = sum(counts["moved"] for counts in found["end"]) - len(moved) - sum(batch.files for batch in batches)
    gone = [f"{lost} more outputs were stored; the node did not keep their names."] if lost > 0 else []
    return Report(
        moved=moved,
        batches=batches,
        tails=tuple(Tail(**item) for item in found["tail"]),
        warnings=(*found["warning"], *gone),
        failure=" ".join(found["failure"]),
    )


def _batches(text: str) -> list[Batch]:
    try:
        return [outputs.batch(base64.b64decode(text, validate=True))]
    except ValueError:
        return []  # the count at the end tells of it


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _object(line: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {}
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
