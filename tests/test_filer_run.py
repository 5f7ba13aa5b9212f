"""The sequence of a transfer, over HTTP."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filer import run, transports
from filer.patience import Patience
from tescore import model, report
from tescore import outputs as packed
from tescore.document import clean
from tescore.schemes import READABLE, WRITABLE
from tests.servers import Answer, HttpServer, http_server


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as running:
        yield running


@dataclass
class Pod:
    """The filer's runs over one scratch volume."""

    volume: Path
    launcher: Path
    lines: list[str] = field(default_factory=list)

    def inputs(self, *items: dict[str, Any], patience: Patience | None = None, **parts: Any) -> int:
        task = a_task(inputs=list(items), **parts)
        return run.inputs(
            task, self.volume, self.launcher, tell=self.lines.append, patience=patience or short(0), threads=4
        )

    def outputs(
        self,
        *items: dict[str, Any],
        optional: bool = False,
        tail: int = 100,
        patience: Patience | None = None,
        threads: int = 4,
        **parts: Any,
    ) -> int:
        task = a_task(outputs=list(items), **parts)
        return run.outputs(
            task, self.volume, optional=optional, tail=tail, tell=self.lines.append,
            patience=patience or short(0), threads=threads,
        )  # fmt: skip

    def place(self, path: str) -> Path:
        return self.volume / f"data{path}"

    def wrote(self, path: str, content: bytes = b"x") -> None:
        self.place(path).parent.mkdir(parents=True, exist_ok=True)
        self.place(path).write_bytes(content)

    @property
    def told(self) -> list[str]:
        """What it told but its progress, which a busy machine may have it tell."""
        return [line for line in self.lines if not line.startswith('{"progress"')]

    @property
    def report(self) -> report.Report:
        return report.read(self.lines)


def short(tries: int) -> Patience:
    """The patience for so many further tries, without waiting."""
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += 1

    return Patience(tries, draw=lambda: 0.0, clock=lambda: clock[0], sleep=sleep)


def a_task(**parts: Any) -> model.Task:
    executors = [{"image": "i", "command": ["c"], **executor} for executor in parts.pop("executors", [{}])]
    return model.task(clean({"executors": executors, **parts})[0])


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "busybox").write_bytes(b"static")
    return Pod(tmp_path / "scratch", tmp_path / "busybox")


def test_inputs_come_in_order_and_the_later_wins(pod: Pod, server: HttpServer) -> None:
    server.files["/x"] = b"fetched"
    assert (
        pod.inputs(
            {"path": "/in/a", "content": "ünïcode"},
            {"path": "/in/b", "content": "first"},
            {"path": "/in/b", "url": server.url("/x")},
        )
        == 0
    )
    assert (pod.place("/in/a").read_text(encoding="utf-8"), pod.place("/in/b").read_bytes()) == ("ünïcode", b"fetched")
    assert pod.told == []


@pytest.mark.parametrize("later", ["/in/b", "/in//b"])
def test_the_later_input_wins_though_the_earlier_one_takes_longer(pod: Pod, server: HttpServer, later: str) -> None:
    over = threading.Event()
    server.answers["/slow"] = [Answer(body=b"earlier", length=-1, stalls=lambda: over.wait(30))]
    timer = threading.Timer(0.3, over.set)
    timer.start()
    try:
        assert pod.inputs({"path": "/in/b", "url": server.url("/slow")}, {"path": later, "content": "later"}) == 0
    finally:
        over.set()
        timer.join()
    assert pod.place("/in/b").read_text() == "later"


def test_inputs_come_side_by_side(pod: Pod, server: HttpServer) -> None:
    """Each is answered when all four have been asked for."""
    together = threading.Barrier(4, timeout=30)
    for number in range(4):
        server.answers[f"/{number}"] = [Answer(body=b"x", length=-1, stalls=together.wait)]
    assert pod.inputs(*({"path": f"/in/{i}", "url": server.url(f"/{i}")} for i in range(4))) == 0
    assert names(pod.place("/in")) == ["0", "1", "2", "3"]


