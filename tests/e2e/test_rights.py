"""After the whole run: what the service's accounts may do is what they did, and nothing is left of any task."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster import SERVICE, TENANT, Kubectl, left_of_tasks, wait_until

pytestmark = pytest.mark.last

ACCOUNTS = {
    "tesk-api": SERVICE,
    "tesk-webhook": SERVICE,
    "tesk-janitor": SERVICE,
    "tesk-taskmaster": TENANT,
}
Right = tuple[str, str, str]
"""API group, resource with its sub-resource, verb."""


@pytest.fixture(scope="module")
def audit() -> dict[str, set[Right]]:
    """What the API server's audit log saw each account do since this run began, in whichever tenant it is."""
    missing = [name for name in ("TEST_BEGAN", "AUDIT_LOG") if not os.environ.get(name)]
    assert not missing, (
        f"{' and '.join(missing)} not set: `make test` sets the first, the second must name the audit log"
    )
    began = os.environ["TEST_BEGAN"]
    seen: dict[str, set[Right]] = {}
    for log in sorted(Path(os.environ["AUDIT_LOG"]).parent.glob("audit*.log")):
        for line in log.read_text().splitlines():
            event = json.loads(line)
            if event["requestReceivedTimestamp"] >= began and "objectRef" in event:
                account = event["user"]["username"].rpartition(":")[2]
                seen.setdefault(account, set()).add(right(event["objectRef"], event["verb"]))
    return seen


def right(reference: dict[str, str], verb: str) -> Right:
    resource = "/".join(reference[part] for part in ("resource", "subresource") if reference.get(part))
    return reference.get("apiGroup", ""), resource, verb


def granted(kubectl: Kubectl, account: str, namespace: str) -> Iterator[Right]:
    """What the roles that are bound to an account allow."""
    for kind in ("rolebindings", "clusterrolebindings"):
        for binding in kubectl.json("get", kind, "--all-namespaces")["items"]:
            subjects: list[dict[str, Any]] = binding.get("subjects") or []
            if not any(s["name"] == account and s.get("namespace") == namespace for s in subjects):
                continue
            where = binding["metadata"].get("namespace", TENANT)
            role = kubectl.json("get", binding["roleRef"]["kind"], binding["roleRef"]["name"], "-n", where)
            for rule in role["rules"]:
                yield from ((g, r, v) for g in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"])


@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_account_has_the_rights_that_it_used_and_no_others(
    kubectl: Kubectl, audit: dict[str, set[Right]], account: str
) -> None:
    rights = set(granted(kubectl, account, ACCOUNTS[account]))  # each tenant that there is binds the service's again
    assert sorted(rights) == sorted(audit[account])


def test_no_token_of_filer_or_executors_was_used(audit: dict[str, set[Right]]) -> None:
    assert "tesk-executor" not in audit


def test_nothing_is_left_of_any_task_but_its_record(kubectl: Kubectl) -> None:
    wait_until(lambda: left_of_tasks(kubectl) == [], "everything is gone")
    assert kubectl.names("configmaps", "-l", "app.kubernetes.io/component=task")
