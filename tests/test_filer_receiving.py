"""Inputs that are folders, from S3: a real server for what it does, plain HTTP for what none would do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tescore import report
from tests.servers import Answer, HttpServer, S3Server, aws_files, http_server, s3_server
from tests.test_filer_s3 import arrived, moved

NAMES = ("plain", "a b", "#hash", "50%", "%20", "what?", "a+b", "f(1)", "ünïcode ✓", ".hidden", "-x", "arriving")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        (running.folder / "bucket").mkdir()
        yield running


@pytest.fixture
def fake() -> Iterator[HttpServer]:
    with http_server() as running:
        yield running


def keep(server: S3Server, *keys: str, content: str = "x") -> None:
    for key in keys:
        place = server.folder / "bucket" / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)


def tree(tmp_path: Path, path: str) -> list[str]:
    """All below a container's path, folders with a slash."""
    top = tmp_path / "scratch/data" / path.lstrip("/")
    return sorted(str(place.relative_to(top)) + "/" * place.is_dir() for place in top.rglob("*"))


def folder(path: str, url: str) -> dict[str, str]:
    return {"path": path, "url": url, "type": "DIRECTORY"}


def test_a_folder_comes_with_all_that_is_below_it_under_any_name(server: S3Server, tmp_path: Path) -> None:
    keep(server, *(f"names/{name}" for name in NAMES), *(f"names/deep/{name}/{name}" for name in NAMES), "names2/x")
    items = [folder("/in/", "s3://bucket/names"), folder("/in/again", "s3://bucket/names/")]
    assert moved(tmp_path, "inputs", server.environment(tmp_path / "aws"), *items) == (0, report.Report())
    expected = [*NAMES, "deep/", *(f"deep/{name}/" for name in NAMES), *(f"deep/{name}/{name}" for name in NAMES)]
    assert tree(tmp_path, "/in/again") == sorted(expected)
    assert tree(tmp_path, "/in") == sorted([*expected, "again/", *(f"again/{path}" for path in expected)])


def test_a_folder_of_more_than_a_page_is_complete(server: S3Server, tmp_path: Path) -> None:
    keep(server, *(f"many/{i}" for i in range(1001)))
    items = [folder("/in", "s3://bucket/many")]
    assert moved(tmp_path, "inputs", server.environment(tmp_path / "aws"), *items) == (0, report.Report())
    assert tree(tmp_path, "/in") == sorted(str(i) for i in range(1001))


def test_a_whole_bucket_is_a_folder(server: S3Server, tmp_path: Path) -> None:
    (server.folder / "whole/sub").mkdir(parents=True)
    (server.folder / "whole/sub/x").write_text("x")
    items = [folder("/in", "s3://whole"), folder("/again", "s3://whole/")]
    assert moved(tmp_path, "inputs", server.environment(tmp_path / "aws"), *items) == (0, report.Report())
    assert tree(tmp_path, "/in") == tree(tmp_path, "/again") == ["sub/", "sub/x"]


def test_empty_folders_survive_the_way_out_and_in(server: S3Server, tmp_path: Path) -> None:
    for path in ("out/one/two", "out/three", "out/full", "empty"):
        (tmp_path / "scratch/data" / path).mkdir(parents=True)
    (tmp_path / "scratch/data/out/full/x").write_text("x")
    environment = server.environment(tmp_path / "aws")

    code, told = moved(
        tmp_path, "outputs", environment, folder("/out", "s3://bucket/kept"), folder("/empty", "s3://bucket/empty/")
    )
    assert (code, told.failure) == (0, "")
    assert [item["path"] for item in told.moved] == ["/out/full/x"]
    assert told.warnings == ("Output /empty for s3://bucket/empty/ holds no file.",)

    items = [folder("/in", "s3://bucket/kept"), folder("/none", "s3://bucket/empty")]
    assert moved(tmp_path, "inputs", environment, *items) == (0, report.Report())
    assert tree(tmp_path, "/in") == ["full/", "full/x", "one/", "one/two/", "three/"]
    assert (tmp_path / "scratch/data/none").is_dir()


def test_later_inputs_are_merged_into_what_is_there_and_win(server: S3Server, tmp_path: Path) -> None:
    keep(server, "one/a", "one/b", "one/sub/c", content="one")
    keep(server, "two/b", "two/sub/d", content="two")
    items = [
        {"path": "/in/a", "content": "before"},
        folder("/in", "s3://bucket/one"),
        folder("/in", "s3://bucket/two"),
        {"path": "/in/sub/c", "content": "after"},
    ]
    assert moved(tmp_path, "inputs", server.environment(tmp_path / "aws"), *items) == (0, report.Report())
    assert tree(tmp_path, "/in") == ["a", "b", "sub/", "sub/c", "sub/d"]
    contents = [arrived(tmp_path, f"/in/{path}") for path in ("a", "b", "sub/c", "sub/d")]
    assert contents == [b"one", b"two", b"after", b"two"]