def test_content_wins_over_a_url(pod: Pod, server: HttpServer) -> None:
    assert pod.inputs({"path": "/in/a", "content": "this", "url": server.url("/none")}) == 0
    assert server.requests == []


def test_folders_files_and_launcher_are_made_for_executors(pod: Pod) -> None:
    assert pod.inputs(volumes=["/vol"], executors=[{"stdout": "/logs/out", "stderr": "/err", "workdir": "/vol/w"}]) == 0
    assert pod.place("/vol/w").is_dir()
    assert pod.place("/logs").is_dir()
    assert not pod.place("/err").exists()
    assert (pod.volume / "launcher/busybox").read_bytes() == b"static"


def test_without_redirection_there_is_no_launcher(pod: Pod) -> None:
    assert pod.inputs(volumes=["/vol"]) == 0
    assert names(pod.volume) == ["data"]


def test_a_missing_launcher_is_told(pod: Pod) -> None:
    pod.launcher.unlink()
    assert pod.inputs(executors=[{"stdout": "/logs/out"}]) == report.FAILED
    assert pod.report.failure == (
        f"The scratch volume could not be made ready: No such file or directory ({pod.launcher})."
    )


def test_an_input_that_is_not_there_is_told_with_path_url_and_answer(pod: Pod, server: HttpServer) -> None:
    url = server.url("/x?sig=secret", userinfo="me:secret@")
    assert pod.inputs({"path": "/in/x", "url": url}, {"path": "/in/later", "content": "c"}) == report.FAILED
    assert pod.report.failure == (
        f"Input /in/x could not be fetched from {server.url('/x')}: the server answered 404 Not Found."
    )
    assert "x" not in names(pod.place("/in"))
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again(pod: Pod, server: HttpServer) -> None:
    server.files["/x"] = b"whole"
    server.answers["/x"] = [Answer(503), Answer(body=b"wh", length=5)]
    assert pod.inputs({"path": "/in/x", "url": server.url("/x")}, patience=short(2)) == 0
    assert pod.place("/in/x").read_bytes() == b"whole"
    assert names(pod.place("/in")) == ["x"]


def test_a_server_that_stays_busy_is_told(pod: Pod, server: HttpServer) -> None:
    server.answers["/x"] = [Answer(503)] * 3
    assert pod.inputs({"path": "/in/x", "url": server.url("/x")}, patience=short(2)) == report.FAILED
    assert pod.report.failure.endswith(": the server answered 503 Service Unavailable.")
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("item", "words"),
    [
        pytest.param(
            {"path": "/in/x", "url": "http://h/d", "type": "DIRECTORY"},
            "Input /in/x could not be fetched from http://h/d: "
            "HTTP cannot list what is in a directory; give each file as an input of its own.",
            id="folder",
        ),
        pytest.param(
            {"path": "/in/x", "url": "gopher://me:secret@h/x"},
            "Input /in/x could not be fetched from its URL: "
            "its scheme 'gopher' is none of " + ", ".join(transports.MODULES) + ".",
            id="scheme",
        ),
        pytest.param(
            {"path": "/in/x", "content": "\ud800"},
            "Input /in/x could not be written: its content holds half a surrogate pair, which is no character.",
            id="no-text",
        ),
    ],
)
def test_an_input_that_cannot_be_is_told(pod: Pod, item: dict[str, Any], words: str) -> None:
    assert pod.inputs(item) == report.FAILED
    assert pod.report.failure == words


def test_an_input_below_a_file_is_told(pod: Pod) -> None:
    assert pod.inputs({"path": "/in/x", "content": "c"}, {"path": "/in", "content": "c"}) == report.FAILED
    assert pod.report.failure == "Input /in could not be written: there is a folder of that name."


