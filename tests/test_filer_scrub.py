"""What is removed of a shared claim, and what is left alone."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from filer import scrub

ENDED, RUNS = "task-a-0123abcd", "task-b-0123abcd"


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A claim with the folders of two tasks."""
    for task in (ENDED, RUNS):
        (tmp_path / "shared" / task / "data").mkdir(parents=True)
        (tmp_path / "shared" / task / "data/x").write_text("x")
    return tmp_path / "shared"


def test_the_folder_goes_and_the_others_stay(shared: Path) -> None:
    scrub.task(shared, ENDED)
    assert names(shared) == [RUNS]
    assert names(shared / RUNS / "data") == ["x"]


def test_a_folder_that_has_gone_already_is_no_error(shared: Path) -> None:
    scrub.task(shared, "task-c-0123abcd")
    assert names(shared) == [ENDED, RUNS]


@pytest.mark.parametrize("name", ["", ".", "..", "task-a", "data", f"../shared/{ENDED}", f"{ENDED}/data", f"{ENDED}/"])
def test_a_name_that_is_no_tasks_folder_is_refused(shared: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a task's folder"):
        scrub.task(shared, name)
    assert names(shared) == [ENDED, RUNS]


def test_links_are_removed_and_not_followed(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x").write_text("x")
    (shared / ENDED / "out").symlink_to(tmp_path / "outside")
    (shared / ENDED / "other").symlink_to(Path("..") / RUNS)
    (shared / ENDED / "data/file").symlink_to(tmp_path / "outside/x")
    scrub.task(shared, ENDED)
    assert names(shared) == [RUNS]
    assert names(shared / RUNS / "data") == names(tmp_path / "outside") == ["x"]


def test_a_link_in_the_place_of_a_folder_is_left_alone(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x").write_text("x")
    (shared / "task-c-0123abcd").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="symbolic link"):
        scrub.task(shared, "task-c-0123abcd")
    assert names(tmp_path / "outside") == ["x"]


def test_read_only_folders_pipes_and_names_of_any_bytes_go(shared: Path) -> None:
    inner = shared / ENDED / "data/inner"
    inner.mkdir()
    os.close(os.open(os.fsencode(inner) + b"/\xff\xfe\n", os.O_CREAT))
    os.mkfifo(inner / "pipe")
    inner.chmod(0o555)
    scrub.task(shared, ENDED)
    assert names(shared) == [RUNS]


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A claim with the folder of one task, on a file system where many files are made quickly."""
    made = tempfile.mkdtemp(dir="/dev/shm")
    (Path(made) / ENDED).mkdir()
    yield Path(made)
    subprocess.run(["rm", "-rf", made], check=True)


def test_a_tree_that_is_too_deep_does_not_save_the_others(in_memory: Path) -> None:
    (in_memory / RUNS).mkdir()
    here = os.open(in_memory / ENDED, os.O_RDONLY)
    for _ in range(5000):
        os.mkdir("deep", dir_fd=here)
        inner = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    scrub.others(in_memory, keep=set(), before=time.time() + 1)
    assert RUNS not in names(in_memory)


def test_a_hundred_thousand_files_go_within_seconds(in_memory: Path) -> None:
    for folder in range(100):
        (in_memory / ENDED / str(folder)).mkdir()
        for file in range(1000):
            os.mknod(f"{in_memory}/{ENDED}/{folder}/{file}")
    began = time.monotonic()
    scrub.task(in_memory, ENDED)
    assert time.monotonic() - began < 20
    assert names(in_memory) == []


def aged(folder: Path, when: float) -> None:
    os.utime(folder, (when, when))


def test_a_sweep_removes_folders_without_a_task_that_are_old_enough(shared: Path) -> None:
    """Kept are those of tasks that run, young ones, and whatever is no task's folder."""
    young, own = "task-c-0123abcd", "results"
    for name in (young, own):
        (shared / name).mkdir()
    for name, when in ((ENDED, 1000), (RUNS, 1000), (young, 3000), (own, 1000)):
        aged(shared / name, when)
    assert scrub.others(shared, keep={RUNS}, before=2000) == 0
    assert names(shared) == sorted([own, RUNS, young])


def test_a_folder_that_cannot_be_removed_does_not_save_the_others(shared: Path) -> None:
    (shared / "task-0-0123abcd").write_text("a file, not a folder")
    for name in names(shared):
        aged(shared / name, 1000)
    assert scrub.others(shared, keep=set(), before=2000) == 1
    assert names(shared) == ["task-0-0123abcd"]
