"""The examples of the TESK before this one over FTP, as they were; and files on a shared claim."""

import base64
import contextlib
import ftplib
import io
import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.cluster import TENANT, Kubectl, Service, made
from tests.e2e.examples import TREES

Document = dict[str, Any]
LIST = 'for d in "$@"; do echo "= $d"; (cd $d && find . -type f | sort); done'
MAPPED = "/e2e-shared"


class Ftp:
    """The cluster's FTP server, as it is seen from here."""

    def __init__(self, folder: str) -> None:
        server = urlsplit(os.environ["FTP_URL"])
        self.folder = folder
        self._ftp = ftplib.FTP(timeout=30)
        self._ftp.connect(str(server.hostname), server.port or 21)
        self._ftp.login(os.environ["FTP_USER"], os.environ["FTP_PASSWORD"])

    def put(self, path: str, content: str) -> None:
        parts = f"{self.folder}/{path}".split("/")
        for i in range(1, len(parts)):
            with contextlib.suppress(ftplib.error_perm):  # it is there
                self._ftp.mkd(f"/{'/'.join(parts[:i])}")
        self._ftp.storbinary(f"STOR /{self.folder}/{path}", io.BytesIO(content.encode()))

    def get(self, path: str) -> str:
        came = io.BytesIO()
        self._ftp.retrbinary(f"RETR /{self.folder}/{path}", came.write)
        return came.getvalue().decode()

    def close(self) -> None:
        self._ftp.close()


@pytest.fixture(scope="module")
def ftp(bucket: str) -> Iterator[Ftp]:
    """A folder of this run's own there, with the trees of the examples."""
    server = Ftp(bucket)
    for name, paths in TREES.items():
        for path in paths:
            server.put(f"{name}/{path}", f"{name}/{path}\n")
    yield server
    server.close()


@pytest.fixture(scope="module")
def url(kubectl: Kubectl, ftp: Ftp) -> Iterator[str]:
    """Where it is in the cluster. The login is in the tenant's Secret."""
    server = urlsplit(os.environ["FTP_URL_IN_CLUSTER"]).netloc
    netrc = f"machine {server} login {os.environ['FTP_USER']} password {os.environ['FTP_PASSWORD']}\n"
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tesk-storage", "namespace": TENANT},
        "data": {".netrc": base64.b64encode(netrc.encode()).decode()},
    }  # fmt: skip
    with made(kubectl, secret):
        yield f"{os.environ['FTP_URL_IN_CLUSTER']}/{ftp.folder}"


def stdout(task: Document, i: int = 0) -> str:
    assert task["state"] == "COMPLETE", task["logs"][0]["system_logs"]
    return str(task["logs"][0]["logs"][i]["stdout"])


def listed(text: str) -> dict[str, list[str]]:
    folders: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("= "):
            here = folders.setdefault(line.removeprefix("= "), [])
        else:
            here.append(line.removeprefix("./"))
    return folders


def test_trees_are_merged_and_shadowed_as_in_the_examples(service: Service, url: str, busybox: str) -> None:
    def tree(name: str, path: str) -> Document:
        return {"url": f"{url}/{name}", "path": path, "type": "DIRECTORY"}

    def file(name: str, path: str) -> Document:
        return {"url": f"{url}/{name}", "path": path}

    folders = ["/1/mac", "/1/dos", "/2", "/2/mac/windows", "/3", "/4", "/5", "/6/dos", "/6/mac", "/7", "/8"]
    task = service.ended(
        service.create({
            "inputs": [
                tree("mac", "/1/mac"), tree("dos", "/1/dos"),
                tree("dos", "/2"), tree("mac", "/2/mac"), tree("windows", "/2/mac/windows"),
                tree("dos", "/3"), tree("windows", "/3/unzip"),
                tree("windows", "/4/unzip"), tree("dos", "/4"),
                tree("dos", "/5"), tree("windows", "/5"),
                tree("dos", "/6/dos"), tree("mac", "/6/mac"),
                file("one/README", "/6/dos/unzip/new"), file("one/README", "/6/mac/new"),
                tree("one", "/7"), tree("two", "/7"),
                {"path": "/8/README", "content": "earlier"}, tree("one", "/8"),
            ],
            "executors": [
                {"image": busybox, "command": ["sh", "-ec", LIST, "sh", *folders]},
                {"image": busybox, "command": ["cat", "/7/README", "/8/README"]},
            ],
        })
    )  # fmt: skip
    found = listed(stdout(task))
    assert {folder: len(files) for folder, files in found.items()} == {
        "/1/mac": 7, "/1/dos": 3, "/2": 13, "/2/mac/windows": 3, "/3": 6, "/4": 6, "/5": 6, "/6/dos": 4, "/6/mac": 8,
        "/7": 3, "/8": 2,
    }  # fmt: skip
    assert found["/3"] == found["/4"]
    assert stdout(task, 1) == "two/README\none/README\n"


