"""How a taskmaster gets hold of its record: it waits for it, claims it, and steps back from another's."""

import json
from collections.abc import Callable
from datetime import datetime
from queue import Empty
from typing import NamedTuple

from taskmaster import plan, tasklog
from taskmaster.kube import Kube
from taskmaster.settings import Settings
from taskmaster.watches import Watches
from tescore import document, model, naming, record, tenant
from tescore.document import Dropped
from tescore.errors import Conflict, Missing, shortened
from tescore.model import Task
from tescore.record import Record
from tescore.settings import environment
from tescore.states import FINAL, State

_STORED_WITHIN = 40.0
"""Seconds: the API server may store a ConfigMap as late as 34 s after its admission."""

_NOTES = 100
"""Fields that are told one by one: a document may have 70,000 that are unknown, and its record's log has no room."""


class Claim(NamedTuple):
    record: Record
    task: Task
    settings: Settings
    """With those of the tenant that the task was begun with: they may have changed since."""
    first: bool
    """Whether nobody had claimed it before, so that nothing of the task can have been made."""


def claimed(kube: Kube, settings: Settings, now: Callable[[], datetime]) -> Claim | None:
    """The record, claimed for this pod; as it is if the task has ended; None if it was never stored or is gone.

    The newest taskmaster wins: one that comes later is the replacement of one that was lost, and goes on
    where that one was. The other sees it by a conflict or its watch, and steps back.
    """
    stored = kube.get("configmaps", settings.task) or _awaited(kube, settings.task)
    while stored is not None:
        seen = record.record(stored)
        if seen.settings:
            settings = tenant.restored(settings, json.loads(seen.settings))
        try:
            asked, dropped = document.parse(seen.document, settings)
            task = model.task(asked, seen.images)
            if seen.state in FINAL or seen.taskmaster == settings.pod_uid:
                return Claim(seen, task, settings, first=False)
            written = kube.patch("configmaps", settings.task, _claim(seen, dropped, settings, now()))
            return Claim(record.record(written), task, settings, first=not seen.taskmaster)
        except (Conflict, Missing):
            stored = kube.get("configmaps", settings.task)
    return None


def _claim(seen: Record, dropped: list[Dropped], settings: Settings, now: datetime) -> dict[str, object]:
    state = State.INITIALIZING if seen.state == State.QUEUED else seen.state
    if seen.taskmaster:
        taken_over: dict[str, str | None] = {naming.TASKMASTER: settings.pod_uid}
        if seen.reason.startswith(record.NO_TASKMASTER):  # which the janitor told meanwhile
            _, taken_over[naming.REASON] = plan.journal(seen.step).failure or ("", None)
        return record.change(seen, state=state, annotations=taken_over)
    notes = _notes(dropped) + [f"The image {uri} is {image}." for uri, image in seen.images.items()]
    started = record.timestamp(now)
    annotations = {
        naming.TASKMASTER: settings.pod_uid,
        naming.STARTED: started,
        naming.TENANT_SETTINGS: json.dumps(environment(settings, tenant.FIELDS)),
        naming.STEP: plan.Journal(0, begun=started).encoded(),
        naming.REASON: None,
    }
    queued = (now - datetime.fromisoformat(seen.created)).total_seconds() if seen.created else 0.0
    log = tasklog.begun(started, notes, queued=max(0.0, queued))
    return record.change(seen, state=state, annotations=annotations, log=log)


def _notes(dropped: list[Dropped]) -> list[str]:
    """What a user reads of fields that are not used."""
    notes = [f"The field {shortened(path)} was not used: it {shortened(why)}." for path, why in dropped[:_NOTES]]
    more = len(dropped) - _NOTES
    return notes + ([f"Fields that were not used beside these: {more}."] if more > 0 else [])


def _awaited(kube: Kube, task: str) -> dict[str, object] | None:
    watches = Watches()
    watches.follow("configmaps", task, kube.follow("configmaps", task), until=lambda seen: seen is not None)
    try:
        while True:
            change = watches.next(timeout=_STORED_WITHIN)
            if change.object is not None:
                return change.object
    except Empty:
        return None
