"""The cluster that `make up` left: kubectl, its service, and the tenants that tests use."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tes

STANDING = "tesk"
"""The tenant that `make up` leaves, which is the service's default one."""
_WORKER = os.environ.get("PYTEST_XDIST_WORKER")
TENANT = f"{STANDING}-{_WORKER}" if _WORKER else STANDING
"""The namespace of this process's tests. Tests beside it would count its pods and change its settings and quotas."""
SERVICE = "tesk-system"
FINAL = {"COMPLETE", "EXECUTOR_ERROR", "SYSTEM_ERROR", "CANCELED"}
AS_1000 = "echo 'u:x:1000:1000::/:/bin/sh' >> /etc/passwd; exec su u -c '{}'"
"""A script for a shell that is root: the rest of it runs as uid 1000."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl against the cluster under test, in the tenant's namespace unless another is named."""

    def run(self, *arguments: str, given: Any = None) -> subprocess.CompletedProcess[str]:
        """The finished command, whether it succeeded or not; `given` is an object for its standard input."""
        named = any(argument.startswith(("-n", "--namespace", "--all-namespaces")) for argument in arguments)
        return subprocess.run(
            ["kubectl", *([] if named else ["-n", TENANT]), *arguments],
            input=json.dumps(given) if given is not None else None,
            capture_output=True,
            text=True,
            check=False,
        )

    def __call__(self, *arguments: str, given: Any = None) -> str:
        """What a command printed that must succeed."""
        run = self.run(*arguments, given=given)
        assert run.returncode == 0, f"kubectl {' '.join(arguments)}: {run.stderr}"
        return run.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def patched(self, kind: str, name: str, status: dict[str, Any]) -> None:
        """Writes the status of an object, as a kubelet or controller does."""
        self("patch", kind, name, "--subresource=status", "--type=merge", "-p", json.dumps(status))

    def names(self, kinds: str, *selectors: str) -> list[str]:
        return self("get", kinds, *selectors, "-o", "name").split()


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    """Answers of 400 and more are answers too."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


_opener = urllib.request.build_opener(_AnyStatus)


@dataclass(frozen=True)
class Service:
    """The TES service over plain HTTP, and through py-tes."""

    url: str
    client: tes.HTTPClient

    def call(self, method: str, path: str, body: Any = None, raw: bytes | None = None) -> tuple[int, Any]:
        """Status and parsed JSON of a request below the standard's prefix, or of a path that names its own."""
        where = self.url + (path if path.startswith(("/v1", "//", "/ga4gh", "/nowhere")) else f"/ga4gh/tes/v1{path}")
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(where, data=data, method=method, headers={"Content-Type": "application/json"})
        with _opener.open(asked, timeout=30) as answer:
            assert answer.headers["Content-Type"] == "application/json"
            return answer.status, json.load(answer)

    def create(self, document: dict[str, Any]) -> str:
        status, answer = self.call("POST", "/tasks", document)
        assert status == 200, answer
        return str(answer["id"])

    def full(self, task_id: str) -> dict[str, Any]:
        status, answer = self.call("GET", f"/tasks/{task_id}?view=FULL")
        assert status == 200, answer
        return dict(answer)

    def state(self, task_id: str) -> str:
        return str(self.call("GET", f"/tasks/{task_id}")[1]["state"])

    def ended(self, task_id: str, *, within: float = 120) -> dict[str, Any]:
        """The full task once it has ended."""
        wait_until(lambda: self.state(task_id) in FINAL, f"{task_id} has ended", within=within)
        return self.full(task_id)


def serving(url: str) -> Service:
    return Service(url, tes.HTTPClient(url, timeout=10))


def told(log: dict[str, Any]) -> list[str]:
    """The system_logs of a task's log, but for what a pod waited for: on a node that has much to do any may wait.

    The scheduler may not know yet of the claim that was made before the pod, nor the API server that the pod on a node
    is what the node's kubelet asks for its volumes for (docs/speed.md).
    """
    return [line for line in log.get("system_logs", []) if " waits for " not in line]


def wait_until(true: Callable[[], object], what: str, *, within: float = 120) -> None:
    """Looks until something is so; fails with what it waited for."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"waited {within} s in vain until {what}"
        time.sleep(0.1)


def address_of_this_machine(kubectl: Kubectl) -> str:
    """At which pods reach it: on the network of the node, which is not always that of the service's URL."""
    addresses = kubectl.json("get", "nodes")["items"][0]["status"]["addresses"]
    node = next(each["address"] for each in addresses if each["type"] == "InternalIP")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect((node, 9))
        return str(asked.getsockname()[0])


def left_of_tasks(kubectl: Kubectl) -> list[str]:
    """All that the tenant's tasks have made and that is still there."""
    return kubectl.names("pods,pvc", "-l", "tesk/task")


@contextmanager
def made(kubectl: Kubectl, *objects: dict[str, Any]) -> Iterator[None]:
    """Objects that are there for as long as a block lasts; the last is waited for until it is ready."""
    names = [f"{item['kind'].lower()}/{item['metadata']['name']}" for item in objects]
    try:
        kubectl("apply", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": list(objects)})
        if objects[-1]["kind"] == "Pod":
            kubectl("wait", "--for=condition=Ready", names[-1], "--timeout=60s")
        yield
    finally:
        kubectl("delete", "--ignore-not-found", "--timeout=60s", *reversed(names))
