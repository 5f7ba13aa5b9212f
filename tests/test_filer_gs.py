"""gs://, against fake-gcs-server, and plain HTTP for what that does not."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import urllib3
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption

from filer.errors import Absent, Interrupted, NotMovable
from filer.transports import gs
from tescore import report
from tests.emulators import gcs
from tests.moving import moved, printed, scratch, tree, wrote
from tests.servers import Answer, http_server

LARGE = bytes(range(251)) * 80_000
"""More than two parts."""
AWKWARD = "a b#c?d%20e+ü&(1)"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gcs(tmp_path_factory.mktemp("gcs")) as url:
        yield url


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> storage.Bucket:
    client = storage.Client("none", AnonymousCredentials(), client_options={"api_endpoint": endpoint})
    return client.create_bucket("one")


@pytest.fixture
def environment(endpoint: str) -> dict[str, str]:
    return {"STORAGE_EMULATOR_HOST": endpoint, "HOME": "/nonexistent"}


def kept(bucket: storage.Bucket, prefix: str) -> dict[str, bytes]:
    return {blob.name.removeprefix(prefix): blob.download_as_bytes() for blob in bucket.list_blobs(prefix=prefix)}


def test_objects_of_any_size_and_name_arrive(
    bucket: storage.Bucket, environment: dict[str, str], tmp_path: Path
) -> None:
    contents = {"empty": b"", "small": b"x", "large": LARGE, AWKWARD: b"literal"}
    for key, content in contents.items():
        bucket.blob(f"any/{key}").upload_from_string(content)
    items = [{"path": f"/in/{i}", "url": f"gs://one/any/{key}"} for i, key in enumerate(contents)]
    assert moved(tmp_path, "inputs", environment, *items) == (0, report.Report())
    assert [scratch(tmp_path, f"/in/{i}").read_bytes() for i in range(4)] == list(contents.values())


def test_files_of_any_size_and_name_are_stored(
    bucket: storage.Bucket, environment: dict[str, str], tmp_path: Path
) -> None:
    contents = {"empty": b"", "large": LARGE, f"sub/{AWKWARD}": b"literal"}
    for name, content in contents.items():
        wrote(tmp_path, f"/out/{name}", content)
    scratch(tmp_path, "/out/none").mkdir()
    output = {"path": "/out", "type": "DIRECTORY", "url": "gs://one/out/"}
    code, told = moved(tmp_path, "outputs", environment, output)
    assert (code, told.failure) == (0, "")
    assert kept(bucket, "out/") == {**contents, "none/": b""}


def test_names_that_are_not_utf8_are_told_and_the_others_are_stored(
    bucket: storage.Bucket, environment: dict[str, str], tmp_path: Path
) -> None:
    file, folder = os.fsdecode(b"\xff"), os.fsdecode(b"\xfe")
    wrote(tmp_path, f"/out/{file}")
    wrote(tmp_path, "/out/x")
    scratch(tmp_path, f"/out/{folder}").mkdir()
    code, told = moved(tmp_path, "outputs", environment, {"path": "/out", "type": "DIRECTORY", "url": "gs://one/odd"})
    assert (code, told.failure.count("its name is not UTF-8.")) == (report.FAILED, 2)
    assert kept(bucket, "odd/") == {"x": b"x"}


@pytest.mark.parametrize("kind", ["FILE", "DIRECTORY"])
def test_a_folder_comes_as_what_lies_below_its_key(
    bucket: storage.Bucket, environment: dict[str, str], tmp_path: Path, kind: str
) -> None:
    for key in ("a", "sub/b", "empty/", ""):
        bucket.blob(f"folder/{key}").upload_from_string(b"x" * (key[-1:] not in {"", "/"}))
    bucket.blob("folders/no").upload_from_string(b"x")
    item = {"path": "/in", "url": "gs://one/folder", "type": kind}
    assert moved(tmp_path, "inputs", environment, item) == (0, report.Report())
    assert tree(scratch(tmp_path, "/in")) == {"a": b"x", "empty/": b"", "sub/b": b"x"}


def test_a_long_list_comes_page_by_page(bucket: storage.Bucket, environment: dict[str, str], tmp_path: Path) -> None:
    for name in "abc":
        bucket.blob(f"many/{name}").upload_from_string(b"")
    code = """if True:
        from filer.transports import gs
        first = gs.page("gs://one/many", "", 2)
        print(first.paths, gs.page("gs://one/many", first.following, 2))
    """
    assert printed(tmp_path, environment, code) == "('a', 'b') Page(paths=('c',), following='')\n"


def test_an_object_that_breaks_off_is_fetched_again(tmp_path: Path) -> None:
    told = json.dumps({"bucket": "one", "name": "x", "generation": "1", "size": "5"}).encode()
    md5 = ("x-goog-hash", f"md5={base64.b64encode(hashlib.md5(b'whole').digest()).decode()}")
    bytes_at = "/download/storage/v1/b/one/o/x?alt=media&generation=1&ifGenerationMatch=1"
    with http_server() as fake:
        fake.answers["/storage/v1/b/one/o/x?projection=noAcl&prettyPrint=false"] = 2 * [Answer(body=told)]
        fake.answers[bytes_at] = [Answer(body=b"who", length=5), Answer(body=b"whole", headers=(md5,))]
        environment = {"STORAGE_EMULATOR_HOST": fake.url(""), "HOME": "/nonexistent"}
        item = {"path": "/in/x", "url": "gs://one/x"}
        assert moved(tmp_path, "inputs", environment, item) == (0, report.Report())
    assert scratch(tmp_path, "/in/x").read_bytes() == b"whole"


@pytest.mark.parametrize("url", ["gs://one/none", "gs://none/x"])
def test_what_is_not_there_is_told(environment: dict[str, str], tmp_path: Path, url: str) -> None:
    failure = moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": url})[1].failure
    assert failure.startswith(f"Input /in/x could not be fetched from {url}: the server answered 404")


def test_a_key_that_is_none_is_told_without_its_words(endpoint: str, tmp_path: Path) -> None:
    (tmp_path / "gcs.json").write_text('{"type": "service_account", "private_key": "geheim"}')
    environment = {"STORAGE_EMULATOR_HOST": endpoint, "HOME": str(tmp_path)}
    failure = moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": "gs://one/x"})[1].failure
    assert failure.endswith(": gcs.json in the tenant's Secret is no key that can be used.")


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (exceptions.ServiceUnavailable("away"), Interrupted),
        (exceptions.TooManyRequests("many"), Interrupted),
        (exceptions.Forbidden("no"), NotMovable),
        (exceptions.NotFound("none"), Absent),
        (requests.ConnectionError(), Interrupted),
        (requests.Timeout(), Interrupted),
        (requests.exceptions.SSLError(), NotMovable),
        (DataCorruption(None), Interrupted),
        (urllib3.exceptions.ProtocolError("broken"), Interrupted),
        (urllib3.exceptions.ReadTimeoutError(urllib3.HTTPConnectionPool("h"), "", "slow"), Interrupted),
    ],
    ids=repr,
)
def test_a_failure_is_passing_by_its_class(error: Exception, family: type[Exception]) -> None:
    assert type(gs.cause(error)) is family