def test_outputs_are_stored_and_told(pod: Pod, server: HttpServer) -> None:
    pod.wrote("/out/x", b"result")
    assert pod.outputs({"path": "/out/x", "url": server.url("/kept?sig=s", userinfo="me:secret@")}) == 0
    assert server.files["/kept?sig=s"] == b"result"
    assert pod.report == report.Report(
        moved=({"url": server.url("/kept"), "path": "/out/x", "size_bytes": "6"},),
    )


def test_a_missing_output_is_a_failure_and_the_others_are_stored(pod: Pod, server: HttpServer) -> None:
    pod.wrote("/out/b")
    outputs = [{"path": f"/out/{name}", "url": server.url(f"/{name}")} for name in "abc"]
    assert pod.outputs(*outputs) == report.FAILED
    assert sorted(server.files) == ["/b"]
    assert pod.report.failure == (
        f"Output /out/a could not be stored at {server.url('/a')}: it is not there. "
        f"Output /out/c could not be stored at {server.url('/c')}: it is not there."
    )


def test_a_missing_output_is_a_warning_where_outputs_are_optional(pod: Pod, server: HttpServer) -> None:
    assert pod.outputs({"path": "/out/a", "url": server.url("/a")}, optional=True) == 0
    assert pod.report == report.Report(
        warnings=(f"Output /out/a could not be stored at {server.url('/a')}: it is not there.",)
    )


def test_an_output_that_the_server_refuses_is_a_failure_where_outputs_are_optional(
    pod: Pod, server: HttpServer
) -> None:
    pod.wrote("/out/a")
    server.answers["/a"] = [Answer(403)]
    assert pod.outputs({"path": "/out/a", "url": server.url("/a")}, optional=True) == report.FAILED
    assert pod.report.failure.endswith("the server answered 403 Forbidden.")


def test_an_output_in_a_folder_of_the_image_has_its_folder_on_the_volume_and_is_missing_until_it_is_copied(
    pod: Pod, server: HttpServer
) -> None:
    output = {"path": "/etc/made", "url": server.url("/made")}
    assert pod.inputs(outputs=[output]) == 0
    assert pod.outputs(output) == report.FAILED
    assert "it is not there" in pod.report.failure
    (pod.volume / "saved/etc/made").write_bytes(b"made")
    assert pod.outputs(output) == 0
    assert server.files["/made"] == b"made"


@pytest.mark.parametrize(
    "output",
    [
        pytest.param({"path": "/out", "type": "DIRECTORY"}, id="folder"),
        pytest.param({"path": "/out/*", "path_prefix": "/out"}, id="wildcard"),
    ],
)
def test_a_file_whose_name_is_not_utf8_is_told_and_the_others_are_stored(
    pod: Pod, server: HttpServer, output: dict[str, str]
) -> None:
    name = os.fsdecode(b"b\xff")
    for path in ("/out/a", f"/out/{name}", "/out/c"):
        pod.wrote(path)
    assert pod.outputs({**output, "url": server.url("/kept")}) == report.FAILED
    assert sorted(server.files) == ["/kept/a", "/kept/c"]
    assert pod.report.failure == (
        f"Output /out/{name} could not be stored at {server.url('/kept/b%FF')}: its name is not UTF-8."
    )


def test_an_output_that_fails_in_a_way_nobody_foresaw_is_told_and_the_others_are_stored(
    pod: Pod, server: HttpServer
) -> None:
    pod.wrote("/out/a")
    executor = {"stdout": "/out/a", "stderr": "/out/\0"}
    none = {"path": "/out/\0", "url": server.url("/b")}
    assert pod.outputs(none, {"path": "/out/a", "url": server.url("/a")}, executors=[executor]) == report.FAILED
    assert list(server.files) == ["/a"]
    assert pod.report.failure.startswith(
        f"Output /out/\0 could not be stored at {server.url('/b')}: ValueError (tree.py, line "
    )
    assert [stream for _, stream, *_ in pod.report.tails] == ["stdout"]
    assert len(pod.report.warnings) == 1


