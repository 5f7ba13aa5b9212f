"""Servers that tests start on the loopback interface."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.servers import await_port


def storage_servers() -> Path:
    """The folder of the servers that the tests do not bring themselves, named by the variable STORAGE_SERVERS."""
    folder = os.environ.get("STORAGE_SERVERS", "")  # noqa: TID251, they are built outside of the tests
    if not folder:
        raise RuntimeError(
            "STORAGE_SERVERS is not set: these tests need servers for FTP, SFTP, gs:// and az://. Run `make test`, or "
            "set it to what `scripts/storage-servers` prints."
        )
    return Path(folder)


@contextlib.contextmanager
def started(command: Sequence[str], port: int, host: str = "127.0.0.1", **environment: str) -> Iterator[None]:
    """A server that listens, until the block ends."""
    libraries = os.pathsep.join(str(place.parent) for place in storage_servers().rglob("libwrap.so.0"))
    with subprocess.Popen(
        command,
        env={"PATH": f"{os.defpath}:/usr/local/bin:/usr/sbin:/sbin", "LD_LIBRARY_PATH": libraries, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            await_port(port, process, host)
            yield
        finally:
            process.terminate()
