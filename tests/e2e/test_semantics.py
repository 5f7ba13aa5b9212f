"""What an executor finds when it runs, in images with a shell and without, as root and as others.

The tasks run side by side from the first test on. The image without a shell has a folder and a user (1234) of its own.
"""

from typing import Any

import pytest

from tests.e2e.cluster import Service

ENVIRONMENT = {
    "DOLLARS": "$ $$ $(HOME) ${HOME}",
    "QUOTES": "it's \"so\" `here` \\",
    "LINES": "one\n two\n",
    "UNICODE": "ünïcode ✓",
    "EMPTY": "",
    "my.var-1": "no shell's name",
    # Names that a shell on the way would use itself.
    "IFS": "x", "OPTIND": "5", "PPID": "6", "PWD": "/nowhere", "SHLVL": "7", "folder": "mine", "program": "mine",
}  # fmt: skip


def documents(busybox: str, noshell: str, bwa: str, bucket: str) -> dict[str, dict[str, Any]]:
    def few(*command: str, **more: Any) -> dict[str, Any]:
        return {"image": noshell, "command": list(command), **more}

    def shell(script: str, **more: Any) -> dict[str, Any]:
        return {"image": busybox, "command": ["sh", "-ec", script], **more}

    def other(*command: str) -> dict[str, Any]:
        return {"image": bwa, "command": list(command)}

    def output(path: str, kind: str = "FILE") -> dict[str, str]:
        return {"path": path, "url": f"s3://{bucket}/semantics{path}", "type": kind}

    return {
        "no shell": {"executors": [few("pwd"), few("cat", "file"), few("id", "-u")]},
        "no shell, files for streams": {
            "executors": [
                few("cat", stdin="/own/file", stdout="/logs/deep/out", stderr="/logs/err"),
                few("cat", "/none", stderr="/logs/err", ignore_error=True),
                few("cat", stdin="/logs/deep/out"),
                few("pwd", stdout="/logs/pwd"),
            ]
        },
        "environment": {"executors": [few("env", env=ENVIRONMENT), few("env", env=ENVIRONMENT, stdout="/logs/out")]},
        "arguments": {
            "executors": [few("cat", "-", "", stdin="/own/file", ignore_error=True, stderr="/logs/err")],
        },
        "any user": {
            "inputs": [{"path": "/data/in", "content": "in"}, {"path": "/data/sub/in", "content": "in"}],
            "volumes": ["/vol"],
            "executors": [
                few("touch", "made-in-workdir", workdir="/data/work/deep"),
                few("mv", "/data/in", "/vol/moved"),
                few("mkdir", "/vol/folder", "/data/sub/folder"),
                few("cat", stdin="/vol/moved", stdout="/data/sub/in"),
                shell("find /data /vol | sort; cat /data/sub/in"),
            ],
        },
        "image's own folders": {
            "inputs": [{"path": "/usr/in", "content": "of usr"}, {"path": "/etc/in", "content": "of etc"}],
            "executors": [
                other("sh", "-ec", "id -u; echo more >> /etc/in; which bwa"),
                shell("cat /usr/in /etc/in /etc/hostname > /made; cat /etc/in"),
            ],
            "outputs": [output("/made")],
        },
        "moved onto": {
            "inputs": [{"path": "/x", "content": "old"}, {"path": "/etc/in", "content": "of etc"}],
            "executors": [
                shell(
                    "cat /x; echo new > /x; echo OF etc > /etc/in; echo made > /m.new; mv /m.new /m; ! mv /x /y 2>&1"
                ),
                few("cat", "/x", "/etc/in"),
                shell("echo more >> /m; cat /x", stdout="/etc/new/out"),
                few("cat", stdin="/etc/new/out", stdout="/copy"),
                shell("cat /m /etc/new/out /copy; exit 3", ignore_error=True),
            ],
            "outputs": [output("/m"), output("/etc/in"), output("/etc/new/out")],
        },
        "working folder": {"executors": [shell("pwd; touch x", workdir="/made/for/it")]},
        "the root as working folder": {"executors": [shell("pwd", workdir="/"), few("pwd", workdir="//")]},
        "folders of its own": {
            "executors": [
                shell("mkdir out deep dir; echo 1 > out/a.txt; echo 2 > deep/b; echo 3 > dir/c", workdir="/own-w"),
                few("mkdir", "/own-w/other", workdir="/own-w"),
                few("mkdir", "/own-v/out"),
            ],
            "volumes": ["/own-v"],
            "outputs": [
                {**output("/own-w/out/*.txt"), "url": f"s3://{bucket}/semantics/own-w", "path_prefix": "/own-w"},
                output("/own-w/deep/b"),
                output("/own-w/dir", "DIRECTORY"),
                output("/own-w/never-made", "DIRECTORY"),
                {**output("/own-v/out/*"), "url": f"s3://{bucket}/semantics/own-v", "path_prefix": "/own-v"},
            ],
        },
        "colons": {
            "inputs": [{"path": "/data/chr1:1-100/in", "content": "of chr1\n"}],
            "executors": [shell("cat in; cp in out", workdir="/data/chr1:1-100"), few("cat", "/data/chr1:1-100/out")],
            "outputs": [output("/data/chr1:1-100/out")],
        },
        "volumes": {
            "volumes": ["/vol", "/vol/", "/vol/nested", "/other/a"],
            "inputs": [{"path": "/vol/nested/in", "content": "in"}],
            "executors": [
                shell("find /vol /other -type f; echo one > /vol/nested/one; echo two > /other/a/two"),
                shell("cat /vol/nested/in /vol/nested/one /other/a/two"),
            ],
            "outputs": [output("/vol", "DIRECTORY"), output("/vol/nested/one"), output("/other/a", "DIRECTORY")],
        },
        "program as an input": {
            "inputs": [{"path": "/data/run", "content": "#!/bin/sh\necho ran with $1\n"}],
            "executors": [{"image": busybox, "command": ["/data/run", "it"]}, shell("./run that", workdir="/data")],
        },
        "contents for a shell": {
            "inputs": [
                {"path": "/tmp/run", "content": "#!/bin/sh\npwd; id -u; cat /tmp/in; ls -l $0 | cut -c1-10"},
                {"path": "/tmp/in", "content": "$(of) `tmp`\n"},
            ],
            "executors": [shell("mv /tmp/in /tmp/x; cp /tmp/x /tmp/in; exec /tmp/run", workdir="/work")],
        },
        "contents for a shell of another user": {
            "inputs": [{"path": "/tmp/run", "content": "id -u; echo more >> /tmp/run; tail -n 1 /tmp/run; exit\n"}],
            "executors": [other("sh", "/tmp/run")],
        },
        "own streams": {
            "executors": [
                shell("echo once | tee /logs/tee", stdout="/logs/tee"),
                shell("echo by itself > /logs/own", stdout="/logs/own"),
                shell("echo out; echo err >&2; echo again", stdout="/logs/both", stderr="/logs/both"),
                shell("cat /logs/tee /logs/own /logs/both"),
            ],
        },
        "twenty": {
            "volumes": ["/vol"],
            "executors": [*(shell(f"echo {i} >> /vol/all") for i in range(19)), shell("cat /vol/all")],
        },
    }