@pytest.mark.parametrize("url", ["s3://bucket/really", "s3://bucket/really/"])
def test_a_folder_that_is_called_a_file_comes_as_the_folder_it_is(server: S3Server, tmp_path: Path, url: str) -> None:
    keep(server, "really/a/folder")
    items = [{"path": "/in/x", "url": url}]
    assert moved(tmp_path, "inputs", server.environment(tmp_path / "aws"), *items) == (0, report.Report())
    assert tree(tmp_path, "/in") == ["x/", "x/a/", "x/a/folder"]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        pytest.param(folder("/in", "s3://bucket/none"), "the storage has nothing below it", id="nothing"),
        pytest.param(
            {"path": "/in", "url": "s3://bucket/none/"},
            "its name is a folder's, and the storage has nothing below it",
            id="no-folder",
        ),
        pytest.param(
            folder("/in", "s3://nobucket"),
            "the server answered 404 NoSuchBucket: The specified bucket does not exist",
            id="no-bucket",
        ),
        pytest.param(folder("/in", "s3://"), "the URL is not of the form s3://bucket/key", id="no-url"),
    ],
)
def test_a_folder_that_cannot_come_is_told(server: S3Server, tmp_path: Path, item: dict[str, str], words: str) -> None:
    code, told = moved(tmp_path, "inputs", server.environment(tmp_path / "aws"), item)
    assert (code, told.failure) == (report.FAILED, f"Input /in could not be fetched from {item['url']}: {words}.")


def listing(*keys: str) -> Answer:
    more = "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
    found = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    return Answer(body=f"<ListBucketResult>{more}{found}</ListBucketResult>".encode())


LISTED = "/bucket?list-type=2&prefix=d%2F&encoding-type=url"


@pytest.mark.parametrize(
    "relative", ["../x", "a/../../x", "..", "a/..", "/etc/passwd", "a//x", "//", "./x", "a/./", "../", "%00"]
)
def test_a_name_that_leads_elsewhere_is_refused(fake: HttpServer, tmp_path: Path, relative: str) -> None:
    fake.answers[LISTED] = [listing(f"d/{relative}")]
    environment = aws_files(tmp_path / "aws", fake.url(""))
    code, told = moved(tmp_path, "inputs", environment, folder("/in", "s3://bucket/d"))
    assert code == report.FAILED
    assert told.failure.endswith(", which is no path below a folder.")
    assert told.failure.startswith("Input /in/")
    assert tree(tmp_path, "/") == ["in/"]


def test_a_file_that_is_a_folder_too_is_refused(fake: HttpServer, tmp_path: Path) -> None:
    fake.files |= {"/bucket/d/a": b"x", "/bucket/d/a/b": b"x"}
    fake.answers[LISTED] = [listing("d/a", "d/a/b")]
    environment = aws_files(tmp_path / "aws", fake.url(""))
    code, told = moved(tmp_path, "inputs", environment, folder("/in", "s3://bucket/d"))
    assert code == report.FAILED
    assert told.failure in {  # whichever came first
        (
            "Input /in/a/b could not be fetched from s3://bucket/d/a/b: "
            "a would have to be a folder, and there is a file of that name."
        ),
        "Input /in/a could not be fetched from s3://bucket/d/a: there is a folder of that name.",
    }


def test_a_busy_server_is_asked_again_for_a_page_and_for_a_file(fake: HttpServer, tmp_path: Path) -> None:
    fake.files["/bucket/d/x"] = b"whole"
    fake.answers[LISTED] = [Answer(503), listing("d/x")]
    fake.answers["/bucket/d/x"] = [Answer(503)]
    environment = aws_files(tmp_path / "aws", fake.url(""))
    assert moved(tmp_path, "inputs", environment, folder("/in", "s3://bucket/d")) == (0, report.Report())
    assert arrived(tmp_path, "/in/x") == b"whole"


def test_a_file_of_a_folder_that_cannot_come_is_told_by_its_own_name(fake: HttpServer, tmp_path: Path) -> None:
    fake.answers[LISTED] = [listing("d/sub/x")]
    environment = aws_files(tmp_path / "aws", fake.url(""))
    _, told = moved(tmp_path, "inputs", environment, folder("/in", "s3://bucket/d"))
    assert told.failure.startswith("Input /in/sub/x could not be fetched from s3://bucket/d/sub/x: ")
