"""The webhook's certificate authority and its certificate, kept in a Secret that all replicas share."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tescore.cluster import Object, path
from tescore.errors import AlreadyExists, Missing

SECRET = "tesk-webhook-tls"  # noqa: S105 - the name of the Secret
SERVICE = "tesk-webhook"
_LIFE = timedelta(days=3650)
_BACKDATED = timedelta(hours=1)
"""Clocks of nodes differ."""


class Objects(Protocol):
    """What is needed of tescore.cluster.Cluster."""

    def get(self, path: str) -> Object: ...
    def create(self, path: str, body: Object) -> Object: ...
    def patch(self, path: str, body: Object) -> Object: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """The webhook's certificate and key (PEM), and the authority behind it, as the API server wants it (base64)."""

    authority: str
    certificate: bytes
    key: bytes

    @property
    def secret(self) -> bytes:
        """What all replicas know and nobody else."""
        return hashlib.sha256(self.key).digest()


def ensured(cluster: Objects, namespace: str, now: datetime) -> Pair:
    """The pair that all replicas share, made if there is none yet.

    Of several replicas that start at once the first that stores its own wins.
    """
    return _pair(_secret(cluster, namespace, now))


def current(cluster: Objects, namespace: str) -> Pair | None:
    """The pair that is in force, which is another one if somebody has removed the Secret; None where there is none."""
    try:
        return _pair(cluster.get(path("secrets", namespace, SECRET)))
    except Missing:
        return None


def _pair(secret: Object) -> Pair:
    data = secret["data"]
    certificate, key = (base64.b64decode(data[name]) for name in ("tls.crt", "tls.key"))
    return Pair(data["ca.crt"], certificate, key)


def _secret(cluster: Objects, namespace: str, now: datetime) -> Object:
    there = path("secrets", namespace, SECRET)
    try:
        return cluster.get(there)
    except Missing:
        try:
            return cluster.create(path("secrets", namespace), _made(namespace, now))
        except AlreadyExists:
            return cluster.get(there)


def _made(namespace: str, now: datetime) -> dict[str, Any]:
    host = f"{SERVICE}.{namespace}.svc"
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{SERVICE} authority")])
    authority = (
        _builder(authority_name, authority_name, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), authority_name, key, now)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    parts = {
        "ca.crt": authority.public_bytes(serialization.Encoding.PEM),
        "tls.crt": certificate.public_bytes(serialization.Encoding.PEM),
        "tls.key": private,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": SECRET, "namespace": namespace},
        "data": {name: base64.b64encode(part).decode() for name, part in parts.items()},
    }


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFE)
    )
