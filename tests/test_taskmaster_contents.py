"""Contents that an image's own shell lays: for which tasks, and what it does, by the shells of this machine."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskmaster import contents
from taskmaster.observe import Terminated
from tescore.model import Task
from tests.build import executor, task

SCRIPT = {"path": "/work/run.sh", "content": "echo hello"}
NOBODY = 65534


def scripted(command: list[str] | None = None, inputs: Any = (SCRIPT,), env: Any = None, **changes: Any) -> Task:
    given = {"command": command or ["sh", "/work/run.sh"], **({"env": env} if env else {})}
    return task(**{"inputs": list(inputs), "executors": [executor(**given)], **changes})


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(scripted(), id="a script"),
        pytest.param(scripted(["/bin/bash", "/work/run.sh"]), id="the path of a shell"),
        pytest.param(scripted(["/usr/bin/dash", "-c", "true"]), id="another shell"),
        pytest.param(scripted(volumes=["/v"]), id="a volume beside"),
        pytest.param(scripted(inputs=[{"path": "/etc/x", "content": "x"}]), id="in a folder of the image's"),
        pytest.param(scripted(inputs=[{"path": "/w/x", "content": ""}]), id="an empty file"),
        pytest.param(scripted(inputs=[{"path": "/w/x", "content": "x" * 32768}]), id="no more than 32 KiB"),
    ],
)
def test_contents_are_laid_by_the_shell_that_a_command_begins_with(one: Task) -> None:
    assert contents.can_be_laid(one)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(scripted(inputs=[]), id="nothing to lay"),
        pytest.param(scripted(["python", "/work/run.sh"]), id="no shell"),
        pytest.param(scripted(["./sh"]), id="a program beside the working directory"),
        pytest.param(scripted(["/work/sh"]), id="a program among the files"),
        pytest.param(scripted(env={"PATH": "/work"}), id="a PATH that may lead among the files"),
        pytest.param(scripted(inputs=[SCRIPT, {"path": "/work/x", "url": "s3://b/x"}]), id="something to fetch"),
        pytest.param(scripted(outputs=[{"path": "/work/x", "url": "s3://b/x"}]), id="something to store"),
        pytest.param(scripted(executors=[executor(command=["sh"])] * 2), id="two executors"),
        pytest.param(scripted(executors=[executor(command=["sh"], stdout="/work/out")]), id="a redirected stream"),
        pytest.param(scripted(inputs=[{"path": "/w/x", "content": "x" * 32769}]), id="more than 32 KiB"),
        pytest.param(scripted(inputs=[{"path": "/w/x", "content": "a\0b"}]), id="a NUL"),
        pytest.param(scripted(inputs=[{"path": "/w/x", "content": "\ud800"}]), id="half a surrogate pair"),
    ],
)
def test_all_else_is_left_to_the_filer(one: Task) -> None:
    assert not contents.can_be_laid(one)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that is mounted, as the kubelet makes it: pytest's own no other user can reach."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def run(one: Task, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(contents.laid(one), capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_files_arrive_as_they_are_writable_and_executable_and_then_the_command_runs(shell: str, place: Path) -> None:
    files = {
        "plain": "echo ran with $1\n",
        "in/two/folders": "no newline",
        "empty": "",
        "odd": "%s \\n $HOME `id` 'it''s' \"\n\n\n",
        "ünïcode ✓ it's": "ünïcode ✓\r\n",
    }
    inputs = [{"path": f"{place}/{name}", "content": text} for name, text in files.items()]
    later = {"path": f"{place}/in/two/folders", "content": "the later one"}
    command = [shell, "-c", 'umask; printf "<%s>" "$0" "$@"; exit 3', "a b", "", "$x"]
    ran = run(scripted(command, [*inputs, later], volumes=[f"{place}/made"]), umask=0o027)
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "0027\n<a b><><$x>", "")
    laid = {**files, "in/two/folders": "the later one"}
    assert {name: (place / name).read_bytes().decode() for name in files} == laid
    shown = [place, place / "made", place / "in", place / "in/two", *(place / name for name in files)]
    assert {oct(path.stat().st_mode & 0o777) for path in shown} == {"0o777"}


def test_a_user_who_may_write_into_the_folder_need_not_own_it(place: Path) -> None:
    place.chmod(0o777)
    inputs = [{"path": f"{place}/run", "content": "id -u"}]
    assert run(scripted(["sh", f"{place}/run"], inputs), user=NOBODY).stdout == f"{NOBODY}\n"


@pytest.mark.parametrize("clash", [True, False], ids=["a folder in a file's place", "a folder that is closed"])
def test_what_cannot_be_laid_ends_the_shell_before_the_command(clash: bool, place: Path) -> None:
    paths = [f"{place}/x", f"{place}/x/y"] if clash else [f"{place}/x"]
    inputs = [{"path": path, "content": ""} for path in paths]
    ran = run(scripted(["sh", "-c", "echo ran"], inputs), user=NOBODY)
    assert (ran.returncode, ran.stdout) == (125, "")


def test_an_end_for_that_reason_is_known_by_its_code_and_its_words() -> None:
    def ended(code: int, message: str) -> bool:
        return contents.refused(Terminated(code, "Error", message, "", ""))

    assert ended(125, "tesk-cannot-lay contents\n")
    assert not ended(125, "")
    assert not ended(1, "tesk-cannot-lay contents\n")
