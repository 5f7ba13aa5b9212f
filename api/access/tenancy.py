"""Which namespaces are tenants, by their label, looked at again every few seconds."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from api.access.waits import WAITS
from tescore import naming
from tescore.cluster import Object
from tescore.errors import Misconfigured, Refused, Unavailable
from tescore.remembered import Remembered
from tescore.retry import retried
from tescore.tenants import REMEMBERED


class Lister(Protocol):
    """What is needed of tescore.cluster.Cluster."""

    def listed(self, kind: str, namespace: str, selector: str) -> Iterator[Object]: ...


class Tenancy:
    """One list for all names, so that those who try names cost nothing, and learn nothing of other namespaces."""

    def __init__(self, cluster: Lister, clock: Callable[[], float], *, waits: Sequence[float] = WAITS) -> None:
        """`clock` gives seconds that only grow."""
        self._cluster = cluster
        self._waits = waits
        self._before: frozenset[str] | None = None
        self._seen = Remembered(self._looked, REMEMBERED, clock)

    def has(self, namespace: str) -> bool:
        """Whether it is a tenant. While the API server is away, whether it was one.

        Raises Unavailable if it never could be asked, and Misconfigured if it may not.
        """
        return namespace in self._seen.get(naming.TENANT)

    def _looked(self, label: str) -> frozenset[str]:
        try:
            self._before = retried(lambda: self._listed(label), () if self._before else self._waits, obeyed=2.0)
        except Unavailable:
            if self._before is None:
                raise
        except Refused as error:
            raise Misconfigured(str(error)) from error
        return self._before

    def _listed(self, label: str) -> frozenset[str]:
        return frozenset(item["metadata"]["name"] for item in self._cluster.listed("namespaces", "", label))
