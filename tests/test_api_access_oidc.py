"""Tokens of a real OpenID Connect provider, and such as it never gave."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from api.access.oidc import Oidc
from api.access.settings import AccessSettings
from api.access.user import EVERYONE, User
from tescore.errors import Unauthenticated, Unavailable
from tests.clock import Clock
from tests.oidc_provider import AUDIENCE, Provider, b64, oidc_provider, signing_key
from tests.servers import Answer, HttpServer, http_server


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with oidc_provider(signing_key("first")) as running:
        yield running


def method(*urls: str, clock: Callable[[], float] = lambda: 1000.0, **settings: Any) -> Oidc:
    given = {"oidc_issuers": urls, "oidc_audiences": (AUDIENCE,), **settings}
    return Oidc(AccessSettings(authentication=("oidc",), **given), clock)


def test_a_user_who_logged_in_is_named_with_issuer_and_groups(provider: Provider) -> None:
    verdict = method(provider.url).verdict(provider.of_user("bob"))
    of = f"{provider.url}#"
    assert verdict.user == User(f"{of}bob", (f"{of}office", f"{of}lab", EVERYONE))
    assert time.time() < verdict.ends < time.time() + 4000


def test_a_program_comes_in_by_client_credentials(provider: Provider) -> None:
    assert method(provider.url).verdict(provider.of_client()).user == User(f"{provider.url}#pipeline", (EVERYONE,))


def test_claims_and_prefix_can_be_others(provider: Provider) -> None:
    own = method(
        provider.url,
        oidc_prefix="-",
        oidc_user_claim="preferred_username",
        oidc_groups_claim="realm_access.roles",
    )
    token = provider.signed(preferred_username="ann@lab", realm_access={"roles": ["a", 3, "system:masters", "b"]})
    assert own.verdict(token).user == User("ann@lab", ("a", "b", EVERYONE))


def signed_with_the_public_key(provider: Provider) -> str:
    """The provider's public key, which all know, taken for a shared secret."""
    public = provider.key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": provider.key.name}).encode())
    text = f"{header}.{provider.signed().split('.')[1]}"
    return f"{text}.{b64(hmac.digest(public, text.encode(), hashlib.sha256))}"


def tampered(provider: Provider) -> str:
    header, _, signature = provider.signed().split(".")
    return f"{header}.{provider.signed(sub='bob').split('.')[1]}.{signature}"


def of_another_key(provider: Provider) -> str:
    return Provider(provider.url, signing_key(provider.key.name)).signed()


def key_in_its_own_header(provider: Provider) -> str:
    """Signed with a key that the token itself brings along."""
    mine = signing_key("mine")
    return Provider(provider.url, mine).signed({"jwk": {"kty": "RSA", **mine.jwk()}, "kid": "mine"})


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        pytest.param(lambda p: p.signed(exp=int(time.time()) - 60), "has expired", id="expired"),
        pytest.param(lambda p: p.signed(exp=None), "is not valid", id="never expires"),
        pytest.param(lambda p: p.signed(nbf=int(time.time()) + 60), "is not valid yet", id="not yet valid"),
        pytest.param(lambda p: p.signed(aud="urn:other"), "is not for this service", id="wrong audience"),
        pytest.param(lambda p: p.signed(aud=None), "is not valid", id="no audience"),
        pytest.param(lambda p: p.signed(sub=None), "names a user", id="no user"),
        pytest.param(lambda p: p.signed(sub="x" * 600), "more than 512", id="a name too long"),
        pytest.param(Provider.unsigned, "signed in a way", id="alg none"),
        pytest.param(signed_with_the_public_key, "signed in a way", id="HS256 with the public key"),
        pytest.param(lambda p: p.signed({"kid": "none"}), "key that its issuer does not have", id="unknown key"),
        pytest.param(tampered, "wrong signature", id="tampered"),
        pytest.param(of_another_key, "wrong signature", id="of another key of that name"),
        pytest.param(key_in_its_own_header, "does not have", id="with a key of its own"),
        pytest.param(lambda p: p.signed({"typ": "logout+jwt"}), "of a kind", id="a token that ends sessions"),
        pytest.param(lambda p: p.signed({"crit": ["x"], "x": 1}), "is not valid", id="with a rule that nobody knows"),
    ],
)
def test_a_token_that_the_provider_would_not_give_is_refused(
    provider: Provider, forged: Callable[[Provider], str], why: str
) -> None:
    with pytest.raises(Unauthenticated, match=why):
        method(provider.url).verdict(forged(provider))


