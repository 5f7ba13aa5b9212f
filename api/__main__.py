"""`python -m api`: serves TES over HTTP."""

import logging
import os
import secrets
from datetime import UTC, datetime

from api.app import create_app
from api.settings import Settings
from api.store import Store
from tescore.cluster import Cluster
from tescore.serving import serve
from tescore.start import started


def main() -> None:
    settings = started("api", Settings, os.environ)
    logging.getLogger("api").warning("the service is open: everyone who reaches it may create and see tasks")
    serve(
        lambda: create_app(
            settings, Store(Cluster(), settings.tenant, settings), lambda: datetime.now(UTC), secrets.randbits
        ),
        bind=f"[::]:{settings.api_port}",
        workers=settings.api_workers,
        threads=settings.api_threads,
    )


if __name__ == "__main__":
    main()
