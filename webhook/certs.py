"""The webhook's certificate: made once, for ten years, with an authority of its own, and kept in a Secret."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tescore.errors import Misconfigured

SERVICE = "tesk-webhook"
_AUTHORITY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{SERVICE} authority")])
_LIFE = timedelta(days=3652)
_BACKDATED = timedelta(hours=1)
"""Clocks of nodes differ."""
_KEYS = ("tls.crt", "tls.key", "ca.crt")
"""Of the Secret's data, as cert-manager names them too."""


class Certificate(NamedTuple):
    """With its key and the authorities that the API server is to trust; all PEM."""

    chain: bytes
    key: bytes
    authority: bytes


def make(namespace: str, now: datetime) -> Certificate:
    """A new one for the webhook in that namespace. Nobody keeps its authority's key, so that signs no other."""
    host = f"{SERVICE}.{namespace}.svc"
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = (
        _builder(_AUTHORITY, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key, now)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # All authorities have one name; this tells which it is.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = serialization.Encoding.PEM
    return Certificate(certificate.public_bytes(pem), private, authority.public_bytes(pem))


def data(certificate: Certificate) -> dict[str, str]:
    """For a Secret."""
    return {key: base64.b64encode(part).decode() for key, part in zip(_KEYS, certificate, strict=True)}


def read(data: Mapping[str, str], now: datetime) -> Certificate:
    """From the data of a Secret, whoever made it. Raises Misconfigured for what cannot be served or has expired."""
    if missing := [key for key in _KEYS if not data.get(key)]:
        raise Misconfigured(f"The Secret of the webhook's certificate has no {' and no '.join(missing)}.")
    found = Certificate(*(base64.b64decode(data[key]) for key in _KEYS))
    try:
        certificate = x509.load_pem_x509_certificate(found.chain)
        key = serialization.load_pem_private_key(found.key, None)
        x509.load_pem_x509_certificates(found.authority)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured(
            "The webhook's certificate, its key or its authority, in their Secret, is no PEM."
        ) from error
    if key.public_key() != certificate.public_key():
        raise Misconfigured("The webhook's certificate and its key, in their Secret, do not belong together.")
    if certificate.not_valid_after_utc <= now:
        raise Misconfigured(f"The webhook's certificate, in its Secret, expired at {certificate.not_valid_after_utc}.")
    return found


def _builder(subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_AUTHORITY)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFE)
    )
