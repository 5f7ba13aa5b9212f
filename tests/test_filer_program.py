"""The filer as its pod runs it."""

import gzip
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from filer.settings import Settings
from taskmaster.hearing import Hearing
from taskmaster.watches import Change
from tescore import naming, report, settings
from tests.servers import Answer, http_server

DOCUMENT: dict[str, Any] = {
    "inputs": [{"path": "/in/x", "content": "c"}],
    "outputs": [{"path": "/in/none", "url": "http://127.0.0.1:1/x"}],
    "executors": [{"image": "i", "command": ["c"]}],
}


def variables(tmp_path: Path, **environment: str) -> dict[str, str]:
    """The filer's environment: its folders are in `tmp_path`, and it may reach the tests' servers."""
    (tmp_path / "busybox").write_bytes(b"static")
    own = {
        "TESK_LAUNCHER": str(tmp_path / "busybox"),
        "TESK_TASK_FOLDER": str(tmp_path),
        "TESK_SCRATCH": str(tmp_path / "scratch"),
        "TESK_ALLOWED_RANGES": "127.0.0.0/8",
    }
    return {"PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C", **own, **environment}


def program(tmp_path: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    (tmp_path / "scratch").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "filer", *arguments],
        env=variables(tmp_path, **environment), capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip


