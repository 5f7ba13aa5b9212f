"""S3: a real server for what it does, plain HTTP for what it does not."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions

from filer.errors import Interrupted, NotMovable
from filer.transports import objects, s3_session
from tescore import report
from tests.relay import relay
from tests.servers import Answer, HttpServer, S3Server, aws_files, http_server, s3_server
from tests.test_filer_program import program
from tests.tls import certificate

LARGE = bytes(range(251)) * 80_000
"""More than two parts."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        (running.folder / "bucket").mkdir()
        yield running


@pytest.fixture
def fake() -> Iterator[HttpServer]:
    with http_server() as running:
        yield running


OTHER_PART = "the server sent another part of the object than the one that was asked for"


def part(number: int) -> Answer:
    """As a good server gives it."""
    first = number * 8 * 1024 * 1024
    body = LARGE[first : first + 8 * 1024 * 1024]
    where = f"bytes {first}-{first + len(body) - 1}/{len(LARGE)}"
    return Answer(206, body, headers=(("Content-Range", where),))


def moved(tmp_path: Path, step: str, environment: dict[str, str], *items: dict[str, Any]) -> tuple[int, report.Report]:
    document = {f"{step}": list(items), "executors": [{"image": "i", "command": ["c"]}]}
    (tmp_path / "task.json").write_text(json.dumps(document))
    ended = program(tmp_path, step, **environment)
    return ended.returncode, report.read(ended.stdout.splitlines())


def arrived(tmp_path: Path, path: str) -> bytes:
    return (tmp_path / "scratch/data" / path.lstrip("/")).read_bytes()


def wrote(tmp_path: Path, path: str, content: bytes) -> None:
    place = tmp_path / "scratch/data" / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def fetched_once(fake: HttpServer, tmp_path: Path) -> str:
    """The error of one attempt, as Python shows it; empty if there is none."""
    code = (
        "import sys, pathlib, filer.guard as guard, filer.transports.s3 as s3, tescore.addresses as addresses;"
        "guard.use(addresses.rules([], ['127.0.0.0/8']));"
        "s3.fetch('s3://bucket/x', pathlib.Path(sys.argv[1]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x")],
        env={"PYTHONPATH": os.pathsep.join(sys.path), **aws_files(tmp_path / "aws", fake.url(""))},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    return ended.stderr.splitlines()[-1] if ended.returncode else ""


def test_objects_of_any_size_and_name_arrive(server: S3Server, tmp_path: Path) -> None:
    contents = {"empty": b"", "small": b"x", "large": LARGE, "folder/a b#c?d%20e+ü&.gz": b"literal"}
    for key, content in contents.items():
        (server.folder / "bucket/in" / key).parent.mkdir(parents=True, exist_ok=True)
        (server.folder / "bucket/in" / key).write_bytes(content)
    items = [{"path": f"/in/{i}", "url": f"s3://bucket/in/{key}"} for i, key in enumerate(contents)]
    assert moved(tmp_path, "inputs", server.environment(tmp_path / "aws"), *items) == (0, report.Report())
    assert [arrived(tmp_path, f"/in/{i}") for i in range(len(contents))] == list(contents.values())


def test_files_of_any_size_and_name_are_stored(server: S3Server, tmp_path: Path) -> None:
    contents = {"empty": b"", "large": LARGE, "sub/a b#c?d%20e+ü": b"literal"}
    for name, content in contents.items():
        wrote(tmp_path, f"/out/{name}", content)
    folder = {"path": "/out", "type": "DIRECTORY", "url": "s3://bucket/out/"}
    code, told = moved(tmp_path, "outputs", server.environment(tmp_path / "aws"), folder)
    assert (code, told.failure) == (0, "")
    assert {name: (server.folder / "bucket/out" / name).read_bytes() for name in contents} == contents
    assert told.moved[2] == {
        "url": "s3://bucket/out/sub/a b#c?d%20e+ü", "path": "/out/sub/a b#c?d%20e+ü", "size_bytes": "7"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://bucket/none", "404 NoSuchKey: The specified key does not exist."),
        ("s3://nobucket/x", "404 NoSuchBucket: The specified bucket does not exist."),
    ],
)
def test_what_is_not_there_is_told(server: S3Server, tmp_path: Path, url: str, words: str) -> None:
    code, told = moved(tmp_path, "inputs", server.environment(tmp_path / "aws"), {"path": "/in/x", "url": url})
    assert code == report.FAILED
    assert told.failure == f"Input /in/x could not be fetched from {url}: the server answered {words}"


