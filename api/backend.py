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
    """The tasks of the tenant, in all the ways that they are asked for."""

    store: Store
    live_log: LiveLog
    watching: Watching
    readiness: Readiness


def backend(
    cluster: Cluster, settings: Settings, clock: Callable[[], float], create_seconds: float = creation.SECONDS
) -> Backend:
    """`clock` gives seconds that only grow."""
    store = Store(cluster, settings.tenant, Tenants(cluster, settings, clock), clock, create_seconds)
    return Backend(
        store,
        LiveLog(cluster, settings.tenant, store),
        Watching(cluster, settings.tenant),
        Readiness(cluster, settings.tenant, clock),
    )
