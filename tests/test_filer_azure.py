"""Azure's blob storage, against Azurite."""

import gzip
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core import exceptions
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    ResourceTypes,
    generate_account_sas,
)

from filer.errors import Interrupted, NotMovable
from filer.transports import azure, of
from tescore import report
from tests import emulators
from tests.emulators import ACCOUNT, ACCOUNT_KEY
from tests.moving import moved, printed, scratch, tree, wrote
from tests.servers import Answer, http_server

LARGE = bytes(range(251)) * 80_000
"""More than two parts."""
AWKWARD = "a b#c?d%20e+ü&(1)"
ENCODED = "a%20b%23c%3Fd%2520e+%C3%BC&(1)"
URL = f"az://{ACCOUNT}/one"
HTTPS = f"https://{ACCOUNT}.blob.core.windows.net/one"


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulators.azure(tmp_path_factory.mktemp("azure")) as running:
        yield running


@pytest.fixture(scope="module")
def container(connection: str) -> Iterator[ContainerClient]:
    with BlobServiceClient.from_connection_string(connection) as service:
        yield service.create_container("one")


@pytest.fixture
def environment(connection: str, tmp_path: Path) -> dict[str, str]:
    """A tenant whose Secret has keys for two accounts."""
    (tmp_path / "azure").write_text(
        f"[storage]\nconnection_string = {connection}\n[other]\naccount = another\nkey = {ACCOUNT_KEY}\n"
    )
    return {"HOME": str(tmp_path)}


def test_blobs_of_any_size_and_name_arrive(
    container: ContainerClient, environment: dict[str, str], tmp_path: Path
) -> None:
    contents = {"empty": b"", "small": b"x", "large": LARGE, AWKWARD: b"literal"}
    for name, content in contents.items():
        container.upload_blob(f"any/{name}", content)
    urls = [*(f"{URL}/any/{name}" for name in contents), f"{HTTPS}/any/{ENCODED}"]
    items = [{"path": f"/in/{i}", "url": url} for i, url in enumerate(urls)]
    assert moved(tmp_path, "inputs", environment, *items) == (0, report.Report())
    assert [scratch(tmp_path, f"/in/{i}").read_bytes() for i in range(5)] == [*contents.values(), b"literal"]


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_what_is_called_packed_arrives_as_it_is_kept(
    container: ContainerClient, environment: dict[str, str], tmp_path: Path, content: bytes
) -> None:
    kept = gzip.compress(content, compresslevel=0)
    container.upload_blob("packed", kept, overwrite=True, content_settings=ContentSettings(content_encoding="gzip"))
    item = {"path": "/in/x", "url": f"{URL}/packed"}
    assert moved(tmp_path, "inputs", environment, item) == (0, report.Report())
    assert scratch(tmp_path, "/in/x").read_bytes() == kept


def test_a_blob_that_breaks_off_again_and_again_is_fetched_in_the_end(tmp_path: Path) -> None:
    headers = (("Content-Range", "bytes 0-4/5"), ("ETag", '"1"'), ("x-ms-blob-type", "BlockBlob"))
    cut, whole = Answer(206, b"who", headers, length=5), Answer(206, b"whole", headers)
    with http_server() as fake:
        fake.answers[f"/{ACCOUNT}/one/x"] = [*3 * [cut], whole]
        endpoint = f"AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={fake.url('')}/{ACCOUNT}"
        (tmp_path / "azure").write_text(f"[storage]\nconnection_string = {endpoint}\n")
        item = {"path": "/in/x", "url": f"{URL}/x"}
        assert moved(tmp_path, "inputs", {"HOME": str(tmp_path)}, item) == (0, report.Report())
    assert scratch(tmp_path, "/in/x").read_bytes() == b"whole"


def test_files_of_any_size_and_name_are_stored(
    container: ContainerClient, environment: dict[str, str], tmp_path: Path
) -> None:
    contents = {"empty": b"", "large": LARGE, f"sub/{AWKWARD}": b"literal"}
    for name, content in contents.items():
        wrote(tmp_path, f"/out/{name}", content)
    scratch(tmp_path, "/out/none").mkdir()
    container.upload_blob("out/empty", b"an older one")
    outputs = [
        {"path": "/out", "type": "DIRECTORY", "url": f"{URL}/out/"},
        {"path": "/out/large", "url": f"{HTTPS}/single/{ENCODED}"},
    ]
    code, told = moved(tmp_path, "outputs", environment, *outputs)
    assert (code, told.failure) == (0, "")
    found = {blob.name: container.download_blob(blob.name).readall() for blob in container.list_blobs("out/")}
    assert found == {**{f"out/{name}": content for name, content in contents.items()}, "out/none/": b""}
    assert container.download_blob(f"single/{AWKWARD}").readall() == LARGE


@pytest.mark.parametrize(("url", "name"), [(URL, "az"), (HTTPS, "https")])
def test_names_that_are_not_utf8_are_told_and_the_others_are_stored(
    container: ContainerClient, environment: dict[str, str], tmp_path: Path, url: str, name: str
) -> None:
    file, folder = os.fsdecode(b"\xff"), os.fsdecode(b"\xfe")
    wrote(tmp_path, f"/out/{file}")
    wrote(tmp_path, "/out/x")
    scratch(tmp_path, f"/out/{folder}").mkdir()
    output = {"path": "/out", "type": "DIRECTORY", "url": f"{url}/odd-{name}"}
    code, told = moved(tmp_path, "outputs", environment, output)
    assert (code, told.failure.count("its name is not UTF-8.")) == (report.FAILED, 2)
    assert [blob.name for blob in container.list_blobs(f"odd-{name}/")] == [f"odd-{name}/x"]


