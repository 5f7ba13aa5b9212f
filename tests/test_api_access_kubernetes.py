"""Tokens and permissions that Kubernetes decides on, and which namespaces are tenants."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from api.access.authorization import AccessReviews, Permissions, Verb, anyone
from api.access.kubernetes_tokens import KubernetesTokens
from api.access.settings import AccessSettings
from api.access.tenancy import Tenancy
from api.access.user import ANONYMOUS, User
from tescore import naming
from tescore.cluster import Cluster
from tescore.errors import Forbidden, Misconfigured, TaskNotFound, Unauthenticated, Unavailable
from tescore.retry import pause
from tescore.session import Session
from tests.apiserver import ApiServer, Break, api_server
from tests.clock import Clock

ANN, BOB = User("ann", ("lab",)), User("bob", ("office",))
ACCOUNT = {"username": "system:serviceaccount:lab:pipeline", "groups": ["system:serviceaccounts"], "uid": "u"}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


def tokens(server: ApiServer, **settings: tuple[str, ...]) -> KubernetesTokens:
    return KubernetesTokens(Cluster(Session(server.url)), AccessSettings(**settings))  # type: ignore[arg-type]


def test_a_token_of_the_cluster_names_its_user_and_groups(server: ApiServer) -> None:
    server.tokens["t"] = {"user": ACCOUNT, "audiences": ["tesk"]}
    assert tokens(server).verdict("t").user == User(ACCOUNT["username"], ("system:serviceaccounts",))  # type: ignore[arg-type]
    assert server.reviews == [{"token": "t", "audiences": ["tesk"]}]


def test_a_token_that_says_when_it_ends_is_good_until_then_and_no_longer(server: ApiServer) -> None:
    ending = jwt.encode({"exp": 2_000_000_000}, "of no matter here, for Kubernetes has looked at it")
    for token, ends in ((ending, 2_000_000_000.0), ("t", float("inf"))):
        server.tokens[token] = {"user": ACCOUNT, "audiences": ["tesk"]}
        assert tokens(server).verdict(token).ends == ends


def test_a_token_that_is_none_of_the_cluster_lets_nobody_in(server: ApiServer) -> None:
    with pytest.raises(Unauthenticated):
        tokens(server).verdict("t")


def test_a_token_for_others_lets_nobody_in(server: ApiServer) -> None:
    server.tokens["t"] = {"user": ACCOUNT, "audiences": ["https://kubernetes.default.svc"]}
    with pytest.raises(Unauthenticated):
        tokens(server).verdict("t")
    assert tokens(server, kubernetes_audiences=()).verdict("t").user.name == ACCOUNT["username"]


def test_a_service_that_may_not_ask_says_so(server: ApiServer) -> None:
    server.refused = "Review"
    with pytest.raises(Misconfigured):
        tokens(server).verdict("t")
    with pytest.raises(Misconfigured):
        reviews(server)(ANN, Verb.GET, "a")


def test_a_question_is_asked_again_where_the_connection_broke(server: ApiServer) -> None:
    server.allowed = {("ann", "create", "a")}
    server.broken[0] = Break.NOT_HEARD
    assert reviews(server)(ANN, Verb.CREATE, "a")


def reviews(server: ApiServer, clock: Callable[[], float] = lambda: 1000.0) -> AccessReviews:
    return AccessReviews(Cluster(Session(server.url)), seconds=30.0, clock=clock)


def test_kubernetes_is_asked_about_the_virtual_resource(server: ApiServer) -> None:
    server.allowed = {("lab", "list", "a")}
    asks = reviews(server)
    assert asks(ANN, Verb.LIST, "a")
    assert not asks(ANN, Verb.LIST, "b")
    assert not asks(ANN, Verb.DELETE, "a")
    assert not asks(BOB, Verb.LIST, "a")
    assert server.reviews[0] == {
        "user": "ann",
        "groups": ["lab"],
        "resourceAttributes": {"namespace": "a", "verb": "list", "group": "tesk", "resource": "tasks"},
    }


def test_an_answer_is_asked_for_again_after_a_while(server: ApiServer) -> None:
    clock = Clock()
    asks = reviews(server, clock)
    for _ in range(3):
        assert not asks(ANN, Verb.CREATE, "a")
    assert len(server.reviews) == 1
    server.allowed = {("ann", "create", "a")}
    clock.seconds += 30
    assert asks(ANN, Verb.CREATE, "a")


def test_an_answer_serves_on_while_the_api_server_is_away_but_not_for_long(server: ApiServer) -> None:
    clock = Clock()
    asks = reviews(server, clock)
    server.allowed = {("ann", "create", "a")}
    assert asks(ANN, Verb.CREATE, "a")
    server.broken = dict.fromkeys(range(100), Break.NOT_HEARD)
    clock.seconds += 300
    assert asks(ANN, Verb.CREATE, "a")
    clock.seconds += 31
    with pytest.raises(Unavailable):
        asks(ANN, Verb.CREATE, "a")


def test_while_the_api_server_is_silent_an_answer_serves_after_one_short_try_and_at_once_then(
    server: ApiServer,
) -> None:
    clock = Clock()
    asks = reviews(server, clock)
    server.allowed = {("ann", "create", "a")}
    assert asks(ANN, Verb.CREATE, "a")
    server.heard.clear()
    clock.seconds += 30
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        first = pool.submit(asks, ANN, Verb.CREATE, "a")
        pause(0.2)
        assert asks(ANN, Verb.CREATE, "a")
        assert time.monotonic() - began < 1.5
        assert first.result(10)
        assert time.monotonic() - began < 3.5
        again = time.monotonic()
        assert asks(ANN, Verb.CREATE, "a")
        assert time.monotonic() - again < 1


def test_of_what_was_never_answered_a_silent_api_server_is_asked_twice(server: ApiServer) -> None:
    server.heard.clear()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        reviews(server)(ANN, Verb.CREATE, "a")
    assert 4 < time.monotonic() - began < 7


def test_what_was_taken_back_serves_nobody_while_nobody_can_be_asked(server: ApiServer) -> None:
    clock = Clock()
    asks = reviews(server, clock)
    server.allowed = {("ann", "create", "a")}
    assert asks(ANN, Verb.CREATE, "a")
    clock.seconds += 30
    server.refused = "Review"
    with pytest.raises(Misconfigured):
        asks(ANN, Verb.CREATE, "a")
    server.broken = dict.fromkeys(range(100), Break.NOT_HEARD)
    with pytest.raises(Unavailable):
        asks(ANN, Verb.CREATE, "a")


MEMBER, VIEWER, ADMIN = {"create"}, {"get", "list"}, {"create", "get", "list", "delete"}


def permissions(verbs: set[str], user: User = ANN) -> Permissions:
    return Permissions(lambda _, verb, namespace: namespace == "a" and verb in verbs, user, "a")


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except Forbidden:
        return "403"
    except TaskNotFound:
        return "404"
    return "yes"


@pytest.mark.parametrize(
    ("verbs", "create", "see", "cancel"),
    [
        pytest.param(set[str](), "403", ("403", "403"), ("403", "403"), id="a stranger"),
        pytest.param(MEMBER, "yes", ("yes", "404"), ("yes", "404"), id="a member"),
        pytest.param(VIEWER, "403", ("yes", "yes"), ("403", "403"), id="a viewer"),
        pytest.param(MEMBER | VIEWER, "yes", ("yes", "yes"), ("yes", "403"), id="a member who sees all"),
        pytest.param(ADMIN, "yes", ("yes", "yes"), ("yes", "yes"), id="an admin"),
        pytest.param({"delete"}, "403", ("403", "403"), ("yes", "yes"), id="one who only clears away"),
    ],
)
def test_what_one_may_do_with_ones_own_task_and_with_anothers(
    verbs: set[str], create: str, see: tuple[str, str], cancel: tuple[str, str]
) -> None:
    own = permissions(verbs)
    assert outcome(own.create) == create
    assert tuple(outcome(lambda owner=owner: own.see("task-x")(owner)) for owner in ("ann", "bob")) == see  # type: ignore[misc]
    assert tuple(outcome(lambda owner=owner: own.cancel("task-x")(owner)) for owner in ("ann", "bob")) == cancel  # type: ignore[misc]


def test_who_may_list_none_but_own_tasks_asks_kubernetes_for_those_alone() -> None:
    assert permissions(ADMIN).listing() == permissions(VIEWER).listing() == ""
    assert permissions(MEMBER).listing() == f"tesk/owner={naming.hashed('ann')}"
    assert outcome(permissions(set()).listing) == "403"


def test_where_the_service_is_open_everyone_may_everything() -> None:
    own = Permissions(anyone, ANONYMOUS, "a")
    own.create()
    assert own.listing() == ""
    own.see("task-x")("bob")
    own.cancel("task-x")("bob")


def test_a_namespace_is_a_tenant_by_its_label(server: ApiServer) -> None:
    tenancy = Tenancy(Cluster(Session(server.url)), lambda: 0.0)
    assert [name for name in ("tesk", "other", "") if tenancy.has(name)] == ["tesk"]
    assert server.looks == 1


def test_a_new_tenant_is_seen_at_once_and_one_that_has_gone_soon(server: ApiServer) -> None:
    clock = Clock()
    tenancy = Tenancy(Cluster(Session(server.url)), clock)
    assert not tenancy.has("a")
    server.tenants = ["a"]
    clock.seconds += 0.6
    assert tenancy.has("a")
    server.tenants = []
    clock.seconds += 4
    assert not tenancy.has("a")


def test_those_who_try_names_cost_two_looks_a_second(server: ApiServer) -> None:
    clock = Clock()
    tenancy = Tenancy(Cluster(Session(server.url)), clock)
    for _ in range(40):
        assert not tenancy.has("other")
        clock.seconds += 0.05
    assert server.looks <= 4


def test_of_a_name_that_was_no_tenant_nothing_is_said_while_the_api_server_is_away(server: ApiServer) -> None:
    clock = Clock()
    tenancy = Tenancy(Cluster(Session(server.url)), clock)
    assert not tenancy.has("a")
    server.tenants_unknown = True
    clock.seconds += 0.6
    with pytest.raises(Unavailable):
        tenancy.has("a")


def test_tenants_stay_while_the_api_server_is_away(server: ApiServer) -> None:
    clock = Clock()
    tenancy = Tenancy(Cluster(Session(server.url)), clock)
    assert tenancy.has("tesk")
    server.tenants_unknown = True
    clock.seconds += 4
    assert tenancy.has("tesk")


def test_tenants_stay_while_the_api_server_is_silent_after_one_short_try(server: ApiServer) -> None:
    clock = Clock()
    tenancy = Tenancy(Cluster(Session(server.url)), clock)
    assert tenancy.has("tesk")
    server.heard.clear()
    clock.seconds += 4
    began = time.monotonic()
    assert tenancy.has("tesk")
    assert time.monotonic() - began < 3


def test_nothing_is_a_tenant_before_the_api_server_could_be_asked(server: ApiServer) -> None:
    server.tenants_unknown = True
    with pytest.raises(Unavailable):
        Tenancy(Cluster(Session(server.url)), lambda: 0.0, waits=()).has("tesk")
