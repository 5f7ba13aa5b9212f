"""What the backstop must do about a task or an object, from what is seen of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from janitor.obstacle import Obstacle
from tescore import naming
from tescore.launch import Job, seen
from tescore.record import Record, state
from tescore.states import FINAL, State


@dataclass(frozen=True, slots=True)
class Launch:
    """It was stored, and nobody began it."""


@dataclass(frozen=True, slots=True)
class LaunchAnew:
    """Its Job would go on, but only after a long wait."""


@dataclass(frozen=True, slots=True)
class Tell:
    """It waits for something that its user should read."""

    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """Nobody will go on with it."""

    why: str
    """A sentence."""
    reason: str = "TaskmasterLost"
    """For programs."""


Verdict = Launch | LaunchAnew | Tell | End | None
"""None leaves it as it is."""


def about_task(
    task: Record, its: Job | None, obstacle: Obstacle | None, *, now: datetime, launch: timedelta, queue: timedelta
) -> Verdict:
    """About a task that has not ended. `launch` and `queue`: how long it may be without a Job, behind an obstacle.

    A taskmaster that lives is never overtaken, however slow: only a Job that failed or is missing counts, and one
    that has no running pod and has had none for long. A Job that waits for room waits for as long as it takes, and
    one that waits longer with each pod that was taken from it (preempted, evicted, deleted) is made anew.
    """
    if its is None:
        begun = _moment(task.started, _moment(task.created, now))
        if now - begun < launch:
            return None
        # One that was begun and has no Job any more was deleted on purpose or lost all its tries.
        return End("The taskmaster died (its Job is gone).") if task.taskmaster else Launch()
    if its.failed:
        return End(f"The taskmaster died (its Job failed: {its.failed}).")
    if its.stalled and obstacle is None:
        return LaunchAnew()
    if its.waits or its.ready or obstacle is None:
        return None
    if obstacle.lasting:
        return End(obstacle.reason, obstacle.lasting)
    stuck = now - obstacle.since
    if stuck > queue or (task.cancel and stuck > launch):
        return End(f"The taskmaster could not run within {stuck.total_seconds():.0f} s. {obstacle.reason}")
    return Tell(obstacle.reason) if obstacle.reason != task.reason else None


def is_in_line(job: Mapping[str, Any]) -> bool:
    """Whether a Job takes room of its tenant's or waits for some; one that a queue admits does neither."""
    labels = job["metadata"]["labels"]
    return not seen(job).ended and labels.get(naming.ROOM) != naming.ROOM_LEFT and naming.QUEUE not in labels


def waits_for_room(job: Mapping[str, Any]) -> bool:
    return bool(job["metadata"]["labels"].get(naming.ROOM) == naming.ROOM_WAITS)


def is_old(shown: Mapping[str, Any], now: datetime, patience: timedelta) -> bool:
    """Whether an object has been there for so long that its task, had it been stored, would have been seen."""
    return now - datetime.fromisoformat(shown["metadata"]["creationTimestamp"]) > patience


def is_kept(metadata: Mapping[str, Any], *, now: datetime, keep: timedelta) -> bool:
    """Whether a failed pod of a task, by its ConfigMap's metadata, is kept for a look."""
    ended = (metadata.get("annotations") or {}).get(naming.ENDED, "")
    return state(metadata) in {State.EXECUTOR_ERROR, State.SYSTEM_ERROR} and now - _moment(ended, now) < keep


def has_expired(metadata: Mapping[str, Any], *, now: datetime, retention: timedelta) -> bool:
    """Whether a task, by its ConfigMap's metadata, ended so long ago that it is not kept any more.

    With a retention of 0 it is kept.
    """
    ended = (metadata.get("annotations") or {}).get(naming.ENDED, "")
    return bool(retention) and state(metadata) in FINAL and now - _moment(ended, now) > retention


def _moment(text: str, otherwise: datetime) -> datetime:
    """What is noted; `otherwise` where nothing is, or what is no time. One without a zone is taken for UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