def test_each_match_goes_below_the_url_without_the_prefix(pod: Pod, server: HttpServer) -> None:
    for path in ("/out/a/1.txt", "/out/b/2 #.txt", "/out/b/.3.txt", "/out/c.txt"):
        pod.wrote(path)
    output = {"path": "/out/*/*.txt", "path_prefix": "/out", "url": server.url("/kept/")}
    assert pod.outputs(output) == 0
    assert sorted(server.files) == ["/kept/a/1.txt", "/kept/b/2%20%23.txt"]
    assert [moved["path"] for moved in pod.report.moved] == ["/out/a/1.txt", "/out/b/2 #.txt"]


def test_a_folder_that_matches_is_taken_whole(pod: Pod, server: HttpServer) -> None:
    for path in ("/out/a/1", "/out/a/deep/2", "/out/b"):
        pod.wrote(path)
    assert pod.outputs({"path": "/out/*", "path_prefix": "/out/", "url": server.url("/kept")}) == 0
    assert sorted(server.files) == ["/kept/a/1", "/kept/a/deep/2", "/kept/b"]


def test_braces_and_double_stars_are_as_nextflow_means_them(pod: Pod, server: HttpServer) -> None:
    for path in ("/out/a.bam", "/out/a.bai", "/out/a.txt", "/out/deep/er/b.bam", "/out/.hidden/c.bam"):
        pod.wrote(path)
    for pattern in ("/out/*.{bam,bai}", "/out/**/b.*"):
        assert pod.outputs({"path": pattern, "path_prefix": "/out", "url": server.url("/kept")}) == 0
    assert sorted(server.files) == ["/kept/a.bai", "/kept/a.bam", "/kept/deep/er/b.bam"]


@pytest.mark.parametrize(
    ("pattern", "kind"), [("/out/**", "FILE"), ("/out/**", "DIRECTORY"), ("/out/{a,a/deep,b,a/1}", "FILE")]
)
def test_what_lies_below_a_match_comes_with_it_once(pod: Pod, server: HttpServer, pattern: str, kind: str) -> None:
    for path in ("/out/a/1", "/out/a/deep/2", "/out/b"):
        pod.wrote(path)
    assert pod.outputs({"path": pattern, "path_prefix": "/out", "type": kind, "url": server.url("/kept")}) == 0
    both = ["/kept/a/1", "/kept/a/deep/2"]
    assert sorted(request.target for request in server.requests if request.method == "PUT") == (
        both if kind == "DIRECTORY" else [*both, "/kept/b"]
    )


def test_two_matches_for_one_place_are_told_and_neither_is_stored(pod: Pod, server: HttpServer) -> None:
    """Only what begins with the prefix loses it."""
    pod.wrote("/a/x/1")
    pod.wrote("/x/1")
    assert pod.outputs({"path": "/{a/x,x}/1", "path_prefix": "/a", "url": server.url("/kept")}) == report.FAILED
    assert server.files == {}
    assert pod.report.failure == (
        f"Output /{{a/x,x}}/1 could not be stored at {server.url('/kept')}: "
        f"/x/1 and /a/x/1 would both lie at {server.url('/kept/x/1')}."
    )


def test_a_wildcard_behind_a_backslash_is_none(pod: Pod, server: HttpServer) -> None:
    pod.wrote("/out/*")
    pod.wrote("/out/a")
    assert pod.outputs({"path": "/out/\\*", "path_prefix": "/out", "url": server.url("/star")}) == 0
    assert list(server.files) == ["/star"]


def test_one_url_for_two_outputs_has_the_later_one(pod: Pod, server: HttpServer) -> None:
    """As cwl-tes sends them: a file by its name, and in a folder."""
    for path, content in (("/out/x", b"same"), ("/out/sub/y", b"other"), ("/logs/log", b"log")):
        pod.wrote(path, content)
    folder = {"path": "/out", "type": "DIRECTORY", "url": server.url("/kept")}
    file = {"path": "/logs/log", "url": server.url("/kept/x")}
    assert pod.outputs(folder, file) == 0
    assert server.files == {"/kept/sub/y": b"other", "/kept/x": b"log"}


