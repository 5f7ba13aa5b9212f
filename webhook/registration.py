"""What the replicas of the webhook share, what each serves, and what the API server knows of it."""

import base64
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tescore.errors import AlreadyExists, Conflict, Missing, TeskError
from tescore.retry import pause
from tescore.session import Object, path
from webhook import caller, certs, rotation
from webhook.certs import Make, Pair
from webhook.rotation import Kept

CONFIGURATION = "tesk"
SECRET = "tesk-webhook-tls"  # noqa: S105 - the name of the Secret
EVERY = 10.0
"""Seconds between two looks: the path changes, the Secret may, and an update of the manifests may take all away."""
log = logging.getLogger(__name__)


class Objects(Protocol):
    """What is needed of tescore.cluster.Cluster."""

    def get(self, path: str) -> Object: ...
    def create(self, path: str, body: Object) -> Object: ...
    def patch(self, path: str, body: Object) -> Object: ...


class Registration:
    """One replica's; `kept` is what was in the Secret at the last look."""

    def __init__(self, cluster: Objects, namespace: str, file: Path, kept: Kept) -> None:
        """`file` is where the server looks for certificate and key."""
        self.kept = kept
        self._cluster = cluster
        self._namespace = namespace
        self._file = file

    def look(self, now: datetime) -> None:
        """The API server knows authorities and path when this returns, and the pair that it trusts is served.

        Where the Secret is gone it is made anew, and another pair goes with it.
        """
        self.kept, version = _shared(self._cluster, self._namespace, now, self.kept)
        was_told = registered(self._cluster, self.kept, now)
        put(self._file, self.kept.served)
        step = None if was_told else rotation.following(self.kept, now, _make(self._namespace, now))
        if step:
            with suppress(Conflict):  # another replica has taken it
                changed = {"metadata": {"resourceVersion": version}, "data": rotation.data(step)}
                self._cluster.patch(path("secrets", self._namespace, SECRET), changed)

    def keep_looking(self, now: Callable[[], datetime]) -> None:
        """For as long as the process lives, in a thread of its own."""

        def run() -> None:
            while True:
                pause(EVERY)
                try:
                    self.look(now())
                except TeskError as error:
                    log.warning("the webhook could not look after its certificate", extra={"reason": str(error)})

        threading.Thread(target=run, name="registration", daemon=True).start()


def shared(cluster: Objects, namespace: str, now: datetime) -> Kept:
    """What is in the Secret, which is made if there is none. Of several replicas that start at once the first wins."""
    return _shared(cluster, namespace, now, None)[0]


def _shared(cluster: Objects, namespace: str, now: datetime, before: Kept | None) -> tuple[Kept, str]:
    """With the Secret's version."""
    where, make = path("secrets", namespace, SECRET), _make(namespace, now)
    try:
        secret = cluster.get(where)
    except Missing:
        kept = rotation.renewed(before, make) if before else rotation.begun(make)
        with suppress(AlreadyExists):
            cluster.create(path("secrets", namespace), _secret(namespace, kept))
        secret = cluster.get(where)
    kept = rotation.read(secret["data"])
    if rotation.PATHS not in secret["data"]:  # it is none that was made here
        secret = cluster.patch(where, {"data": {rotation.PATHS: rotation.data(kept)[rotation.PATHS]}})
    return kept, secret["metadata"]["resourceVersion"]


def _make(namespace: str, now: datetime) -> Make:
    return lambda: certs.made(namespace, now)


def registered(cluster: Objects, kept: Kept, now: datetime) -> bool:
    """The API server knows authorities and path when this returns, which says whether it had to be told."""
    where = path("admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", name=CONFIGURATION)
    webhooks: list[Object] = cluster.get(where)["webhooks"]
    authorities, called = base64.b64encode(kept.trusted).decode(), caller.path(kept.paths, now)
    told = [
        {**w, "clientConfig": {"caBundle": authorities, "service": {**w["clientConfig"]["service"], "path": called}}}
        for w in webhooks
    ]
    if told != webhooks:
        cluster.patch(where, {"webhooks": told})
    return told != webhooks


def _secret(namespace: str, kept: Kept) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": SECRET, "namespace": namespace},
        "data": {name: text for name, text in rotation.data(kept).items() if text is not None},
    }


def put(file: Path, pair: Pair) -> None:
    """Puts certificate and key into the file that the server reads for each connection, both at once."""
    new = file.with_suffix(".new")
    new.write_bytes(pair.certificate + pair.key)
    new.replace(file)
