"""What `make bench` measures: tasks of several shapes, and the bare pods that they are compared with."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.e2e.cluster import STANDING

OWN, SHARED = "bench-own", "bench-shared"
"""Tenants: scratch as a claim for each task, and as folders of one claim."""
CLAIM = "scratch"
"""The one claim."""


@dataclass(frozen=True, slots=True)
class Place:
    """What pods and documents name."""

    image: str
    source: str
    """URL of a small file."""
    target: str
    """URL of a folder that takes what is put there."""
    outside: str
    """URL of the small file from outside of the cluster."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is made and ends."""

    name: str
    namespace: str
    made: Callable[[Place, str], list[dict[str, Any]]]
    """A task document, or the Kubernetes objects of a bare pod, the pod last; the string is a name of its own."""
    is_task: bool = True


def bare_pod(place: Place, name: str) -> list[dict[str, Any]]:
    return [_pod(place, name, [], [])]


def bare_claim(place: Place, name: str) -> list[dict[str, Any]]:
    """A pod on a claim that is provisioned for it."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": _metadata(name), "spec": spec}
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": name}}
    return [claim, _pod(place, name, [volume], [{"name": "v", "mountPath": "/v"}])]


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "labels": {"bench": "bare"}}


def _pod(place: Place, name: str, volumes: list[dict[str, Any]], mounts: list[dict[str, Any]]) -> dict[str, Any]:
    container = {"name": "main", "image": place.image, "command": ["true"], "imagePullPolicy": "IfNotPresent"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(name),
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "volumes": volumes,
            "containers": [{**container, "volumeMounts": mounts}],
        },
    }


def _executors(place: Place, count: int) -> list[dict[str, Any]]:
    return [{"image": place.image, "command": ["true"]} for _ in range(count)]


def hello(place: Place, _: str) -> list[dict[str, Any]]:
    return [{"executors": _executors(place, 1)}]


def three(place: Place, _: str) -> list[dict[str, Any]]:
    return [{"executors": _executors(place, 3)}]


def files(place: Place, name: str) -> list[dict[str, Any]]:
    """One input and one output, over HTTP."""
    return [{
        "inputs": [{"path": "/work/in", "url": place.source}],
        "outputs": [{"path": "/work/out", "url": f"{place.target}/{name}"}],
        "executors": [{"image": place.image, "command": ["cp", "/work/in", "/work/out"]}],
    }]  # fmt: skip


def redirected(place: Place, _: str) -> list[dict[str, Any]]:
    """stdin and stdout alone."""
    return [{
        "inputs": [{"path": "/work/in", "content": "hello\n"}],
        "executors": [{"image": place.image, "command": ["cat"], "stdin": "/work/in", "stdout": "/work/out"}],
    }]  # fmt: skip


def content(place: Place, _: str) -> list[dict[str, Any]]:
    """A script in the document, as Snakemake sends it."""
    return [{
        "inputs": [{"path": "/tmp/run.sh", "content": "echo hello\n"}],
        "executors": [{"image": place.image, "command": ["sh", "/tmp/run.sh"]}],
    }]  # fmt: skip


BARE, BARE_CLAIM = Case("bare pod", OWN, bare_pod, False), Case("bare pod, claim", OWN, bare_claim, False)
HELLO, FILES = Case("hello", OWN, hello), Case("io, shared scratch", SHARED, files)
CROWDED = Case("hello", STANDING, hello)
"""Where many tasks are stored."""
FILES_ON_CLAIM = Case("io, claim", OWN, files)
COST_CASES = (HELLO, FILES, FILES_ON_CLAIM)
"""Those whose cost is told."""
CASES = (
    BARE,
    BARE_CLAIM,
    HELLO,
    Case("three", OWN, three),
    FILES,
    FILES_ON_CLAIM,
    Case("stdin-out", SHARED, redirected),
    Case("content", SHARED, content),
)


def place() -> Place:
    """As `.local/env` has it."""
    http = f"{os.environ['HTTP_URL_IN_CLUSTER']}/upload/bench"
    return Place(os.environ["BUSYBOX_IMAGE"], f"{http}/in", http, f"{os.environ['HTTP_URL']}/upload/bench/in")
