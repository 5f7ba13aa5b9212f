"""Verdicts on credentials: which method judges, and how long a verdict is remembered."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from api.access.authentication import Authenticator
from api.access.bounded import Bounded
from api.access.settings import AccessSettings
from api.access.user import ANONYMOUS, User, Verdict
from tescore.errors import BadSettings, Unauthenticated, Unavailable
from tescore.settings import read
from tests.clock import Clock

ANN = User("ann", ("lab",))


@dataclass
class Method:
    """Lets in whoever says the word, and counts how often it is asked."""

    word: str = "good"
    scheme: str = "Bearer"
    ends: float = float("inf")
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def takes(self, credential: str) -> bool:
        return not credential.startswith("foreign")

    def verdict(self, credential: str) -> Verdict:
        self.asked.append(credential)
        if self.away:
            raise Unavailable("away")
        if credential != self.word:
            raise Unauthenticated("no")
        return Verdict(ANN, self.ends)


def authenticator(*methods: Method, clock: Callable[[], float] = lambda: 1000.0) -> Authenticator:
    return Authenticator(methods, seconds=30.0, clock=clock)


def test_where_the_service_is_open_everyone_is_the_same_whatever_they_send() -> None:
    for header in ("", "Basic Tm9uZTpOb25l", "Bearer x", "nonsense"):
        assert authenticator().user(header) == ANONYMOUS


@pytest.mark.parametrize("header", ["Bearer good", "bearer good", "BEARER  good", " Bearer good "])
def test_the_scheme_may_be_written_in_any_case(header: str) -> None:
    assert authenticator(Method()).user(header) == ANN


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "good", "Basic good", "Bearer foreign", "Bearer bad"])
def test_anything_else_lets_nobody_in(header: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticator(Method()).user(header)


def test_each_method_judges_what_it_takes() -> None:
    first, second = Method(), Method(scheme="Basic", word="word")
    both = authenticator(first, second)
    assert both.user("Basic word") == ANN
    assert both.user("Bearer good") == ANN
    assert (first.asked, second.asked) == (["good"], ["word"])


def test_a_good_credential_is_asked_about_again_after_a_while() -> None:
    method, clock = Method(), Clock()
    own = authenticator(method, clock=clock)
    for _ in range(3):
        own.user("Bearer good")
    assert len(method.asked) == 1
    clock.seconds += 30
    method.word = "other"
    with pytest.raises(Unauthenticated):
        own.user("Bearer good")


def test_a_credential_is_not_remembered_beyond_its_own_end() -> None:
    method, clock = Method(ends=1010.0), Clock()
    own = authenticator(method, clock=clock)
    own.user("Bearer good")
    clock.seconds = 1010.0
    method.word = "other"
    with pytest.raises(Unauthenticated):
        own.user("Bearer good")


def test_that_somebody_was_away_is_not_remembered() -> None:
    method = Method(away=True)
    own = authenticator(method)
    with pytest.raises(Unavailable):
        own.user("Bearer good")
    method.away = False
    assert own.user("Bearer good") == ANN


@pytest.mark.parametrize(
    ("later", "ends", "serves"),
    [(60, float("inf"), True), (400, float("inf"), False), (60, 1050.0, False), (60, 1070.0, True)],
)
def test_a_verdict_serves_on_while_somebody_is_away_but_neither_for_long_nor_beyond_the_credentials_end(
    later: float, ends: float, serves: bool
) -> None:
    method, clock = Method(ends=ends), Clock()
    own = authenticator(method, clock=clock)
    own.user("Bearer good")
    method.away = True
    clock.seconds += later
    if serves:
        assert own.user("Bearer good") == ANN
    else:
        with pytest.raises(Unavailable):
            own.user("Bearer good")


def test_a_refusal_says_how_to_come_in() -> None:
    own = authenticator(Method(), Method(), Method(scheme="Basic"))
    assert own.challenges(tried=False) == ['Bearer realm="tesk"', 'Basic realm="tesk", charset="UTF-8"']
    assert own.challenges(tried=True)[0] == 'Bearer realm="tesk", error="invalid_token"'


def test_no_more_is_remembered_than_may_be() -> None:
    kept = Bounded[int, str](3, 1.0, lambda: 0.0)
    for number in range(5):
        kept.get(number, lambda: ("first", math.inf))
    assert [kept.get(number, lambda: ("again", math.inf)) for number in (2, 3, 4, 0)] == [*3 * ["first"], "again"]


OIDC = {"TESK_AUTHENTICATION": "oidc", "TESK_OIDC_ISSUERS": "https://a.example", "TESK_OIDC_AUDIENCES": "tesk"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TESK_AUTHENTICATION": "kubernetes, basic"},
        OIDC,
        {**OIDC, "TESK_OIDC_OPAQUE": "introspection", "TESK_OIDC_CLIENT_ID": "tesk"},
        {**OIDC, "TESK_OIDC_AUDIENCES": "*", "TESK_OIDC_OPAQUE": "userinfo"},
    ],
)
def test_settings_that_can_be_meant_are_taken(environment: dict[str, str]) -> None:
    read(AccessSettings, environment)


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"TESK_AUTHENTICATION": "ldap"}, "has ldap"),
        ({"TESK_AUTHENTICATION": ","}, "is empty"),
        ({"TESK_AUTHENTICATION": "none,basic"}, "none beside others"),
        ({"TESK_AUTHENTICATION": "oidc"}, "TESK_OIDC_ISSUERS is not set"),
        ({**OIDC, "TESK_OIDC_ISSUERS": "a.example"}, "no http"),
        ({**OIDC, "TESK_OIDC_AUDIENCES": ""}, "TESK_OIDC_AUDIENCES is not set"),
        ({**OIDC, "TESK_OIDC_OPAQUE": "maybe"}, "neither introspection nor userinfo"),
        ({**OIDC, "TESK_OIDC_OPAQUE": "userinfo"}, "must be \\*"),
        ({**OIDC, "TESK_OIDC_OPAQUE": "introspection"}, "TESK_OIDC_CLIENT_ID is not set"),
        ({**OIDC, "TESK_OIDC_PREFIX": "system:"}, "begins like names"),
        ({**OIDC, "TESK_OIDC_PREFIX": "x:", "TESK_OIDC_ISSUERS": "https://a.example,https://b.example"}, "several"),
    ],
)
def test_settings_that_cannot_be_meant_end_the_start(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(BadSettings, match=problem):
        read(AccessSettings, environment)
