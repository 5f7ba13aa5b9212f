"""The cluster's webhook stores tasks and launches none, and the janitor leaves them alone, while a block lasts."""

import base64
import json
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import yaml

from tescore import naming
from tescore.session import path
from tests.campaigns.load import Target
from tests.campaigns.switched import switched
from tests.e2e.cluster import SERVICE, STANDING, Kubectl


@contextmanager
def stored_only(kubectl: Kubectl, tag: str) -> Iterator[None]:
    """Tasks with that tag, whatever its value, are deleted when the block ends, before anybody launches them."""
    kubectl("annotate", "--overwrite", "namespace", STANDING, f"{naming.PAUSED}=true")
    try:
        with switched(kubectl, "webhook", TESK_STORE_ONLY="true"):
            try:
                yield
            finally:
                deleted(kubectl, f"{naming.TASK_SELECTOR},{naming.tag_label(tag)}")
    finally:
        kubectl("annotate", "namespace", STANDING, f"{naming.PAUSED}-")


def deleted(kubectl: Kubectl, selector: str) -> None:
    """No ConfigMap with these labels is left. The API server deletes them, for kubectl does one after the other."""

    def where(limit: int) -> str:
        return f"{path('configmaps', STANDING)}?{urlencode({'labelSelector': selector, 'limit': str(limit)})}"

    while json.loads(kubectl("get", "--raw", where(1)))["items"]:
        kubectl("delete", "--raw", where(2000))


def bare(kubectl: Kubectl, *, admin: bool = False) -> Target:
    """The API server, asked as the api does, with its account and so in its queues; or as an admin."""
    config: dict[str, Any] = yaml.safe_load(kubectl("config", "view", "--raw", "--minify"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if not admin:
        token = kubectl("-n", SERVICE, "create", "token", "tesk-api", "--duration=4h").strip()
        return Target(cluster["server"], {"Authorization": f"Bearer {token}"}, trust)
    if "token" in user:
        return Target(cluster["server"], {"Authorization": f"Bearer {user['token']}"}, trust)
    _load_certificate(trust, user)
    return Target(cluster["server"], {}, trust)


def _load_certificate(trust: ssl.SSLContext, user: dict[str, Any]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        for part in ("client-certificate-data", "client-key-data"):
            file.write(base64.b64decode(user[part]))
        file.flush()
        trust.load_cert_chain(file.name)
