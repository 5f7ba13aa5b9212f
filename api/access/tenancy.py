"""Which namespaces are tenants, by their label, looked at again every few seconds."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from api.access.review import WAITS
from tescore import naming
from tescore.cluster import Object
from tescore.errors import Misconfigured, Refused, Unavailable
from tescore.retry import retried
from tescore.tenants import REMEMBERED


class Lister(Protocol):
    """What is needed of tescore.cluster.Cluster."""

    def listed(self, kind: str, namespace: str, selector: str) -> Iterator[Object]: ...


class Tenancy:
    """One list for all names, so that those who try names cost nothing, and learn nothing of other namespaces."""

    def __init__(self, cluster: Lister, clock: Callable[[], float], *, waits: Sequence[float] = WAITS) -> None:
        """`clock` gives seconds."""
        self._cluster = cluster
        self._clock = clock
        self._waits = waits
        self._lock = threading.Lock()
        self._seen_at = float("-inf")
        self._seen: frozenset[str] | None = None

    def has(self, namespace: str) -> bool:
        """Whether it is a tenant. While the API server is away, whether it was one.

        Raises Unavailable if it never could be asked, and Misconfigured if it may not.
        """
        with self._lock:
            now = self._clock()
            if self._seen is None or now - self._seen_at > REMEMBERED:
                self._seen_at = now
                self._seen = self._looked(self._seen)
            return namespace in self._seen

    def _looked(self, before: frozenset[str] | None) -> frozenset[str]:
        try:
            if before is None:
                return retried(self._listed, self._waits, obeyed=2.0)
            return self._listed()
        except Unavailable:
            if before is None:
                raise
            return before
        except Refused as error:
            raise Misconfigured(str(error)) from error

    def _listed(self) -> frozenset[str]:
        found = self._cluster.listed("namespaces", "", naming.TENANT)
        return frozenset(item["metadata"]["name"] for item in found)
