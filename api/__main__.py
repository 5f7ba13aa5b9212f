"""`python -m api`: serves TES over HTTP."""

from gevent import monkey

monkey.patch_all()  # before anything is loaded that has a socket or a lock

import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from api.access.made import told
from api.app import create_app
from api.entrance import entrance
from api.settings import Settings
from tescore.cluster import Cluster, own
from tescore.serving import everywhere, serve
from tescore.start import started
from tescore.worker import Worker


def main() -> None:
    settings = started("api", Settings, os.environ)
    told(settings)
    run(settings, lambda: own(os.environ))


def run(settings: Settings, cluster: Callable[[], Cluster]) -> None:
    """Serves until the process is told to stop; each worker has a connection of its own."""
    serve(
        lambda: create_app(
            settings,
            entrance(cluster(), settings, time.monotonic, time.time),
            lambda: datetime.now(UTC),
            secrets.randbits,
        ),
        bind=everywhere(settings.api_port),
        workers=settings.api_workers,
        worker_class=Worker,
    )


if __name__ == "__main__":
    main()