def test_a_refusal_is_told_and_not_tried_again(server: S3Server, tmp_path: Path) -> None:
    wrote(tmp_path, "/out/small", b"x")
    wrote(tmp_path, "/out/large", LARGE)
    environment = server.environment(tmp_path / "aws", secret="wrong")
    outputs = [{"path": f"/out/{name}", "url": f"s3://bucket/{name}"} for name in ("small", "large")]
    code, told = moved(tmp_path, "outputs", environment, *outputs)
    assert code == report.FAILED
    assert told.failure.count("the server answered 403 SignatureDoesNotMatch: ") == 2


def test_missing_credentials_are_told(server: S3Server, tmp_path: Path) -> None:
    environment = {**server.environment(tmp_path / "aws"), "AWS_EC2_METADATA_DISABLED": "true"}
    (tmp_path / "aws/credentials").unlink()
    code, told = moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": "s3://bucket/x"})
    assert code == report.FAILED
    assert told.failure.endswith("the tenant has no Secret with credentials for this bucket.")


def test_a_busy_server_and_a_body_that_breaks_off_are_tried_again(fake: HttpServer, tmp_path: Path) -> None:
    fake.files["/bucket/x"] = b"whole"
    fake.answers["/bucket/x"] = [Answer(503), Answer(body=b"wh", length=5)]
    environment = aws_files(tmp_path / "aws", fake.url(""))
    code, told = moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": "s3://bucket/x"})
    assert (code, told.failure) == (0, "")
    assert arrived(tmp_path, "/in/x") == b"whole"
    assert len(fake.requests) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(Answer(body=LARGE), OTHER_PART, id="the-whole"),
        pytest.param(part(0), OTHER_PART, id="the-first-part-again"),
        pytest.param(Answer(206, b"x", headers=part(1).headers), "8388607 bytes of a part did not arrive", id="short"),
    ],
)
def test_parts_that_were_not_asked_for_are_no_file(
    fake: HttpServer, tmp_path: Path, answer: Answer, words: str
) -> None:
    fake.answers["/bucket/x"] = [Answer(body=LARGE), answer, answer]
    assert fetched_once(fake, tmp_path) == f"filer.errors.Interrupted: {words}"


def test_an_object_of_which_tls_finds_bytes_to_be_spoilt_is_fetched_again(tmp_path: Path) -> None:
    trusted = certificate(tmp_path)
    options = ("--cert", str(trusted), "--key", str(trusted))
    with s3_server(tmp_path / "s3", *options) as server, relay(server.port, cuts=[100_000], spoils=True) as through:
        (server.folder / "bucket").mkdir()
        (server.folder / "bucket/x").write_bytes(LARGE[:1_000_000])
        environment = aws_files(tmp_path / "aws", f"https://127.0.0.1:{through.port}")
        environment["AWS_CA_BUNDLE"] = str(trusted)
        item = {"path": "/in/x", "url": "s3://bucket/x"}
        assert moved(tmp_path, "inputs", environment, item) == (0, report.Report())
        assert through.connections == 2
    assert arrived(tmp_path, "/in/x") == LARGE[:1_000_000]


ETAG = ("ETag", '"v1-3"')
SPANS = [f"bytes={part(number).headers[0][1].removeprefix('bytes ').partition('/')[0]}" for number in range(3)]


def in_parts(fake: HttpServer, *headers: tuple[str, str], **answers: list[Answer]) -> None:
    """The server has LARGE and gives parts of it; `part1=[…]` is what it says before that."""
    fake.answers["/bucket/x"] = 2 * [Answer(body=LARGE, headers=headers)]
    for number in range(3):
        before = answers.get(f"part{number}", [])
        fake.answers[f"/bucket/x {SPANS[number]}"] = [*before, part(number), part(number)]


def test_after_a_break_no_more_than_the_missing_part_is_asked_for(fake: HttpServer, tmp_path: Path) -> None:
    in_parts(fake, ETAG, part2=[Answer(503)])
    environment = aws_files(tmp_path / "aws", fake.url(""))
    assert moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": "s3://bucket/x"}) == (0, report.Report())
    assert arrived(tmp_path, "/in/x") == LARGE
    asked = [request.headers.get("Range", "") for request in fake.requests]
    assert sorted(asked) == sorted(["", SPANS[1], SPANS[2], SPANS[2]])
    assert {request.headers.get("If-Match") for request in fake.requests[1:]} == {ETAG[1]}


