"""A network beyond the node: a web server at an address of the internet's, and at that of the clouds' metadata."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERNET = "198.51.100.2"
"""Of a range that is kept for documentation, so nobody's."""
METADATA = "169.254.169.254"
_GATEWAY = "198.51.100.1"
_NAME = "tesk-outside"


@contextmanager
def outside(node: str) -> Iterator[None]:
    """It is there until the block ends; `node` is the name of the node's network namespace."""
    _undo()
    _ip("netns", "add", _NAME)
    try:
        _ip("link", "add", "outside0", "netns", node, "type", "veth", "peer", "name", "eth0", "netns", _NAME)
        for namespace, device, address in ((node, "outside0", _GATEWAY), (_NAME, "eth0", INTERNET)):
            _ip("-n", namespace, "address", "add", f"{address}/30", "dev", device)
            _ip("-n", namespace, "link", "set", device, "up")
        _ip("-n", _NAME, "route", "add", "default", "via", _GATEWAY)
        _ip("-n", _NAME, "address", "add", METADATA, "dev", "eth0")
        _ip("-n", node, "route", "add", METADATA, "via", INTERNET)
        command = ["nsenter", f"--net=/run/netns/{_NAME}", sys.executable, "-m", "http.server", "80"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                yield
            finally:
                server.terminate()
    finally:
        _undo()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _undo() -> None:
    subprocess.run(["ip", "netns", "delete", _NAME], capture_output=True, check=False)