@pytest.fixture(scope="module")
def started(service: Service, environment: dict[str, str], bucket: str) -> dict[str, str]:
    images = (environment["BUSYBOX_IMAGE"], environment["NOSHELL_IMAGE"], environment["BWA_IMAGE"])
    return {name: service.create(document) for name, document in documents(*images, bucket).items()}


@pytest.fixture
def task(service: Service, started: dict[str, str], request: pytest.FixtureRequest) -> dict[str, Any]:
    """The ended task of the name that the test gives."""
    return service.ended(started[request.param], within=120)


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("task", [name], indirect=True)


def printed(task: dict[str, Any]) -> list[str]:
    """What each executor of a task that completed left on its standard output."""
    assert task["state"] == "COMPLETE", task
    return [log.get("stdout", "") for log in task["logs"][0]["logs"]]


@of("no shell")
def test_an_image_keeps_its_own_folder_and_user(task: dict[str, Any]) -> None:
    assert printed(task) == ["/own\n", "kept\n", "1234\n"]


@of("no shell, files for streams")
def test_streams_are_files_where_there_is_no_shell(task: dict[str, Any]) -> None:
    """Input from a file of the image, output into folders that are made; the folder of the image stays."""
    assert printed(task) == ["kept\n", "", "kept\n", "/own\n"]
    logs = task["logs"][0]["logs"]
    assert logs[1]["exit_code"] == 1
    assert logs[1]["stderr"] == "cat: can't open '/none': No such file or directory\n"


@of("environment")
def test_the_environment_arrives_byte_for_byte(task: dict[str, Any]) -> None:
    for text in printed(task):
        assert [name for name, value in ENVIRONMENT.items() if f"\n{name}={value}\n" not in f"\n{text}"] == []


@of("arguments")
def test_empty_arguments_arrive_where_streams_are_files(task: dict[str, Any]) -> None:
    assert task["logs"][0]["logs"][0]["stderr"] == "cat: can't open '': No such file or directory\n"


