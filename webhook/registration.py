"""The certificate that the webhook's replicas share and serve, and what the API server knows of it."""

import base64
import logging
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Conflict, Misconfigured, Missing
from tescore.retry import pause
from tescore.session import Object, path
from webhook import certs
from webhook.certs import Certificate

CONFIGURATION = "tesk"
SECRET = "tesk-webhook-tls"  # noqa: S105 - the name of the Secret
EVERY = 5.0
"""Seconds between two looks. After a change the first replica to see it tells the API server, and calls to another one
fail until that has looked too; a create over HTTP is tried again for longer."""
_SECRET_PATH = re.compile(r"/admit/\w{32,}")
log = logging.getLogger(__name__)


class Registration:
    """One replica's."""

    def __init__(self, cluster: Cluster, namespace: str, file: Path, draw: Callable[[], str]) -> None:
        """`file` is where the server looks for certificate and key; `draw` gives a word that nobody guesses."""
        self.path = ""
        """Which the API server called at the last look, and nobody else knows."""
        self._cluster = cluster
        self._namespace = namespace
        self._file = file
        self._draw = draw
        self._served: Certificate | None = None

    def look(self, now: datetime) -> None:
        """The API server trusts what is in the Secret and has a path when this returns, and the former is served.

        A Secret that cannot be served changes nothing. Raises Misconfigured where nothing was served before.
        """
        try:
            certificate = shared(self._cluster, self._namespace, now)
        except Misconfigured as error:
            if self._served is None:
                raise
            log.warning("the certificate of before is served on", extra={"reason": str(error)})
            certificate = self._served
        self.path = register(self._cluster, certificate.authority, f"/admit/{self._draw()}")
        if certificate != self._served:
            put(self._file, certificate)
            self._served = certificate

    def keep_looking(self, now: Callable[[], datetime]) -> None:
        """For as long as the process lives, in a thread of its own."""

        def run() -> None:
            while True:
                pause(EVERY)
                try:
                    self.look(now())
                except Exception as error:  # noqa: BLE001 - the next look may go better
                    log.warning("the webhook could not look after its certificate", extra={"reason": repr(error)})

        threading.Thread(target=run, name="registration", daemon=True).start()


def shared(cluster: Cluster, namespace: str, now: datetime) -> Certificate:
    """What is in the Secret, which is made if there is none. Of several replicas that do so at once the first wins."""
    where = path("secrets", namespace, SECRET)
    try:
        secret = cluster.get(where)
    except Missing:
        with suppress(AlreadyExists):
            cluster.create(path("secrets", namespace), _secret(namespace, certs.make(namespace, now)))
        secret = cluster.get(where)
    return certs.read(secret.get("data") or {}, now)


def register(cluster: Cluster, authority: bytes, new_path: str) -> str:
    """The path that the API server calls when this returns, trusting that authority: the one it has, else the new one.

    Of several replicas that come with new ones at once the first wins.
    """
    try:
        return _register(cluster, authority, new_path)
    except Conflict:
        return _register(cluster, authority, new_path)


def _register(cluster: Cluster, authority: bytes, new_path: str) -> str:
    where = path("admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", name=CONFIGURATION)
    found = cluster.get(where)
    webhooks, called = registered(found["webhooks"], authority, new_path)
    if webhooks != found["webhooks"]:
        version = {"resourceVersion": found["metadata"]["resourceVersion"]}
        cluster.patch(where, {"metadata": version, "webhooks": webhooks})
    return called


def registered(webhooks: list[Object], authority: bytes, new_path: str) -> tuple[list[Object], str]:
    """The configuration's webhooks with that authority and with one path, which is new where none is secret."""
    paths = (each["clientConfig"]["service"].get("path", "") for each in webhooks)
    called = next((each for each in paths if _SECRET_PATH.fullmatch(each)), new_path)
    trusted = base64.b64encode(authority).decode()
    return [
        {**w, "clientConfig": {"caBundle": trusted, "service": {**w["clientConfig"]["service"], "path": called}}}
        for w in webhooks
    ], called


def _secret(namespace: str, certificate: Certificate) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": SECRET, "namespace": namespace},
        "data": certs.data(certificate),
    }


def put(file: Path, certificate: Certificate) -> None:
    """Puts certificate and key into the file that the server looks at for each connection, both at once."""
    new = file.with_suffix(".new")
    new.write_bytes(certificate.chain + certificate.key)
    new.replace(file)
