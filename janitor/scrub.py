"""The Job that removes folders of a shared claim that belong to no task that runs."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from janitor.settings import Settings
from tescore import filer_pod, naming
from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Refused
from tescore.record import Record
from tescore.session import path
from tescore.tenants import Tenant

log = logging.getLogger(__name__)

_YOUNG = timedelta(hours=1)
"""How old a folder was at least when the tasks were listed: clocks differ, and its own scrub may be at it."""


def job(namespace: str, unfinished: Iterable[Record], settings: Settings, *, listed: datetime) -> dict[str, Any]:
    """The Job for one tenant. However late it runs, it removes only what was old when the tasks were listed."""
    # A task that nobody has claimed has no folder, and there may be many that wait.
    keep = sorted(naming.scratch_folder(seen.task_id, seen.uid) for seen in unfinished if seen.taskmaster)
    before = int((listed - _YOUNG).timestamp())
    return filer_pod.scrub_job(
        {"name": naming.SWEEP_JOB, "namespace": namespace},
        settings.filer_image,
        ["sweep", str(before), *keep],
        settings,
    )


def make(
    cluster: Cluster, namespace: str, unfinished: Iterable[Record], tenant: Tenant[Settings], now: datetime
) -> None:
    """Makes the Job, which removes itself, where the tenant has a shared claim; one that still runs goes on."""
    if not tenant.settings.shared_claim:
        return
    try:
        cluster.create(path("batch/v1/jobs", namespace), job(namespace, unfinished, tenant.settings, listed=now))
    except AlreadyExists:
        return
    except Refused as error:
        log.warning("shared claim could not be swept", extra={"namespace": namespace, "reason": str(error)})