def test_an_output_that_changes_while_it_is_stored_is_told(pod: Pod, server: HttpServer) -> None:
    pod.wrote("/out/x", b"before")
    server.answers["/x"] = [Answer(503)]

    def changes(_: float) -> None:
        pod.wrote("/out/x", b"after it")

    patience = Patience(9, draw=lambda: 0.0, sleep=changes)
    assert pod.outputs({"path": "/out/x", "url": server.url("/x")}, patience=patience) == report.FAILED
    assert pod.report.failure.endswith(": it changed while it was stored.")


def test_a_pattern_without_a_match_is_a_warning(pod: Pod, server: HttpServer) -> None:
    assert pod.outputs({"path": "/out/*.txt", "path_prefix": "/out", "url": server.url("/kept")}) == 0
    assert pod.report.warnings == (f"Output /out/*.txt for {server.url('/kept')} matches no file.",)


def test_a_folder_is_stored_with_all_that_is_below(pod: Pod, server: HttpServer) -> None:
    for path in ("/out/d/1", "/out/d/sub/2", "/out/d/.hidden"):
        pod.wrote(path)
    assert pod.outputs({"path": "/out/d/", "type": "DIRECTORY", "url": server.url("/kept")}) == 0
    assert sorted(server.files) == ["/kept/.hidden", "/kept/1", "/kept/sub/2"]