def test_an_object_that_was_changed_meanwhile_begins_anew(fake: HttpServer, tmp_path: Path) -> None:
    changed = Answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
    in_parts(fake, ETAG, part1=[changed])
    environment = aws_files(tmp_path / "aws", fake.url(""))
    assert moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": "s3://bucket/x"}) == (0, report.Report())
    assert arrived(tmp_path, "/in/x") == LARGE
    assert len([request for request in fake.requests if "Range" not in request.headers]) == 2


WRONG = ("ETag", f'"{32 * "0"}"')
MD5 = ("ETag", f'"{hashlib.md5(LARGE).hexdigest()}"')
CRC32 = ("x-amz-checksum-crc32", base64.b64encode(zlib.crc32(LARGE).to_bytes(4, "big")).decode())


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        pytest.param([MD5], "", id="right-md5"),
        pytest.param([WRONG], "in ETag", id="wrong-md5"),
        pytest.param([WRONG, ("x-amz-server-side-encryption", "aws:kms")], "", id="encrypted"),
        pytest.param([ETAG, CRC32, ("x-amz-checksum-type", "FULL_OBJECT")], "", id="right-crc"),
        pytest.param(
            [ETAG, (CRC32[0], "AAAAAA=="), ("x-amz-checksum-type", "FULL_OBJECT")],
            "in x-amz-checksum-crc32",
            id="wrong-crc",
        ),
        pytest.param([ETAG, (CRC32[0], "AAAAAA==-3"), ("x-amz-checksum-type", "COMPOSITE")], "", id="of-unknown-parts"),
    ],
)
def test_the_checksum_of_a_large_object_is_checked(
    fake: HttpServer, tmp_path: Path, headers: list[tuple[str, str]], words: str
) -> None:
    in_parts(fake, *headers)
    told = fetched_once(fake, tmp_path)
    assert told.endswith(words)
    assert ("does not have the checksum" in told) is bool(words)


@pytest.mark.parametrize(
    "header", [pytest.param(WRONG, id="md5"), pytest.param(("x-amz-checksum-crc32", "AAAAAA=="), id="crc")]
)
def test_the_checksum_of_a_small_object_is_checked(fake: HttpServer, tmp_path: Path, header: tuple[str, str]) -> None:
    fake.answers["/bucket/x"] = [Answer(body=b"small", headers=(header,))]
    assert "checksum" in fetched_once(fake, tmp_path)


def test_what_the_storage_kept_of_a_small_object_is_checked(fake: HttpServer, tmp_path: Path) -> None:
    wrote(tmp_path, "/out/x", b"small")
    fake.answers["/bucket/x"] = 99 * [Answer(headers=(WRONG,))]
    environment = {**aws_files(tmp_path / "aws", fake.url("")), "TESK_RETRY_SECONDS": "0"}
    code, told = moved(tmp_path, "outputs", environment, {"path": "/out/x", "url": "s3://bucket/x"})
    assert code == report.FAILED
    assert "does not have the checksum that the server gave in ETag" in told.failure


def crc32(content: bytes) -> str:
    """As S3 writes it."""
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


SENT = [LARGE[at : at + 8 * 1024 * 1024] for at in range(0, len(LARGE), 8 * 1024 * 1024)]
NO_UPLOAD = Answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")


def target(number: int) -> str:
    return f"/bucket/x?uploadId=u&partNumber={number + 1}"


def kept(number: int) -> Answer:
    """What a good server says of a part."""
    tag = ("ETag", f'"{hashlib.md5(SENT[number]).hexdigest()}"')
    return Answer(headers=(tag, ("x-amz-checksum-crc32", crc32(SENT[number]))))


def taking_parts(fake: HttpServer, before: dict[str, list[Answer]] | None = None) -> None:
    """The server takes LARGE in parts; `before` of `part1` and `end` is what it says first."""
    fake.answers["/bucket/x?uploads"] = 9 * [Answer(body=b"<R><UploadId>u</UploadId></R>")]
    for number in range(3):
        fake.answers[target(number)] = [*(before or {}).get(f"part{number}", []), *9 * [kept(number)]]
    end = b"<R><ETag>t</ETag></R>"
    fake.answers["/bucket/x?uploadId=u"] = [*(before or {}).get("end", []), *9 * [Answer(body=end)]]
    fake.answers["/bucket/x"] = 9 * [Answer(length=len(LARGE))]


