"""`python -m taskmaster`: runs the task that the environment names, and ends with 0 when it has ended."""

import gc

gc.disable()  # it would look for garbage again and again among what is just being loaded (docs/speed.md)

import logging
import os
import signal
import sys
from datetime import UTC, datetime
from typing import NoReturn

from taskmaster import claim, loop
from taskmaster.kube import Kube
from taskmaster.own_record import SteppedBack
from taskmaster.settings import Settings
from tescore.session import Session, mounted, server
from tescore.start import started

gc.freeze()
gc.enable()


def main() -> None:
    signal.signal(signal.SIGTERM, _stop)
    settings = started("taskmaster", Settings, os.environ)
    log = logging.getLogger("taskmaster")
    kube = Kube(Session(server(os.environ), mounted()), settings.namespace)
    claimed = claim.claimed(kube, settings, _now)
    if claimed is None:
        log.info("there is no record to run")
        return
    try:
        loop.Taskmaster(kube, claimed, _now).run()
    except SteppedBack as why:
        log.info("stepped back", extra={"reason": str(why)})


def _now() -> datetime:
    return datetime.now(UTC)


def _stop(signal_number: int, _: object) -> NoReturn:
    # As process 1 of a container it would not end by itself on a signal.
    sys.exit(128 + signal_number)


if __name__ == "__main__":
    main()