def test_of_very_many_files_all_are_told_in_few_lines(
    pod: Pod, server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    names_of_all = [f"{i:03}" for i in range(250)]
    for name in names_of_all:
        pod.wrote(f"/out/{name}")
    assert pod.outputs({"path": "/out", "type": "DIRECTORY", "url": server.url("/d")}) == 0
    told = [*pod.report.moved, *(file for batch in pod.report.batches for file in packed.files(batch.zipped))]
    assert [file["path"] for file in told] == [f"/out/{name}" for name in names_of_all]
    assert len(pod.told) == 102
    assert [record.name for record in caplog.records if record.name.startswith("filer")] == []


def test_of_very_many_failures_the_first_are_told(pod: Pod) -> None:
    outputs = [{"path": f"/out/{i}", "url": f"http://h/{i}"} for i in range(250)]
    assert pod.outputs(*outputs) == report.FAILED
    assert pod.report.failure.endswith("it is not there. And 240 more of the kind.")
    assert len(pod.told) == 12


def test_a_folder_that_is_called_a_file_is_stored_as_the_folder_it_is(pod: Pod, server: HttpServer) -> None:
    pod.wrote("/out/d/sub/1")
    assert pod.outputs({"path": "/out/d", "url": server.url("/kept")}) == 0
    assert sorted(server.files) == ["/kept/sub/1"]


def test_folders_that_match_are_stored_each_below_its_own_name(pod: Pod, server: HttpServer) -> None:
    for path in ("/out/a/1", "/out/b/1", "/out/c"):
        pod.wrote(path)
    output = {"path": "/out/*", "path_prefix": "/out", "type": "DIRECTORY", "url": server.url("/kept")}
    assert pod.outputs(output) == 0
    assert sorted(server.files) == ["/kept/a/1", "/kept/b/1"]


def test_an_empty_folder_and_a_missing_one_are_warnings(pod: Pod, server: HttpServer) -> None:
    pod.place("/out/empty").mkdir(parents=True)
    folders = [{"path": f"/out/{name}", "type": "DIRECTORY", "url": server.url("/d")} for name in ("empty", "none")]
    assert pod.outputs(*folders) == 0
    assert pod.report.warnings == (
        f"The empty folder /out/empty/ is not at {server.url('/d/')}: HTTP has no folders.",
        f"Output /out/empty for {server.url('/d')} holds no file.",
        f"Output /out/none could not be stored at {server.url('/d')}: it is not there.",
    )


def test_a_folder_that_is_a_link_to_what_is_not_on_the_volume_is_a_failure(pod: Pod, server: HttpServer) -> None:
    pod.place("/out").mkdir(parents=True)
    pod.place("/out/link").symlink_to("/opt/elsewhere")
    assert pod.outputs({"path": "/out/link", "type": "DIRECTORY", "url": server.url("/d")}) == report.FAILED
    assert "it is a link to what is not on the task's volume" in pod.report.failure


def test_a_file_of_a_folder_that_fails_does_not_keep_the_others(pod: Pod, server: HttpServer) -> None:
    for name in "abc":
        pod.wrote(f"/out/{name}")
    pod.place("/out/link").symlink_to("/etc/passwd")
    server.answers["/d/b"] = [Answer(403)]
    assert pod.outputs({"path": "/out", "type": "DIRECTORY", "url": server.url("/d")}) == report.FAILED
    assert sorted(server.files) == ["/d/a", "/d/c"]
    assert "/out/b" in pod.report.failure
    assert "/out/link" in pod.report.failure


def test_a_pipe_in_a_folder_is_told_and_not_read_and_the_others_are_stored(pod: Pod, server: HttpServer) -> None:
    pod.wrote("/out/a")
    os.mkfifo(pod.place("/out/pipe"))
    assert pod.outputs({"path": "/out", "type": "DIRECTORY", "url": server.url("/d")}) == report.FAILED
    assert list(server.files) == ["/d/a"]
    assert pod.report.failure == (
        f"Output /out/pipe could not be stored at {server.url('/d/pipe')}: it is a device, a pipe or a socket."
    )


def test_an_output_that_nobody_may_write_is_stored_byte_for_byte(pod: Pod, server: HttpServer) -> None:
    pod.wrote("/out/a", bytes(range(256)) + b"\r\n" + "né本".encode())
    pod.place("/out/a").chmod(0o444)
    assert pod.outputs({"path": "/out/a", "url": server.url("/a")}) == 0
    assert server.files["/a"] == pod.place("/out/a").read_bytes()


def test_a_server_that_stays_away_is_waited_for_once(pod: Pod, server: HttpServer) -> None:
    for name in "abc":
        pod.wrote(f"/out/{name}")
        server.answers[f"/d/{name}"] = [Answer(503)] * 9
    assert (
        pod.outputs({"path": "/out", "type": "DIRECTORY", "url": server.url("/d")}, patience=short(2), threads=1)
        == report.FAILED
    )
    assert [request.target for request in server.requests] == ["/d/a", "/d/a", "/d/a", "/d/b", "/d/c"]


def test_the_ends_of_streams_are_told_even_where_an_output_failed(pod: Pod, server: HttpServer) -> None:
    pod.wrote("/logs/out", b"0123456789")
    pod.wrote("/logs/err", "ü".encode())
    executors = [{"stdout": "/logs/out"}, {"stderr": "/logs/err"}, {"stdout": "/logs/never"}]
    assert pod.outputs({"path": "/none", "url": server.url("/x")}, executors=executors, tail=4) == report.FAILED
    assert pod.report.tails == (
        report.Tail(0, "stdout", "… (6 bytes before this)\n6789"),
        report.Tail(1, "stderr", "ü"),
    )


def test_a_stream_that_became_a_pipe_is_a_warning(pod: Pod) -> None:
    pod.place("/logs").mkdir(parents=True)
    os.mkfifo(pod.place("/logs/out"))
    assert pod.outputs(executors=[{"stdout": "/logs/out"}]) == 0
    assert pod.report.warnings == (
        "The stdout of executor 0 (/logs/out) could not be read: it is a device, a pipe or a socket.",
    )


def test_every_scheme_that_a_task_may_name_has_its_transport() -> None:
    assert set(transports.MODULES) == READABLE | WRITABLE
