"""A tenant whose namespace admits only what Pod Security `restricted` does: no container that may be root."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tescore.tenants import REMEMBERED
from tests.e2e import tenants
from tests.e2e.cluster import Kubectl, Service

TENANT = "e2e-restricted"
Shell = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def tenant(kubectl: Kubectl) -> Iterator[Service]:
    with tenants.tenant(TENANT, kubectl, pod_security="restricted") as service:
        yield service


def test_without_a_user_for_its_tasks_they_fail_and_say_what_is_refused(tenant: Service, shell: Shell) -> None:
    task = tenant.ended(tenant.create({"executors": [shell("true")]}))

    assert task["state"] == "SYSTEM_ERROR"
    reason = task["logs"][0]["system_logs"][-1]
    words = ("Executor 0 could not be created: the namespace's Pod Security level does not allow it", "runAsNonRoot")
    assert all(word in reason for word in words)


def test_with_one_a_task_moves_its_files_and_runs_as_that_user(
    tenant: Service, kubectl: Kubectl, shell: Shell, s3: Any, bucket: str
) -> None:
    setting = {"data": {"TESK_RUN_AS_USER": "1000"}}
    kubectl("-n", TENANT, "patch", "configmap", "tesk-settings", "-p", json.dumps(setting))
    time.sleep(REMEMBERED + 0.5)  # for so long the service goes by what it saw before
    s3.put_object(Bucket=bucket, Key="restricted/in", Body=b"from afar ")
    who = "id -u; id -g; grep CapBnd /proc/self/status"
    script = f"{who}; cat /in/x /etc/y > /out/z; mkdir -m 700 /out/own; mv /in/x /out/own"

    task = tenant.ended(
        tenant.create(
            {
                "inputs": [
                    {"path": "/in/x", "url": f"s3://{bucket}/restricted/in"},
                    {"path": "/etc/y", "content": "and near"},
                ],
                "executors": [shell(script, stderr="/out/stderr")],
                "outputs": [{"path": "/out", "url": f"s3://{bucket}/restricted/out", "type": "DIRECTORY"}],
            }
        )
    )

    assert task["state"] == "COMPLETE", task["logs"][0]["system_logs"]
    assert task["logs"][0]["logs"][0]["stdout"] == "1000\n1000\nCapBnd:\t0000000000000000\n"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="restricted/out/")["Contents"]
    stored = {item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed}
    out = "restricted/out"
    assert stored == {f"{out}/z": b"from afar and near", f"{out}/own/x": b"from afar ", f"{out}/stderr": b""}


def test_the_level_stays_when_the_tenant_is_brought_up_to_date(tenant: Service, kubectl: Kubectl) -> None:
    tenants.brought_up_to_date(TENANT)
    labels = kubectl.json("get", "namespace", TENANT)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
