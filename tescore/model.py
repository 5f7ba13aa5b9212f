"""A task as the programs see it: the standard's own terms, parsed, with defaults filled in."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from tescore import parameters
from tescore.parameters import Parameters


class FileType(StrEnum):
    FILE = "FILE"
    DIRECTORY = "DIRECTORY"


class Input(NamedTuple):
    path: str
    type: FileType
    url: str
    """Empty where only content was given."""
    content: str | None
    """Wins over the URL if it is not empty (TES 1.1, tesInput.content)."""


class Output(NamedTuple):
    path: str
    type: FileType
    url: str
    path_prefix: str


class Executor(NamedTuple):
    image: str
    command: tuple[str, ...]
    workdir: str
    stdin: str
    stdout: str
    stderr: str
    env: Mapping[str, str]
    ignore_error: bool

    @property
    def redirected(self) -> bool:
        """Whether one of its standard streams is a file."""
        return bool(self.stdin or self.stdout or self.stderr)


class Resources(NamedTuple):
    """What is None was not asked for, neither is 0; `ram_gb` and `disk_gb` count in GiB."""

    cpu_cores: int | None
    ram_gb: float | None
    disk_gb: float | None
    zones: tuple[str, ...]
    """Any of them will do."""
    preemptible: bool
    """Whether it may run where Kubernetes may take the node away."""
    parameters: Parameters


class Task(NamedTuple):
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    executors: tuple[Executor, ...]
    volumes: tuple[str, ...]
    resources: Resources


def task(document: Mapping[str, Any], images: Mapping[str, str] | None = None) -> Task:
    """A task from a document that is clean (tescore/document.py) and valid (tescore/validation.py).

    `images` are those to run instead of some that the document names.
    """
    return Task(
        inputs=tuple(_input(item) for item in document.get("inputs", [])),
        outputs=tuple(_output(item) for item in document.get("outputs", [])),
        executors=tuple(_executor(item, images or {}) for item in document["executors"]),
        volumes=tuple(document.get("volumes", [])),
        resources=_resources(document.get("resources", {})),
    )


def _resources(item: Mapping[str, Any]) -> Resources:
    return Resources(
        cpu_cores=item.get("cpu_cores") or None,
        ram_gb=item.get("ram_gb") or None,
        disk_gb=item.get("disk_gb") or None,
        zones=tuple(item.get("zones", [])),
        preemptible=item.get("preemptible", False),
        parameters=parameters.parameters(item.get("backend_parameters", {})),
    )


def _input(item: Mapping[str, Any]) -> Input:
    url, content = item.get("url", ""), item.get("content")
    return Input(item["path"], FileType(item["type"]), url, content if content or not url else None)


def _output(item: Mapping[str, Any]) -> Output:
    return Output(item["path"], FileType(item["type"]), item["url"], item.get("path_prefix", ""))


def _executor(item: Mapping[str, Any], images: Mapping[str, str]) -> Executor:
    return Executor(
        image=images.get(item["image"], item["image"]),
        command=tuple(item["command"]),
        workdir=item.get("workdir", ""),
        stdin=item.get("stdin", ""),
        stdout=item.get("stdout", ""),
        stderr=item.get("stderr", ""),
        env=item.get("env", {}),
        ignore_error=item.get("ignore_error", False),
    )
