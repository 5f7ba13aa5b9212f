"""From the settings to the ways in."""

import logging
from collections.abc import Callable

from api.access.authentication import Authenticator, Method
from api.access.authorization import AccessReviews, Authorizer, anyone
from api.access.basic import Basic
from api.access.kubernetes_tokens import KubernetesTokens
from api.access.oidc import Oidc
from api.access.settings import BASIC, KUBERNETES, NONE, OIDC, AccessSettings
from tescore.cluster import Cluster

log = logging.getLogger(__name__)


def authenticator(settings: AccessSettings, cluster: Cluster, clock: Callable[[], float]) -> Authenticator:
    """`clock` gives seconds since 1970."""
    # A token is judged by the first that takes it, and the API server takes all.
    ways: dict[str, Callable[[], Method]] = {
        OIDC: lambda: Oidc(settings, clock),
        KUBERNETES: lambda: KubernetesTokens(cluster, settings),
        BASIC: lambda: Basic(settings.basic_file),
    }
    methods = [make() for name, make in ways.items() if name in settings.authentication]
    return Authenticator(methods, seconds=settings.remembered_seconds, clock=clock)


def authorizer(settings: AccessSettings, cluster: Cluster, clock: Callable[[], float]) -> Authorizer:
    if NONE in settings.authentication:
        return anyone
    return AccessReviews(cluster, seconds=settings.remembered_seconds, clock=clock)


def told(settings: AccessSettings) -> None:
    """Says in the log what an admin should know of these settings."""
    if NONE in settings.authentication:
        log.warning("THE SERVICE IS OPEN: everyone who reaches it may create, see and cancel every task")
    for url in settings.oidc_issuers:
        if url.startswith("http://"):
            log.warning("an identity provider is asked without TLS: who can change its answers can be anyone", extra={
                "issuer": url,
            })  # fmt: skip
