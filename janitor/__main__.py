"""`python -m janitor`: watches for ever, and acts while it holds the Lease."""

import itertools
import os
import signal
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Thread

from janitor.controller import Controller
from janitor.deeds import Deeds
from janitor.informer import Changed, Informer, Listed
from janitor.lease import Lease
from janitor.settings import Settings
from janitor.store import Store
from janitor.sweep import UNFINISHED, Sweep
from janitor.taskmaster import taskmaster
from janitor.tenants import apart, namespaces
from tescore import launch, record
from tescore.cluster import own
from tescore.errors import TeskError
from tescore.remembered import Remembered
from tescore.retry import pause
from tescore.start import started
from tescore.tenants import REMEMBERED, Tenants

_MOMENT = 1.0
"""Seconds after which is looked at what only time tells, where nothing changes."""


def main() -> None:
    settings = started("janitor", Settings, os.environ)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    cluster, store = own(os.environ), Store()
    tenants, deeds = Tenants(cluster, settings, time.monotonic), Deeds(cluster)
    looked_after = Remembered(lambda _: set(namespaces(cluster)), REMEMBERED, time.monotonic)
    patience = timedelta(seconds=settings.launch_seconds)
    controller = Controller(deeds, tenants, store, lambda: looked_after.get(""), launch=patience)
    told: SimpleQueue[Listed | Changed] = SimpleQueue()
    Informer(cluster, "configmaps", UNFINISHED, record.record, whole=False).start(told.put)
    Informer(cluster, "pods", launch.SELECTOR, taskmaster, whole=True).start(told.put)
    lease = Lease(cluster, settings.service_namespace, os.uname().nodename, _now)
    lease.keep()
    sweep = Sweep(cluster, deeds, tenants, store, launch=patience)
    Thread(target=_sweep, args=(sweep, lease, settings), name="sweep", daemon=True).start()
    _control(controller, lease, told, stopped, settings)
    with suppress(TeskError):
        lease.release()


def _control(
    controller: Controller,
    lease: Lease,
    told: SimpleQueue[Listed | Changed],
    stopped: threading.Event,
    settings: Settings,
) -> None:
    looked_at = float("-inf")
    while not stopped.is_set():
        with suppress(Empty):
            controller.take(told.get(timeout=_MOMENT))
            while True:
                controller.take(told.get_nowait())
        if not lease.held:
            controller.rest()
            looked_at = float("-inf")
            continue
        if time.monotonic() - looked_at > settings.sweep_seconds:
            looked_at = time.monotonic()
            controller.look_at_all()
        with apart("look broke off"):
            controller.act(_now())


def _sweep(sweep: Sweep, lease: Lease, settings: Settings) -> None:
    expiry_every = max(1, round(settings.expiry_seconds / settings.sweep_seconds))
    for look in itertools.count(1):
        pause(settings.sweep_seconds)
        if lease.held:
            with apart("look broke off"):
                sweep.remove_leftovers(_now())
            if look % expiry_every == 0:
                with apart("look broke off"):
                    sweep.expire(_now())


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
