"""Which of several janitors acts: the one that holds the Lease of `k8s/base/janitor.yaml`, which it renews."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from threading import Thread

from janitor.tenants import apart
from tescore import record
from tescore.cluster import Cluster
from tescore.errors import Conflict
from tescore.retry import pause
from tescore.session import Object, path

_LEASES, _NAME = "coordination.k8s.io/v1/leases", "tesk-janitor"
_SECONDS = 15
"""How long others take a Lease for held that is not renewed."""
_SAFE = 10.0
"""How long who holds it goes on without renewing it."""
_RENEWED = 3.0
"""Seconds between two looks at it."""
_NEVER = float("-inf")

log = logging.getLogger(__name__)


class Lease:
    """Held by one process at a time, as far as their clocks run at the same speed: what two do at once does no harm."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        holder: str,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`holder` names this process; `clock` gives seconds that only grow."""
        self._cluster = cluster
        self._namespace = namespace
        self._holder = holder
        self._now = now
        self._clock = clock
        self._renewed, self._released = _NEVER, False
        self._seen, self._seen_at = "", _NEVER
        """The resourceVersion of another's Lease, and when it was seen first."""

    @property
    def held(self) -> bool:
        """Whether this process may act."""
        return self._clock() - self._renewed < _SAFE

    def keep(self) -> None:
        """Has a thread get the Lease, or renew it, for ever."""
        Thread(target=self._keep, name="lease", daemon=True).start()

    def look(self) -> None:
        """Gets or renews the Lease unless another holds it. Raises what tescore.cluster does."""
        if self._released:
            return
        began = self._clock()
        try:
            if self._written():
                self._renewed = began
        except Conflict:
            pass  # another was quicker

    def release(self) -> None:
        """Lets another act at once, if this process may; it never will again."""
        held, self._renewed, self._released = self.held, _NEVER, True
        if held:
            self._cluster.patch(path(_LEASES, self._namespace, _NAME), {"spec": {"holderIdentity": ""}})

    def _keep(self) -> None:
        while True:
            held = self.held
            with apart("Lease could not be renewed", holder=self._holder):
                self.look()
            if self.held != held:
                log.info("acts from now on" if self.held else "acts no more", extra={"holder": self._holder})
            pause(_RENEWED)

    def _written(self) -> bool:
        """Whether this process has written its name into the Lease."""
        lease = self._cluster.get(path(_LEASES, self._namespace, _NAME))
        holder = (lease.get("spec") or {}).get("holderIdentity")
        if holder not in {self._holder, "", None} and not self._is_old(lease):
            return False
        version = {"metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]}}
        self._cluster.patch(path(_LEASES, self._namespace, _NAME), {**version, **self._spec()})
        return True

    def _is_old(self, lease: Object) -> bool:
        """Whether it has not been renewed for so long; by this clock, for others' may be wrong."""
        version, now = lease["metadata"]["resourceVersion"], self._clock()
        if version != self._seen:
            self._seen, self._seen_at = version, now
        return now - self._seen_at > _SECONDS

    def _spec(self) -> Object:
        held = {"holderIdentity": self._holder, "leaseDurationSeconds": _SECONDS}
        return {"spec": {**held, "renewTime": record.timestamp(self._now())}}
