"""Servers on the loopback interface that speak like Google's and Azure's storage."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.loopback import started, storage_servers
from tests.servers import free_port

ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's, which is in its documents."""


@contextlib.contextmanager
def gcs(folder: Path) -> Iterator[str]:
    """fake-gcs-server, until the block ends; its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(storage_servers() / "fake-gcs-server"), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
        "-backend", "memory", "-data", str(folder), "-external-url", url, "-public-host", f"127.0.0.1:{port}",
    ]  # fmt: skip
    with started(command, port):
        yield url


@contextlib.contextmanager
def azure(folder: Path) -> Iterator[str]:
    """Azurite, until the block ends; the connection string of its account."""
    port = free_port()
    command = [
        str(storage_servers() / "azurite"), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location",
        str(folder), "--silent", "--skipApiVersionCheck",
    ]  # fmt: skip
    with started(command, port, HOME=str(folder)):
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        yield f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={endpoint};"
