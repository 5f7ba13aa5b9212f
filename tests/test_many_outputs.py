"""A hundred thousand outputs, from the filer's report over the taskmaster to what a client reads."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tescore import naming, outputs, record, report
from tescore.outputs import File
from tests.apiserver import ApiServer, api_server
from tests.build import PREFIX, settings, task_document
from tests.service import client_of

KEPT_BY_KUBELET = 10 * 1024 * 1024
"""Bytes of a container's log."""
SMALL, LARGE = 28 * 1024, 48 * 1024
"""Kibibytes of memory that a taskmaster needs at most for a small task, and for one with very many outputs."""

TASKMASTER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from taskmaster import claim, loop
from taskmaster.kube import Kube
from taskmaster.settings import Settings
from tescore.session import Session, mounted

kube = Kube(Session(sys.argv[1], mounted(Path(sys.argv[2]))), "tesk", waits=[])
mine = Settings(task=sys.argv[3], namespace="tesk", pod_uid="p-1", filer_image="filer:1")
now = lambda: datetime(2026, 11, 22, tzinfo=UTC)
loop.Taskmaster(kube, claim.claimed(kube, mine, now), now).run()
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(peak.split()[1])
"""


def files(count: int) -> list[File]:
    names = [f"sample-{i:06}.{hashlib.md5(b'%d' % i).hexdigest()}.fastq.gz" for i in range(count)]
    return [
        {"url": f"s3://bucket/results/run/{name}", "path": f"/data/results/{name}", "size_bytes": "123456"}
        for name in names
    ]


def reported(listed: list[File]) -> bytes:
    """The log of a filer that stored these files."""
    lines: list[str] = []
    with report.Telling(lines.append) as telling:
        for file in listed:
            telling.moved(file["url"], file["path"], int(file["size_bytes"]))
    return "\n".join(lines).encode()


def run(server: ApiServer, folder: Path) -> int:
    """Runs a task that the webhook has just launched; the kibibytes of memory that its taskmaster needed."""
    document = task_document(outputs=[{"path": "/data", "url": "s3://bucket/results", "type": "DIRECTORY"}])
    stored = record.config_map(PREFIX, "tesk", json.dumps(document), owner="ann")
    stored["metadata"] |= {"uid": "u-1"}
    stored["metadata"]["labels"] |= {naming.STATE: "INITIALIZING"}
    server.stored("configmaps", stored, "ADDED")
    (folder / "token").write_text("t")
    (folder / "ca.crt").touch()
    ended = subprocess.run(
        [sys.executable, "-c", TASKMASTER, server.url, str(folder), settings().task],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "MALLOC_ARENA_MAX": "2"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout)


@pytest.mark.parametrize(
    ("count", "pages", "memory"), [(1, 0, SMALL), (5_000, 1, SMALL), (100_000, 3, LARGE)], ids=["one", "some", "many"]
)
def test_every_output_is_shown_once_and_in_order(tmp_path: Path, count: int, pages: int, memory: int) -> None:
    listed = files(count)
    with api_server() as server:
        server.report = reported(listed)
        assert len(server.report) < KEPT_BY_KUBELET
        needed = run(server, tmp_path)

        shown = client_of(server).get(f"/v1/tasks/{PREFIX}?view=FULL").json

        assert shown is not None
        assert shown["state"] == "COMPLETE"
        all_shown = shown["logs"][0]["outputs"] == listed
        assert all_shown  # not their difference, which would take pytest minutes to tell
        assert shown["logs"][0]["system_logs"] == []
        assert outputs.pages(record.record(server.objects["configmaps", PREFIX]).pages).number == pages
    assert needed < memory
