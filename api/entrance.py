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
from api.access.user import User
from api.backend import Backend, Backends
from api.settings import Settings
from tescore.cluster import Cluster
from tescore.errors import TeskError, Unauthenticated


@dataclass(frozen=True, slots=True)
class Visit:
    """A user in a tenant."""

    tenant: Backend
    may: Permissions
    user_now: Callable[[], User]
    """Whom the credential shows later on; raises as the way in does."""

    def has_ended(self) -> bool:
        """Whether the credential, or anything that was granted by it, is good no more, or nobody can say so now."""
        try:
            return not self.may.hold(self.user_now())
        except (TeskError, NotFound):
            return True


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

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes of HTTP by which one may come in; none where the service is open."""
        return self._authenticator.schemes

    def tenant(self) -> Backend:
        """For what everyone may see. Raises NotFound, as for any path that is not there."""
        return self.backends.of(self._namespace())

    def visit(self) -> Visit:
        """Raises NotFound as above, and Unauthenticated, Unavailable or Misconfigured."""
        namespace, header = self._namespace(), request.headers.get("Authorization", "")

        def user() -> User:
            self._is_tenant(namespace)
            return self._user(header)

        return Visit(self.backends.of(namespace), Permissions(self._authorizer, self._user(header), namespace), user)

    def _namespace(self) -> str:
        namespace: str = g.get("tenant") or self._default
        self._is_tenant(namespace)
        return namespace

    def _is_tenant(self, namespace: str) -> None:
        if not self._tenancy.has(namespace):
            raise NotFound

    def _user(self, header: str) -> User:
        try:
            return self._authenticator.user(header)
        except Unauthenticated as error:
            raise Unauthenticated(str(error), self._authenticator.challenges(tried=bool(header))) from error


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
