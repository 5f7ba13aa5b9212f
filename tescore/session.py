"""Requests to the Kubernetes API server as one account: dicts in, the project's own errors out."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tescore.connections import Answer, Connections
from tescore.errors import kubernetes_error

Object = dict[str, Any]
_JSON = "application/json"


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


class Session:
    """For any number of threads. Each call is one try.

    Raises Missing, AlreadyExists, Conflict, Expired or Refused where the API server says so, and Unavailable where
    it does not answer.
    """

    def __init__(self, server: str, account: Account | None = None) -> None:
        """The API server at that URL, without an account to one that asks for none."""
        self._connections = Connections(server, account.authority if account else "")
        self._account = account

    def ask(
        self,
        method: str,
        path: str,
        *,
        patience: float | None,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        accept: str = _JSON,
        content_type: str = _JSON,
    ) -> Answer:
        """An answer of success as it comes, from a server that may be silent for so many seconds, or for ever."""
        shown = {"Authorization": f"Bearer {self._account.token()}"} if self._account else {}
        answer = self._connections.ask(
            method,
            f"{path}?{urlencode(query)}" if query else path,
            {**shown, "Accept": accept, "Content-Type": content_type},
            None if body is None else json.dumps(body).encode(),
            patience=patience,
        )
        if answer.status < 400:
            return answer
        said = b"".join(answer.body)
        raise kubernetes_error(answer.status, said, method=method, retry_after=answer.retry_after)


def path(kind: str, namespace: str = "", name: str = "", part: str = "") -> str:
    """The path of objects; the kind is the plural with its group, `configmaps` or `batch/v1/jobs`."""
    group, _, plural = kind.rpartition("/")
    parts = [f"/apis/{group}" if group else "/api/v1", *(["namespaces", namespace] if namespace else []), plural]
    return "/".join([*parts, *([name] if name else []), *([part] if part else [])])
