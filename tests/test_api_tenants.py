"""Who gets in, and to what: tokens of a real provider, two tenants, over HTTP to the api."""

import base64
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from werkzeug.test import Client, TestResponse

from tescore import naming, record
from tests.apiserver import ApiServer, api_server
from tests.build import task_document
from tests.oidc_provider import AUDIENCE, Provider, oidc_provider, signing_key
from tests.service import client_of

DOCUMENT = {"executors": [{"image": "busybox", "command": ["true"]}]}
REQUESTS = {
    "create": ("POST", "/tasks"),
    "list": ("GET", "/tasks"),
    "get": ("GET", "/tasks/{task}"),
    "logs": ("GET", "/tasks/{task}/logs/0/stdout"),
    "follow": ("GET", "/tasks/{task}/logs/0/stdout?follow=true"),
    "watch": ("GET", "/tasks:watch"),
    "cancel": ("POST", "/tasks/{task}:cancel"),
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with oidc_provider(signing_key("k")) as running:
        yield running


@dataclass
class World:
    """Two tenants, a and b; ann is a member of a, bob of b, dora admin of a, and eve a viewer of a."""

    server: ApiServer
    provider: Provider
    client: Client

    def token(self, user: str) -> str:
        """A token of that user's, or a bad one of that name."""
        if user == "expired":
            return self.provider.signed(exp=int(time.time()) - 100)
        if user == "other audience":
            return self.provider.signed(aud="urn:other")
        if user == "unsigned":
            return self.provider.unsigned()
        return "no token" if user == "bad" else self.provider.of_user(user)

    def call(self, user: str, method: str, path: str, tenant: str = "a") -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user != "nobody" else {}
        body = DOCUMENT if (method, path) == ("POST", "/tasks") else None
        return self.client.open(f"/{tenant}/ga4gh/tes/v1{path}", method=method, headers=headers, json=body)

    def name(self, user: str) -> str:
        return f"{self.provider.url}#{user}"

    def task(self, name: str, owner: str, tenant: str = "a", state: str = "COMPLETE") -> None:
        made = record.config_map(name, tenant, json.dumps(DOCUMENT), owner=self.name(owner))
        made["metadata"]["uid"] = f"uid of {name}"
        made["metadata"]["labels"] |= {naming.STATE: state, naming.OWNER: naming.hashed(self.name(owner))}
        self.server.stored("configmaps", made, "ADDED")

    def listed(self, user: str, query: str = "") -> list[str]:
        answer: Any = self.call(user, "GET", f"/tasks{query}").json
        return [task["id"] for task in answer["tasks"]]


@pytest.fixture
def world(provider: Provider) -> Iterator[World]:
    with api_server() as server:
        server.tenants = ["a", "b"]
        client = client_of(
            server,
            tenant="a",
            authentication=("oidc", "kubernetes"),
            oidc_issuers=(provider.url,),
            oidc_audiences=(AUDIENCE,),
        )
        made = World(server, provider, client)
        verbs = {"ann": ["create"], "dora": ["create", "get", "list", "delete"], "eve": ["get", "list"]}
        server.allowed = {(made.name(user), verb, "a") for user, granted in verbs.items() for verb in granted}
        server.allowed |= {(made.name("bob"), "create", "b")}
        made.task("task-anns", "ann")
        made.task("task-doras", "dora")
        made.task("task-bobs", "bob", "b")
        yield made


NOT_IN = ("nobody", "bad", "expired", "other audience", "unsigned")
TASKS = ("task-anns", "task-doras", "task-bobs", "task-none")
SEES = {"ann": (200, 404, 404, 404), "dora": (200, 200, 404, 404), "eve": (200, 200, 404, 404)}
CANCELS = {**SEES, "eve": (403, 403, 404, 404)}


def expected(user: str, what: str, tenant: str) -> tuple[int, ...]:
    """What the matrix should say, of each task where it is about one."""
    if user in NOT_IN:
        return (401,) * len(TASKS)
    if tenant == "b":  # where none of these may do anything
        return (403,) * len(TASKS)
    if "{task}" in REQUESTS[what][1]:
        return (CANCELS if what == "cancel" else SEES)[user]
    return (403 if (user, what) == ("eve", "create") else 200,) * len(TASKS)


@pytest.mark.parametrize("tenant", ["a", "b"])
@pytest.mark.parametrize("what", REQUESTS)
@pytest.mark.parametrize("user", [*NOT_IN, "ann", "dora", "eve"])
def test_the_matrix(world: World, user: str, what: str, tenant: str) -> None:
    method, path = REQUESTS[what]
    answered = []
    for task in TASKS:
        with world.call(user, method, path.format(task=task), tenant) as answer:
            answered.append(answer.status_code)
    assert tuple(answered) == expected(user, what, tenant)


def test_anothers_task_and_one_that_is_not_there_get_the_same_answer(world: World) -> None:
    for path in ("/tasks/{}", "/tasks/{}/logs/0/stdout", "/tasks/{}:cancel"):
        method = "POST" if path.endswith("cancel") else "GET"
        seen, unseen = (world.call("ann", method, path.format(task)) for task in ("task-doras", "task-none"))
        assert seen.status_code == unseen.status_code == 404
        assert seen.text.replace("task-doras", "task-none") == unseen.text


def test_one_who_may_not_use_a_tenant_learns_nothing_of_its_tasks(world: World) -> None:
    there, not_there = (world.call("ann", "GET", f"/tasks/{task}", "b") for task in ("task-bobs", "task-none"))
    assert (there.status_code, there.text) == (not_there.status_code, not_there.text)
    assert there.status_code == 403


def test_members_list_their_own_tasks_and_others_all(world: World) -> None:
    assert world.listed("ann") == ["task-anns"]
    assert world.listed("dora") == world.listed("eve") == ["task-anns", "task-doras"]
    assert world.listed("ann", "?state=COMPLETE") == ["task-anns"]
    assert world.listed("ann", "?state=RUNNING") == []


def test_pages_of_own_tasks_are_full(world: World) -> None:
    """Kubernetes selects them, so that what is others' takes no room on a page."""
    for number in range(6):
        world.task(f"task-{number}", "ann" if number % 3 == 0 else "dora")
    first: Any = world.call("ann", "GET", "/tasks?page_size=2").json
    assert [task["id"] for task in first["tasks"]] == ["task-0", "task-3"]
    second: Any = world.call("ann", "GET", f"/tasks?page_size=2&page_token={first['next_page_token']}").json
    assert [task["id"] for task in second["tasks"]] == ["task-anns"]


def test_a_token_of_a_page_is_of_no_use_to_others(world: World) -> None:
    world.task("task-0", "dora")
    first: Any = world.call("dora", "GET", "/tasks?page_size=1").json
    assert world.call("ann", "GET", f"/tasks?page_size=1&page_token={first['next_page_token']}").status_code == 400


def test_a_new_task_is_its_users(world: World) -> None:
    created: Any = world.call("ann", "POST", "/tasks").json
    stored = world.server.objects["configmaps", created["id"]]["metadata"]
    assert (stored["namespace"], stored["annotations"][naming.OWNER]) == ("a", world.name("ann"))
    assert world.call("ann", "GET", f"/tasks/{created['id']}").status_code == 200


def test_a_cancelled_task_says_by_whom(world: World) -> None:
    world.task("task-runs", "ann", state="INITIALIZING")
    world.call("dora", "POST", "/tasks/task-runs:cancel")
    assert world.server.objects["configmaps", "task-runs"]["metadata"]["annotations"][naming.CANCEL].endswith(
        f"by {world.name('dora')}"
    )


def test_a_user_of_kubernetes_comes_in_by_a_token_of_the_cluster(world: World) -> None:
    account = {"username": "system:serviceaccount:a:flow", "groups": ["system:serviceaccounts:a"]}
    world.server.tokens["t"] = {"user": account, "audiences": ["tesk"]}
    world.server.allowed |= {("system:serviceaccounts:a", "create", "a")}
    answer = world.client.post("/a/v1/tasks", json=DOCUMENT, headers={"Authorization": "Bearer t"})
    assert answer.status_code == 200


def test_the_bare_url_is_the_default_tenants(world: World) -> None:
    header = {"Authorization": f"Bearer {world.token('dora')}"}
    for prefix in ("/v1", "/ga4gh/tes/v1", "/a/v1", "//a//v1"):
        answer: Any = world.client.get(f"{prefix}/tasks", headers=header).json
        assert [task["id"] for task in answer["tasks"]] == ["task-anns", "task-doras"]


@pytest.mark.parametrize("user", ["nobody", "bad", "dora"])
@pytest.mark.parametrize(
    "path",
    ["/nowhere/v1/tasks", "/kube-system/ga4gh/tes/v1/tasks/task-x", "/v1/ga4gh/tes/v1/tasks", "/x/v1/service-info"],
)
def test_what_is_no_tenant_is_no_path(world: World, path: str, user: str) -> None:
    headers = {"Authorization": f"Bearer {world.token(user)}"} if user != "nobody" else {}
    answer = world.client.get(path, headers=headers)
    assert (answer.status_code, answer.text) == (404, world.client.get("/no/such/path").text)


def test_the_default_tenant_must_be_one_too(world: World) -> None:
    world.server.tenants = ["b"]
    assert world.client.get("/v1/service-info").status_code == 404


@pytest.mark.parametrize(
    "path", ["/v1/service-info", "/b/v1/service-info", "/v1/tasks/service-info", "/healthz", "/readyz", "/docs",
             "/openapi.json", "/v1/openapi.json", "/b/ga4gh/tes/v1/docs"],
)  # fmt: skip
def test_what_everyone_may_see(world: World, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        assert world.client.get(path, headers=headers).status_code == 200


def test_the_document_of_a_tenant_has_its_urls(world: World) -> None:
    answer: Any = world.client.get("/b/v1/openapi.json").json
    assert answer["servers"] == [{"url": "/b/v1"}]


def test_service_info_is_each_tenants_own(world: World) -> None:
    settings = {"metadata": {"name": "tesk-settings", "namespace": "b"}, "data": {"TESK_RUNTIME_CLASSES": "fast"}}
    world.server.stored("configmaps", settings, "ADDED")
    infos: list[Any] = [world.client.get(f"/{tenant}/v1/service-info").json for tenant in ("a", "b")]
    assert ["runtime_class" in info["tesResources_backend_parameters"] for info in infos] == [False, True]


def test_each_tenant_says_which_images_its_tasks_may_use() -> None:
    with api_server() as server:
        server.tenants = ["a", "b"]
        settings = {"metadata": {"name": "tesk-settings", "namespace": "b"}, "data": {"TESK_IMAGES": "ubuntu,lab/*"}}
        server.stored("configmaps", settings, "ADDED")
        client = client_of(server)
        answers = [client.post(f"/{tenant}/v1/tasks", json=task_document()) for tenant in ("a", "b")]
        refused: Any = answers[1].json
    assert [answer.status_code for answer in answers] == [200, 400]
    assert "executors[0].image: is 'busybox', and images that may be used here are ubuntu, lab/*" in refused["message"]


def test_settings_that_are_not_valid_keep_nobody_from_reading() -> None:
    with api_server() as server:
        task: Any = client_of(server).post("/v1/tasks", json=task_document()).json
        settings = {"metadata": {"name": "tesk-settings", "namespace": "tesk"}, "data": {"TESK_ATTEMPTS": "many"}}
        server.stored("configmaps", settings, "ADDED")
        client = client_of(server)
        refused = client.post("/v1/tasks", json=task_document())
        reads = ("service-info", "tasks/service-info", f"tasks/{task['id']}?view=FULL", "tasks?view=BASIC")
        answers = [client.get(f"/v1/{path}").status_code for path in reads]
    assert (refused.status_code, "TESK_ATTEMPTS" in refused.text) == (500, True)
    assert answers == [200, 200, 200, 200]


def test_a_refusal_says_how_to_come_in(world: World) -> None:
    first, second = world.call("nobody", "GET", "/tasks"), world.call("bad", "GET", "/tasks")
    assert first.headers.getlist("WWW-Authenticate") == ['Bearer realm="tesk"']
    assert second.headers.getlist("WWW-Authenticate") == ['Bearer realm="tesk", error="invalid_token"']
    assert isinstance(first.json, dict)
    assert set(first.json) == {"error", "message"}
    assert first.json["error"] == "Unauthenticated"


def test_while_the_provider_is_away_the_answer_is_503_and_not_401() -> None:
    with api_server() as server, oidc_provider(signing_key("k")) as gone:
        token = gone.of_user("ann")
        own = client_of(server, authentication=("oidc",), oidc_issuers=(gone.url,), oidc_audiences=(AUDIENCE,))
        with_token = {"Authorization": f"Bearer {token}"}
    with api_server() as server:
        own = client_of(server, authentication=("oidc",), oidc_issuers=(gone.url,), oidc_audiences=(AUDIENCE,))
        answer = own.get("/v1/tasks", headers=with_token)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert own.get("/v1/service-info").status_code == 200


def test_a_password_lets_in_and_never_comes_into_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hashed = bcrypt.hashpw(b"very secret", bcrypt.gensalt(4)).decode()
    (tmp_path / "htpasswd").write_text(f"ann:{hashed}\n")
    with api_server() as server:
        server.allowed = {("basic:ann", "create", "tesk")}
        own = client_of(server, authentication=("basic", "kubernetes"), basic_file=str(tmp_path / "htpasswd"))
        right, wrong = (base64.b64encode(f"ann:{word}".encode()).decode() for word in ("very secret", "guessed"))
        assert own.get("/v1/tasks", headers={"Authorization": f"Basic {right}"}).status_code == 200
        refused = own.get("/v1/tasks", headers={"Authorization": f"Basic {wrong}"})
        server.refused = "Review"
        failed = own.get("/v1/tasks", headers={"Authorization": "Bearer token-of-ann"})
    assert (refused.status_code, failed.status_code) == (401, 500)
    assert refused.headers.getlist("WWW-Authenticate")[1] == 'Basic realm="tesk", charset="UTF-8"'
    told = caplog.text + refused.text + failed.text
    assert not any(word in told for word in ("very secret", right, "guessed", wrong, "token-of-ann", hashed))


def test_a_page_of_another_origin_asks_before_it_has_a_token(tmp_path: Path) -> None:
    with api_server() as server:
        own = client_of(server, authentication=("kubernetes",), cors_origins=("*",))
        headers = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
        answer = own.options("/v1/tasks", headers=headers)
        assert answer.status_code == 204
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        assert own.get("/v1/tasks", headers=headers).headers["Access-Control-Allow-Origin"] == "*"


def test_an_open_service_takes_no_notice_of_credentials() -> None:
    with api_server() as server:
        own = client_of(server)
        for credential in ("Basic Tm9uZTpOb25l", "Bearer x"):
            assert own.get("/v1/tasks", headers={"Authorization": credential}).status_code == 200
        assert server.reviews == []
