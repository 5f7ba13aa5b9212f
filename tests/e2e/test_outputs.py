"""A task with more outputs than its record can list."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.cluster import TENANT, Kubectl, Service, told, wait_until

Shell = Callable[..., dict[str, Any]]
COUNT = 2000
"""Files with names of 240 characters: their list has more than a ConfigMap's 1 MiB."""
MAKE = (
    'BEGIN {srand(7); for (i = 0; i < COUNT; i++) {name = "/o/"; for (j = 0; j < 30; j++) '
    'name = name sprintf("%08x", rand() * 2147483647); print i > name; close(name)}}'
).replace("COUNT", str(COUNT))


@pytest.fixture
def many(s3: Any, bucket: str) -> Iterator[Callable[[], dict[str, str]]]:
    """URLs with sizes of what lies in a folder that is removed after the test."""

    def listed() -> Iterator[dict[str, Any]]:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="many/"):
            yield from page.get("Contents", [])

    yield lambda: {f"s3://{bucket}/{item['Key']}": str(item["Size"]) for item in listed()}
    keys = [{"Key": item["Key"]} for item in listed()]
    for first in range(0, len(keys), 1000):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": keys[first : first + 1000], "Quiet": True})


def pages(task_id: str) -> str:
    return f"tesk/task={task_id},app.kubernetes.io/component=outputs"


def test_a_list_of_outputs_that_does_not_fit_into_the_record_is_complete(
    service: Service, kubectl: Kubectl, busybox: str, bucket: str, many: Callable[[], dict[str, str]]
) -> None:
    task_id = service.create({
        "executors": [{"image": busybox, "command": ["awk", MAKE]}],
        "outputs": [{"path": "/o", "url": f"s3://{bucket}/many", "type": "DIRECTORY"}],
    })  # fmt: skip

    task = service.ended(task_id, within=120)

    assert task["state"] == "COMPLETE"
    stored, log = many(), task["logs"][0]
    assert len(stored) == COUNT
    all_shown = {output["url"]: output["size_bytes"] for output in log["outputs"]} == stored
    assert all_shown
    assert len(log["outputs"]) == COUNT
    assert told(log) == []
    basic = service.call("GET", f"/tasks/{task_id}?view=BASIC")[1]
    assert len(basic["logs"][0]["outputs"]) == COUNT

    own = kubectl.json("get", "configmap", task_id)
    shown = kubectl.json("get", "configmaps", "-l", pages(task_id))["items"]
    assert [page["metadata"]["name"] for page in shown] == [f"{task_id}.outputs-0"]
    assert [owner["uid"] for owner in shown[0]["metadata"]["ownerReferences"]] == [own["metadata"]["uid"]]

    change = json.dumps({"binaryData": {"outputs.jsonl.gz": ""}})
    refused = kubectl.run("patch", "configmap", f"{task_id}.outputs-0", "--type=merge", "-p", change)
    assert "written by its taskmaster alone" in refused.stderr
    kubectl("annotate", "configmap", f"{task_id}.outputs-0", "example.org/note=kept")

    kubectl("delete", "configmap", task_id)
    wait_until(lambda: kubectl.names("configmaps", "-l", pages(task_id)) == [], "its pages are gone")


def test_a_page_that_no_taskmaster_made_is_refused(kubectl: Kubectl) -> None:
    labels = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "outputs"}
    metadata = {"name": "task-a.outputs-0", "namespace": TENANT}
    forged = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**metadata, "labels": labels}}
    assert "written by its taskmaster alone" in kubectl.run("create", "-f", "-", given=forged).stderr
    kubectl("create", "-f", "-", given={**forged, "metadata": metadata})
    run = kubectl.run("label", "configmap", "task-a.outputs-0", *[f"{key}={value}" for key, value in labels.items()])
    kubectl("delete", "configmap", "task-a.outputs-0")
    assert "written by its taskmaster alone" in run.stderr
