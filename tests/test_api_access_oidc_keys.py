"""What a token may be signed with, by keys of every kind, and claims that only the provider's userinfo has."""

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from api.access.oidc import Oidc
from api.access.settings import AccessSettings
from api.access.user import EVERYONE, User
from tescore.errors import Unauthenticated
from tests.servers import HttpServer, http_server

RSA = rsa.generate_private_key(65537, 2048)
PRIVATE: dict[str, Any] = {
    "any RSA": RSA,
    "RS256 only": rsa.generate_private_key(65537, 2048),
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "to encrypt": RSA,
}
MORE = {"RS256 only": {"alg": "RS256"}, "to encrypt": {"use": "enc"}}
SECRET = "a secret that provider and service share, which all who verify could sign with"


def published(name: str) -> dict[str, Any]:
    """The public key as the provider shows it."""
    kinds: dict[type, Any] = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
    }
    shows = next((kinds[kind] for kind in kinds if isinstance(PRIVATE[name], kind)), jwt.algorithms.OKPAlgorithm)
    return {**shows.to_jwk(PRIVATE[name].public_key(), as_dict=True), "kid": name, **MORE.get(name, {})}


@pytest.fixture(scope="module")
def provider() -> Iterator[HttpServer]:
    """It publishes all these keys, and one that is secret by nature."""
    with http_server() as server:
        secret = {"kty": "oct", "kid": "secret", "k": jwt.utils.base64url_encode(SECRET.encode()).decode()}
        described = {"jwks_uri": server.url("/keys"), "userinfo_endpoint": server.url("/userinfo")}
        server.files["/.well-known/openid-configuration"] = json.dumps({"issuer": server.url(""), **described}).encode()
        server.files["/keys"] = json.dumps({"keys": [*map(published, PRIVATE), secret]}).encode()
        yield server


def signed(provider: HttpServer, algorithm: str, key: str, **claims: Any) -> str:
    payload = {"iss": provider.url(""), "aud": "tesk", "sub": "ann", "exp": int(time.time()) + 600, **claims}
    return jwt.encode(payload, PRIVATE.get(key, SECRET), algorithm=algorithm, headers={"kid": key})


def method(provider: HttpServer, **settings: Any) -> Oidc:
    given = {"oidc_issuers": (provider.url(""),), "oidc_audiences": ("tesk",), **settings}
    return Oidc(AccessSettings(authentication=("oidc",), **given), lambda: 1000.0)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        *((algorithm, "any RSA") for algorithm in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        ("RS256", "RS256 only"),
        ("ES256", "P-256"),
        ("ES384", "P-384"),
        ("EdDSA", "Ed25519"),
    ],
)
def test_a_signature_with_a_key_of_the_providers_is_taken(provider: HttpServer, algorithm: str, key: str) -> None:
    assert method(provider).verdict(signed(provider, algorithm, key)).user.name == f"{provider.url('')}#ann"


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        pytest.param("PS256", "RS256 only", id="another algorithm than the key names"),
        pytest.param("RS256", "to encrypt", id="a key that is not for signatures"),
        pytest.param("HS256", "secret", id="a secret that is shared"),
        pytest.param("HS512", "secret", id="a secret that is shared, longer"),
    ],
)
def test_any_other_is_not(provider: HttpServer, algorithm: str, key: str) -> None:
    with pytest.raises(Unauthenticated):
        method(provider).verdict(signed(provider, algorithm, key))


def test_claims_that_a_token_does_not_have_are_asked_for(provider: HttpServer) -> None:
    provider.files["/userinfo"] = json.dumps({"sub": "ann", "groups": ["lab"]}).encode()
    token = signed(provider, "ES256", "P-256")
    of = f"{provider.url('')}#"
    assert method(provider).verdict(token).user == User(f"{of}ann", (EVERYONE,))
    assert method(provider, oidc_userinfo=True).verdict(token).user == User(f"{of}ann", (f"{of}lab", EVERYONE))


def test_what_a_token_says_goes_before_what_userinfo_says(provider: HttpServer) -> None:
    provider.files["/userinfo"] = json.dumps({"sub": "ann", "groups": ["admins"], "aud": "other"}).encode()
    provider.requests.clear()
    user = method(provider, oidc_userinfo=True).verdict(signed(provider, "ES256", "P-256", groups=["lab"])).user
    assert user.groups == (f"{provider.url('')}#lab", EVERYONE)
    assert "/userinfo" not in [request.target for request in provider.requests]


@pytest.mark.parametrize("told", [{"sub": "bob", "groups": ["admins"]}, {"groups": ["admins"]}, ["ann"]])
def test_userinfo_of_somebody_else_lets_nobody_in(provider: HttpServer, told: Any) -> None:
    provider.files["/userinfo"] = json.dumps(told).encode()
    with pytest.raises(Unauthenticated, match="another user's"):
        method(provider, oidc_userinfo=True).verdict(signed(provider, "ES256", "P-256"))
