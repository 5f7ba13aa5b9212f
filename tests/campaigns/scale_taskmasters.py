"""Plays the kubelet for taskmasters' pods on fake nodes: each is a process of this machine."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tescore import launch
from tests.campaigns.first_seen import Watch
from tests.campaigns.load import Target
from tests.e2e.cluster import Kubectl

ROOT = Path(__file__).parents[2]
_ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"

Send = Callable[[Mapping[str, str]], None]
"""Begins a taskmaster with that environment."""


def environment(pod: Mapping[str, Any], server: tuple[str, int]) -> dict[str, str]:
    """What the kubelet gives the taskmaster of a pod, which hears from filers at an address of this machine."""
    given = {each["name"]: each.get("value", "") for each in pod["spec"]["containers"][0]["env"]}
    fields = {"TESK_POD_UID": pod["metadata"]["uid"], "TESK_POD_IP": "127.0.0.1"}
    return {**given, **fields, "KUBERNETES_SERVICE_HOST": server[0], "KUBERNETES_SERVICE_PORT": str(server[1])}


class Starter:
    """Begins each taskmaster once, as soon as its pod has a node."""

    def __init__(self, senders: Mapping[str, Send], server: tuple[str, int]) -> None:
        """`senders` are those of the namespaces; pods of others are left alone."""
        self.server = server
        """Where the next ones reach the API server."""
        self._senders = senders
        self._begun: set[str] = set()

    def take(self, pod: dict[str, Any]) -> None:
        """A pod as it is now."""
        metadata = pod["metadata"]
        send = self._senders.get(metadata["namespace"])
        if send and metadata["uid"] not in self._begun and pod["spec"].get("nodeName") and not launch.is_over(pod):
            self._begun.add(metadata["uid"])
            send(environment(pod, self.server))


def watch(target: Target, taken: Callable[[dict[str, Any]], None], end: Callable[[str], None]) -> Watch:
    """Of the pods of all taskmasters."""
    over = threading.Event()
    return Watch(target.connection(), "pods", "", launch.SELECTOR, "application/json", taken, end, over)


@contextmanager
def forks(kubectl: Kubectl, namespaces: list[str], authority: str, folder: Path) -> Iterator[dict[str, Send]]:
    """For each namespace one process that forks its taskmasters, with its account; all of them end with the block.

    Their logs are in the folder.
    """
    with ExitStack() as stack:
        yield {name: stack.enter_context(_fork_server(kubectl, name, authority, folder)) for name in namespaces}


@contextmanager
def _fork_server(kubectl: Kubectl, namespace: str, authority: str, folder: Path) -> Iterator[Send]:
    """Sees the account's folder where a pod has it: in mounts of its own."""
    account = folder / namespace
    account.mkdir()
    (account / "ca.crt").write_text(authority)
    (account / "token").write_text(
        kubectl("-n", namespace, "create", "token", "tesk-taskmaster", "--duration=12h").strip()
    )
    see = f"mount -t tmpfs none /run && mkdir -p {_ACCOUNT} && mount --bind {account} {_ACCOUNT}"
    with (folder / f"{namespace}.log").open("wb") as log:
        running = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f'{see} && exec "$0" -m tests.campaigns.scale_forks', sys.executable],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    pipe = running.stdin
    assert pipe

    def send(given: Mapping[str, str]) -> None:
        pipe.write(json.dumps(given).encode() + b"\n")
        pipe.flush()

    try:
        yield send
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
