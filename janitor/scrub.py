"""The Job that removes folders of a shared claim that belong to no task that runs."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from janitor.settings import Settings
from tescore import events, filer_pod, naming
from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Conflict, Missing, Refused, TeskError, is_by_lost_claim, quoted
from tescore.record import Record
from tescore.session import path
from tescore.tenants import Tenant

log = logging.getLogger(__name__)

_YOUNG = timedelta(hours=1)
"""How old a folder was at least when the tasks were listed: clocks differ, and its own scrub may be at it."""
_SELECTOR = ",".join(f"{key}={value}" for key, value in naming.SCRUB_LABELS.items())


class GivenUp(NamedTuple):
    """A Job that can remove nothing any more."""

    name: str
    uid: str
    why: str


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


def without_claim(pods: Iterable[Mapping[str, Any]]) -> Iterator[GivenUp]:
    """The Jobs whose pods wait for a claim that is not there any more: its folders have gone with it."""
    for pod in pods:
        conditions = (pod.get("status") or {}).get("conditions") or []
        told = (c.get("message") or "" for c in conditions if c["type"] == "PodScheduled" and c["status"] == "False")
        why = next((message for message in told if is_by_lost_claim(message)), "")
        for owner in pod["metadata"].get("ownerReferences") or []:
            if why and owner["kind"] == "Job":
                yield GivenUp(owner["name"], owner["uid"], why)


def give_up(cluster: Cluster, namespace: str, now: str) -> None:
    """Deletes such Jobs, whose pods would stay Pending and count against the quota, and tells it by an Event."""
    for found in without_claim(cluster.listed("pods", namespace, _SELECTOR, whole=True)):
        with suppress(Missing, Conflict):
            cluster.delete(path("batch/v1/jobs", namespace, found.name), uid=found.uid)
        message = f"Removes no folder any more: the claim that they were in is gone{quoted(found.why)}."
        log.warning("scrub given up", extra={"namespace": namespace, "object": found.name, "reason": message})
        told = {"apiVersion": "batch/v1", "kind": "Job", "namespace": namespace, "name": found.name, "uid": found.uid}
        with suppress(TeskError):
            event = events.warning_of(told, "ClaimLost", message, about="claim-lost", source="tesk-janitor", now=now)
            cluster.create(path("events", namespace), event)
