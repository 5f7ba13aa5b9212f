"""Where a pod finds the API server, how it knows it, and what it shows to it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

_MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Account(NamedTuple):
    """A pod's ServiceAccount."""

    authority: str
    """Certificates in PEM, one of which the API server's is signed with."""
    token: Callable[[], str]
    """Read each time, because the kubelet replaces the file."""


def mounted(folder: Path = _MOUNTED) -> Account:
    """As the kubelet puts it into every container."""
    return Account((folder / "ca.crt").read_text(), (folder / "token").read_text)


def server(environment: Mapping[str, str]) -> str:
    """The URL of the API server, as the kubelet tells every container."""
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
    return f"https://{f'[{host}]' if ':' in host else host}:{port}"
