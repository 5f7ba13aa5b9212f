"""`python -m webhook`: serves the admission webhook over TLS."""

import functools
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tescore import addresses
from tescore.addresses import Rules
from tescore.cluster import own
from tescore.serving import Application, everywhere, serve
from tescore.start import started
from tescore.tenants import Tenants
from webhook import permission, tools
from webhook.app import create_app
from webhook.caller import OnlyTheApiServer
from webhook.launcher import Launcher
from webhook.registration import Registration, shared
from webhook.rotation import Kept
from webhook.settings import Settings


def main() -> None:
    settings = started("webhook", Settings, os.environ)
    api_server = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    rules = addresses.rules(settings.denied_ranges, settings.allowed_ranges, api_server)
    file = Path(tempfile.mkdtemp()) / "tls.pem"
    registration = _registration(settings, file, shared(own(os.environ), settings.service_namespace, _now()))
    registration.look(_now())
    serve(
        lambda: _app(settings, rules, _registration(settings, file, registration.kept)),
        bind=everywhere(settings.webhook_port),
        workers=1,
        worker_class="gthread",
        threads=settings.webhook_threads,
        certfile=str(file),
    )


def _registration(settings: Settings, file: Path, kept: Kept) -> Registration:
    return Registration(own(os.environ), settings.service_namespace, file, kept)


def _app(settings: Settings, rules: Rules, registration: Registration) -> Application:
    cluster = own(os.environ)
    registration.keep_looking(_now)
    tenants = Tenants(cluster, settings, time.monotonic)
    permitted = functools.partial(permission.checked, cluster, api_account=settings.api_account)
    looked_up = functools.partial(tools.images, hosts=settings.trs_hosts, rules=rules)
    application = create_app(settings, Launcher(cluster, tenants), tenants, _now, permitted, looked_up)
    return OnlyTheApiServer(application, lambda: registration.kept.paths, _now)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
