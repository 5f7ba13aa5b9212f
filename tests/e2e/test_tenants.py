"""Two tenants on the real cluster: who gets in over HTTP, and what kubectl lets whom do."""

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import urllib3

from tests.e2e.cluster import SERVICE, Kubectl, address_of_this_machine, wait_until
from tests.oidc_provider import AUDIENCE, Provider, oidc_provider, signing_key

ROOT = Path(__file__).parents[2]
A, B = "e2e-a", "e2e-b"
API = "tesk-api-e2e"
PASSWORD = "correct horse"
LABELS = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "task"}
REQUESTS = {
    "create": ("POST", "/tasks"),
    "list": ("GET", "/tasks"),
    "get": ("GET", "/tasks/{task}"),
    "logs": ("GET", "/tasks/{task}/logs/0/stdout"),
    "watch": ("GET", "/tasks:watch"),
    "cancel": ("POST", "/tasks/{task}:cancel"),
}
NOT_IN = ("nobody", "bad", "expired", "other audience", "unsigned", "wrong password", "cluster, other audience")
MEMBERS = {"ann": A, "dora": A, "bob": B, "carol": A, "flow": A}


@pytest.fixture(scope="module")
def provider(kubectl: Kubectl) -> Iterator[Provider]:
    """On this machine, where the cluster reaches it."""
    with oidc_provider(signing_key("k"), host=address_of_this_machine(kubectl)) as running:
        yield running


@pytest.fixture(scope="module")
def tenants(kubectl: Kubectl, provider: Provider) -> Iterator[None]:
    """Members by OIDC (ann, bob), an admin (dora), one with a password (carol), a ServiceAccount (flow)."""

    def bind(tenant: str, role: str, *who: str) -> None:
        kubectl(
            "-n",
            tenant,
            "create",
            "rolebinding",
            f"{role}-{who[0].strip('-').split('=')[0]}",
            f"--clusterrole={role}",
            *who,
        )

    try:
        for tenant in (A, B):
            subprocess.run([ROOT / "scripts/tenant", tenant], check=True, capture_output=True)
        kubectl("-n", A, "create", "serviceaccount", "flow")
        names = (f"--user={provider.url}#ann", "--user=basic:carol", f"--serviceaccount={A}:flow", "--user=plain")
        bind(A, "tesk-user", *names)
        bind(A, "tesk-tenant-admin", f"--user={provider.url}#dora")
        bind(B, "tesk-user", f"--user={provider.url}#bob")
        bind(A, "edit", "--user=editor-of-a")
        verbs = "--verb=get,list,watch,create,update,patch,delete"
        kubectl("-n", A, "create", "role", "writer", verbs, "--resource=configmaps")
        kubectl("-n", A, "create", "rolebinding", "writer", "--role=writer", "--user=writer-of-a")
        kubectl("-n", A, "create", "rolebinding", "writers-use", "--clusterrole=tesk-user", "--user=writer-of-a")
        bind(B, "admin", "--user=admin-of-b")
        yield
    finally:
        kubectl("delete", "namespace", A, B, "--ignore-not-found", "--timeout=180s")


@pytest.fixture(scope="module")
def url(kubectl: Kubectl, provider: Provider, tenants: None) -> Iterator[str]:
    """A second api beside the open one, of the same account, that lets nobody in without a credential."""
    htpasswd = f"carol:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(6)).decode()}\n"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": API, "namespace": SERVICE}}
    deployment = kubectl.json("-n", SERVICE, "get", "deployment", "tesk-api")
    labels = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "api-e2e"}
    spec = deployment["spec"]
    spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"] = labels, labels
    settings = {
        "AUTHENTICATION": "oidc,kubernetes,basic",
        "OIDC_ISSUERS": provider.url,
        "OIDC_AUDIENCES": AUDIENCE,
        "REMEMBERED_SECONDS": "1",
    }
    pod = spec["template"]["spec"]
    pod["containers"][0]["env"] = [{"name": f"TESK_{name}", "value": value} for name, value in settings.items()]
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "secrets"]
    volume["secret"]["secretName"] = API
    metadata = {"name": API, "namespace": SERVICE, "labels": labels}
    try:
        kubectl("apply", "-n", SERVICE, "-f", "-", given={**secret, "stringData": {"htpasswd": htpasswd}})
        given = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        kubectl("apply", "-n", SERVICE, "-f", "-", given=given)
        kubectl("-n", SERVICE, "rollout", "status", "deployment", API, "--timeout=60s")
        with forwarded(f"deployment/{API}") as local:
            yield local
    finally:
        kubectl("-n", SERVICE, "delete", "deployment,secret", API, "--ignore-not-found")