def test_a_token_of_another_issuer_is_not_judged(provider: Provider) -> None:
    own = method(provider.url)
    assert own.takes(provider.signed())
    assert not own.takes(provider.signed(iss="https://elsewhere.example"))
    assert not own.takes(provider.signed(iss=None))
    assert not own.takes("an opaque one")


def test_clocks_may_differ_a_little(provider: Provider) -> None:
    now = int(time.time())
    own = method(provider.url, oidc_skew_seconds=300.0)
    assert own.verdict(provider.signed(exp=now - 60, nbf=now + 60)).user.name.endswith("#ann")


@pytest.mark.parametrize("name", ["system:admin", "tesk:anonymous", "basic:ann"])
def test_without_a_prefix_nobody_gets_a_name_of_kubernetes_or_of_the_service(provider: Provider, name: str) -> None:
    with pytest.raises(Unauthenticated, match="only Kubernetes and the service"):
        method(provider.url, oidc_prefix="-").verdict(provider.signed(sub=name))


def test_a_new_key_is_learnt_and_a_withdrawn_one_serves_no_more() -> None:
    clock, old, new = Clock(), signing_key("old"), signing_key("new")
    with oidc_provider(old) as before:
        own = method(before.url, clock=clock)
        own.verdict(before.of_client())
    with oidc_provider(new, port=before.port) as after:
        clock.seconds += 11
        assert own.verdict(after.of_client()).user.name.endswith("#pipeline")
        with pytest.raises(Unauthenticated, match="does not have"):
            own.verdict(before.signed())


def test_a_key_that_is_not_known_while_the_provider_is_away_may_be_a_new_one() -> None:
    clock, new = Clock(), signing_key("new")
    with oidc_provider(signing_key("old")) as provider:
        own = method(provider.url, clock=clock)
        own.verdict(provider.of_client())
    for seconds in (60, 1):  # the second is within the pause, so that nobody is asked
        clock.seconds += seconds
        with pytest.raises(Unavailable, match="cannot be reached"):
            own.verdict(Provider(provider.url, new).signed())


def test_known_keys_serve_while_the_provider_is_away_but_not_for_ever() -> None:
    clock = Clock()
    with oidc_provider(signing_key("first")) as provider:
        own = method(provider.url, clock=clock)
        own.verdict(provider.of_client())
    clock.seconds += 1800
    assert own.verdict(provider.signed()).user.name.endswith("#ann")
    clock.seconds += 1801
    with pytest.raises(Unavailable):
        own.verdict(provider.signed())


@dataclass
class Described:
    """A provider of which one can count what it is asked."""

    server: HttpServer
    key: Any = field(default_factory=lambda: signing_key("k"))

    @property
    def provider(self) -> Provider:
        return Provider(self.server.url(""), self.key)

    def says(self, **more: Any) -> None:
        own = {"issuer": self.server.url(""), "jwks_uri": self.server.url("/keys"), **more}
        self.server.files["/.well-known/openid-configuration"] = json.dumps(own).encode()
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.private.public_key(), as_dict=True)
        self.server.files["/keys"] = json.dumps(
            {"keys": [{**public, "kid": "k"}, {"kty": "oct", "k": "AA"}, 3]}
        ).encode()


@pytest.fixture
def described() -> Iterator[Described]:
    with http_server() as server:
        made = Described(server)
        made.says()
        yield made


