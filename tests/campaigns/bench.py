"""Tasks whose taskmasters run as processes of this machine, behind a proxy, and in no pod."""

import base64
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tescore import naming
from tests.campaigns.authority import Served, certificate
from tests.campaigns.counter import Counter, counter
from tests.campaigns.proxy import ADDRESS, Asked, Fault, Listening, Proxy, listening, trusting
from tests.e2e.cluster import STANDING, Kubectl, address_of_this_machine, made, told, wait_until

ROOT = Path(__file__).parents[2]
PREFIX = "task-bench-"
_POLICY = "tesk-campaign"
_GATE = "tesk.campaign/bench"
_ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"


@dataclass
class Process:
    """A taskmaster's process and its proxy."""

    running: "subprocess.Popen[bytes]"
    proxy: Proxy
    port: Listening
    log: Path

    def ended(self, within: float = 180) -> int:
        """Its exit code; negative is a signal."""
        try:
            return self.running.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the taskmaster has not ended in {within} s:\n{self.log.read_text()}") from None


@dataclass
class Bench:
    """Makes tasks and runs taskmasters for them."""

    kubectl: Kubectl
    image: str
    counter: Counter
    folder: Path
    served: Served
    upstream: tuple[str, int]
    trust: ssl.SSLContext
    made: list[str] = field(default_factory=list)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of the taskmasters' containers, by task."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def document(self, key: str, *, pause: float = 0) -> dict[str, Any]:
        """A whole task: inputs filer, two executors, outputs filer."""
        run = f"echo run >> /v/count; sleep {pause}"
        return {
            "inputs": [{"path": "/v/count", "content": ""}],
            "executors": [
                {"image": self.image, "command": ["sh", "-c", self.counter.script(f"{key}/{i}") + run]}
                for i in range(2)
            ],
            "outputs": [{"path": "/v/count", "url": f"{self.counter.url}/out/{key}"}],
        }

    def create(self, name: str, document: dict[str, Any]) -> str:
        """A stored task, whose taskmaster's pod gets no node."""
        task = f"{PREFIX}{name}"
        with self.lock:
            self.made.append(task)
        metadata = {"name": task, "namespace": STANDING, "labels": naming.TASK_LABELS}
        given = {"kind": "ConfigMap", "metadata": metadata, "data": {"task.json": json.dumps(document)}}
        self.kubectl("create", "-f", "-", given={"apiVersion": "v1", **given})
        pod = self.kubectl.json("get", "pod", naming.taskmaster(task))  # the janitor removes it when the task has ended
        variables = pod["spec"]["containers"][0]["env"]
        self.environments[task] = {each["name"]: each.get("value", "") for each in variables}
        return task

    @contextmanager
    def taskmaster(
        self, task: str, pod_uid: str = "", fault: Callable[[Asked], Fault] = lambda _: None
    ) -> Iterator[Process]:
        """A taskmaster with the environment of its pod; it is killed when the block ends."""
        proxy = Proxy(self.upstream, self.trust, fault)
        with ExitStack() as stack:
            port = stack.enter_context(listening(proxy, self.served))
            log = self.folder / f"{task}-{uuid.uuid4().hex[:6]}.log"
            running = self._started(task, pod_uid or str(uuid.uuid4()), port.port, log)
            stack.callback(running.wait)
            stack.callback(running.kill)
            proxy.kill = running.kill
            yield Process(running, proxy, port, log)

    def _started(self, task: str, pod_uid: str, port: int, log: Path) -> "subprocess.Popen[bytes]":
        """`python -m taskmaster`, which sees the account's folder where a pod has it: in mounts of its own."""
        see = f"mount -t tmpfs none /run && mkdir -p {_ACCOUNT} && mount --bind {self.folder}/account {_ACCOUNT}"
        server = {"KUBERNETES_SERVICE_HOST": ADDRESS, "KUBERNETES_SERVICE_PORT": str(port)}
        with log.open("wb") as out:
            return subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", f'{see} && exec "$0" -m taskmaster', sys.executable],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **self.environments[task], "TESK_POD_UID": pod_uid, **server},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def shown(self, task: str) -> dict[str, Any]:
        """State, reason and log of a record."""
        stored = self.kubectl.json("get", "configmap", task)
        annotations = stored["metadata"]["annotations"]
        return {
            "state": stored["metadata"]["labels"][naming.STATE],
            "reason": annotations.get(naming.REASON, ""),
            "log": json.loads(stored["data"].get("log.json", "{}")),
        }

    def left_of(self, task: str, within: float = 20) -> list[str]:
        """Pods and claims that do not go."""
        deadline = time.monotonic() + within
        while left := self.kubectl.names("pods,pvc", "-l", f"{naming.TASK}={task}"):
            if time.monotonic() > deadline:
                break
            time.sleep(0.5)
        return left

    def wrong(self, task: str, key: str) -> list[str]:
        """What is not as if nothing had happened to a task of `document`."""
        shown = self.shown(task)
        log = shown["log"]
        marks = [self.counter.count(f"{key}/{i}") for i in range(2)]
        uploaded = self.counter.files.get(f"/out/{key}", b"")
        found = {
            f"it ended as {shown['state']} ({shown['reason']})": shown["state"] != "COMPLETE",
            f"its executors ran {marks} times": marks != [1, 1],
            f"it uploaded {uploaded!r}": uploaded != b"run\nrun\n",
            f"its log has {len(log.get('logs', []))} executors": len(log.get("logs", [])) != 2,
            f"its log has {len(log.get('outputs', []))} outputs": len(log.get("outputs", [])) != 1,
            f"its system_logs say {told(log)}": bool(told(log)),
        }
        return [text for text, true in found.items() if true] + [f"left: {item}" for item in self.left_of(task)]


