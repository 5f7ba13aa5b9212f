"""What the api's paths are made of, over one connection to Kubernetes."""

from collections.abc import Callable
from dataclasses import dataclass

from api import creation
from api.live_log import LiveLog
from api.readiness import Readiness
from api.settings import Settings
from api.store import Store
from api.watching import Watching
from tescore.cluster import Cluster
from tescore.tenants import Tenants


@dataclass(frozen=True, slots=True)
class Backend:
    """The tasks of one tenant, in all the ways that they are asked for."""

    namespace: str
    store: Store
    live_log: LiveLog
    watching: Watching


class Backends:
    """Those of all tenants, each made when it is first asked for."""

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        clock: Callable[[], float],
        create_seconds: float = creation.SECONDS,
    ) -> None:
        """`clock` gives seconds that only grow."""
        self.readiness = Readiness(cluster, settings.tenant, clock)
        self._cluster = cluster
        self._tenants = Tenants(cluster, settings, clock)
        self.clock = clock
        self._create_seconds = create_seconds
        self._made: dict[str, Backend] = {}

    def deadline(self) -> float:
        """When a create is to be decided whose request comes now."""
        return self.clock() + self._create_seconds

    def of(self, namespace: str) -> Backend:
        """Only for namespaces that are tenants: it is kept."""
        if namespace not in self._made:
            creating = creation.Creation(self._cluster, namespace, self.clock)
            store = Store(self._cluster, namespace, self._tenants, creating)
            live = LiveLog(self._cluster, namespace, store)
            self._made.setdefault(namespace, Backend(namespace, store, live, Watching(self._cluster, namespace)))
        return self._made[namespace]
