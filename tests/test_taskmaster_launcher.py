"""How a command is run with its streams redirected and its outputs copied out of folders of the image."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from taskmaster.launcher import wrap_command
from tests.build import executor, task


def script(saved: tuple[str, ...] = (), **changes: Any) -> str:
    return wrap_command(task(executors=[executor(**changes)]).executors[0], saved)[3]


@pytest.mark.parametrize(
    ("streams", "redirects"),
    [
        ({"stdin": "/in/it's"}, "exec <'/in/it'\"'\"'s'; "),
        ({"stdin": "/i", "stdout": "/o", "stderr": "/e"}, "exec </i >/o 2>/e; "),
        ({"stderr": "/e"}, "exec 2>/e; "),
        ({"stdout": "/o/x", "stderr": "/o//x"}, "exec >/o/x 2>&1; "),
    ],
)
def test_streams_are_redirected_to_files(streams: dict[str, Any], redirects: str) -> None:
    assert script(**streams).startswith(redirects)


def test_streams_in_folders_of_the_image_are_on_the_scratch_volume() -> None:
    redirected = script(("/e", "/i", "/o"), stdin="/i", stdout="//o", stderr="/w/e")
    assert "exec </.tesk-saved/i >/.tesk-saved/o 2>/w/e; " in redirected


def test_the_command_stays_apart_from_the_script() -> None:
    [one] = task(executors=[executor(command=["cat", "a b", ""], stdout="/o")]).executors
    shell, applet, option, _, *rest = wrap_command(one, ())
    assert [shell, applet, option, *rest] == ["/.tesk/busybox", "sh", "-c", "tesk", "cat", "a b", ""]


def test_variables_that_the_shell_would_change_or_drop_are_set_again_behind_it() -> None:
    changed = script(stdout="/o", env={"my.var-1": "x y", "PWD": "it's", "A": "b", "IFS": "$"})
    kept = "'IFS=$' 'PWD=it'\"'\"'s' 'my.var-1=x y'"
    assert changed.endswith(f'; exec /.tesk/busybox env {kept} "$_TESK" "$@"')
    assert script(stdout="/o", env={"A": "b"}).endswith('; exec "$_TESK" "$@"')


@pytest.mark.parametrize(("saved", "stays"), [(("/x",), True), ((), False), (("/o",), False)])
def test_the_shell_stays_only_where_outputs_must_be_copied(saved: tuple[str, ...], stays: bool) -> None:
    assert ('exec "$_TESK"' not in script(saved, stdout="/o")) == stays


class Image:
    """Folders in place of an image's and the scratch volume's, and this machine's shell in place of the launcher's."""

    def __init__(self, root: Path) -> None:
        self.root = root / "it's image"
        self.scratch = root / "scratch"
        self.root.mkdir()

    def place(self, name: str) -> Path:
        return self.root / name

    def kept(self, name: str) -> Path:
        place = Path(f"{self.scratch}{self.place(name)}")
        place.parent.mkdir(parents=True, exist_ok=True)  # the filer does
        return place

    def run(self, command: str, *names: str, workdir: str = "") -> int:
        [one] = task(executors=[executor(command=["sh", "-c", command], workdir=workdir)]).executors
        saved = tuple(str(self.place(name)) for name in names)
        for name in names:
            self.kept(name)
        _, shell, option, wrapped, *rest = wrap_command(one, saved)
        here = wrapped.replace("/.tesk/busybox ", "").replace("/.tesk-saved", str(self.scratch))
        return subprocess.run([shell, option, here, *rest], check=False, cwd=self.root).returncode


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


def test_an_output_is_copied_after_the_command_whatever_its_exit_code(image: Image) -> None:
    assert (
        image.run("echo made > made; mkdir folder; echo in > folder/x; ln -s made link; exit 3", "made", "folder") == 3
    )
    assert image.kept("made").read_text() == "made\n"
    assert image.kept("folder/x").read_text() == "in\n"


def test_a_link_is_copied_as_what_it_leads_to(image: Image) -> None:
    assert image.run("echo made > other; ln -s other made", "made") == 0
    assert image.kept("made").read_text() == "made\n"
    assert not image.kept("made").is_symlink()


def test_a_missing_output_is_missing(image: Image) -> None:
    assert image.run("true", "made") == 0
    assert not image.kept("made").exists()


def test_an_output_may_be_moved_into_its_place_and_its_folder_is_there(image: Image) -> None:
    assert image.run("echo made > other && mv other new/folder/made", "new/folder/made") == 0
    assert image.kept("new/folder/made").read_text() == "made\n"


def test_the_folder_of_an_output_below_the_working_directory_is_the_commands_to_make(image: Image) -> None:
    make = "mkdir new && echo made > new/made"
    assert image.run(make, "new/made", workdir=str(image.root)) == 0
    assert image.kept("new/made").read_text() == "made\n"
    image.place("new/made").unlink()
    image.place("new").rmdir()
    assert image.run("echo more >> new/made", "new/made", workdir=str(image.root)) == 0
    assert image.kept("new/made").read_text() == "made\nmore\n"


def test_a_variable_of_a_name_that_no_shell_has_reaches_the_command() -> None:
    [one] = task(executors=[executor(command=["env"], env={"my.var-1": "it's $x"}, stdin="/dev/null")]).executors
    here = wrap_command(one, ())[3].replace("/.tesk/busybox ", "")
    ran = subprocess.run(["sh", "-c", here, "tesk", *one.command], check=True, capture_output=True, text=True)
    assert "my.var-1=it's $x" in ran.stdout.splitlines()


def test_what_an_earlier_executor_left_is_there_for_the_next(image: Image) -> None:
    image.place("made").write_text("of the image\n")
    image.kept("made").write_text("of the first\n")
    image.kept("folder").mkdir()
    assert image.run("cat made > second; echo more >> made; touch folder/x", "made", "folder", "second") == 0
    assert image.kept("second").read_text() == "of the first\n"
    assert image.kept("made").read_text() == "of the first\nmore\n"
    assert image.kept("folder/x").exists()


def test_what_cannot_be_copied_fails_the_executor(image: Image) -> None:
    image.scratch.write_text("no folder")
    [one] = task(executors=[executor(command=["sh", "-c", "echo made > made"])]).executors
    wrapped = wrap_command(one, (str(image.place("made")),))[3]
    here = wrapped.replace("/.tesk/busybox ", "").replace("/.tesk-saved", str(image.scratch))
    ran = subprocess.run(["sh", "-c", here, "tesk", *one.command], check=False, cwd=image.root, capture_output=True)
    assert ran.returncode == 1
