"""What a user sees of a task, from POST to its end."""

import hashlib
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tes

from tests.e2e.cluster import Kubectl, Service, told, wait_until

Shell = Callable[..., dict[str, Any]]
DEMO = Path(__file__).parents[2] / "demo" / "lambda.json"


def left_of(kubectl: Kubectl, task_id: str) -> list[str]:
    return kubectl.names("pods,pvc", "-l", f"tesk/task={task_id},app.kubernetes.io/component!=taskmaster")


def test_the_demos_analysis_runs_through_py_tes(
    service: Service, environment: dict[str, str], s3: Any, bucket: str, kubectl: Kubectl
) -> None:
    text = string.Template(DEMO.read_text()).substitute(environment).replace("s3://demo/", f"s3://{bucket}/")
    task_id = service.client.create_task(tes.Task(**_parsed(text)))

    task = service.client.wait(task_id, timeout=90)

    full = service.client.get_task(task_id, "FULL")
    assert task.state == full.state == "COMPLETE"
    log = full.logs[0]
    assert [entry.exit_code for entry in log.logs] == [0, 0, 0]
    assert "20052 + 0 in total" in log.logs[2].stdout
    assert "bwa mem" in log.logs[0].stderr
    bam = s3.get_object(Bucket=bucket, Key="lambda/sorted.bam")["Body"].read()
    assert bam[:4] == b"\x1f\x8b\x08\x04"
    sizes = {output.path: output.size_bytes for output in log.outputs}
    assert sizes["/data/sorted.bam"] == len(bam)
    wait_until(lambda: left_of(kubectl, task_id) == [], "pods and volume are gone")


def _parsed(text: str) -> dict[str, Any]:
    kinds = {"inputs": tes.Input, "outputs": tes.Output, "executors": tes.Executor}
    document = json.loads(text)
    parts = {part: [kind(**item) for item in document[part]] for part, kind in kinds.items()}
    return {**document, **parts, "resources": tes.Resources(**document["resources"])}


def test_states_pass_in_order_and_times_are_told(service: Service, shell: Shell) -> None:
    task_id = service.create({"name": "sleeps", "executors": [shell("echo one; sleep 1; echo two >&2")]})
    states = [service.state(task_id)]
    while states[-1] not in {"COMPLETE", "SYSTEM_ERROR"}:
        state = service.state(task_id)
        states += [state] if state != states[-1] else []

    task = service.full(task_id)

    assert states == ["INITIALIZING", "RUNNING", "COMPLETE"]
    log = task["logs"][0]
    assert task["creation_time"] < log["start_time"] < log["end_time"]
    assert log["logs"][0]["stdout"] == "one\ntwo\n"
    assert log["logs"][0]["start_time"] < log["logs"][0]["end_time"]


def test_what_is_sent_to_a_command_arrives_byte_for_byte(service: Service, busybox: str) -> None:
    arguments = ["$", "$$", "$(HOME)", "it's", '"', "a b", "", "line\nbreak", "ünïcode ✓", "\\"]
    command = ["printf", "<%s>", *arguments]
    task = service.ended(service.create({"executors": [{"image": busybox, "command": command}]}))
    assert task["logs"][0]["logs"][0]["stdout"] == "".join(f"<{argument}>" for argument in arguments)


def test_content_environment_working_directory_and_streams_as_files(
    service: Service, shell: Shell, s3: Any, bucket: str
) -> None:
    content = "ünïcode ✓\n" * 3
    script = 'pwd; echo "$X"; cat > copy; sha256sum < copy; echo gone wrong >&2; ls -l /data/in.txt'
    one = shell(
        script, workdir="/data", env={"X": "$(X) $$"}, stdin="/data/in.txt", stdout="/logs/out", stderr="/logs/err"
    )
    task_id = service.create({
        "inputs": [{"path": "/data/in.txt", "content": content}],
        "executors": [one, shell("cat /logs/out /data/copy")],
        "outputs": [{"path": "/data/copy", "url": f"s3://{bucket}/copy"}, {"path": "/logs/out", "url": f"s3://{bucket}/o"}],
    })  # fmt: skip

    task = service.ended(task_id)

    first, second = task["logs"][0]["logs"]
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert first["stdout"].startswith(f"/data\n$(X) $$\n{digest}  -\n-rwxrwxrwx")
    assert first["stderr"] == "gone wrong\n"
    assert second["stdout"] == first["stdout"] + content
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read().decode() == content


def test_redirected_streams_run_the_images_own_programs(service: Service, environment: dict[str, str]) -> None:
    image = environment["BWA_IMAGE"]
    by_name = {"image": image, "command": ["sort", "--version"], "stdout": "/o/1"}
    in_a_script = {"image": image, "command": ["sh", "-c", "awk -W version; gzip --version"], "stdout": "/o/2"}
    missing = {"image": image, "command": ["no-such-program"], "stderr": "/o/3"}

    task = service.ended(service.create({"executors": [by_name, in_a_script, missing]}))

    first, second, third = task["logs"][0]["logs"]
    assert "GNU coreutils" in first["stdout"]
    assert "mawk" in second["stdout"]
    assert "Free Software Foundation" in second["stdout"]
    assert (third["exit_code"], third["stderr"]) == (127, "no-such-program: not found\n")


