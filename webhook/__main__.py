"""`python -m webhook`: serves the admission webhook over TLS."""

import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from tescore.cluster import Cluster
from tescore.serving import serve
from tescore.start import started
from tescore.tenants import Tenants
from webhook import certs
from webhook.app import create_app
from webhook.launcher import Launcher
from webhook.settings import Settings


def main() -> None:
    settings = started("webhook", Settings, os.environ)
    certificate, key = certs.ensured(Cluster(), settings.service_namespace, _now())
    folder = Path(tempfile.mkdtemp())
    (folder / "tls.crt").write_bytes(certificate)
    (folder / "tls.key").write_bytes(key)
    serve(
        lambda: _app(settings),
        bind=f"[::]:{settings.webhook_port}",
        workers=1,
        threads=settings.webhook_threads,
        certfile=str(folder / "tls.crt"),
        keyfile=str(folder / "tls.key"),
    )


def _app(settings: Settings) -> Flask:
    cluster = Cluster()
    tenants = Tenants(cluster, settings, time.monotonic)
    return create_app(settings, Launcher(cluster, tenants), tenants, _now)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
