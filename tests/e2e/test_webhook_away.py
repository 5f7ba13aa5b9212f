"""The webhook gets another certificate under load, and is away: no task is lost or half made."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tescore import naming
from tescore.session import path
from tests.campaigns.stored_only import bare
from tests.e2e.cluster import SERVICE, Kubectl, Service, wait_until
from tests.e2e.load import Load
from tests.e2e.tenants import tenant
from webhook.registration import EVERY

pytestmark = pytest.mark.alone

TENANT = "e2e-away"
QUEUED = "tesk/state=QUEUED"
WEBHOOK = "deployment/tesk-webhook"
SECRET = "tesk-webhook-tls"
LABELS = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "task"}
SECONDS = 10
"""After which some clients send a task again."""


@pytest.fixture(scope="module")
def own(kubectl: Kubectl) -> Iterator[Service]:
    """The service in a tenant where one task runs at a time, so that many cost little."""
    with tenant(TENANT, kubectl, TESK_TASK_LIMIT="1") as made:
        yield made


@pytest.fixture(scope="module")
def document(shell: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return {"volumes": ["/v"], "executors": [shell("sleep 600")]}


def config_map(name: str, document: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": TENANT, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"task.json": json.dumps(document)}}


def test_no_task_is_lost_while_the_webhook_gets_another_certificate(
    own: Service, kubectl: Kubectl, document: dict[str, Any]
) -> None:
    taken, target = list[str](), bare(kubectl, admin=True)

    def posted(_: int) -> None:
        taken.append(own.create(document))

    def admitted(number: int) -> None:
        """Asks the webhook alone, without the api, which would try again."""
        where = f"{path('configmaps', TENANT)}?dryRun=All"
        with closing(target.connection()) as connection:
            connection.ask("POST", where, json.dumps(config_map(f"task-dry-{number}", document)).encode())

    def secret() -> dict[str, str]:
        run = kubectl.run("-n", SERVICE, "get", "secret", SECRET, "-o", "json")
        return dict(json.loads(run.stdout)["data"]) if run.returncode == 0 else {}

    def trusted() -> str:
        [webhook] = kubectl.json("get", "mutatingwebhookconfiguration", "tesk")["webhooks"]
        return str(webhook["clientConfig"]["caBundle"])

    before = secret()
    with Load(posted, posted, admitted, admitted) as load:
        kubectl("-n", SERVICE, "delete", "secret", SECRET)
        wait_until(lambda: secret().get("tls.crt", before["tls.crt"]) != before["tls.crt"], "there is another one")
        wait_until(lambda: trusted() == secret()["ca.crt"], "the API server trusts it")
        time.sleep(EVERY + 5)  # by then each replica has looked at the Secret again

    *through_the_api, first, second = load.failures
    assert through_the_api == [{}, {}]
    assert max(first | second, default=0) - min(first | second, default=0) < EVERY, first | second
    assert min(load.counts) > 10
    queued = {name.removeprefix("configmap/") for name in kubectl.names("configmaps", "-n", TENANT, "-l", QUEUED)}
    taskmasters = {name.removeprefix("pod/") for name in kubectl.names("pods", "-n", TENANT)}
    assert {task for task in taken if naming.taskmaster(task) not in taskmasters} <= queued
    assert len(set(taken)) == len(taken)


@pytest.fixture
def away(own: Service, kubectl: Kubectl, document: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """The webhook is away; to be called to have it back."""

    def back() -> None:
        kubectl("-n", SERVICE, "scale", WEBHOOK, "--replicas=1")
        kubectl("-n", SERVICE, "rollout", "status", WEBHOOK, "--timeout=60s")

    def answers() -> bool:
        """Its process outlives its pod by seconds, and the API server keeps a connection to it."""
        dry = ("-n", TENANT, "create", "--dry-run=server", "-f", "-")
        return kubectl.run(*dry, given=config_map("task-dry", document)).returncode == 0

    kubectl("-n", SERVICE, "scale", WEBHOOK, "--replicas=0")
    kubectl("-n", SERVICE, "delete", "pods", "-l", "app.kubernetes.io/component=webhook", "--grace-period=0", "--force")
    try:
        wait_until(lambda: not answers(), "the webhook is away")
        yield back
    finally:
        back()


def test_while_the_webhook_is_away_a_create_fails_clearly_and_leaves_nothing_and_later_works_at_once(
    own: Service, kubectl: Kubectl, document: dict[str, Any], away: Callable[[], None]
) -> None:
    def all_there_is() -> set[str]:
        return {*kubectl.names("pvc,pods", "-n", TENANT), *kubectl.names("configmaps", "-n", TENANT)}

    before, began = all_there_is(), time.monotonic()
    asked = urllib.request.Request(
        f"{own.url}/v1/tasks", data=json.dumps(document).encode(), headers={"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=30)
    assert time.monotonic() - began < SECONDS
    with refused.value as answer:
        assert (answer.code, answer.headers["Retry-After"]) == (503, "5")
        told = json.load(answer)
    assert "launch.tasks.tesk" in told["message"]

    run = kubectl.run("-n", TENANT, "create", "-f", "-", given=config_map("task-by-kubectl", document))
    assert run.returncode != 0
    assert 'failed calling webhook "launch.tasks.tesk"' in run.stderr

    assert own.call("GET", "/tasks")[0] == 200
    assert all_there_is() <= before

    away()
    assert own.call("POST", "/tasks", document)[0] == 200
    kubectl("-n", TENANT, "create", "-f", "-", given=config_map("task-by-kubectl", document))