def test_a_file_in_the_root_or_in_etc_hides_nothing(service: Service, shell: Shell, s3: Any, bucket: str) -> None:
    task_id = service.create({
        "inputs": [{"path": "/one", "content": "1"}, {"path": "/etc/two", "content": "2"}],
        "executors": [shell("cat /one /etc/two; ls /bin/sh; echo 3 > /three")],
        "outputs": [{"path": "/three", "url": f"s3://{bucket}/three"}],
    })  # fmt: skip

    task = service.ended(task_id)

    assert task["state"] == "COMPLETE"
    assert task["logs"][0]["logs"][0]["stdout"] == "12/bin/sh\n"
    assert s3.get_object(Bucket=bucket, Key="three")["Body"].read() == b"3\n"


def test_a_failing_executor_ends_the_task_and_what_outputs_exist_are_uploaded(
    service: Service, shell: Shell, s3: Any, bucket: str, kubectl: Kubectl
) -> None:
    task_id = service.create({
        "executors": [shell("echo partial > /out/rc"), shell("echo about to fail; exit 3"), shell("echo never")],
        "outputs": [{"path": "/out/rc", "url": f"s3://{bucket}/rc"}, {"path": "/out/no", "url": f"s3://{bucket}/no"}],
    })  # fmt: skip

    task = service.ended(task_id)

    assert task["state"] == "EXECUTOR_ERROR"
    log = task["logs"][0]
    assert [entry["exit_code"] for entry in log["logs"]] == [0, 3]
    assert log["logs"][1]["stdout"] == "about to fail\n"
    assert "Executor 1 exited with 3." in log["system_logs"]
    assert [output["url"] for output in log["outputs"]] == [f"s3://{bucket}/rc"]
    events = kubectl("get", "events", "--field-selector", f"involvedObject.name={task_id}")
    assert "Executor 1 exited with 3." in events
    wait_until(lambda: left_of(kubectl, task_id) == [], "pods and volume are gone")


def test_ignored_errors_let_the_task_go_on_and_complete(service: Service, shell: Shell, busybox: str) -> None:
    cannot_start = {"image": busybox, "command": ["/no/such/program"], "ignore_error": True}
    task = service.ended(
        service.create({"executors": [shell("exit 7", ignore_error=True), cannot_start, shell("echo on")]})
    )
    assert task["state"] == "COMPLETE"
    assert [entry["exit_code"] for entry in task["logs"][0]["logs"]] == [7, 128, 0]


def test_a_command_that_cannot_be_started_is_an_executor_error(service: Service, busybox: str) -> None:
    task = service.ended(service.create({"executors": [{"image": busybox, "command": ["ERROR"]}]}))
    assert task["state"] == "EXECUTOR_ERROR"
    assert task["logs"][0]["logs"][0]["exit_code"] == 128
    assert any("could not be started" in line for line in task["logs"][0]["system_logs"])


def test_an_input_that_cannot_be_reached_is_a_system_error_with_the_reason(
    service: Service, shell: Shell, environment: dict[str, str], kubectl: Kubectl
) -> None:
    url = environment["HTTP_URL_IN_CLUSTER"] + "/lambda/no-such-file"
    task_id = service.create({"inputs": [{"path": "/data/x", "url": url}], "executors": [shell("echo never")]})

    task = service.ended(task_id)

    assert task["state"] == "SYSTEM_ERROR"
    assert task["logs"][0]["logs"] == []
    [reason] = told(task["logs"][0])
    assert all(part in reason for part in ("/data/x", url, "404"))
    wait_until(lambda: left_of(kubectl, task_id) == [], "pods and volume are gone")


def test_an_output_that_is_missing_after_success_is_a_system_error(service: Service, shell: Shell, bucket: str) -> None:
    outputs = [{"path": "/out/no", "url": f"s3://{bucket}/no"}]
    task = service.ended(service.create({"executors": [shell("true")], "outputs": outputs}))
    assert task["state"] == "SYSTEM_ERROR"
    assert any("/out/no" in line for line in task["logs"][0]["system_logs"])


def test_more_memory_than_asked_for_is_the_executors_error(service: Service, busybox: str) -> None:
    hungry = {"image": busybox, "command": ["tail", "-c", "90000000", "/dev/zero"]}
    task = service.ended(service.create({"executors": [hungry], "resources": {"ram_gb": 0.02}}))
    assert task["state"] == "EXECUTOR_ERROR"
    assert any("more memory than it has" in line for line in task["logs"][0]["system_logs"])


def test_a_running_task_is_cancelled_and_nothing_is_left(service: Service, shell: Shell, kubectl: Kubectl) -> None:
    task_id = service.create({"volumes": ["/v"], "executors": [shell("sleep 600"), shell("echo never")]})
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")

    service.client.cancel_task(task_id)

    task = service.ended(task_id, within=20)
    assert task["state"] == "CANCELED"
    assert task["logs"][0]["logs"] == []
    assert left_of(kubectl, task_id) == []
    assert service.call("POST", f"/tasks/{task_id}:cancel") == (200, {})
    assert service.state(task_id) == "CANCELED"


def test_a_task_that_nobody_has_begun_is_cancelled_at_once(
    service: Service, shell: Shell, kubectl: Kubectl, quota: Callable[..., None]
) -> None:
    quota(pods="0")
    task_id = service.create({"executors": [shell("echo never")]})

    assert service.call("POST", f"/tasks/{task_id}:cancel") == (200, {})

    assert service.state(task_id) == "CANCELED"
