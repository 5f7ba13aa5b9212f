"""What the taskmaster shows to the API server, and what it knows that one by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tescore import naming

_MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Account:
    """Of the taskmaster's pod."""

    authority: str
    """Certificates in PEM, one of which the API server's is signed with."""
    token: Callable[[], str]
    """Read each time, because the kubelet replaces the file."""


def account(environment: Mapping[str, str]) -> Account:
    """The token that the Job takes from a Secret into the environment, else the one that the kubelet mounts."""
    token = environment.get(naming.TOKEN_VARIABLE)
    return Account(environment[naming.AUTHORITY_VARIABLE], lambda: token) if token else mounted(_MOUNTED)


def mounted(folder: Path) -> Account:
    """As the kubelet puts it into every container."""
    return Account((folder / "ca.crt").read_text(), (folder / "token").read_text)