def stored(fake: HttpServer, tmp_path: Path, seconds: int = 20) -> tuple[list[str], str]:
    """The requests that stored LARGE, without the sizes that were asked for, and the failure."""
    wrote(tmp_path, "/out/x", LARGE)
    environment = {**aws_files(tmp_path / "aws", fake.url("")), "TESK_RETRY_SECONDS": str(seconds)}
    told = moved(tmp_path, "outputs", environment, {"path": "/out/x", "url": "s3://bucket/x"})[1]
    return [f"{each.method} {each.target}" for each in fake.requests if each.method != "HEAD"], told.failure


BEGUN, JOINED, GIVEN_UP = "POST /bucket/x?uploads", "POST /bucket/x?uploadId=u", "DELETE /bucket/x?uploadId=u"
PARTS = [f"PUT {target(number)}" for number in range(3)]


def test_a_large_file_is_stored_in_parts(fake: HttpServer, tmp_path: Path) -> None:
    taking_parts(fake)
    requests, failure = stored(fake, tmp_path)
    assert (requests[0], sorted(requests[1:-1]), requests[-1], failure) == (BEGUN, PARTS, JOINED, "")
    assert all("x-amz-checksum-crc32" in each.headers for each in fake.requests if each.method == "PUT")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(Answer(headers=(*kept(1).headers[:1], CRC32)), id="another-crc"),
        pytest.param(Answer(headers=(WRONG,)), id="another-md5"),
        pytest.param(Answer(503), id="busy"),
    ],
)
def test_a_part_of_which_the_storage_has_something_else_is_sent_again_and_no_other(
    fake: HttpServer, tmp_path: Path, wrong: Answer
) -> None:
    taking_parts(fake, {"part1": [wrong]})
    requests, failure = stored(fake, tmp_path)
    assert (sorted(requests[1:-1]), requests[-1], failure) == (sorted([*PARTS, PARTS[1]]), JOINED, "")


def test_names_that_are_not_utf8_are_told_and_the_others_are_stored(server: S3Server, tmp_path: Path) -> None:
    file, folder = os.fsdecode(b"\xff"), os.fsdecode(b"\xfe")
    wrote(tmp_path, f"/out/{file}", b"x")
    wrote(tmp_path, "/out/x", b"x")
    (tmp_path / "scratch/data/out" / folder).mkdir()
    item = {"path": "/out", "url": "s3://bucket/odd", "type": "DIRECTORY"}
    code, told = moved(tmp_path, "outputs", server.environment(tmp_path / "aws"), item)
    assert (code, told.failure.count("its name is not UTF-8.")) == (report.FAILED, 2)
    assert [place.name for place in (server.folder / "bucket/odd").iterdir()] == ["x"]


SUMMED = {"x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm", "x-amz-trailer", "x-amz-checksum-crc32"}


def plain(environment: dict[str, str]) -> dict[str, str]:
    """The same, of a tenant whose server knows no checksums."""
    with Path(environment["AWS_CONFIG_FILE"]).open("a") as config:
        config.write("request_checksum_calculation = when_required\n")
    return environment


def test_to_a_server_that_knows_no_checksums_none_are_sent(fake: HttpServer, tmp_path: Path) -> None:
    taking_parts(fake)
    fake.answers["/bucket/small"] = [Answer()]
    wrote(tmp_path, "/out/x", LARGE)
    wrote(tmp_path, "/out/small", b"small")
    item = {"path": "/out", "url": "s3://bucket/", "type": "DIRECTORY"}
    code, told = moved(tmp_path, "outputs", plain(aws_files(tmp_path / "aws", fake.url(""))), item)
    assert (code, told.failure) == (0, "")
    sent = {name.lower() for request in fake.requests for name in request.headers}
    assert sent & (SUMMED | {"content-encoding"}) == set()
    assert sorted(each.target for each in fake.requests if each.method == "PUT") == sorted(
        ["/bucket/small", *(target(number) for number in range(3))]
    )


def test_without_checksums_a_large_file_is_stored_whole_too(server: S3Server, tmp_path: Path) -> None:
    wrote(tmp_path, "/out/x", LARGE)
    item = {"path": "/out/x", "url": "s3://bucket/plain"}
    assert moved(tmp_path, "outputs", plain(server.environment(tmp_path / "aws")), item)[0] == 0
    assert (server.folder / "bucket/plain").read_bytes() == LARGE


