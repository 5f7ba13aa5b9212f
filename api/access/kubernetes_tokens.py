"""Tokens of the cluster: ServiceAccounts' and whatever else its API server takes, whose they are by TokenReview."""

import jwt

from api.access.settings import AccessSettings
from api.access.user import User, Verdict
from tescore.cluster import Cluster
from tescore.errors import Unauthenticated
from tescore.review import answer


class KubernetesTokens:
    scheme = "Bearer"

    def __init__(self, cluster: Cluster, settings: AccessSettings) -> None:
        self._cluster = cluster
        self._audiences = settings.kubernetes_audiences

    def takes(self, token: str) -> bool:
        return bool(token)

    def verdict(self, token: str) -> Verdict:
        """Raises Unauthenticated, and what asking Kubernetes does."""
        spec = {"token": token, **({"audiences": list(self._audiences)} if self._audiences else {})}
        status = answer(self._cluster, "authentication.k8s.io", "TokenReview", spec)
        if not status.get("authenticated"):
            raise Unauthenticated("The token is none of this cluster, has expired, or is not for this service.")
        # An API server that knows nothing of audiences names none.
        if self._audiences and not set(self._audiences) & set(status.get("audiences") or ()):
            raise Unauthenticated("The token is not for this service.")
        return Verdict(User(status["user"]["username"], tuple(status["user"].get("groups") or ())), _end(token))


def _end(token: str) -> float:
    """Of a token that Kubernetes has just believed; it does not say that itself."""
    try:
        ends = jwt.decode(token, options={"verify_signature": False}).get("exp")
    except jwt.PyJWTError:  # not all are JWTs
        ends = None
    return float(ends) if isinstance(ends, int | float) else float("inf")
