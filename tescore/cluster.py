"""The Kubernetes API server as api, webhook and janitor call it: dicts in, dicts out, the project's own errors."""

import json
import socket
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config
from kubernetes.client.rest import RESTClientObject

from tescore import listing
from tescore.errors import Unavailable, kubernetes_error

Object = dict[str, Any]

_CONNECTIONS = 32
"""Kept open at most; more threads than that do not call at a time."""
_CONNECT = 3.0
"""Seconds to connect."""
_TIMEOUT = urllib3.Timeout(connect=_CONNECT, read=9.0)
"""The latter between two bytes of the answer."""
_ON_THE_WAY = 0.5
"""Seconds that an answer may come after the API server has given up."""
_KEEPALIVE = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]
"""So that it is seen within a minute that the other side of a silent stream is no more."""
_CHUNK = 64 * 1024


class Stream:
    """An answer that is read as it comes."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self._answer = answer

    def chunks(self) -> Generator[bytes, None, None]:
        """The bytes as they come. Raises Unavailable where they break off."""
        try:
            yield from self._answer.stream(_CHUNK)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The answer of the Kubernetes API server broke off ({error}).") from error
        finally:
            self._answer.close()

    def stop(self) -> None:
        """Has the reading end, from another thread."""
        with suppress(OSError, RuntimeError, ValueError):  # it has ended by itself
            self._answer.shutdown()


class Cluster:
    """One attempt per call, with the pod's ServiceAccount unless settings of the library's are given.

    Raises Missing, AlreadyExists, Conflict, Expired or Refused where the API server says so, and Unavailable where
    it does not answer.
    """

    def __init__(self, host: str = "") -> None:
        """The API server of the pod's own cluster, or the one at that URL, without a token."""
        settings = client.Configuration(host=host)
        settings.retries = False
        settings.connection_pool_maxsize = _CONNECTIONS
        settings.socket_options = _KEEPALIVE
        if not host:
            config.load_incluster_config(client_configuration=settings)
        self._settings = settings
        # The library's connections and not its calls, whose layers took a tenth of the CPU of an answer.
        self._pool = RESTClientObject(settings).pool_manager.connection_from_url(settings.host)

    def get(self, path: str, *, query: Mapping[str, str] | None = None, accept: str = "application/json") -> Object:
        return self._call("GET", path, query=query, accept=accept)

    def listed(
        self, kind: str, namespace: str, selector: str, *, whole: bool = False, fields: str = ""
    ) -> Iterator[Object]:
        """All objects with these labels and fields, a page at a time; their metadata alone unless `whole`."""
        where = path(kind, namespace)
        return listing.listed(
            lambda query, accept: self.get(where, query=query, accept=accept), selector, whole=whole, fields=fields
        )

    def stream(
        self, path: str, *, query: Mapping[str, str], accept: str = "*/*", silence: float | None = None
    ) -> Stream:
        """A long answer, such as a log or a watch, which may be silent for so many seconds, or for ever."""
        timeout = urllib3.Timeout(connect=_CONNECT, read=silence)
        return Stream(self._request("GET", path, query=query, accept=accept, timeout=timeout, whole=False))

    def create(self, path: str, body: Object, *, dry_run: bool = False, within: float | None = None) -> Object:
        """With `dry_run` all is done but storing it, admission webhooks included.

        With `within` the API server gives up after so many seconds, so that nothing is under way any more then.
        """
        query = {
            **({"dryRun": "All"} if dry_run else {}),
            **({"timeout": f"{within:.3f}s"} if within is not None else {}),
        }
        if within is None:
            return self._call("POST", path, body=body, query=query)
        timeout = urllib3.Timeout(connect=min(_CONNECT, within), read=within + _ON_THE_WAY)
        return self._call("POST", path, body=body, query=query, timeout=timeout)

    def patch(self, path: str, body: Object) -> Object:
        """A merge patch (RFC 7386)."""
        return self._call("PATCH", path, body=body, content_type="application/merge-patch+json")

    def delete(self, path: str, *, uid: str = "") -> Object:
        """What the object owns is deleted after it. With a uid it is deleted only if it is that one, else Conflict."""
        body = {"propagationPolicy": "Background", **({"preconditions": {"uid": uid}} if uid else {})}
        return self._call("DELETE", path, body=body)

    def _call(self, method: str, path: str, **options: Any) -> Object:
        found: Object = json.loads(self._request(method, path, **options).data)
        return found

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        accept: str = "application/json",
        content_type: str = "application/json",
        timeout: urllib3.Timeout = _TIMEOUT,
        whole: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        headers = {
            "Accept": accept,
            "Content-Type": content_type,
            # Asked for each time, because the library reads the pod's token anew when it has been replaced.
            **{part["key"]: part["value"] for part in self._settings.auth_settings().values()},
        }
        try:
            answer: urllib3.BaseHTTPResponse = self._pool.urlopen(
                method,
                f"{path}?{urlencode(query)}" if query else path,
                body=None if body is None else json.dumps(body),
                headers=headers,
                retries=False,
                timeout=timeout,
                preload_content=whole,
            )
            if 200 <= answer.status <= 299:
                return answer
            retry_after = answer.headers.get("Retry-After")
            raise kubernetes_error(answer.status, answer.data, method=method, retry_after=retry_after)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The Kubernetes API server cannot be reached ({error}).") from error


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """The path of objects; the kind is the plural with its group, `configmaps` or `batch/v1/jobs`."""
    group, _, plural = kind.rpartition("/")
    parts = [f"/apis/{group}" if group else "/api/v1"]
    parts += ["namespaces", namespace] if namespace else []
    return "/".join([*parts, plural, *([name] if name else [])])
