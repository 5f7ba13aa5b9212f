"""All that is wrong with the paths that a task names, each problem with the path's place in the document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tescore import images, mounts, wildcards
from tescore.errors import shortened

_LONGEST_PATH = 4095
"""Bytes that Linux takes (PATH_MAX, without the NUL at its end)."""
_MOST_PATTERN_CHARACTERS = 1_000_000
"""Of what the wildcards of all outputs stand for: their creator waits while they are looked at."""
_PATHS = {
    "executors": ("workdir", "stdin", "stdout", "stderr"),
    "inputs": ("path",),
    "outputs": ("path", "path_prefix"),
}
"""Where a task names paths, beside its volumes."""


def too_long(task: Mapping[str, Any]) -> Iterator[str]:
    """First of all rules: what the others cost grows faster than what they look at."""
    for name, value, most in _named(task):
        if len(value.encode()) > most:
            yield f"{name}: has {len(value.encode())} bytes, and may have no more than {most}"


def problems(name: str, value: str, *, folder: bool = False, mounted: bool = True) -> Iterator[str]:
    """Of the path of a folder, which is `mounted` or only begun in, or of a file."""
    if not value.startswith("/"):
        yield f"{name}: is {shortened(repr(value), 60)}, which is not an absolute path"
    elif ".." in value.split("/"):
        yield f"{name}: is {shortened(repr(value), 60)}, which leads upwards by '..'"
    elif not folder and value.endswith("/"):
        yield f"{name}: is {shortened(repr(value), 60)}, which names a directory and not a file"
    elif folder and mounted and mounts.normal(value) == "/":
        yield f"{name}: is {value!r}, which would hide the whole image"
    elif (top := "/" + mounts.normal(value).split("/")[1]) in {mounts.LAUNCHER_MOUNT, mounts.SAVED_MOUNT}:
        yield f"{name}: is {shortened(repr(value), 60)}, and {top} is the service's own"
    yield from text_problems(name, value)


def _named(task: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """What each path and image is called, itself, and the bytes that it may have."""
    yield from ((f"executors[{i}].image", item["image"], images.LONGEST) for i, item in enumerate(task["executors"]))
    yield from ((f"volumes[{i}]", volume, _LONGEST_PATH) for i, volume in enumerate(task.get("volumes", [])))
    for kind, fields in _PATHS.items():
        for i, item in enumerate(task.get(kind, [])):
            yield from ((f"{kind}[{i}].{field}", item.get(field, ""), _LONGEST_PATH) for field in fields)


def text_problems(name: str, value: str) -> Iterator[str]:
    if "\0" in value:
        yield f"{name}: contains a NUL character, which no program can be given"


def patterns(outputs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Of outputs' paths with wildcards. After the first problem no more are looked at, for they may take as long."""
    characters = 0
    for i, item in enumerate(outputs):
        if not wildcards.is_pattern(item["path"], item.get("path_prefix", "")):
            continue
        try:
            characters += sum(len(part) for each in wildcards.alternatives(item["path"]) for part in each)
        except wildcards.TooMany as error:
            yield f"outputs[{i}].path: {error}"
            return
        if characters > _MOST_PATTERN_CHARACTERS:
            yield f"outputs: stand for patterns with more than {_MOST_PATTERN_CHARACTERS} characters"
            return


def collisions(outputs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Different things of one kind that would be uploaded to one URL; what wildcards stand for is named there."""
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for i, item in enumerate(outputs):
        if wildcards.is_pattern(item["path"], item.get("path_prefix", "")):
            continue
        path, url = mounts.normal(item["path"]), item["url"].rstrip("/")
        other, taken = first.setdefault((item["type"], url), (i, path))
        if taken != path:
            yield f"outputs[{i}].url: is that of outputs[{other}], whose path is another; one would overwrite the other"
