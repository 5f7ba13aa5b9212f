"""`python old_clients.py URL`: what old clients do, in an environment that has them (`scripts/venv clients`)."""

import sys

import tes
from pydantictes.api import TesClient
from pydantictes.models import TesExecutor, TesFileType, TesInput, TesOutput, TesResources, TesTask


def py_tes(url: str) -> None:
    """py-tes 0.4.2, as the plugins of Snakemake and Toil use it."""
    client = tes.HTTPClient(url, timeout=10)
    info = client.get_service_info()
    assert (info.name, info.storage) == ("TESK", [])
    sent = tes.Task(
        name="old",
        tags={"client": "py-tes"},
        inputs=[tes.Input(path="/data/in", content="hello", type="FILE")],
        outputs=[tes.Output(path="/data/out", url="s3://bucket/out", type="FILE")],
        resources=tes.Resources(cpu_cores=1, ram_gb=0.5, disk_gb=1.0, preemptible=False),
        executors=[tes.Executor(image="busybox", command=["cat", "/data/in"], env={"A": "b"}, workdir="/data")],
    )
    ids = {client.create_task(sent) for _ in range(3)}
    for task_id in ids:
        shown = client.get_task(task_id, "FULL")
        assert (shown.state, shown.name, shown.inputs, shown.outputs) == (
            "INITIALIZING", sent.name, sent.inputs, sent.outputs,
        )  # fmt: skip
        assert (shown.executors, shown.tags, shown.resources) == (sent.executors, sent.tags, sent.resources)
        assert client.get_task(task_id, "MINIMAL").id == client.get_task(task_id, "BASIC").id == task_id
    first = client.list_tasks(page_size=2)
    second = client.list_tasks(view="FULL", page_size=2, page_token=first.next_page_token)
    assert [len(page.tasks) for page in (first, second)] == [2, 1]
    assert {task.id for page in (first, second) for task in page.tasks} == ids
    assert not second.next_page_token
    client.cancel_task(min(ids))
    assert client.wait(min(ids), timeout=10).state == "CANCELED"


def pydantic_tes(url: str) -> None:
    """pydantic-tes, as Galaxy's Pulsar uses it."""
    client = TesClient(f"{url}/")
    assert client.service_info().type.artifact.value == "tes"
    sent = TesTask(
        name="old",
        inputs=[TesInput(path="/data/in", content="hello", type=TesFileType.FILE)],
        outputs=[TesOutput(path="/data/out", url="s3://bucket/out", type=TesFileType.FILE)],
        resources=TesResources(cpu_cores=1, ram_gb=0.5),
        executors=[TesExecutor(image="busybox", command=["cat", "/data/in"])],
    )
    made = client.create_task(sent)
    shown = client.get_task(made, "FULL")
    assert (shown.state.value, shown.executors, shown.inputs[0].content) == ("INITIALIZING", sent.executors, "hello")
    assert client.get_task(made, "BASIC").inputs[0].content is None
    assert made.id in [task.id for task in client.list_tasks().tasks]
    client.cancel_task(made)
    assert client.get_task(made, "FULL").state.value == "CANCELED"


if __name__ == "__main__":
    py_tes(sys.argv[1])
    pydantic_tes(sys.argv[1])