def test_parts_that_were_dropped_meanwhile_are_sent_anew(fake: HttpServer, tmp_path: Path) -> None:
    taking_parts(fake, {"end": [Answer(503), NO_UPLOAD]})
    requests, failure = stored(fake, tmp_path)
    assert (requests.count(BEGUN), requests.count(PARTS[0]), requests[-1], failure) == (2, 2, JOINED, "")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"part2": 99 * [Answer(503)]}, "the server answered 503"),
        ({"part2": [Answer(403, b"<Error><Code>AccessDenied</Code></Error>")]}, "the server answered 403 AccessDenied"),
        ({"end": 99 * [Answer(503)]}, "the server answered 503"),
        ({"part2": [Answer(headers=(("x-amz-checksum-crc32", "a"),))]}, "Error ("),
    ],
)
def test_of_a_file_that_cannot_be_stored_no_parts_are_left(
    fake: HttpServer, tmp_path: Path, answers: dict[str, list[Answer]], words: str
) -> None:
    taking_parts(fake, answers)
    requests, failure = stored(fake, tmp_path, seconds=0)
    assert (requests.count(GIVEN_UP), words in failure) == (1, True)


def test_an_object_that_is_shorter_than_its_parts_is_no_file(fake: HttpServer, tmp_path: Path) -> None:
    taking_parts(fake)
    fake.answers["/bucket/x"] = 9 * [Answer(length=7)]
    assert f"the storage has 7 of {len(LARGE)} bytes of it" in stored(fake, tmp_path, seconds=0)[1]


def test_one_attempt_is_one_request(fake: HttpServer, tmp_path: Path) -> None:
    fake.answers["/bucket/x"] = [Answer(503)] * 9
    assert "the server answered 503" in fetched_once(fake, tmp_path)
    assert len(fake.requests) == 1


def test_one_attempt_asks_once_for_each_part(fake: HttpServer, tmp_path: Path) -> None:
    cut = Answer(206, b"part", headers=part(1).headers, length=8 * 1024 * 1024)
    fake.answers["/bucket/x"] = [Answer(body=LARGE), *9 * [cut]]
    assert "Interrupted: " in fetched_once(fake, tmp_path)
    assert len(fake.requests) <= 3


@pytest.mark.parametrize(
    ("status", "code", "passing"),
    [
        (500, "InternalError", True),
        (503, "SlowDown", True),
        (429, "TooManyRequests", True),
        (400, "RequestTimeout", True),
        (403, "AccessDenied", False),
        (404, "NoSuchKey", False),
        (412, "PreconditionFailed", False),
    ],
)
def test_an_answer_is_passing_by_its_code(status: int, code: str, passing: bool) -> None:
    headers = {"retry-after": "3"}
    answer: Any = {
        "Error": {"Code": code, "Message": "Words."},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    told = s3_session.cause(exceptions.ClientError(answer, "GetObject"))
    assert str(told) == f"the server answered {status} {code}: Words"
    assert isinstance(told, Interrupted if passing else NotMovable)
    assert getattr(told, "retry_after", None) == (3.0 if passing else None)


@pytest.mark.parametrize(
    ("error", "family"),
    [
        pytest.param(exceptions.EndpointConnectionError(endpoint_url="http://h"), Interrupted, id="no-connection"),
        pytest.param(exceptions.ReadTimeoutError(endpoint_url="http://h"), Interrupted, id="silence"),
        pytest.param(exceptions.ConnectTimeoutError(endpoint_url="http://h"), Interrupted, id="connect-timeout"),
        pytest.param(exceptions.ConnectionClosedError(endpoint_url="http://h"), Interrupted, id="closed"),
        pytest.param(exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), Interrupted, id="broken-off"),
        pytest.param(exceptions.SSLError(endpoint_url="https://h", error=OSError()), NotMovable, id="certificate"),
        pytest.param(exceptions.ParamValidationError(report="Invalid bucket name"), NotMovable, id="bucket-name"),
    ],
)
def test_a_failure_of_the_library_is_passing_by_its_class(error: Exception, family: type[Exception]) -> None:
    assert isinstance(s3_session.cause(error), family)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://b/k", ("b", "k")),
        ("s3://b/a/b c#?%20", ("b", "a/b c#?%20")),
        ("s3://b//k", ("b", "/k")),
        ("S3://b/k/", ("b", "k/")),
    ],
)
def test_the_key_is_what_stands_in_the_url(url: str, expected: tuple[str, str]) -> None:
    assert objects.parse(url, "s3://bucket/key") == expected


@pytest.mark.parametrize("url", ["s3://b", "s3://b/", "s3:///k", "s3:b/k"])
def test_a_url_without_bucket_or_key_is_refused(url: str) -> None:
    with pytest.raises(NotMovable, match="not of the form s3://bucket/key"):
        objects.parse(url, "s3://bucket/key")
