"""Which namespaces are tenants, by their label, looked at again every few seconds."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from api.access.bounded import WAITS
from tescore import naming
from tescore.cluster import Cluster
from tescore.errors import Misconfigured, Refused, Unavailable
from tescore.remembered import Remembered
from tescore.retry import retried
from tescore.tenants import REMEMBERED

_UNKNOWN = 0.5
"""Seconds after which all are looked at again for a name that is none of them."""
_SILENCE = 2.0
"""Seconds that the API server may be silent: less than those for which what was known serves while it is asked."""


class Tenancy:
    """One list for all names, so that those who try names cost little, and learn nothing of other namespaces."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float], *, waits: Sequence[float] = WAITS) -> None:
        """`clock` gives seconds that only grow."""
        self._cluster = cluster.within(_SILENCE)
        self._waits = waits
        self._before: frozenset[str] | None = None
        self._seen = Remembered(self._looked, REMEMBERED, clock)

    def has(self, namespace: str) -> bool:
        """Whether it is a tenant. While the API server is away, those are that were.

        Raises Unavailable if that cannot be said, and Misconfigured if the API server may not be asked.
        """
        if namespace in self._seen.get(naming.TENANT).names:
            return True
        look = self._seen.get(naming.TENANT, within=_UNKNOWN)  # it may be new
        if look.away and namespace not in look.names:
            raise look.away
        return namespace in look.names

    def _looked(self, label: str) -> "_Look":
        try:
            self._before = retried(lambda: self._listed(label), () if self._before else self._waits, obeyed=2.0)
        except Unavailable as error:
            if self._before is None:
                raise
            return _Look(self._before, error)
        except Refused as error:
            raise Misconfigured(str(error)) from error
        return _Look(self._before)

    def _listed(self, label: str) -> frozenset[str]:
        return frozenset(item["metadata"]["name"] for item in self._cluster.listed("namespaces", "", label))


class _Look(NamedTuple):
    names: frozenset[str]
    away: Unavailable | None = None
    """Why they are those of a look before."""
