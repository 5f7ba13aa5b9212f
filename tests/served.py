"""`python -m tests.served PORT URL`: the api as it is served, over the Kubernetes API server at that URL."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from api.app import create_app
from api.settings import Settings
from tescore.serving import serve
from tests.apiserver import ApiServer
from tests.service import store_of

ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def served(server: ApiServer, *, workers: int = 1) -> Iterator[str]:
    """The URL of an api over that server, under gunicorn and on a port of this machine, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.served", str(port), server.url, str(workers)]
    with subprocess.Popen(command, cwd=ROOT) as running:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/healthz", running)
            yield url
        finally:
            running.terminate()


def _wait_for(url: str, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and running.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(0.05)
    raise AssertionError("the api does not answer")


def main() -> None:
    port, url, workers = sys.argv[1:]
    settings = Settings()
    server = ApiServer(url=url)
    serve(
        lambda: create_app(settings, store_of(server, settings), lambda: datetime.now(UTC), lambda _: uuid4().int),  # noqa: TID251
        bind=f"127.0.0.1:{port}",
        workers=int(workers),
        threads=16,
    )


if __name__ == "__main__":
    main()
