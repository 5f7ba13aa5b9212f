"""Files to and from nginx, as many sites have it, and over S3: large ones, many, and a filer that is killed."""

import filecmp
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tescore import outputs, report
from tests.moving import peak
from tests.nginx import Nginx, nginx
from tests.relay import relay
from tests.servers import S3Server, s3_server
from tests.test_filer_program import variables
from tests.test_filer_s3 import arrived, moved, wrote

GIB = 1024 * 1024 * 1024
NAMES = ("a b", "-rf", "two\nlines", "ü", "50%", "what?", "#hash", "a+b", "sub/deep/x", "sub/.hidden")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        (running.folder / "bucket").mkdir()
        yield running


def test_a_folder_goes_out_under_any_names_and_its_files_come_back(server: Nginx, tmp_path: Path) -> None:
    for name in NAMES:
        wrote(tmp_path, f"/out/{name}", f"content of {name}".encode())
    code, told = moved(
        tmp_path, "outputs", {}, {"path": "/out", "type": "DIRECTORY", "url": server.url("/results/run 1/")}
    )
    assert (code, told.failure) == (0, "")
    assert {file["path"] for file in told.moved} == {f"/out/{name}" for name in NAMES}

    items = [{"path": f"/in/{i}", "url": file["url"]} for i, file in enumerate(told.moved)]
    assert moved(tmp_path, "inputs", {}, *items) == (0, report.Report())
    for i, file in enumerate(told.moved):
        assert arrived(tmp_path, f"/in/{i}") == f"content of {file['path'].removeprefix('/out/')}".encode()


def test_many_files_go_both_ways_over_one_connection(server: Nginx, tmp_path: Path) -> None:
    for i in range(5):
        wrote(tmp_path, f"/out/{i}", b"x")
    one = {"TESK_TRANSFER_LIMIT": "1"}
    with relay(server.port) as through:
        url = server.url("/over-one", port=through.port)
        assert moved(tmp_path, "outputs", one, {"path": "/out", "type": "DIRECTORY", "url": url})[1].failure == ""
        assert through.connections == 1
        items = [{"path": f"/in/{i}", "url": f"{url}/{i}"} for i in range(5)]
        assert moved(tmp_path, "inputs", one, *items) == (0, report.Report())
        assert through.connections == 2


def test_an_existing_file_is_overwritten_and_its_neighbours_stay(server: Nginx, tmp_path: Path) -> None:
    for name in ("x", "other"):
        (server.folder / name).write_bytes(b"before")
    wrote(tmp_path, "/out/x", b"after")
    assert moved(tmp_path, "outputs", {}, {"path": "/out/x", "url": server.url("/x")})[0] == 0
    assert [(server.folder / name).read_bytes() for name in ("x", "other")] == [b"after", b"before"]


def test_a_user_and_password_in_the_url_are_taken_and_not_told(server: Nginx, tmp_path: Path) -> None:
    wrote(tmp_path, "/out/x", b"private")
    url = server.url("/private/x", userinfo="me:p%40ss@")
    code, told = moved(tmp_path, "outputs", {}, {"path": "/out/x", "url": url})
    assert (code, told.moved[0]["url"]) == (0, server.url("/private/x"))
    assert moved(tmp_path, "inputs", {}, {"path": "/in/x", "url": url})[0] == 0
    assert arrived(tmp_path, "/in/x") == b"private"


@pytest.mark.parametrize("userinfo", ["", "me:wrong@"])
def test_a_wrong_password_is_told(server: Nginx, tmp_path: Path, userinfo: str) -> None:
    item = {"path": "/in/x", "url": server.url("/private/x", userinfo=userinfo)}
    code, told = moved(tmp_path, "inputs", {}, item)
    assert code == report.FAILED
    assert told.failure.endswith("/private/x: the server answered 401 Unauthorized.")
    assert "wrong" not in told.failure


def a_large_file(place: Path) -> None:
    """1 GiB, of which some bytes say where they are."""
    with place.open("wb") as file:
        for at in range(0, GIB, 3_999_971):
            file.seek(at)
            file.write(f"here is {at}".encode())
        file.truncate(GIB)


@pytest.fixture(scope="module")
def large(server: Nginx, s3: S3Server) -> Path:
    place = server.folder / "large"
    a_large_file(place)
    os.link(place, s3.folder / "bucket/large")
    return place


def begun(tmp_path: Path, environment: dict[str, str], item: dict[str, Any]) -> "subprocess.Popen[bytes]":
    (tmp_path / "task.json").write_text(json.dumps({"inputs": [item], "executors": [{"image": "i", "command": ["c"]}]}))
    (tmp_path / "scratch").mkdir()
    environment = variables(tmp_path, **environment)
    return subprocess.Popen([sys.executable, "-m", "filer", "inputs"], env=environment, stdout=subprocess.DEVNULL)


def left(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "scratch").glob("arriving-*"))


@pytest.mark.parametrize("protocol", ["http", "s3"])
def test_inputs_killed_in_the_middle_of_a_large_file_are_whole_after_a_second_start(
    server: Nginx, s3: S3Server, large: Path, tmp_path: Path, protocol: str
) -> None:
    url = server.url("/large") if protocol == "http" else "s3://bucket/large"
    item, environment = {"path": "/in/x", "url": url}, s3.environment(tmp_path / "aws")
    with begun(tmp_path, environment, item) as killed:
        while not any(place.stat().st_blocks * 512 > GIB // 20 for place in left(tmp_path)):
            assert killed.poll() is None
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert left(tmp_path)
    assert not (tmp_path / "scratch/data/in/x").exists()

    assert moved(tmp_path, "inputs", environment, item) == (0, report.Report())
    assert filecmp.cmp(large, tmp_path / "scratch/data/in/x", shallow=False)
    assert left(tmp_path) == []


@pytest.mark.parametrize("protocol", ["http", "s3"])
def test_memory_does_not_grow_with_files_or_their_number(
    server: Nginx, s3: S3Server, large: Path, tmp_path: Path, protocol: str
) -> None:
    base = server.url("") if protocol == "http" else "s3://bucket"
    environment = s3.environment(tmp_path / "aws")
    assert peak(tmp_path, "inputs", environment, {"path": "/in/large", "url": f"{base}/large"})[0] < 100

    for i in range(3000):
        wrote(tmp_path, f"/in/small-{i}", b"%d" % i)
    memory, told = peak(
        tmp_path, "outputs", environment, {"path": "/in", "type": "DIRECTORY", "url": f"{base}/kept-{protocol}"}
    )
    assert memory < 100
    kept = (server.folder if protocol == "http" else s3.folder / "bucket") / f"kept-{protocol}"
    assert filecmp.cmp(large, kept / "large", shallow=False)
    files = [*told.moved, *(file for batch in told.batches for file in outputs.files(batch.zipped))]
    assert sorted(file["path"] for file in files) == sorted(f"/in/{path.name}" for path in kept.iterdir())
    assert len(files) == 3001
