"""`python -m webhook`: serves the admission webhook over TLS."""

from gevent import monkey

monkey.patch_all()  # before anything is loaded that has a socket or a lock

import functools
import logging
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tescore import addresses
from tescore.addresses import Rules
from tescore.cluster import Cluster, own
from tescore.errors import Misconfigured
from tescore.serving import Application, everywhere, serve
from tescore.start import started
from tescore.tenants import Tenants
from tescore.worker import Handshakes, Worker
from webhook import tools
from webhook.app import check_permission, create_app
from webhook.launcher import Launcher
from webhook.registration import Registration
from webhook.settings import Settings

log = logging.getLogger("webhook")


def main() -> None:
    settings = started("webhook", Settings, os.environ)
    api_server = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    run(settings, lambda: own(os.environ), addresses.rules(settings.denied_ranges, settings.allowed_ranges, api_server))


def run(settings: Settings, cluster: Callable[[], Cluster], rules: Rules) -> None:
    """Serves until the process is told to stop; the images of TRS URIs are asked for at addresses within the rules."""
    file = Path(tempfile.mkdtemp()) / "tls.pem"
    try:
        _registration(settings, cluster(), file).look(_now())  # the server begins with the file
    except Misconfigured as error:
        log.error(error)  # noqa: TRY400 - a wrong Secret is no crash
        sys.exit(1)
    serve(
        lambda: _app(settings, cluster(), rules, file),
        bind=everywhere(settings.webhook_port),
        workers=1,
        worker_class=Worker,
        certfile=str(file),
        ssl_context=Handshakes,
    )


def _registration(settings: Settings, cluster: Cluster, file: Path) -> Registration:
    return Registration(cluster, settings.service_namespace, file, lambda: secrets.token_hex(20))


def _app(settings: Settings, cluster: Cluster, rules: Rules, file: Path) -> Application:
    registration = _registration(settings, cluster, file)
    registration.look(_now())
    registration.keep_looking(_now)
    tenants = Tenants(cluster, settings, time.monotonic)
    permitted = functools.partial(check_permission, cluster, api_account=settings.api_account)
    looked_up = functools.partial(tools.images, hosts=settings.trs_hosts, rules=rules)
    launcher = Launcher(cluster, tenants)
    return create_app(settings, launcher, tenants, _now, permitted, looked_up, lambda: registration.path)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
