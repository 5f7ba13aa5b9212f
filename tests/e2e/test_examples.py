"""The examples of the TESK before this one: each does here what it did there, or what its authors wished it did."""

import hashlib
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.cluster import Kubectl, Service, wait_until
from tests.e2e.examples import TREES, documents

pytestmark = pytest.mark.alone  # they are many, and some take half of the node

ENDLESS = {"cancel/counter", "resources/more_cpu_than_nodes"}
KEPT = {"output/existing": "old", "overwrite/a": "old", "overwrite/other": "old", "overwrite/sub/other": "old"}
"""Objects that are there before the tasks."""
LONGEST = 180


def example(name: str) -> pytest.MarkDecorator:
    """The test is given `task`, the full task of that example after its end."""
    return pytest.mark.parametrize("task", [name], indirect=True)


@pytest.fixture(scope="module")
def started(
    service: Service, environment: dict[str, str], kubectl: Kubectl, s3: Any, bucket: str, busybox: str
) -> Iterator[dict[str, str]]:
    """The id of each example's task. They run side by side from the first test on."""
    for name, paths in TREES.items():
        for path in paths:
            s3.put_object(Bucket=bucket, Key=f"trees/{name}/{path}", Body=f"{name}/{path}\n".encode())
    for key, content in KEPT.items():
        s3.put_object(Bucket=bucket, Key=key, Body=content.encode())
    put = urllib.request.Request(f"{environment['HTTP_URL']}/upload/examples/hello", b"hello\n", method="PUT")
    urllib.request.urlopen(put, timeout=10).close()
    http = f"{environment['HTTP_URL_IN_CLUSTER']}/upload/examples"
    sizes = [int(node["status"]["allocatable"]["cpu"]) for node in kubectl.json("get", "nodes")["items"]]
    examples = documents(bucket, http, busybox, nodes=len(sizes), cores=(max(sizes) + 1) // 2)
    ids = {name: service.create(document) for name, document in examples.items()}
    yield ids
    for name in ENDLESS:
        service.call("POST", f"/tasks/{ids[name]}:cancel")


@pytest.fixture
def task(service: Service, started: dict[str, str], request: pytest.FixtureRequest) -> dict[str, Any]:
    return service.ended(started[request.param], within=LONGEST)


def stdout(task: dict[str, Any], executor: int = -1) -> str:
    """What an executor, the last by default, of a task that completed has printed."""
    assert task["state"] == "COMPLETE", task
    return str(task["logs"][0]["logs"][executor]["stdout"])


def stored(s3: Any, bucket: str, prefix: str) -> dict[str, str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    keys = [item["Key"] for item in found]
    return {key.removeprefix(prefix): s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}


@example("success/hello")
def test_hello(task: dict[str, Any]) -> None:
    assert stdout(task) == "hello world\n"


@example("success/env")
def test_env(task: dict[str, Any]) -> None:
    assert [stdout(task, i) for i in (0, 1)] == ["$WHO\n", "hello world\n"]


@example("success/workdir")
def test_workdir(task: dict[str, Any]) -> None:
    assert {"passwd", "group"} <= set(stdout(task).split())


@example("success/stdin")
def test_stdin(task: dict[str, Any]) -> None:
    """It reads /etc/fstab there, which the image here has not."""
    assert stdout(task) == "root:x:0:0::/:/bin/sh\n"


@example("success/stdout")
def test_stdout(task: dict[str, Any]) -> None:
    assert [stdout(task, i) for i in (0, 1)] == ["hello\n", "hello\n"]


@example("success/stderr")
def test_stderr(task: dict[str, Any]) -> None:
    assert stdout(task) == "out\n"
    assert task["logs"][0]["logs"][0]["stderr"] == "err\n"


@example("success/tags")
def test_tags(task: dict[str, Any]) -> None:
    assert task["state"] == "COMPLETE"
    assert (task["name"], task["description"]) == ("a name", "what it is for")
    assert task["tags"] == {"project": "tesk", "empty": ""}


@example("success/input_content")
def test_input_content(task: dict[str, Any]) -> None:
    assert stdout(task) == "inline\n"


@example("success/input_file_http")
def test_input_file_http(task: dict[str, Any]) -> None:
    assert stdout(task) == "hello\n"


@example("success/input_file_http_nested_mounts")
def test_input_file_http_nested_mounts(task: dict[str, Any]) -> None:
    assert stdout(task) == "hello\nhello\n"


@example("success/input_file_duplicate_names")
def test_input_file_duplicate_names(task: dict[str, Any]) -> None:
    """There it is asked whether this should be an error. It is none: the later input wins."""
    assert stdout(task) == "later\n"


@example("success/input_file_dir_merge")
def test_input_file_dir_merge(task: dict[str, Any]) -> None:
    assert stdout(task) == "one\ntwo\n"


@example("success/input_dir_duplicate_file_names")
def test_input_dir_duplicate_file_names(task: dict[str, Any]) -> None:
    assert stdout(task) == "README\nonly-one\nonly-two\ntwo/README\n"


@example("success/input_dir_file_duplicate_file_names")
def test_input_dir_file_duplicate_file_names(task: dict[str, Any]) -> None:
    assert stdout(task) == "one/README\n"


@example("success/input_dir_ftp01_tree")
def test_input_dir_ftp01_tree(task: dict[str, Any]) -> None:
    """Over S3, like all that follow and have ftp in their names."""
    assert stdout(task).split() == ["7", "3"]


@example("success/input_dir_ftp02_sub")
def test_input_dir_ftp02_sub(task: dict[str, Any]) -> None:
    """Each tree lies below the one before: a count holds those of the trees below."""
    assert stdout(task).split() == [str(3 + 7 + 3), str(7 + 3), "3"]


SHADOWING = "".join(
    f"/in/{path}\n"
    for path in (
        "dos.txt", "unzip/bin/sub/win.dll", "unzip/bin/win.exe", "unzip/unzip.doc", "unzip/unzip.exe",
        "unzip/windows.txt",
    )
)  # fmt: skip


@example("success/input_dir_ftp03_tree_shadowing")
def test_input_dir_ftp03_tree_shadowing(task: dict[str, Any]) -> None:
    assert stdout(task) == SHADOWING


@example("success/input_dir_ftp04_tree_shadowing")
def test_input_dir_ftp04_tree_shadowing(task: dict[str, Any]) -> None:
    assert stdout(task) == SHADOWING


@example("success/input_dir_ftp05_merge")
def test_input_dir_ftp05_merge(task: dict[str, Any]) -> None:
    assert stdout(task) == "6\n"


@example("success/input_dir_ftp06_file_merge")
def test_input_dir_ftp06_file_merge(task: dict[str, Any]) -> None:
    """There it is marked as not working."""
    assert stdout(task).split() == ["4", "8"]


@example("success/output")
def test_output(task: dict[str, Any], s3: Any, bucket: str) -> None:
    assert task["state"] == "COMPLETE"
    assert stored(s3, bucket, "output/") == {
        "new": "new\n", "existing": "new\n", "folder/b": "new\n", "folder/deep/c": "new\n"
    }  # fmt: skip


@example("success/output_overwrite")
def test_output_overwrite(task: dict[str, Any], s3: Any, bucket: str) -> None:
    assert task["state"] == "COMPLETE"
    assert stored(s3, bucket, "overwrite/") == {
        "a": "new\n", "other": "old", "sub/b": "new\n", "sub/deep/c": "new\n", "sub/other": "old"
    }  # fmt: skip


@example("success/output_tree")
def test_output_tree(task: dict[str, Any], s3: Any, bucket: str) -> None:
    """The URL gets the folder's contents; the words of the example say that it gets the folder itself."""
    assert task["state"] == "COMPLETE"
    assert stored(s3, bucket, "tree/") == {"a": "new\n", "sub/b": "new\n", "sub/deep/c": "new\n"}
    assert sorted(output["path"] for output in task["logs"][0]["outputs"]) == [
        "/out/a", "/out/sub/b", "/out/sub/deep/c"
    ]  # fmt: skip


@example("success/output_volume")
def test_output_volume(task: dict[str, Any], s3: Any, bucket: str) -> None:
    assert task["state"] == "COMPLETE"
    assert stored(s3, bucket, "volume/") == {"a": "new\n", "sub/b": "new\n", "sub/deep/c": "new\n"}


@example("error/executor")
def test_error_executor(task: dict[str, Any]) -> None:
    assert task["state"] == "EXECUTOR_ERROR"
    assert task["logs"][0]["logs"][0]["exit_code"] == 1


@example("error/error_stops_execution")
def test_error_stops_execution(task: dict[str, Any]) -> None:
    assert task["state"] == "EXECUTOR_ERROR"
    first, second = task["logs"][0]["logs"]
    assert (first["stdout"], second["exit_code"]) == ("first\n", 3)


@example("error/output_new_dir_file")
def test_output_new_dir_file(task: dict[str, Any], s3: Any, bucket: str) -> None:
    """It is no error any more: folders are made on the way."""
    assert task["state"] == "COMPLETE"
    assert stored(s3, bucket, "new/folders/") == {"for/a": "new\n"}


@example("error/output_new_folder")
def test_output_new_folder(task: dict[str, Any], s3: Any, bucket: str) -> None:
    """Likewise."""
    assert task["state"] == "COMPLETE"
    assert stored(s3, bucket, "new/nested/") == {"folder/b": "new\n", "folder/deep/c": "new\n"}


@pytest.mark.parametrize("name", ["cancel/counter"])
def test_cancel_counter(service: Service, kubectl: Kubectl, started: dict[str, str], name: str) -> None:
    task_id = started[name]
    pods = ("pods", "-l", f"tesk/task={task_id},app.kubernetes.io/component=executor")
    wait_until(lambda: f"pod/{task_id}-executor-1" in kubectl.names(*pods), "its second one is there", within=LONGEST)
    assert service.call("POST", f"/tasks/{task_id}:cancel") == (200, {})
    task = service.ended(task_id, within=20)
    assert task["state"] == "CANCELED"
    assert task["logs"][0]["logs"][0]["stdout"] == "first\n"
    assert kubectl.names(*pods) == []


@pytest.mark.parametrize("name", ["resources/cpu"])
def test_resources_cpu(service: Service, kubectl: Kubectl, started: dict[str, str], name: str) -> None:
    """Of 3 cores each there; here of so many that a node holds one of them at a time, and the others wait."""
    tasks = [service.ended(task_id, within=LONGEST) for key, task_id in started.items() if key.startswith(name)]
    assert {task["state"] for task in tasks} == {"COMPLETE"}
    times = [(log["start_time"], log["end_time"]) for task in tasks for log in task["logs"][0]["logs"]]
    at_once = max(sum(start <= moment < end for start, end in times) for moment, _ in times)
    assert at_once <= len(kubectl.names("nodes"))


@pytest.mark.parametrize("name", ["resources/more_cpu_than_nodes"])
def test_more_cpu_than_nodes(service: Service, kubectl: Kubectl, started: dict[str, str], name: str) -> None:
    """It waits, and says for what; there it was not known what to do with it."""
    task_id = started[name]

    def reason() -> str:
        metadata = kubectl.json("get", "configmap", task_id)["metadata"]
        return str(metadata["annotations"].get("tesk/reason", ""))

    wait_until(lambda: "Insufficient cpu" in reason(), "it is told why it waits")
    assert service.state(task_id) in {"QUEUED", "INITIALIZING"}
    assert service.call("POST", f"/tasks/{task_id}:cancel") == (200, {})
    assert service.ended(task_id, within=20)["state"] == "CANCELED"


@example("localftp/taskWithIO")
def test_task_with_io(task: dict[str, Any], s3: Any, bucket: str) -> None:
    assert [stdout(task, i) for i in (0, 1)] == ["/vol\nworld\n", "to err\n"]
    assert stored(s3, bucket, "all/") == {"result": "dos/dos.txt\nhello\n", "log": "/vol\nworld\n"}
    assert {output["url"]: output["size_bytes"] for output in task["logs"][0]["outputs"]} == {
        f"s3://{bucket}/all/result": "18", f"s3://{bucket}/all/log": "11"
    }  # fmt: skip


@example("taskCreate")
def test_task_create(task: dict[str, Any], service: Service) -> None:
    """By curl there, to the same path: /v1/tasks."""
    assert stdout(task) == "created\n"
    status, again = service.call("POST", "/v1/tasks", {"executors": task["executors"]})
    assert status == 200
    assert service.ended(again["id"])["state"] == "COMPLETE"


@pytest.mark.parametrize("name", ["taskList"])
def test_task_list(service: Service, started: dict[str, str], name: str) -> None:
    status, page = service.call("GET", "/v1/tasks?page_size=2047")
    assert status == 200
    assert set(started.values()) <= {task["id"] for task in page["tasks"]}


@example("inputFile")
def test_input_file(task: dict[str, Any]) -> None:
    """A file: URL there, which the filer has not yet."""
    assert stdout(task) == "dos/dos.txt\n"


@example("inputHttp")
def test_input_http(task: dict[str, Any]) -> None:
    assert stdout(task).split()[0] == hashlib.md5(b"hello\n").hexdigest()


@example("inputHelloWorld")
def test_input_hello_world(task: dict[str, Any]) -> None:
    """Over FTP there."""
    assert stdout(task) == "dos/dos.txt\n"


def executors(**changes: Any) -> dict[str, Any]:
    return {"executors": [{"image": "busybox", "command": ["true"], **changes}]}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param({}, "executors: is missing", id="no_executors"),
        pytest.param({"executors": []}, "executors: is empty", id="empty_executors"),
        pytest.param({"executors": [{"command": ["true"]}]}, "executors[0].image: is missing", id="no_image"),
        pytest.param({"executors": [{"image": "busybox"}]}, "executors[0].command: is missing", id="no_command"),
        pytest.param(executors(stdin="in"), "executors[0].stdin: ", id="invalid_stdin"),
        pytest.param({**executors(), "inputs": [{"content": ""}]}, "inputs[0].path: is missing", id="inputs_no_path"),
        pytest.param({**executors(), "inputs": [{"path": "/in"}]}, "inputs[0]: ", id="inputs_no_source"),
        pytest.param(
            {**executors(), "inputs": [{"path": "/in", "content": "", "type": "LINK"}]},
            "inputs[0].type: ",
            id="inputs_wrong_type",
        ),
        pytest.param(
            {**executors(), "outputs": [{"url": "s3://b/k"}]}, "outputs[0].path: is missing", id="outputs_no_path"
        ),
        pytest.param({**executors(), "outputs": [{"path": "/out"}]}, "outputs[0].url: is missing", id="outputs_no_url"),
        pytest.param(
            {**executors(), "outputs": [{"path": "/out", "url": "s3://b/k", "type": ""}]},
            "outputs[0].type: ",
            id="outputs_empty_type",
        ),
        pytest.param({**executors(), "volumes": ["vol"]}, "volumes[0]: ", id="wrong_volumes"),
    ],
)
def test_an_invalid_task_is_refused_with_the_path_of_what_is_wrong(
    service: Service, body: dict[str, Any], problem: str
) -> None:
    """An unrecognized field, refused there too, is accepted here and named in the task's system_logs."""
    status, answer = service.call("POST", "/tasks", body)
    assert (status, answer["error"]) == (400, "InvalidTask")
    assert [told for told in answer["problems"] if told.startswith(problem)]


@example("error/input")
def test_error_input(task: dict[str, Any]) -> None:
    """Where no name server answers, it is asked for a minute or two: so this comes last."""
    assert (task["state"], task["logs"][0]["logs"]) == ("SYSTEM_ERROR", [])
    assert any("http://no-such-host.invalid/file" in line for line in task["logs"][0]["system_logs"])