@of("any user")
def test_all_on_the_volume_is_writable_for_any_user(task: dict[str, Any]) -> None:
    assert printed(task)[-1].split() == [
        "/data", "/data/sub", "/data/sub/folder", "/data/sub/in", "/data/work", "/data/work/deep",
        "/data/work/deep/made-in-workdir", "/vol", "/vol/folder", "/vol/moved", "in",
    ]  # fmt: skip


@of("image's own folders")
def test_files_in_the_images_own_folders_hide_nothing_and_are_writable(
    task: dict[str, Any], s3: Any, bucket: str
) -> None:
    assert printed(task) == ["65532\n/usr/bin/bwa\n", "of etcmore\n"]
    made = s3.get_object(Bucket=bucket, Key="semantics/made")["Body"].read().decode()
    assert made.startswith("of usrof etc")
    assert len(made) > len("of usrof etc")


@of("moved onto")
def test_outputs_in_the_images_own_folders_are_copied_for_any_user(task: dict[str, Any], s3: Any, bucket: str) -> None:
    """An output may be moved into its place, an input may be written and not moved."""
    first, second, third, fourth, last = printed(task)
    assert first.startswith("old")
    assert "Resource busy" in first or "Device or resource busy" in first
    assert (second, third, fourth) == ("new\nOF etc\n", "new\n", "new\n")
    assert last == "made\nmore\nnew\nnew\n"
    assert [log["exit_code"] for log in task["logs"][0]["logs"]] == [0, 0, 0, 0, 3]
    kept = {key: s3.get_object(Bucket=bucket, Key=f"semantics/{key}")["Body"].read() for key in ("m", "etc/in")}
    assert kept == {"m": b"made\nmore\n", "etc/in": b"OF etc\n"}


@of("working folder")
def test_a_working_folder_is_made(task: dict[str, Any]) -> None:
    """By the container runtime, where nothing is mounted there: it is root's."""
    assert printed(task) == ["/made/for/it\n"]


@of("the root as working folder")
def test_the_root_may_be_the_working_folder(task: dict[str, Any]) -> None:
    assert printed(task) == ["/\n", "/\n"]


@of("folders of its own")
def test_an_executor_of_any_user_makes_the_folders_of_its_outputs_itself(
    task: dict[str, Any], s3: Any, bucket: str
) -> None:
    assert printed(task) == ["", "", ""]
    assert any("/own-w/never-made" in note for note in task["logs"][0]["system_logs"])
    kept = {
        key: s3.get_object(Bucket=bucket, Key=f"semantics/own-w/{key}")["Body"].read()
        for key in ("out/a.txt", "deep/b", "dir/c")
    }
    assert kept == {"out/a.txt": b"1\n", "deep/b": b"2\n", "dir/c": b"3\n"}


@of("colons")
def test_paths_may_have_colons(task: dict[str, Any]) -> None:
    assert printed(task) == ["of chr1\n", "of chr1\n"]


@of("volumes")
def test_volumes_are_empty_then_shared_and_may_lie_in_each_other(task: dict[str, Any], s3: Any, bucket: str) -> None:
    assert printed(task) == ["/vol/nested/in\n", "inone\ntwo\n"]
    found = s3.list_objects_v2(Bucket=bucket, Prefix="semantics/")["Contents"]
    keys = {item["Key"].removeprefix("semantics/") for item in found}
    assert {"vol/nested/in", "vol/nested/one", "other/a/two"} <= keys


@of("program as an input")
def test_an_input_can_be_run(task: dict[str, Any]) -> None:
    assert printed(task) == ["ran with it\n", "ran with that\n"]


def steps(task: dict[str, Any]) -> list[str]:
    return [pod.removeprefix(f"{task['id']}-") for pod in task["logs"][0]["metadata"]["pods"].split(",")]


@of("contents for a shell")
def test_inline_contents_for_a_shell_are_there_without_a_filer(task: dict[str, Any]) -> None:
    assert printed(task) == ["/work\n0\n$(of) `tmp`\n-rwxrwxrwx\n"]
    assert steps(task) == ["executor-0"]


@of("contents for a shell of another user")
def test_inline_contents_are_writable_for_any_user(task: dict[str, Any]) -> None:
    assert printed(task) == ["65532\nmore\n"]
    assert steps(task) == ["executor-0"]


@of("own streams")
def test_what_a_script_writes_to_its_own_stdout_file_is_there_once(task: dict[str, Any]) -> None:
    assert printed(task)[-1] == "once\nby itself\nout\nerr\nagain\n"
    assert printed(task)[:3] == ["once\n", "by itself\n", "out\nerr\nagain\n"]


@of("twenty")
def test_twenty_executors_run_one_after_the_other(task: dict[str, Any]) -> None:
    assert printed(task)[-1].split() == [str(i) for i in range(19)]