def test_many_tokens_with_unknown_keys_do_not_make_many_requests(described: Described) -> None:
    clock = Clock()
    own = method(described.provider.url, clock=clock)
    for number in range(30):
        clock.seconds += 1
        with pytest.raises(Unauthenticated):
            own.verdict(described.provider.signed({"kid": f"unknown {number}"}))
    assert len(described.server.requests) == 2 * 3


def test_what_does_not_call_itself_the_issuer_is_not_believed(described: Described) -> None:
    described.says(issuer="https://elsewhere.example")
    with pytest.raises(Unavailable, match="does not call itself"):
        method(described.provider.url).verdict(described.provider.signed())


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(500), id="error"),
        pytest.param(Answer(404), id="nothing there"),
        pytest.param(Answer(302, headers=(("Location", "http://127.0.0.1:1/"),)), id="a redirect"),
        pytest.param(Answer(200, b"<html>"), id="no JSON"),
        pytest.param(Answer(200, b"[]"), id="no object"),
        pytest.param(Answer(200, b"x" * 2_000_000), id="too much"),
        pytest.param(Answer(200, b"{}", length=100), id="broken off"),
    ],
)
def test_a_provider_that_cannot_be_asked_is_no_fault_of_the_user(described: Described, answer: Answer) -> None:
    described.server.answers["/.well-known/openid-configuration"] = [answer]
    with pytest.raises(Unavailable):
        method(described.provider.url).verdict(described.provider.signed())


def test_a_provider_that_was_away_is_asked_again_soon(described: Described) -> None:
    clock = Clock()
    own = method(described.provider.url, clock=clock)
    described.server.answers["/.well-known/openid-configuration"] = [Answer(503)]
    for _ in range(3):
        with pytest.raises(Unavailable):
            own.verdict(described.provider.signed())
    assert len(described.server.requests) == 1
    clock.seconds += 10
    assert own.verdict(described.provider.signed()).user.name.endswith("#ann")


@pytest.fixture
def secret(tmp_path: Path) -> str:
    (tmp_path / "secret").write_text("tesk-secret\n")
    return str(tmp_path / "secret")


def test_an_opaque_token_is_introspected_and_its_user_asked_for(provider: Provider, secret: str) -> None:
    own = method(
        provider.url,
        oidc_audiences=("*",),
        oidc_opaque="introspection",
        oidc_client_id="tesk",
        oidc_client_secret_file=secret,
        oidc_userinfo=True,
    )
    token = provider.of_user("ann", resource="")
    assert own.takes(token)
    verdict = own.verdict(token)
    assert verdict.user == User(f"{provider.url}#ann", (f"{provider.url}#lab", EVERYONE))
    assert time.time() < verdict.ends < time.time() + 4000
    with pytest.raises(Unauthenticated, match="does not know the token"):
        own.verdict("x" * 43)


def test_an_introspected_token_must_be_for_this_service(provider: Provider, secret: str) -> None:
    own = method(
        provider.url,
        oidc_audiences=("urn:tesk:opaque",),
        oidc_opaque="introspection",
        oidc_client_id="tesk",
        oidc_client_secret_file=secret,
    )
    assert own.verdict(provider.of_user("ann", resource="urn:tesk:opaque")).user.name.endswith("#ann")
    for resource in ("urn:other:opaque", ""):
        with pytest.raises(Unauthenticated, match="is not for this service"):
            own.verdict(provider.of_user("ann", resource=resource))


def test_an_opaque_token_is_shown_to_userinfo(provider: Provider) -> None:
    own = method(provider.url, oidc_audiences=("*",), oidc_opaque="userinfo")
    user = own.verdict(provider.of_user("bob", resource="")).user
    assert user == User(f"{provider.url}#bob", (f"{provider.url}#office", f"{provider.url}#lab", EVERYONE))
    with pytest.raises(Unauthenticated, match="does not know the token"):
        own.verdict("x" * 43)