@contextmanager
def bench(kubectl: Kubectl, image: str) -> Iterator[Bench]:
    """A bench whose tasks are deleted when the block ends; their taskmasters' pods get no node meanwhile."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "account").mkdir()
        served = certificate(ADDRESS, folder)
        (folder / "account" / "ca.crt").write_bytes(served.authority.read_bytes())
        (folder / "account" / "token").write_text(
            kubectl("create", "token", "tesk-taskmaster", "--duration=2h").strip()
        )
        config: dict[str, Any] = yaml.safe_load(kubectl("config", "view", "--raw", "--minify"))
        server = urlsplit(config["clusters"][0]["cluster"]["server"])
        authority = folder / "cluster.crt"
        authority.write_bytes(base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]))
        place = stack.enter_context(counter(address_of_this_machine(kubectl)))
        stack.enter_context(_gated(kubectl))
        upstream = (str(server.hostname), server.port or 443)
        ready = Bench(kubectl, image, place, folder, served, upstream, trusting(authority))
        stack.callback(_clean, ready)
        yield ready


def _clean(ready: Bench) -> None:
    if ready.made:
        ready.kubectl("delete", "configmaps", *ready.made, "--ignore-not-found", "--wait=false")


@contextmanager
def _gated(kubectl: Kubectl) -> Iterator[None]:
    """The taskmasters' pods of the bench's tasks never get a node, until the block ends."""
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    gate = f'[JSONPatch{{op: "add", path: "/spec/schedulingGates", value: [{{"name": "{_GATE}"}}]}}]'
    api = {"apiVersion": "admissionregistration.k8s.io/v1beta1", "metadata": {"name": _POLICY}}
    gates = {
        "matchConstraints": {
            "objectSelector": {"matchLabels": {naming.COMPONENT: "taskmaster"}}, "resourceRules": [rule],
        },
        "matchConditions": [{
            "name": "bench", "expression": f"object.metadata.labels['{naming.TASK}'].startsWith('{PREFIX}')",
        }],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": gate}}],
    }  # fmt: skip
    policies = [
        {**api, "kind": "MutatingAdmissionPolicy", "spec": gates},
        {**api, "kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": _POLICY}},
    ]
    task = f"{PREFIX}probe"
    probe = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": task, "labels": {naming.COMPONENT: "taskmaster", naming.TASK: task}},
        "spec": {"containers": [{"name": "probe", "image": "probe:1"}]},
    }  # fmt: skip

    def is_gated() -> bool:
        return _GATE in kubectl.run("create", "--dry-run=server", "-o", "json", "-f", "-", given=probe).stdout

    with made(kubectl, *policies):
        wait_until(is_gated, "the policy is in force")
        yield
