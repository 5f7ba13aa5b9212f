"""A real OpenID Connect provider on the loopback interface (npm's oidc-provider), and tokens that it never made."""

import base64
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import urllib3
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

AUDIENCE = "urn:tesk"


@dataclass(frozen=True)
class SigningKey:
    name: str
    private: RSAPrivateKey

    def jwk(self) -> dict[str, Any]:
        return {**jwt.algorithms.RSAAlgorithm.to_jwk(self.private, as_dict=True), "kid": self.name, "use": "sig"}


def signing_key(name: str) -> SigningKey:
    return SigningKey(name, generate_private_key(65537, 2048))


@dataclass(frozen=True)
class Provider:
    url: str
    key: SigningKey

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def of_user(self, sub: str, *, resource: str = AUDIENCE) -> str:
        """An access token as a user gets it who has logged in; without a resource an opaque one for userinfo."""
        return self._asked("GET", f"/mint?sub={sub}" + (f"&resource={resource}" if resource else ""))

    def of_client(self, *, resource: str = AUDIENCE) -> str:
        """The access token of a program, by client credentials."""
        form = f"grant_type=client_credentials&scope=tasks&resource={resource}"
        return str(json.loads(self._asked("POST", "/token", form))["access_token"])

    def signed(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A token that the provider's own key signs, with other claims than it would give; None leaves one out."""
        now = int(time.time())
        own = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "groups": ["lab"], "iat": now, "exp": now + 600}
        payload = {name: value for name, value in {**own, **claims}.items() if value is not None}
        headers = {"kid": self.key.name, "typ": "at+jwt", **(header or {})}
        return jwt.encode(payload, self.key.private, algorithm="RS256", headers=headers)

    def unsigned(self) -> str:
        """A token that says of itself that it is signed with nothing (alg none)."""
        header = b64(json.dumps({"alg": "none", "typ": "JWT", "kid": self.key.name}).encode())
        return f"{header}.{self.signed().split('.')[1]}."

    def _asked(self, method: str, target: str, form: str | None = None) -> str:
        headers = {
            "Authorization": "Basic " + base64.b64encode(b"pipeline:pipeline-secret").decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = urllib3.request(method, self.url + target, body=form, headers=headers, timeout=20.0)
        assert answer.status == 200, answer.data
        return answer.data.decode()


def b64(data: bytes) -> str:
    """The text of a part of a JWT."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextlib.contextmanager
def oidc_provider(key: SigningKey, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Provider]:
    """A provider that signs with that key, until the block ends. Its folder is named by the variable OIDC_PROVIDER."""
    folder = os.environ.get("OIDC_PROVIDER", "")  # noqa: TID251, it is installed outside of the tests
    if not folder:
        raise RuntimeError(
            "OIDC_PROVIDER is not set: these tests need npm's oidc-provider. Run `make test`, or set it to what "
            "`scripts/oidc-provider` prints."
        )
    with subprocess.Popen(
        ["node", "provider.js", json.dumps({"host": host, "port": port, "keys": [key.jwk()]})],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = next((line.strip() for line in process.stdout if line.startswith("http://")), "")
            assert url, "the provider ended"
            yield Provider(url, key)
        finally:
            process.terminate()
