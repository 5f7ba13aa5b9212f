"""`python -m webhook`: serves the admission webhook over TLS."""

import functools
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tescore.cluster import Cluster
from tescore.serving import Application, serve
from tescore.start import started
from tescore.tenants import Tenants
from webhook import permission
from webhook.app import create_app
from webhook.caller import OnlyTheApiServer
from webhook.launcher import Launcher
from webhook.registration import Registration
from webhook.settings import Settings


def main() -> None:
    settings = started("webhook", Settings, os.environ)
    file = Path(tempfile.mkdtemp()) / "tls.pem"
    registration = Registration(Cluster(), settings.service_namespace, file)
    registration.look(_now())
    serve(
        lambda: _app(settings, Registration(Cluster(), settings.service_namespace, file, registration.kept)),
        bind=f"[::]:{settings.webhook_port}",
        workers=1,
        threads=settings.webhook_threads,
        certfile=str(file),
    )


def _app(settings: Settings, registration: Registration) -> Application:
    cluster = Cluster()
    registration.keep_looking(_now)
    tenants = Tenants(cluster, settings, time.monotonic)
    permitted = functools.partial(permission.checked, cluster, api_account=settings.api_account)
    application = create_app(settings, Launcher(cluster, tenants), tenants, _now, permitted)
    return OnlyTheApiServer(application, lambda: registration.kept.paths, _now)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