def test_inputs_arrive(tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(json.dumps(DOCUMENT))
    ended = program(tmp_path, "inputs")
    assert ended.returncode == 0
    assert report.read(ended.stdout.splitlines()) == report.Report()
    assert (tmp_path / "scratch/data/in/x").read_bytes() == b"c"


def test_a_packed_document_is_read(tmp_path: Path) -> None:
    (tmp_path / "task.json.gz").write_bytes(gzip.compress(json.dumps(DOCUMENT).encode()))
    assert program(tmp_path, "inputs").returncode == 0


def test_a_failure_is_told_on_standard_output_in_any_locale(tmp_path: Path) -> None:
    missing = {**DOCUMENT, "outputs": [{"path": "/in/ü", "url": "http://h/x"}]}
    (tmp_path / "task.json").write_text(json.dumps(missing))
    ended = program(tmp_path, "outputs")
    assert ended.returncode == report.FAILED
    assert report.read(ended.stdout.splitlines()).failure == (
        "Output /in/ü could not be stored at http://h/x: it is not there."
    )


def test_missing_outputs_may_be_optional(tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(json.dumps(DOCUMENT))
    assert program(tmp_path, "outputs", TESK_OPTIONAL_OUTPUTS="true").returncode == 0


def test_the_folder_is_removed_once_the_record_says_that_the_outputs_are_stored(tmp_path: Path) -> None:
    folder = tmp_path / "shared/task-a-0123abcd"
    own = {"TESK_SHARED": str(tmp_path / "shared"), "TESK_SCRATCH": str(folder), "TESK_SCRUB": folder.name}
    (folder / "data/o").mkdir(parents=True)
    (folder / "data/o/x").write_text("c")
    streams = {"executors": [{"image": "i", "command": ["c"], "stdout": "/o/x"}]}

    (tmp_path / "task.json").write_text(json.dumps({**streams, "outputs": [{"path": "/o/no", "url": "http://h/x"}]}))
    assert program(tmp_path, "outputs", **own).returncode == report.FAILED
    assert (folder / "data/o/x").is_file()

    (tmp_path / "task.json").write_text(json.dumps(streams))
    ended = program(tmp_path, "outputs", **own)
    assert ended.returncode == 0
    assert report.read(ended.stdout.splitlines()).tails == (report.Tail(0, "stdout", "c"),)
    assert (folder / "data/o/x").is_file()

    removed = SimpleQueue[tuple[bool, bool]]()

    def heard(change: Change) -> None:
        before = folder.exists()
        removed.put((before, hearing.afterwards(change.name)))

    hearing = Hearing("127.0.0.1", heard)
    own[naming.REPORT_VARIABLE] = hearing.expect("pod-1")
    assert program(tmp_path, "outputs", **own).returncode == 0
    assert not folder.exists()
    assert removed.get(timeout=5) == (True, True)


def test_a_folder_of_a_shared_claim_is_removed_by_name_or_because_it_is_old(tmp_path: Path) -> None:
    for name in ("task-a-0123abcd", "task-b-0123abcd", "task-c-0123abcd"):
        (tmp_path / "shared" / name / "data").mkdir(parents=True)
    shared = {"TESK_SHARED": str(tmp_path / "shared")}

    assert program(tmp_path, "scrub", "task-a-0123abcd", **shared).returncode == 0
    assert program(tmp_path, "sweep", "33000000000", "task-b-0123abcd", **shared).returncode == 0

    assert [folder.name for folder in (tmp_path / "shared").iterdir()] == ["task-b-0123abcd"]


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        pytest.param([], {}, "not one of inputs, outputs", id="no-step"),
        pytest.param(["scrub", "../x"], {}, "['scrub', '../x']", id="no folder of a task's"),
        pytest.param(["sweep", "now"], {}, "['sweep', 'now']", id="no time"),
        pytest.param(["inputs"], {"TESK_TAIL": "many"}, "TESK_TAIL is 'many'", id="setting"),
        pytest.param(["inputs"], {}, "holds neither task.json nor task.json.gz", id="no-document"),
    ],
)
def test_it_does_not_begin_with_bad_settings(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    ended = program(tmp_path, *arguments, **environment)
    assert ended.returncode == 2
    assert words in ended.stdout


@pytest.mark.parametrize("step", ["inputs", "outputs"])
def test_a_server_that_stalls_ends_with_the_time_for_all(tmp_path: Path, step: str) -> None:
    over = threading.Event()
    with http_server() as server:
        server.answers["/x"] = [Answer(body=b"some", length=9, stalls=lambda: over.wait(60))]
        (tmp_path / "scratch/data/o").mkdir(parents=True)
        (tmp_path / "scratch/data/o/x").write_bytes(b"x")
        document = {**DOCUMENT, "inputs": [], "outputs": [], step: [{"path": "/o/x", "url": server.url("/x")}]}
        (tmp_path / "task.json").write_text(json.dumps(document))
        try:
            ended = program(tmp_path, step, TESK_TRANSFER_SECONDS="2")
        finally:
            over.set()
    if step == "inputs":
        assert ended.returncode == report.FAILED
        assert report.read(ended.stdout.splitlines()).failure == (
            "The inputs did not all arrive in time: the time for all transfers is over."
        )
    else:
        assert ended.returncode == report.FAILED
        assert report.read(ended.stdout.splitlines()).failure == (
            f"Output /o/x could not be stored at {server.url('/x')}: the time for all transfers is over."
        )


def test_a_server_that_stays_away_is_told_with_its_first_words(tmp_path: Path) -> None:
    with http_server() as server:
        server.answers["/x"] = [Answer(503), *99 * [Answer(429, headers=(("Retry-After", "1"),))]]
        document = {**DOCUMENT, "inputs": [{"path": "/x", "url": server.url("/x?sig=secret")}]}
        server.answers["/x?sig=secret"] = server.answers.pop("/x")
        (tmp_path / "task.json").write_text(json.dumps(document))
        ended = program(tmp_path, "inputs", TESK_RETRY_SECONDS="3")
    assert ended.returncode == report.FAILED
    assert re.fullmatch(
        rf"Input /x could not be fetched from {server.url('/x')}: the server answered 503 Service Unavailable; "
        r"and at the last of \d tries: the server answered 429 Too Many Requests\.",
        report.read(ended.stdout.splitlines()).failure,
    )
    assert "secret" not in ended.stdout + ended.stderr


def test_no_credentials_are_told_whatever_the_server_answers(tmp_path: Path) -> None:
    odd = (("not a header", "x"), ("Location", "http://me:secret@127.0.0.1:1/x?sig=secret"))
    with http_server() as server:
        url = server.url("/x?sig=secret", userinfo="me:secret@")
        server.answers["/x?sig=secret"] = [Answer(503, headers=odd), Answer(302, headers=odd)]
        (tmp_path / "task.json").write_text(json.dumps({**DOCUMENT, "inputs": [{"path": "/x", "url": url}]}))
        ended = program(tmp_path, "inputs", TESK_RETRY_SECONDS="2")
        assert len(server.requests) == 2
    assert ended.returncode == report.FAILED
    assert "secret" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("ranges", ["10.0.0.0/33", "everywhere"])
def test_a_range_of_addresses_that_is_none_is_a_bad_setting(tmp_path: Path, ranges: str) -> None:
    (tmp_path / "task.json").write_text(json.dumps(DOCUMENT))
    ended = program(tmp_path, "inputs", TESK_DENIED_RANGES=ranges)
    assert ended.returncode == 2
    assert ranges in ended.stdout


def test_it_starts_light() -> None:
    code = "import filer.__main__, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, check=True
    )
    modules = loaded.stdout.decode().split()
    assert not {"boto3", "botocore", "urllib3", "ssl", "http.client", "flask", "kubernetes"} & set(modules)
    assert len(modules) < 200


def test_every_setting_has_a_default() -> None:
    assert [name for name, default, _ in settings.table(Settings) if default == "required"] == []
