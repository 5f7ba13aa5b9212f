"""What the API server knows of the webhook: the authority that it trusts, and the path that it calls."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from tescore.cluster import Object, path
from tescore.errors import TeskError
from tescore.retry import pause
from webhook import caller, certs
from webhook.certs import Objects, Pair

CONFIGURATION = "tesk"
_EVERY = 20.0
"""Seconds between two looks: the path changes, and an update of the manifests may take it away."""
log = logging.getLogger(__name__)


def registered(cluster: Objects, pair: Pair, now: datetime) -> bool:
    """The API server knows authority and path when this returns, which says whether it had to be told."""
    where = path("admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", name=CONFIGURATION)
    webhooks: list[Object] = cluster.get(where)["webhooks"]
    called = caller.path(pair.secret, now)
    told = [
        {**w, "clientConfig": {"caBundle": pair.authority, "service": {**w["clientConfig"]["service"], "path": called}}}
        for w in webhooks
    ]
    if told != webhooks:
        cluster.patch(where, {"webhooks": told})
    return told != webhooks


def still_registered(cluster: Objects, namespace: str, pair: Pair, now: datetime) -> bool:
    """As `registered`, if the pair is in force yet: an old replica must not undo what a new one with a new pair did."""
    return certs.current(cluster, namespace) == pair and registered(cluster, pair, now)


def keep_registered(cluster: Objects, namespace: str, pair: Pair, now: Callable[[], datetime]) -> None:
    """Looks again for as long as the process lives, in a thread of its own."""

    def look() -> None:
        while True:
            pause(_EVERY)
            try:
                still_registered(cluster, namespace, pair, now())
            except TeskError as error:
                log.warning("the API server could not be told the webhook's path", extra={"reason": str(error)})

    threading.Thread(target=look, name="registration", daemon=True).start()