@pytest.mark.parametrize("kind", ["FILE", "DIRECTORY"])
def test_a_folder_comes_as_what_lies_below_its_name(
    container: ContainerClient, environment: dict[str, str], tmp_path: Path, kind: str
) -> None:
    for name in ("a", "sub/b", "empty/", ""):
        container.upload_blob(f"folder/{name}", b"x" * (name[-1:] not in {"", "/"}), overwrite=True)
    container.upload_blob("folder/sub", b"", overwrite=True, metadata={"hdi_isfolder": "true"})
    container.upload_blob("folders/no", b"x", overwrite=True)
    item = {"path": "/in", "url": f"{URL}/folder", "type": kind}
    assert moved(tmp_path, "inputs", environment, item) == (0, report.Report())
    assert tree(scratch(tmp_path, "/in")) == {"a": b"x", "empty/": b"", "sub/b": b"x"}


def test_a_long_list_comes_page_by_page(
    container: ContainerClient, environment: dict[str, str], tmp_path: Path
) -> None:
    for name in "abc":
        container.upload_blob(f"many/{name}", b"")
    code = f"""if True:
        from filer.transports import azure
        first = azure.page({URL + "/many"!r}, "", 2)
        print(first.paths, azure.page({URL + "/many"!r}, first.following, 2))
    """
    assert printed(tmp_path, environment, code) == "('a', 'b') Page(paths=('c',), following='')\n"


def test_a_signed_url_needs_no_key_and_its_signature_is_not_told(
    connection: str, container: ContainerClient, tmp_path: Path
) -> None:
    endpoint = connection.partition("BlobEndpoint=")[2]
    (tmp_path / "azure").write_text(f"[storage]\nconnection_string = AccountName={ACCOUNT};BlobEndpoint={endpoint}\n")
    signature = generate_account_sas(
        ACCOUNT, ACCOUNT_KEY, ResourceTypes(object=True, container=True), "rwlc", datetime(2099, 1, 1, tzinfo=UTC)
    )
    wrote(tmp_path, "/out/x", b"signed")
    output = {"path": "/out", "type": "DIRECTORY", "url": f"{HTTPS}/signed?{signature}"}
    code, told = moved(tmp_path, "outputs", {"HOME": str(tmp_path)}, output)
    assert (code, told.moved[0]["url"]) == (0, f"{HTTPS}/signed/x")
    assert container.download_blob("signed/x").readall() == b"signed"
    item = {"path": "/in", "url": f"{HTTPS}/none?{signature}"}
    assert signature not in moved(tmp_path, "inputs", {"HOME": str(tmp_path)}, item)[1].failure


@pytest.mark.parametrize(
    ("url", "words"),
    [(f"{URL}/none", "404 BlobNotFound"), (f"az://{ACCOUNT}/none/x", "404 ContainerNotFound")],
)
def test_what_is_not_there_is_told(
    container: ContainerClient, environment: dict[str, str], tmp_path: Path, url: str, words: str
) -> None:
    failure = moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": url})[1].failure
    assert failure == f"Input /in/x could not be fetched from {url}: the server answered {words}."


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("AccountKey={wrong};", "the server answered 403 AuthorizationFailure."),
        ("AccountKey=geheim;", "the key in the tenant's Secret is no key that can be used."),
    ],
)
def test_a_wrong_key_is_told_without_its_words(connection: str, tmp_path: Path, secret: str, words: str) -> None:
    endpoint = connection.partition("BlobEndpoint=")[2]
    key = secret.format(wrong=ACCOUNT_KEY.replace("E", "F"))
    (tmp_path / "azure").write_text(f"[s]\nconnection_string = AccountName={ACCOUNT};{key}BlobEndpoint={endpoint}\n")
    failure = moved(tmp_path, "inputs", {"HOME": str(tmp_path)}, {"path": "/in/x", "url": f"{URL}/x"})[1].failure
    assert failure.endswith(words)


def test_a_file_of_keys_of_another_form_is_told_without_its_words(tmp_path: Path) -> None:
    (tmp_path / "azure").write_text("geheim")
    failure = moved(tmp_path, "inputs", {"HOME": str(tmp_path)}, {"path": "/in/x", "url": f"{URL}/x"})[1].failure
    assert failure.endswith("azure in the tenant's Secret is not of the form of the Azure command line's.")


@pytest.mark.parametrize(
    ("url", "mine"),
    [
        ("https://me.blob.core.windows.net/c/k", True),
        ("https://ME.BLOB.core.windows.net/c/k?sig=x", True),
        ("https://example.org/me.blob.core.windows.net/c", False),
        ("https://me.blob.core.windows.net.example.org/c/k", False),
        ("http://me.blob.core.windows.net/c/k", False),
    ],
)
def test_its_hosts_are_known(url: str, mine: bool) -> None:
    assert (of(url).__dict__["__name__"] == "filer.transports.azure") is mine


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (exceptions.ServiceRequestError("x", error=ConnectionError()), Interrupted),
        (exceptions.ServiceResponseError("x", error=ConnectionError()), Interrupted),
        (exceptions.IncompleteReadError("x"), Interrupted),
        (exceptions.DecodeError("x"), NotMovable),
    ],
    ids=repr,
)
def test_a_failure_is_passing_by_its_class(error: exceptions.AzureError, family: type[Exception]) -> None:
    assert type(azure.cause(error)) is family
