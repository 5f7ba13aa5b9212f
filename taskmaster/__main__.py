"""`python -m taskmaster`: runs the task that the environment names, and ends with 0 when it has ended."""

import gc

gc.disable()  # it would look for garbage again and again among what is just being loaded (docs/speed.md)

import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import NoReturn

from taskmaster import claim, loop
from taskmaster.kube import Kube
from taskmaster.own_record import SteppedBack
from taskmaster.settings import Settings
from tescore import naming
from tescore.errors import TeskError
from tescore.session import Session, mounted, server
from tescore.start import started

gc.freeze()
gc.enable()


def main() -> None:
    signal.signal(signal.SIGTERM, _stop)
    settings = started("taskmaster", Settings, os.environ)
    run(Kube(Session(server(os.environ), mounted()), settings.namespace), settings, _now)


def run(kube: Kube, settings: Settings, now: Callable[[], datetime]) -> None:
    """Runs the task to its end, if it is there and this taskmaster's, and then has its own pod deleted."""
    log = logging.getLogger("taskmaster")
    claimed = claim.claimed(kube, settings, now)
    try:
        if claimed:
            loop.Taskmaster(kube, claimed, now).run()
        else:
            log.info("there is no record to run")
    except SteppedBack as why:
        log.info("stepped back", extra={"reason": str(why)})
    with suppress(TeskError):  # then it is the janitor's
        kube.delete("pods", naming.taskmaster(settings.task), uid=settings.pod_uid, at_once=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _stop(signal_number: int, _: object) -> NoReturn:
    # As process 1 of a container it would not end by itself on a signal.
    sys.exit(128 + signal_number)


if __name__ == "__main__":
    main()
