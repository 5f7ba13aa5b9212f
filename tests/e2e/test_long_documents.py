"""A task whose document is longer than its record can hold."""

import hashlib
from collections.abc import Callable
from typing import Any

from tests.build import drawn
from tests.e2e.cluster import TENANT, Kubectl, Service, wait_until

Shell = Callable[..., dict[str, Any]]
REFUSAL = "document cannot be changed"


def pages(task_id: str) -> str:
    return f"tesk/task={task_id},app.kubernetes.io/component=document"


def test_ten_contents_of_128_kib_that_nothing_makes_shorter_arrive_and_are_shown(
    service: Service, kubectl: Kubectl, shell: Shell
) -> None:
    inputs = [{"path": f"/x/{i}", "content": drawn(range(32, 127))} for i in range(10)]
    digests = [hashlib.sha256(item["content"].encode()).hexdigest() for item in inputs]
    task_id = service.create({"inputs": inputs, "executors": [shell("cd /x; sha256sum *")]})

    task = service.ended(task_id)

    assert task["state"] == "COMPLETE"
    assert task["logs"][0]["logs"][0]["stdout"] == "".join(f"{digest}  {i}\n" for i, digest in enumerate(digests))
    all_shown = [item["content"] for item in task["inputs"]] == [item["content"] for item in inputs]
    assert all_shown  # not their difference, which would take pytest minutes to tell
    own = kubectl.json("get", "configmap", task_id)
    [page] = kubectl.json("get", "configmaps", "-l", pages(task_id))["items"]
    assert own["metadata"]["annotations"]["tesk/document"] == page["metadata"]["name"]
    assert [owner["uid"] for owner in page["metadata"]["ownerReferences"]] == [own["metadata"]["uid"]]

    name = page["metadata"]["name"]
    relabelled = kubectl.run("label", "--overwrite", "configmap", name, "tesk/task=task-another")
    renamed = kubectl.run("annotate", "--overwrite", "configmap", task_id, f"tesk/document={name[:-1]}")
    assert REFUSAL in relabelled.stderr
    assert REFUSAL in renamed.stderr

    kubectl("delete", "configmap", task_id)
    wait_until(lambda: kubectl.names("configmaps", "-l", pages(task_id)) == [], "its page is gone")


def test_a_page_that_the_webhook_did_not_make_is_refused(kubectl: Kubectl) -> None:
    labels = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "document", "tesk/task": "task-a"}
    metadata = {"name": "task-a.document-0123456789ab", "namespace": TENANT, "labels": labels}
    forged = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    assert REFUSAL in kubectl.run("create", "-f", "-", given=forged).stderr
