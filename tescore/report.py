"""What the filer tells the taskmaster: one JSON object a line on its standard output.

`{"moved": {"url", "path", "size_bytes"}}` a file that arrived; `{"tail": {"executor", "stream", "text"}}` the end of
a redirected stream; `{"warning": "…"}`; `{"failure": "…"}` what stopped it, a sentence with file, URL and cause.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FAILED = 64
"""Exit code of a filer that could not move a file; any other code but 0 is a defect or a kill."""


_FAILURES = 10
_WARNINGS = 100
"""Sentences of a kind that are passed on; the filer's own log has them all."""


@dataclass(frozen=True, slots=True)
class Tail:
    executor: int
    stream: str
    """`stdout` or `stderr`."""
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    moved: tuple[dict[str, str], ...] = ()
    """As `tesOutputFileLog`: url, path and size_bytes, a string."""
    tails: tuple[Tail, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: str = ""


def moved(url: str, path: str, size: int) -> str:
    return _line({"moved": {"url": url, "path": path, "size_bytes": str(size)}})


def tail(executor: int, stream: str, text: str) -> str:
    return _line({"tail": {"executor": executor, "stream": stream, "text": text}})


def warning(message: str) -> str:
    return _line({"warning": message})


def failure(message: str) -> str:
    return _line({"failure": message})


def read(lines: Iterable[str]) -> Report:
    """The report in a filer's log; lines that are none of it (a library's, a crash's) are passed over."""
    found: dict[str, list[Any]] = {"moved": [], "tail": [], "warning": [], "failure": []}
    for line in lines:
        for key, value in _object(line).items():
            if key in found:
                found[key].append(value)
    failures, warnings = found["failure"], found["warning"]
    return Report(
        moved=tuple(found["moved"]),
        tails=tuple(Tail(**item) for item in found["tail"]),
        warnings=_some(warnings, _WARNINGS),
        failure=" ".join(_some(failures, _FAILURES)),
    )


def _some(sentences: list[str], most: int) -> tuple[str, ...]:
    """The first sentences, and how many more there are."""
    more = len(sentences) - most
    return (*sentences[:most], *([f"And {more} more of the kind."] if more > 0 else []))


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
