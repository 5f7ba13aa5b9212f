"""The Kubernetes API server as api, webhook and janitor call it: dicts in, dicts out, the project's own errors."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject

from tescore import listing
from tescore.errors import Unavailable, kubernetes_error

Object = dict[str, Any]

_CONNECTIONS = 32
"""Kept open at most; more threads than that do not call at a time."""
_TIMEOUT = (3.0, 9.0)
"""Seconds to connect and between two bytes of the answer."""
_ON_THE_WAY = 0.5
"""Seconds that an answer may come after the API server has given up."""


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
        if not host:
            config.load_incluster_config(client_configuration=settings)
        self._settings = settings
        # Not the library's ApiClient over it, which fails in an error of its own where TLS breaks off.
        self._rest = RESTClientObject(settings)

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

    def create(self, path: str, body: Object, *, within: float | None = None) -> Object:
        """With `within` the API server gives up after so many seconds, so that nothing is under way any more then."""
        query = {"timeout": f"{within:.3f}s"} if within else None
        return self._call("POST", path, query=query, body=body, within=within)

    def patch(self, path: str, body: Object) -> Object:
        """A merge patch (RFC 7386)."""
        return self._call("PATCH", path, body=body, content_type="application/merge-patch+json")

    def delete(self, path: str, *, uid: str = "") -> Object:
        """What the object owns is deleted after it. With a uid it is deleted only if it is that one, else Conflict."""
        body = {"propagationPolicy": "Background", **({"preconditions": {"uid": uid}} if uid else {})}
        return self._call("DELETE", path, body=body)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        accept: str = "application/json",
        content_type: str = "application/json",
        within: float | None = None,
    ) -> Object:
        headers = {
            "Accept": accept,
            "Content-Type": content_type,
            # Asked for each time, because the library reads the pod's token anew when it has been replaced.
            **{part["key"]: part["value"] for part in self._settings.auth_settings().values()},
        }
        try:
            answer = self._rest.request(
                method,
                self._settings.host + path,
                query_params=list((query or {}).items()),
                headers=headers,
                body=body,
                _preload_content=False,
                _request_timeout=_TIMEOUT if within is None else (min(_TIMEOUT[0], within), within + _ON_THE_WAY),
            )
            found: Object = json.loads(answer.data)
        except ApiException as error:
            if not error.status:  # TLS broke off
                raise Unavailable(f"The Kubernetes API server cannot be reached ({error.reason}).") from error
            retry_after = (error.headers or {}).get("Retry-After")
            raise kubernetes_error(error.status, error.body or b"", method=method, retry_after=retry_after) from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The Kubernetes API server cannot be reached ({error}).") from error
        return found


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """The path of objects; the kind is the plural with its group, `configmaps` or `batch/v1/jobs`."""
    group, _, plural = kind.rpartition("/")
    parts = [f"/apis/{group}" if group else "/api/v1"]
    parts += ["namespaces", namespace] if namespace else []
    return "/".join([*parts, plural, *([name] if name else [])])
