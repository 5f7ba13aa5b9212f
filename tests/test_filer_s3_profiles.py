"""S3 by what the files of the AWS command line say: region, style of the URLs, and a profile for a bucket."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tescore import report
from tests.moving import moved, scratch, wrote
from tests.servers import ACCESS_KEY, SECRET_KEY, S3Server, http_server, s3_server
from tests.test_filer_program import variables

REGION = "eu-test-1"
DOMAIN = "s3.example.org"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3"), "--region", REGION, domain=DOMAIN) as running:
        (running.folder / "bucket").mkdir()
        (running.folder / "bucket/x").write_bytes(b"first")
        yield running


def profile(endpoint: str, name: str = "default", region: str = REGION, style: str = "") -> str:
    """A section of `config`."""
    chosen = f"s3 =\n  addressing_style = {style}\n" if style else ""
    return f"[{name}]\nregion = {region}\nendpoint_url = {endpoint}\n{chosen}"


def aws(home: Path, *config: str, keys: tuple[str, ...] = ("default",)) -> dict[str, str]:
    """The environment of a filer whose tenant has these sections in its `config`, and keys for these profiles."""
    home.mkdir()
    (home / "config").write_text("".join(config))
    right = f"aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    (home / "credentials").write_text("".join(f"[{name}]\n{right}" for name in keys))
    return {"AWS_CONFIG_FILE": str(home / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials")}


def where(name: str, tmp_path: Path, step: str, environment: dict[str, str], item: dict[str, Any]) -> report.Report:
    """The report of a filer for which this name, and no other of the server's, is this machine's."""
    (tmp_path / "hosts").write_text(f"127.0.0.1 localhost {name}\n")
    (tmp_path / "task.json").write_text(json.dumps({step: [item], "executors": [{"image": "i", "command": ["c"]}]}))
    (tmp_path / "scratch").mkdir(exist_ok=True)
    command = f"mount --bind {tmp_path}/hosts /etc/hosts && exec {sys.executable} -m filer {step}"
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-c", command],
        env={"PATH": "/usr/bin:/bin", **variables(tmp_path, **environment)},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    return report.read(ended.stdout.splitlines())


@pytest.mark.parametrize(
    ("style", "name"),
    [
        pytest.param("virtual", f"bucket.{DOMAIN}", id="virtual"),
        pytest.param("path", DOMAIN, id="path"),
        pytest.param("", DOMAIN, id="not-said"),
    ],
)
def test_a_bucket_is_in_the_name_or_in_the_path_as_configured(
    server: S3Server, tmp_path: Path, style: str, name: str
) -> None:
    endpoint = server.endpoint.replace("127.0.0.1", DOMAIN)
    environment = aws(tmp_path / "aws", profile(endpoint, style=style))
    wrote(tmp_path, "/out/y", b"second")
    out = {"path": "/out/y", "url": "s3://bucket/sub/y"}
    assert where(name, tmp_path, "outputs", environment, out).failure == ""
    assert (server.folder / "bucket/sub/y").read_bytes() == b"second"
    (server.folder / "bucket/sub/y").unlink()
    told = where(name, tmp_path, "inputs", environment, {"path": "/in/x", "url": "s3://bucket/x"})
    assert told == report.Report()
    assert scratch(tmp_path, "/in/x").read_bytes() == b"first"


def test_requests_are_signed_for_the_region_that_is_configured(tmp_path: Path) -> None:
    with http_server() as fake:
        fake.files["/bucket/x"] = b"whole"
        environment = aws(tmp_path / "aws", profile(fake.url("")))
        moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": "s3://bucket/x"})
        assert f"/{REGION}/s3/aws4_request" in fake.requests[0].headers["Authorization"]


def test_a_server_of_another_region_says_so_and_is_believed(server: S3Server, tmp_path: Path) -> None:
    environment = aws(tmp_path / "aws", profile(server.endpoint, region="us-test-9"))
    assert moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": "s3://bucket/x"}) == (0, report.Report())
    assert scratch(tmp_path, "/in/x").read_bytes() == b"first"


def test_a_bucket_has_the_profile_of_its_name_and_the_others_have_the_default_one(
    server: S3Server, tmp_path: Path
) -> None:
    with s3_server(tmp_path / "s3") as elsewhere:
        (elsewhere.folder / "other").mkdir()
        (elsewhere.folder / "other/x").write_bytes(b"elsewhere")
        sections = profile(server.endpoint), profile(elsewhere.endpoint, "profile other", "us-east-1")
        environment = aws(tmp_path / "aws", *sections, keys=("default", "other"))
        items = [{"path": f"/in/{bucket}", "url": f"s3://{bucket}/x"} for bucket in ("bucket", "other")]
        assert moved(tmp_path, "inputs", environment, *items) == (0, report.Report())
    assert [scratch(tmp_path, f"/in/{bucket}").read_bytes() for bucket in ("bucket", "other")] == [
        b"first", b"elsewhere"
    ]  # fmt: skip


def test_a_profile_without_keys_gets_none_of_another(server: S3Server, tmp_path: Path) -> None:
    sections = profile(server.endpoint), profile(server.endpoint, "profile bucket")
    environment = {**aws(tmp_path / "aws", *sections), "AWS_EC2_METADATA_DISABLED": "true"}
    code, told = moved(tmp_path, "inputs", environment, {"path": "/in/x", "url": "s3://bucket/x"})
    assert code == report.FAILED
    assert told.failure.endswith("the tenant has no Secret with credentials for this bucket.")
