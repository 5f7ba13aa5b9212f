"""Inline contents that an image's own shell writes: for which tasks, and how the shells of this machine do it."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskmaster import inline_inputs
from tescore.model import Task
from tests.build import executor, task

SCRIPT = {"path": "/tmp/run.sh", "content": "echo hello"}
NOBODY = 65534


def scripted(command: list[str] | None = None, inputs: Any = (SCRIPT,), env: Any = None, **changes: Any) -> Task:
    given = {"command": command or ["sh", "/tmp/run.sh"], **({"env": env} if env else {})}
    return task(**{"inputs": list(inputs), "executors": [executor(**given)], **changes})


def at(path: str, content: str = "x") -> list[dict[str, str]]:
    return [{"path": path, "content": content}]


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(scripted(), id="a script"),
        pytest.param(scripted(["/bin/bash", "/tmp/run.sh"]), id="the path of a shell"),
        pytest.param(scripted(["/usr/bin/dash", "-c", "true"]), id="another shell"),
        pytest.param(scripted(inputs=at("//tmp/./x")), id="another way to write a path"),
        pytest.param(scripted(inputs=at("/tmp/x", "")), id="an empty file"),
        pytest.param(scripted(inputs=at("/tmp/x", "x" * 32768)), id="no more than 32 KiB"),
        pytest.param(scripted(executors=[executor(command=["sh"], workdir="/work")]), id="a working directory"),
    ],
)
def test_contents_in_tmp_are_written_by_the_shell_that_a_command_begins_with(one: Task) -> None:
    assert inline_inputs.supported(one)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(scripted(inputs=[]), id="nothing to write"),
        pytest.param(scripted(["python", "/tmp/run.sh"]), id="no shell"),
        pytest.param(scripted(["ksh", "/tmp/run.sh"]), id="a shell that may have no printf"),
        pytest.param(scripted(["./sh"]), id="a program beside the working directory"),
        pytest.param(scripted(["/tmp/sh"]), id="a program among the files"),
        pytest.param(scripted(env={"PATH": "/tmp"}), id="a PATH that may lead among the files"),
        pytest.param(scripted(inputs=[SCRIPT, *at("/work/x")]), id="another folder"),
        pytest.param(scripted(inputs=[SCRIPT, *at("/etc/x")]), id="a folder of the image"),
        pytest.param(scripted(inputs=[SCRIPT, *at("/tmp/folder/x")]), id="a folder in /tmp"),
        pytest.param(scripted(inputs=[SCRIPT, {"path": "/tmp/x", "url": "s3://b/x"}]), id="something to fetch"),
        pytest.param(scripted(outputs=[{"path": "/tmp/x", "url": "s3://b/x"}]), id="something to store"),
        pytest.param(scripted(volumes=["/v"]), id="a volume"),
        pytest.param(scripted(resources={"disk_gb": 1}), id="disk"),
        pytest.param(scripted(executors=[executor(command=["sh"])] * 2), id="two executors"),
        pytest.param(scripted(executors=[executor(command=["sh"], stdout="/tmp/out")]), id="a redirected stream"),
        pytest.param(scripted(executors=[executor(command=["sh"], workdir="/tmp/w")]), id="a folder to make in /tmp"),
        pytest.param(scripted(inputs=at("/tmp/x", "x" * 32769)), id="more than 32 KiB"),
        pytest.param(scripted(inputs=at("/tmp/x", "a\0b")), id="a NUL"),
    ],
)
def test_all_else_is_left_to_the_filer(one: Task) -> None:
    assert not inline_inputs.supported(one)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that is mounted, as the kubelet makes it: pytest's own no other user can reach."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o777)
        yield Path(made)


def run(one: Task, place: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    shell, option, script, *rest = inline_inputs.command(one)
    here = [shell, option, script.replace("/tmp/", f"{place}/"), *rest]
    return subprocess.run(here, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize("user", [0, NOBODY], ids=["root", "nobody"])
def test_files_arrive_as_they_are_writable_and_executable_and_then_the_command_runs(
    shell: str, user: int, place: Path
) -> None:
    files = {
        "plain": "echo ran with $1\n",
        "twice": "no newline",
        "empty": "",
        "odd": "%s \\n $HOME `id` 'it''s' \"\n\n\n",
        "ünïcode ✓ it's": "ünïcode ✓\r\n",
    }
    inputs = [{"path": f"/tmp/{name}", "content": text} for name, text in files.items()]
    later = {"path": "/tmp/twice", "content": "the later one"}
    command = [shell, "-c", 'umask; printf "<%s>" "$0" "$@"; exit 3', "a b", "", "$x"]
    ran = run(scripted(command, [*inputs, later]), place, umask=0o027, user=user)
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "0027\n<a b><><$x>", "")
    assert {name: (place / name).read_bytes().decode() for name in files} == {**files, "twice": "the later one"}
    assert {oct((place / name).stat().st_mode & 0o777) for name in files} == {"0o777"}


def test_the_shell_needs_no_program_to_write_them(place: Path) -> None:
    ran = run(scripted(["/bin/sh", "-c", "echo ran"]), place, env={"PATH": "/nowhere"})
    assert (ran.returncode, ran.stdout) == (0, "ran\n")
    assert (place / "run.sh").read_text() == "echo hello"
