"""What a taskmaster does last: it gives up its task's room, and lets those begin that waited for it."""

import logging
from contextlib import suppress

from taskmaster.kube import Kube
from taskmaster.settings import Settings
from tescore import naming, room, tenant
from tescore.errors import Conflict, Missing, TeskError

_LOOKS = 3
"""Two that end at a time may want to release the same task; the janitor does what is left after these looks."""

log = logging.getLogger(__name__)


def release(kube: Kube, settings: Settings) -> None:
    """The task takes no room any more, and those that waited longest run if there is room for them now.

    It may be called again, and never fails: what cannot be done here is left to the janitor.
    """
    if settings.queue:
        return
    try:
        with suppress(Missing):
            kube.patch("batch/v1/jobs", naming.job(settings.task), room.leave())
        for _ in range(_LOOKS):
            if _all_released(kube, settings):
                break
    except TeskError as error:
        log.warning("no task could be released", extra={"reason": str(error)})


def _all_released(kube: Kube, settings: Settings) -> bool:
    """Releases those that there is room for; False if another did so at the same time, so that it counts no more."""
    waiting = [item["metadata"] for item in kube.listed("batch/v1/jobs", room.WAITING)]
    if not waiting:
        return True
    running = len(kube.listed("batch/v1/jobs", room.RUNNING))
    for metadata in room.due(waiting, running, _most(kube, settings)):
        try:
            kube.patch("batch/v1/jobs", metadata["name"], room.release(metadata))
        except (Conflict, Missing):
            return False
        log.info("task released", extra={"released": metadata["name"]})
    return True


def _most(kube: Kube, settings: Settings) -> int:
    """Tasks that may run now, which may have changed since this one was launched."""
    overrides = (kube.get("configmaps", naming.SETTINGS) or {}).get("data") or {}
    quotas = kube.listed("resourcequotas", whole=True)
    return room.limit(tenant.overridden(settings, overrides).task_limit, quotas)
