"""The api over a small Kubernetes API server, without a network between it and the test."""

import time
from datetime import UTC, datetime

from werkzeug.test import Client

from api.app import create_app
from api.settings import Settings
from api.store import Store
from tescore.cluster import Cluster
from tescore.tenants import Tenants
from tests.apiserver import ApiServer


def client_of(server: ApiServer) -> Client:
    """Speaks HTTP with an api whose tenant `tesk` is on that server."""
    cluster, settings = Cluster(server.url), Settings()
    store = Store(cluster, settings.tenant, Tenants(cluster, settings, time.monotonic))
    return Client(create_app(settings, store, lambda: datetime(2026, 11, 22, tzinfo=UTC), lambda _: 0))
