import time
from typing import Any

import pytest

from tescore import mounts
from tests.build import executor, task

FILE = {"content": "x", "type": "FILE"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"volumes": ["/vol/a/"]}, ["/vol/a"], id="a volume"),
        pytest.param({"inputs": [{**FILE, "path": "/data/x"}]}, ["/data"], id="the folder of an input"),
        pytest.param(
            {"inputs": [{**FILE, "path": "/tes/volumes/x"}, {**FILE, "path": "/tes/y"}]}, ["/tes"], id="nested folders"
        ),
        pytest.param({"volumes": ["/a", "/ab"]}, ["/a", "/ab"], id="names alike are not nested"),
        pytest.param({"volumes": ["/a", "/a-b", "/a/c"]}, ["/a-b", "/a"], id="nor do they hide what is nested"),
        pytest.param({"inputs": [{**FILE, "path": "/x"}]}, ["/x (file)"], id="a file in the root"),
        pytest.param({"inputs": [{**FILE, "path": "/etc/app.conf"}]}, ["/etc/app.conf (file)"], id="a file in /etc"),
        pytest.param({"inputs": [{**FILE, "path": "/usr/share/x/y"}]}, ["/usr/share/x/y (file)"], id="below /usr"),
        pytest.param({"inputs": [{**FILE, "path": "/tmp/x"}]}, ["/tmp"], id="/tmp is free"),
        pytest.param({"inputs": [{**FILE, "path": "/opt/work/x"}]}, ["/opt/work"], id="below /opt"),
        pytest.param({"outputs": [{"path": "/w/*.txt", "url": "s3://b", "path_prefix": "/w"}]}, ["/w"], id="wildcard"),
        pytest.param(
            {"outputs": [{"path": "/w/a*/b/c?", "url": "s3://b", "path_prefix": "/w"}]}, ["/w"], id="wild folder"
        ),
        pytest.param({"volumes": ["//a", "/a"]}, ["/a"], id="doubled slashes"),
        pytest.param(
            {"outputs": [{"path": "/w/a[1]/x", "url": "s3://b"}]}, ["/w/a[1]"], id="a bracket without prefix is a name"
        ),
        pytest.param({"outputs": [{"path": "/o", "url": "s3://b", "type": "DIRECTORY"}]}, ["/o"], id="directory"),
        pytest.param({"executors": [executor(stdout="/logs/out")]}, ["/logs"], id="a redirected stream"),
        pytest.param({"outputs": [{"path": "/etc/o", "url": "s3://b"}]}, [], id="an output in /etc"),
        pytest.param({"executors": [executor(stdout="/out")]}, [], id="a redirected stream in the root"),
        pytest.param({"executors": [executor(stdin="/etc/fstab")]}, [], id="stdin from the image"),
        pytest.param({"executors": [executor(workdir="/work")]}, [], id="a working directory of the image"),
    ],
)
def test_what_is_mounted(changes: dict[str, Any], expected: list[str]) -> None:
    shown = [mount.path + (" (file)" if mount.file else "") for mount in mounts.mounts(task(**changes))]
    assert shown == expected


def test_nothing_is_mounted_over_a_folder_that_an_image_may_have() -> None:
    top = ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr"]
    holders = ["/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/var"]
    files = [*(f"{folder}/x" for folder in top + holders), *(f"{folder}/below/x" for folder in top)]
    assert _mounts(files) == {mounts.Mount(path, file=True) for path in files}
    assert _mounts([f"{folder}/below/x" for folder in holders]) == {
        mounts.Mount(f"{folder}/below", file=False) for folder in holders
    }


