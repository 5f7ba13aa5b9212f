"""`python -m api`: serves TES over HTTP."""

import logging
import os
import secrets
import time
from datetime import UTC, datetime

from api.app import create_app
from api.settings import Settings
from api.store import Store
from tescore.cluster import Cluster
from tescore.serving import serve
from tescore.start import started
from tescore.tenants import Tenants


def main() -> None:
    settings = started("api", Settings, os.environ)
    logging.getLogger("api").warning("the service is open: everyone who reaches it may create and see tasks")
    serve(
        lambda: create_app(settings, _store(settings), lambda: datetime.now(UTC), secrets.randbits),
        bind=f"[::]:{settings.api_port}",
        workers=settings.api_workers,
        threads=settings.api_threads,
    )


def _store(settings: Settings) -> Store:
    cluster = Cluster()
    return Store(cluster, settings.tenant, Tenants(cluster, settings, time.monotonic), time.monotonic)


if __name__ == "__main__":
    main()