def test_outputs_are_stored_overwritten_and_below_new_folders(
    service: Service, ftp: Ftp, url: str, shell: Callable[..., Document]
) -> None:
    for path in ("existing", "over/a", "over/other", "over/sub/other"):
        ftp.put(f"out/{path}", "old")
    outputs = {
        "new": "/out/a", "existing": "/out/sub/b", "folders/for/a": "/out/a",
        "folder/nested": "/out/sub", "over": "/out", "tree": "/out",
    }  # fmt: skip
    kinds = dict.fromkeys(("/out", "/out/sub"), "DIRECTORY")
    task = service.ended(
        service.create({
            "volumes": ["/out"],
            "executors": [shell("mkdir -p /out/sub/deep; for f in a sub/b sub/deep/c; do echo new > /out/$f; done")],
            "outputs": [
                {"path": path, "url": f"{url}/out/{name}", "type": kinds.get(path, "FILE")}
                for name, path in outputs.items()
            ],
        })
    )  # fmt: skip
    assert task["state"] == "COMPLETE", task["logs"][0]["system_logs"]
    new = [
        "new", "existing", "folders/for/a", "folder/nested/b", "folder/nested/deep/c",
        *(f"{folder}/{name}" for folder in ("over", "tree") for name in ("a", "sub/b", "sub/deep/c")),
    ]  # fmt: skip
    assert {name: ftp.get(f"out/{name}") for name in new} == dict.fromkeys(new, "new\n")
    assert [ftp.get(f"out/over/{name}") for name in ("other", "sub/other")] == ["old", "old"]
    assert f"{url}/out/tree/sub/deep/c" in [item["url"] for item in task["logs"][0]["outputs"]]


def test_what_is_not_there_is_a_system_error_with_the_servers_words(
    service: Service, url: str, shell: Callable[..., Document]
) -> None:
    task = service.ended(
        service.create({"inputs": [{"url": f"{url}/none", "path": "/in/x"}], "executors": [shell("echo never")]})
    )
    assert (task["state"], task["logs"][0]["logs"]) == ("SYSTEM_ERROR", [])
    assert f"Input /in/x could not be fetched from {url}/none: the server answered 550" in str(
        task["logs"][0]["system_logs"]
    )


def test_a_shared_claim_is_written_and_read_by_its_mapped_path(
    service: Service, kubectl: Kubectl, configured: Callable[..., Any], shell: Callable[..., Document]
) -> None:
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "e2e-files", "namespace": TENANT},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    }  # fmt: skip
    with made(kubectl, claim), configured(TESK_FILE_CLAIMS=f"e2e-files:{MAPPED}"):
        stored = service.ended(
            service.create({
                "executors": [shell("mkdir -p /out/sub/none; echo kept > '/out/sub/a b'")],
                "outputs": [{"path": "/out", "url": f"file://{MAPPED}/run%201", "type": "DIRECTORY"}],
            })
        )  # fmt: skip
        assert stored["state"] == "COMPLETE", stored["logs"][0]["system_logs"]
        fetched = service.ended(
            service.create({
                "inputs": [{"path": "/in", "url": f"{MAPPED}/run 1", "type": "DIRECTORY"}],
                "executors": [shell("cat '/in/sub/a b'; ls /in/sub")],
            })
        )  # fmt: skip
        assert stdout(fetched) == "kept\na b\nnone\n"
        outside = {"inputs": [{"path": "/in", "url": "/etc/passwd"}], "executors": [shell("true")]}
        status, answer = service.call("POST", "/tasks", outside)
        assert (status, answer["error"]) == (400, "InvalidTask")
        assert f"it reaches paths below {MAPPED}" in answer["problems"][0]