def _mounts(inputs: list[str]) -> set[mounts.Mount]:
    return set(mounts.mounts(task(inputs=[{**FILE, "path": path} for path in inputs])))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"outputs": [{"path": "//etc/o", "url": "s3://b"}]}, ["/etc/o"], id="an output"),
        pytest.param(
            {"executors": [executor(stdin="/i", stdout="/o", stderr="/usr/e")]}, ["/o", "/usr/e"], id="streams"
        ),
        pytest.param({"outputs": [{"path": "/w/o", "url": "s3://b"}]}, [], id="in a folder that is mounted"),
        pytest.param(
            {"volumes": ["/usr/v"], "outputs": [{"path": "/usr/v/o", "url": "s3://b"}]}, [], id="in a volume below /usr"
        ),
        pytest.param(
            {"inputs": [{**FILE, "path": "/etc/x"}], "outputs": [{"path": "/etc/x", "url": "s3://b"}]},
            [],
            id="an input that is an output too",
        ),
        pytest.param({"outputs": [{"path": "/opt", "url": "s3://b", "type": "DIRECTORY"}]}, [], id="a folder"),
    ],
)
def test_files_that_executors_leave_in_folders_of_the_image_are_copied(
    changes: dict[str, Any], expected: list[str]
) -> None:
    assert list(mounts.saved(task(**changes))) == expected


@pytest.mark.parametrize(
    ("parts", "folders"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"volumes": ["/vol/a", "/vol/a/b"]}, ["/vol/a", "/vol/a/b"], id="nested volumes"),
        pytest.param({"inputs": [{**FILE, "path": "/in/x"}]}, ["/in"], id="an input"),
        pytest.param({"outputs": [{"path": "/out/x/y", "url": "s3://b"}]}, ["/out/x"], id="an output"),
        pytest.param({"outputs": [{"path": "/out/*/y", "url": "s3://b", "path_prefix": "/out"}]}, ["/out"], id="wild"),
        pytest.param(
            {"volumes": ["/w"], "executors": [executor(workdir="/w/here", stdout="/w/logs/o")]},
            ["/w", "/w/here", "/w/logs"],
            id="a working directory and a stream",
        ),
        pytest.param(
            {
                "volumes": ["/w/"],
                "inputs": [{**FILE, "path": "/w/a/x"}, {"url": "s3://b", "path": "/w/b", "type": "DIRECTORY"}],
                "outputs": [
                    {"path": "/w/c[1]/x", "url": "s3://b"},
                    {"path": "/w/d", "url": "s3://b", "type": "DIRECTORY"},
                ],
                "executors": [executor(stderr="/w/e/x")],
            },
            ["/w", "/w/a", "/w/b", "/w/c[1]", "/w/d", "/w/e"],
            id="all in one volume",
        ),
        pytest.param({"executors": [executor(workdir="/elsewhere")]}, [], id="a working directory of the image"),
        pytest.param({"inputs": [{**FILE, "path": "/etc/x"}]}, [], id="an input in a folder of the image"),
        pytest.param({"outputs": [{"path": "/etc/x", "url": "s3://b"}]}, [], id="an output there"),
    ],
)
def test_folders_are_those_mounted_and_those_named_below_them(parts: dict[str, Any], folders: list[str]) -> None:
    assert list(mounts.folders(task(**parts))) == folders


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/data/x", "data/data/x"), ("/data/", "data/data"), ("//data//x", "data/data/x"), ("/a/./b", "data/a/b")],
)
def test_the_scratch_volume_mirrors_the_containers_paths(path: str, expected: str) -> None:
    assert mounts.located(path) == expected


def test_a_task_without_files_needs_no_scratch() -> None:
    assert not mounts.needs_scratch(task())


def test_the_launcher_needs_scratch_even_for_stdin_alone() -> None:
    assert mounts.needs_scratch(task(executors=[executor(), executor(stdin="/etc/fstab")]))


def test_a_task_of_very_many_folders_is_no_work() -> None:
    folders = [f"/v{i}/a" for i in range(50_000)]
    began = time.process_time()
    assert len(mounts.mounts(task(volumes=folders))) == len(folders)
    assert time.process_time() - began < 20