@contextmanager
def forwarded(what: str) -> Iterator[str]:
    command = ["kubectl", "-n", SERVICE, "port-forward", what, ":8080"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Forwarding from 127.0.0.1:"), line
            yield f"http://127.0.0.1:{line.split(':')[1].split(' ')[0]}"
        finally:
            process.terminate()


@dataclass(frozen=True)
class Http:
    url: str
    provider: Provider
    kubectl: Kubectl

    def credential(self, user: str) -> str:
        made: dict[str, Callable[[], str]] = {
            "bad": lambda: "Bearer nonsense",
            "expired": lambda: "Bearer " + self.provider.signed(exp=int(time.time()) - 100),
            "other audience": lambda: "Bearer " + self.provider.signed(aud="urn:other"),
            "unsigned": lambda: "Bearer " + self.provider.unsigned(),
            "wrong password": lambda: "Basic " + base64.b64encode(b"carol:wrong").decode(),
            "cluster, other audience": lambda: "Bearer " + self.kubectl("-n", A, "create", "token", "flow").strip(),
            "carol": lambda: "Basic " + base64.b64encode(f"carol:{PASSWORD}".encode()).decode(),
            "flow": lambda: "Bearer " + self.kubectl("-n", A, "create", "token", "flow", "--audience=tesk").strip(),
        }
        return made.get(user, lambda: "Bearer " + self.provider.of_user(user))()

    def call(self, user: str, method: str, tenant: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status, and the JSON of an answer that is some."""
        headers = {"Content-Type": "application/json"}
        if user != "nobody":
            headers["Authorization"] = self.credential(user)
        answer = urllib3.request(
            method,
            f"{self.url}/{tenant}/ga4gh/tes/v1{path}",
            body=json.dumps(body) if body is not None else None,
            headers=headers,
            preload_content=False,
            timeout=30,
            retries=False,
        )
        try:
            is_json = answer.headers["Content-Type"] == "application/json"
            return answer.status, json.loads(answer.read()) if is_json else None
        finally:
            answer.close()


@pytest.fixture(scope="module")
def http(url: str, provider: Provider, kubectl: Kubectl) -> Http:
    return Http(url, provider, kubectl)


@pytest.fixture(scope="module")
def document(busybox: str) -> dict[str, Any]:
    return {"executors": [{"image": busybox, "command": ["echo", "mine"]}]}


@pytest.fixture(scope="module")
def tasks(http: Http, document: dict[str, Any]) -> dict[str, str]:
    """By its owner, a task of each member that has ended."""
    made = {}
    for user, tenant in MEMBERS.items():
        status, answer = http.call(user, "POST", tenant, "/tasks", document)
        assert status == 200, answer
        made[user] = answer["id"]
    for user, task in made.items():

        def ended(user: str = user, task: str = task) -> bool:
            return bool(http.call(user, "GET", MEMBERS[user], f"/tasks/{task}")[1]["state"] == "COMPLETE")

        wait_until(ended, f"the task of {user} has ended")
    return made


@pytest.mark.parametrize("tenant", [A, B])
@pytest.mark.parametrize("what", REQUESTS)
@pytest.mark.parametrize("user", [*NOT_IN, *MEMBERS])
def test_the_matrix(
    http: Http, tasks: dict[str, str], document: dict[str, Any], user: str, what: str, tenant: str
) -> None:
    method, path = REQUESTS[what]
    task = tasks[user] if user in MEMBERS else tasks["ann"]
    body = document if what == "create" else None
    wanted = 401 if user in NOT_IN else 200 if MEMBERS[user] == tenant else 403
    assert http.call(user, method, tenant, path.format(task=task), body)[0] == wanted


def test_members_see_their_own_tasks_and_the_admin_all(http: Http, tasks: dict[str, str]) -> None:
    def listed(user: str) -> set[str]:
        return {task["id"] for task in http.call(user, "GET", A, "/tasks")[1]["tasks"]}

    assert tasks["ann"] in listed("ann")
    assert not listed("ann") & {tasks["dora"], tasks["carol"], tasks["flow"], tasks["bob"]}
    assert {tasks[user] for user in ("ann", "carol", "dora", "flow")} <= listed("dora")
    assert tasks["bob"] not in listed("dora")


def test_a_task_of_another_user_or_tenant_is_not_there(http: Http, tasks: dict[str, str]) -> None:
    for task in (tasks["dora"], tasks["bob"], "task-none"):
        assert http.call("ann", "GET", A, f"/tasks/{task}")[0] == 404
        assert http.call("ann", "POST", A, f"/tasks/{task}:cancel")[0] == 404
    assert http.call("dora", "GET", A, f"/tasks/{tasks['ann']}")[0] == 200
    assert http.call("dora", "GET", A, f"/tasks/{tasks['bob']}")[0] == 404


def test_a_namespace_that_is_no_tenant_is_not_there(http: Http) -> None:
    for namespace in ("kube-system", "nowhere"):
        for user in ("nobody", "dora"):
            assert http.call(user, "GET", namespace, "/tasks")[0] == 404


def test_a_new_role_counts_within_seconds(http: Http, kubectl: Kubectl) -> None:
    assert http.call("erin", "GET", A, "/tasks")[0] == 403
    kubectl("-n", A, "create", "rolebinding", "erin", "--clusterrole=tesk-viewer", f"--user={http.provider.url}#erin")
    wait_until(lambda: http.call("erin", "GET", A, "/tasks")[0] == 200, "the role counts", within=20)
    assert http.call("erin", "POST", A, "/tasks", {})[0] == 403


DEEDS: dict[str, Callable[[str], list[str]]] = {
    "edit the state": lambda task: ["label", "--overwrite", "configmap", task, "tesk/state=PAUSED"],
    "edit the owner": lambda task: ["annotate", "--overwrite", "configmap", task, "tesk/owner=eve"],
    "edit the log": lambda task: ["patch", "configmap", task, "-p", json.dumps({"data": {"log.json": "{}"}})],
    "edit the document": lambda task: ["patch", "configmap", task, "-p", json.dumps({"data": {"task.json": "{}"}})],
    "make a task of another": lambda _: ["label", "configmap", "plain", *(f"{k}={v}" for k, v in LABELS.items())],
    "delete": lambda task: ["delete", "configmap", task],
}


def config_map(
    name: str, document: dict[str, Any], *, tenant: str = A, labels: dict[str, str] = LABELS
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": tenant, "labels": labels}
    data = {"task.json": json.dumps(document)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("editor-of-a", {"create", "delete"}),
        ("writer-of-a", {"create", "delete"}),  # of ConfigMaps alone
        ("admin-of-b", set[str]()),
        ("plain", set[str]()),  # a user of the tenant over HTTP
    ],
)
def test_what_kubectl_may_do(
    kubectl: Kubectl, tenants: None, document: dict[str, Any], who: str, may: set[str]
) -> None:
    task = f"task-of-{who}"
    kubectl("-n", A, "apply", "-f", "-", given=config_map("plain", document, labels={}))
    done = set()
    if kubectl.run("-n", A, f"--as={who}", "create", "-f", "-", given=config_map(task, document)).returncode == 0:
        done.add("create")
    else:
        kubectl("-n", A, "create", "-f", "-", given=config_map(task, document))
    for deed, asked in DEEDS.items():
        if kubectl.run("-n", A, f"--as={who}", *asked(task)).returncode == 0:
            done.add(deed)
    kubectl("-n", A, "delete", "configmap", task, "--ignore-not-found")
    assert done == may


TASKMASTER = "tesk-taskmaster"
AS_ITS_ACCOUNT: dict[str, list[str]] = {
    "impersonate": ["impersonate", f"serviceaccounts/{TASKMASTER}"],
    "have its token": ["create", f"serviceaccounts/{TASKMASTER}", "--subresource=token"],
    "run a pod as it": ["create", "pods"],
    "run a Job as it": ["create", "jobs.batch"],
    "run a program in its pod": ["create", "pods/x", "--subresource=exec"],
}


def ways(kubectl: Kubectl, who: str) -> set[str]:
    """Those of the above in which somebody may act as the account of a tenant's taskmasters."""
    return {
        way
        for way, asked in AS_ITS_ACCOUNT.items()
        if kubectl.run("-n", A, "auth", "can-i", *asked, f"--as={who}").stdout.strip() == "yes"
    }


@pytest.mark.parametrize("who", ["writer-of-a", "plain", "admin-of-b"])
def test_who_does_not_edit_a_namespace_cannot_act_as_the_account_that_writes_its_tasks(
    kubectl: Kubectl, tenants: None, who: str
) -> None:
    assert ways(kubectl, who) == set()
    token = kubectl.run("-n", A, f"--as={who}", "create", "token", TASKMASTER)
    assert (token.returncode, token.stdout) == (1, "")


def test_what_an_editor_may_do_as_the_account_of_its_taskmasters_ends_at_documents_and_at_other_tenants(
    kubectl: Kubectl, tenants: None, document: dict[str, Any]
) -> None:
    assert ways(kubectl, "editor-of-a") == set(AS_ITS_ACCOUNT)  # Kubernetes' own rules, as SECURITY.md says
    for tenant in (A, B):
        kubectl("-n", tenant, "create", "-f", "-", given=config_map("task-impersonated", document, tenant=tenant))

    def tried(tenant: str, *arguments: str) -> str:
        """What kubectl says to an editor of A who acts as that account, and is refused."""
        run = kubectl.run("-n", tenant, f"--as=system:serviceaccount:{A}:{TASKMASTER}", *arguments)
        assert run.returncode != 0, f"{arguments}: {run.stdout}"
        return run.stderr

    patch = ["patch", "configmap", "task-impersonated", "--type=merge", "-p"]
    assert "document cannot be changed" in tried(A, *patch, json.dumps({"data": {"task.json": "{}"}}))
    no_task = json.dumps({"metadata": {"labels": {"app.kubernetes.io/component": None}}})
    assert "cannot stop being one" in tried(A, *patch, no_task)
    forged = json.dumps({"metadata": {"labels": {"tesk/state": "COMPLETE"}, "annotations": {"tesk/owner": "eve"}}})
    assert "Forbidden" in tried(B, *patch, forged)
    for what in ("secrets", "rolebindings", "serviceaccounts"):
        assert "Forbidden" in tried(A, "get", what)
    for tenant in (A, B):
        kubectl("-n", tenant, "delete", "configmap", "task-impersonated")
