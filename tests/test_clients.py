"""Real clients, over HTTP to the api as it is served, with the webhook behind it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tes

from tests.apiserver import api_server
from tests.service import admitting, served

ROOT = Path(__file__).parents[1]


@pytest.fixture
def url() -> Iterator[str]:
    with api_server() as server:
        admitting(server, store_only=True)
        with served(server) as api:
            yield f"http://127.0.0.1:{api.port}"


def test_old_clients_find_all_that_they_ask_for(url: str) -> None:
    folder = subprocess.run([ROOT / "scripts/venv", "clients"], check=True, capture_output=True, text=True).stdout
    command = [f"{folder.strip()}/bin/python", "tests/old_clients.py", url]
    run = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("prefix", ["", "/ga4gh/tes/v1", "/v1"])
def test_py_tes_finds_all_that_it_asks_for(url: str, prefix: str) -> None:
    client = tes.HTTPClient(url + prefix, timeout=10)
    assert client.get_service_info().type["artifact"] == "tes"
    sent = tes.Task(
        name="new ✓",
        tags={"a": "b", "ü": ""},
        inputs=[tes.Input(path="/data/in", content="", type="FILE")],
        outputs=[tes.Output(path="/data/*", path_prefix="/data", url="s3://bucket/out", type="FILE")],
        resources=tes.Resources(cpu_cores=1, ram_gb=0.5, backend_parameters={"gpus": "1"}),
        volumes=["/scratch"],
        executors=[tes.Executor(image="busybox", command=["true"], ignore_error=True)],
    )
    ids = {client.create_task(sent) for _ in range(3)}
    shown = client.get_task(min(ids), "FULL")
    assert (shown.executors, shown.inputs, shown.outputs) == (sent.executors, sent.inputs, sent.outputs)
    assert (shown.tags, shown.volumes, shown.resources) == (sent.tags, sent.volumes, sent.resources)
    assert shown.creation_time is not None
    first = client.list_tasks(page_size=2)
    second = client.list_tasks(view="FULL", page_size=2, page_token=first.next_page_token)
    assert {task.id for page in (first, second) for task in page.tasks} == ids
    assert second.next_page_token is None
    client.cancel_task(min(ids))
    assert client.wait(min(ids), timeout=10).state == "CANCELED"
