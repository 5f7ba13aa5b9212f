"""The api, and where a test wants it the webhook, over a small Kubernetes API server."""

import base64
import json
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any

from werkzeug.test import Client

from api.app import create_app as api
from api.settings import Settings
from api.store import Store
from tescore.cluster import Cluster
from tescore.tenants import Tenants
from tests.apiserver import ApiServer, Object
from webhook.app import create_app as webhook
from webhook.launcher import Launcher
from webhook.settings import Settings as WebhookSettings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
_DEFAULTS = Settings()
API_ACCOUNT = "system:serviceaccount:tesk-system:tesk-api"


def client_of(server: ApiServer, *, create_seconds: float = 8.0, **settings: Any) -> Client:
    """Speaks HTTP with an api whose tenant `tesk` is on that server, without a network between."""
    own, numbers = Settings(**settings), count()
    store = store_of(server, own, create_seconds)
    return Client(api(own, store, lambda: NOW, lambda _: next(numbers)))


def store_of(server: ApiServer, settings: Settings = _DEFAULTS, create_seconds: float = 8.0) -> Store:
    """The tasks of the tenant `tesk` on that server."""
    cluster = Cluster(server.url)
    tenants = Tenants(cluster, settings, time.monotonic)
    return Store(cluster, settings.tenant, tenants, time.monotonic, create_seconds)


def admitting(server: ApiServer, **settings: Any) -> None:
    """From now on the service's own webhook decides what tasks that server stores."""
    cluster = Cluster(server.url)
    own = WebhookSettings(taskmaster_image="taskmaster:1", filer_image="filer:1", **settings)
    tenants = Tenants(cluster, own, time.monotonic)
    hook = Client(webhook(own, Launcher(cluster, tenants), tenants, lambda: NOW))

    def admit(shown: Object) -> tuple[int, Object]:
        name, user = shown["metadata"]["name"], {"username": API_ACCOUNT}
        request = {"uid": "r", "name": name, "namespace": "tesk", "userInfo": user, "object": shown}
        answer: Any = hook.post("/admit", json={"request": request}).json
        response = answer["response"]
        server.warned += response.get("warnings", [])
        if not response["allowed"]:
            status = response["status"]
            return status["code"], {"kind": "Status", "reason": status["reason"], "message": status["message"]}
        for operation in json.loads(base64.b64decode(response["patch"])):
            shown["metadata"][operation["path"].removeprefix("/metadata/")] = operation["value"]
        return 200, shown

    server.admit = admit
