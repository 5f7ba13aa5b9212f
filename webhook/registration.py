"""What the replicas of the webhook share, what each serves, and what the API server knows of it."""

import base64
import functools
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tescore.cluster import Object, path
from tescore.errors import AlreadyExists, Conflict, Missing, TeskError
from tescore.retry import pause
from webhook import caller, certs, rotation
from webhook.certs import Pair
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
    """One replica's."""

    def __init__(self, cluster: Objects, namespace: str, file: Path, kept: Kept | None = None) -> None:
        """`file` is where the server looks for certificate and key; `kept` is what was looked at before."""
        self._cluster = cluster
        self._namespace = namespace
        self._file = file
        self._kept = kept

    @property
    def kept(self) -> Kept:
        """As it was at the last look. Raises Missing before the first."""
        if self._kept is None:
            raise Missing("Nobody has looked yet.")
        return self._kept

    def look(self, now: datetime) -> None:
        """The API server knows authorities and path when this returns, and the pair that it trusts is served.

        Where the Secret is gone it is made anew, and another pair goes with it. Of several replicas the first wins.
        """
        make = functools.partial(certs.made, self._namespace, now)
        where = path("secrets", self._namespace, SECRET)
        try:
            secret = self._cluster.get(where)
        except Missing:
            kept = rotation.renewed(self._kept, make) if self._kept else rotation.begun(make)
            with suppress(AlreadyExists):
                self._cluster.create(path("secrets", self._namespace), _secret(self._namespace, kept))
            secret = self._cluster.get(where)
        self._kept = rotation.read(secret["data"])
        if rotation.PATHS not in secret["data"]:  # it is none that was made here
            paths = rotation.data(self._kept)[rotation.PATHS]
            secret = self._cluster.patch(where, {"data": {rotation.PATHS: paths}})
        was_told = registered(self._cluster, self._kept, now)
        put(self._file, self._kept.served)
        step = None if was_told else rotation.following(self._kept, now, make)
        if step:
            known = {"resourceVersion": secret["metadata"]["resourceVersion"]}
            with suppress(Conflict):  # another replica has taken it
                self._cluster.patch(where, {"metadata": known, "data": rotation.data(step)})

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
