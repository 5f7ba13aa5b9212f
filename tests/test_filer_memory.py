"""What the filer needs where a library does the moving: large files at the same time, and many inputs."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tescore import report
from tests import emulators
from tests.emulators import ACCOUNT
from tests.moving import peak, scratch, tree
from tests.nginx import nginx
from tests.processes import used
from tests.sshd import sshd
from tests.test_filer_program import variables

MOST = 100
"""Mebibytes."""
LARGE = 16 * 1024 * 1024
AT_A_TIME = 8


@contextmanager
def of_google(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with emulators.gcs(home) as endpoint:
        client = storage.Client("none", AnonymousCredentials(), client_options={"api_endpoint": endpoint})
        client.create_bucket("one")
        yield "gs://one", {"STORAGE_EMULATOR_HOST": endpoint, "HOME": "/nonexistent"}


@contextmanager
def of_azure(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with emulators.azure(home) as connection, BlobServiceClient.from_connection_string(connection) as service:
        service.create_container("one")
        (home / "azure").write_text(f"[storage]\nconnection_string = {connection}\n")
        yield f"az://{ACCOUNT}/one", {"HOME": str(home)}


@contextmanager
def of_ssh(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with sshd(home) as server:
        yield server.url("/data"), {}


@pytest.mark.parametrize("storage_of", [of_google, of_azure, of_ssh])
def test_memory_does_not_grow_with_large_files_at_the_same_time(
    tmp_path: Path, storage_of: Callable[[Path], AbstractContextManager[tuple[str, dict[str, str]]]]
) -> None:
    scratch(tmp_path, "/out").mkdir(parents=True)
    for i in range(AT_A_TIME):
        with scratch(tmp_path, f"/out/{i}").open("wb") as file:
            file.truncate(LARGE)
    (tmp_path / "server").mkdir()
    with storage_of(tmp_path / "server") as (base, environment):
        folder = {"path": "/out", "url": f"{base}/out", "type": "DIRECTORY"}
        assert peak(tmp_path, "outputs", environment, folder)[0] < MOST
        files = [{"path": f"/in/{i}", "url": f"{base}/out/{i}"} for i in range(AT_A_TIME)]
        assert peak(tmp_path, "inputs", environment, *files)[0] < MOST
    assert {len(content) for content in tree(scratch(tmp_path, "/in")).values()} == {LARGE}


def test_memory_does_not_grow_with_the_number_of_inputs(tmp_path: Path) -> None:
    with nginx(tmp_path / "nginx") as server:
        (server.folder / "x").write_bytes(b"x")
        items = [{"path": f"/in/{i}", "url": server.url("/x")} for i in range(3000)]
        needed, told = peak(tmp_path, "inputs", {}, *items)
    assert needed < MOST
    assert told == report.Report()
    assert len(list(scratch(tmp_path, "/in").iterdir())) == len(items)


def test_reading_a_document_of_very_many_inputs_leaves_memory_for_moving_them(tmp_path: Path) -> None:
    inputs = [{"path": f"/in/{i}", "url": f"http://storage.example.org/{i}"} for i in range(100_000)]
    (tmp_path / "task.json").write_text(json.dumps({"inputs": inputs, "executors": []}))
    # There are no outputs, so that all that is done is to read it.
    assert used([sys.executable, "-m", "filer", "outputs"], variables(tmp_path)).memory < MOST - 10
