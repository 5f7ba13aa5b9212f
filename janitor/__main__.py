"""`python -m janitor`: sweeps for ever."""

import itertools
import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime

from janitor.settings import Settings
from janitor.sweep import Janitor
from tescore.cluster import own
from tescore.errors import TeskError
from tescore.start import started
from tescore.tenants import Tenants


def main() -> None:
    settings = started("janitor", Settings, os.environ)
    log = logging.getLogger("janitor")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    cluster = own(os.environ)
    janitor = Janitor(cluster, settings, Tenants(cluster, settings, time.monotonic))
    expiry_every = max(1, round(settings.expiry_seconds / settings.sweep_seconds))
    for look in itertools.count(1):
        if stopped.wait(settings.sweep_seconds):
            break
        for do in (janitor.sweep, janitor.expire) if look % expiry_every == 0 else (janitor.sweep,):
            try:
                do(datetime.now(UTC))
            except TeskError as error:
                log.warning("look broke off", extra={"reason": str(error)})
            except Exception:
                log.exception("look broke off")


if __name__ == "__main__":
    main()
