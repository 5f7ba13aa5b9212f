"""The webhook's certificates, each with an authority of its own that can sign no other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVICE = "tesk-webhook"
_AUTHORITY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{SERVICE} authority")])
_LIFE = timedelta(days=90)
_BACKDATED = timedelta(hours=1)
"""Clocks of nodes differ."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, both PEM."""

    certificate: bytes
    key: bytes

    @property
    def is_readable(self) -> bool:
        try:
            return bool(self._read())
        except ValueError:
            return False

    @property
    def begins(self) -> datetime:
        """When it was made, if it was made here."""
        return self._read().not_valid_before_utc + _BACKDATED

    @property
    def ends(self) -> datetime:
        return self._read().not_valid_after_utc

    @property
    def is_own(self) -> bool:
        """Whether it was made here, and not by cert-manager or an admin."""
        return self._read().issuer == _AUTHORITY

    def authority_among(self, trusted: bytes) -> bytes:
        """That one of some authorities, all PEM, which is behind the certificate; empty if none is."""
        own, found = self._read(), b""
        for authority in x509.load_pem_x509_certificates(trusted):
            try:
                own.verify_directly_issued_by(authority)
                found = authority.public_bytes(serialization.Encoding.PEM)
            except (ValueError, TypeError, InvalidSignature):
                continue
        return found

    def _read(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate)


Make = Callable[[], tuple[Pair, bytes]]
"""Gives a new pair, and the authority behind it as PEM."""


def made(namespace: str, now: datetime) -> tuple[Pair, bytes]:
    """A new pair for the webhook in that namespace, and the authority behind it, whose key nobody keeps."""
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
    return Pair(certificate.public_bytes(pem), private), authority.public_bytes(pem)


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
