import time
from typing import Any

import pytest

from tescore import mounts
from tests.build import executor, task

FILE = {"content": "x", "type": "FILE"}


def output(path: str, kind: str = "FILE", prefix: str = "") -> dict[str, Any]:
    return {"path": path, "url": "s3://b", "type": kind, "path_prefix": prefix}


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
        pytest.param(
            {"executors": [executor(workdir="/w/")], "outputs": [{"path": "/w/out/a", "url": "s3://b"}]},
            ["/w"],
            id="the working directory above an output",
        ),
        pytest.param(
            {
                "executors": [executor(workdir="/w/b"), executor(workdir="/w/b/c"), executor(workdir="/other")],
                "outputs": [
                    {"path": "/w/b/c/out/*", "url": "s3://b", "path_prefix": "/w"},
                    {"path": "/w/a/x", "url": "s3://b"},
                    {"path": "/w/b2/x", "url": "s3://b"},
                ],
            },
            ["/w/a", "/w/b", "/w/b2"],
            id="the outermost working directory",
        ),
        pytest.param(
            {"executors": [executor(workdir="/")], "outputs": [{"path": "/out/a", "url": "s3://b"}]},
            ["/out"],
            id="not the root as a working directory",
        ),
        pytest.param(
            {"executors": [executor(workdir="/home")], "outputs": [{"path": "/home/me/out/a", "url": "s3://b"}]},
            ["/home/me/out"],
            id="not a folder of the image as a working directory",
        ),
        pytest.param({"inputs": [{**FILE, "path": "/data/chr1:1-100/a/x"}]}, ["/data"], id="what is above a colon"),
        pytest.param(
            {
                "volumes": ["/data/a:b"],
                "executors": [executor(workdir="/w/c:d"), executor(stdout="/logs/e:f/out")],
                "outputs": [{"path": "/w/c:d/x/y", "url": "s3://b"}],
            },
            ["/data", "/logs", "/w"],
            id="above colons of any kind",
        ),
        pytest.param({"volumes": ["/home/a:b"]}, ["/home/a:b"], id="a colon right in a folder of the image"),
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
                "executors": [executor(stderr="/w/e/x")],
            },
            ["/w", "/w/a", "/w/b", "/w/e"],
            id="all in one volume",
        ),
        pytest.param({"executors": [executor(workdir="/elsewhere")]}, [], id="a working directory of the image"),
        pytest.param({"inputs": [{**FILE, "path": "/etc/x"}]}, [], id="an input in a folder of the image"),
        pytest.param({"outputs": [{"path": "/etc/x", "url": "s3://b"}]}, [], id="an output there"),
        pytest.param(
            {"inputs": [{**FILE, "path": "/d/in/x"}, {**FILE, "path": "/d/y"}], "outputs": [output("/d/out/x")]},
            ["/d", "/d/in", "/d/out"],
            id="an output in a folder that is mounted for inputs",
        ),
        pytest.param(
            {"executors": [executor(workdir="/w/b"), executor(workdir="/w/b/c")], "outputs": [output("/w/b/out/x")]},
            ["/w/b", "/w/b/c"],
            id="working directories, and no output's folder below one",
        ),
        pytest.param(
            {
                "executors": [executor(workdir="/w")],
                "inputs": [{**FILE, "path": "/w/in/x"}],
                "outputs": [output("/w/in/y"), output("/w/dir", "DIRECTORY"), output("/w/x*/y", prefix="/w")],
            },
            ["/w", "/w/in"],
            id="nothing below a working directory but what inputs need",
        ),
        pytest.param(
            {"volumes": ["/v", "/v/a"], "outputs": [output("/v/a/x"), output("/v/b/x"), output("/v/c", "DIRECTORY")]},
            ["/v", "/v/a"],
            id="nothing below a volume",
        ),
        pytest.param(
            {
                "inputs": [{**FILE, "path": "/d/y"}],
                "outputs": [
                    output("/d/a/b/*", prefix="/d/"),
                    output("/d/c/*", prefix="/d/c"),
                    output("/d/e/f*", prefix="/d/e/f"),
                ],
            },
            ["/d", "/d/c", "/d/e"],
            id="nothing below a path_prefix",
        ),
        pytest.param(
            {"executors": [executor(workdir="/w", stdout="/w/logs/o")], "volumes": ["/w"]},
            ["/w", "/w/logs"],
            id="the folder of a stream, which is opened before the command",
        ),
        pytest.param(
            {
                "executors": [executor(workdir="/")],
                "inputs": [{**FILE, "path": "/d/y"}],
                "outputs": [output("/d/out/x")],
            },
            ["/d", "/d/out"],
            id="the root is no working directory that owns all",
        ),
        pytest.param({"volumes": ["/data/a:b"]}, ["/data", "/data/a:b"], id="a volume with a colon"),
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


def test_outputs_below_very_many_working_directories_are_no_work() -> None:
    executors = [executor(workdir=f"/w{i}/a") for i in range(20_000)]
    outputs = [{"path": f"/w{i}/a/out/x", "url": f"s3://b/{i}"} for i in range(20_000)]
    began = time.process_time()
    asked = task(executors=executors, outputs=outputs)
    assert [len(mounts.mounts(asked)), len(mounts.folders(asked))] == [20_000, 20_000]
    assert time.process_time() - began < 20
