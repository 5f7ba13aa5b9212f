"""The way in for a request: to the tenant of its URL, as the user of its Authorization header."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import g, request
from werkzeug.exceptions import NotFound

from api import creation
from api.access import made
from api.access.authentication import Authenticator
from api.access.authorization import Authorizer, Permissions
from api.access.tenancy import Tenancy
from api.backend import Backend, Backends
from api.settings import Settings
from tescore.cluster import Cluster
from tescore.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Visit:
    """A user in a tenant."""

    tenant: Backend
    may: Permissions


class Entrance:
    """Asks about the request at hand, whose tenant is in `g.tenant` if its URL names one."""

    def __init__(
        self, default: str, tenancy: Tenancy, authenticator: Authenticator, authorizer: Authorizer, backends: Backends
    ) -> None:
        self.backends = backends
        self._default = default
        self._tenancy = tenancy
        self._authenticator = authenticator
        self._authorizer = authorizer

    def tenant(self) -> Backend:
        """For what everyone may see. Raises NotFound, as for any path that is not there."""
        namespace = g.get("tenant") or self._default
        if not self._tenancy.has(namespace):
            raise NotFound
        return self.backends.of(namespace)

    def visit(self) -> Visit:
        """Raises NotFound as above, and Unauthenticated, Unavailable or Misconfigured."""
        tenant, header = self.tenant(), request.headers.get("Authorization", "")
        try:
            user = self._authenticator.user(header)
        except Unauthenticated as error:
            raise Unauthenticated(str(error), self._authenticator.challenges(tried=bool(header))) from error
        return Visit(tenant, Permissions(self._authorizer, user, tenant.namespace))


def entrance(
    cluster: Cluster,
    settings: Settings,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
    create_seconds: float = creation.SECONDS,
) -> Entrance:
    """`clock` gives seconds that only grow, `wall_clock` those since 1970."""
    return Entrance(
        settings.tenant,
        Tenancy(cluster, clock),
        made.authenticator(settings, cluster, wall_clock),
        made.authorizer(settings, cluster, wall_clock),
        Backends(cluster, settings, clock, create_seconds),
    )
