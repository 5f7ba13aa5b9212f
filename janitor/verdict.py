"""What the janitor must do about a task or an object, from what is seen of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from janitor.taskmaster import Taskmaster
from tescore import naming, room
from tescore.errors import Refused, is_by_limit_range
from tescore.record import Record, state
from tescore.states import FINAL, State, may_go

_SEEN_WITHIN = timedelta(seconds=5)
"""How soon a pod is known of that was made before its task was stored."""
_PASSES = timedelta(seconds=15)
"""What is in the way of a pod for less than this is told to nobody."""
_EVER = datetime.min.replace(tzinfo=UTC)
_RESTARTS = 20
"""Of a taskmaster's container, for which the kubelet waits longer and longer: they take more than an hour."""


@dataclass(frozen=True, slots=True)
class Queue:
    """It waits for its turn to begin."""


@dataclass(frozen=True, slots=True)
class Replace:
    """It was begun, and has lost its taskmaster."""


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


@dataclass(frozen=True, slots=True)
class Wait:
    """A look in a moment will tell."""


Verdict = Queue | Replace | Tell | End | Wait | None
"""None leaves it as it is until it changes."""


def about_task(
    task: Record, pods: Sequence[Taskmaster], *, now: datetime, launch: timedelta, queue: timedelta
) -> Verdict:
    """About a task that has not ended. `launch` and `queue`: how long a cancelled one and others wait for a node.

    A taskmaster that lives is never overtaken, however slow. A record in a state that the service never writes is left
    alone.
    """
    if not may_go(task.state, State.SYSTEM_ERROR):
        return None
    alive = [pod for pod in pods if not pod.is_over]
    if alive:
        return _about_living(task, max(alive, key=lambda pod: pod.created), now=now, launch=launch, queue=queue)
    if task.taskmaster:
        return Replace()
    return Queue() if is_queued(task, pods, now) else Wait()


def is_queued(task: Record, pods: Sequence[Taskmaster], now: datetime) -> bool:
    """Whether a task waits for its turn: the webhook left it to the queue, or its taskmaster went before it began."""
    if task.taskmaster or not all(pod.is_over for pod in pods):
        return False
    left = task.state == State.QUEUED or task.reason or pods
    # One that was made in the future, or nobody knows when, is no new one: clocks differ, and its pod is made once.
    return bool(left) or abs(now - _moment(task.created, _EVER)) > _SEEN_WITHIN


def about_refused(
    task: Record, error: Refused, lasted: timedelta, *, launch: timedelta, queue: timedelta
) -> Tell | End | None:
    """About a task whose taskmaster's pod Kubernetes has refused for so long; `launch` and `queue` as above."""
    reason = room.refusal(error)
    if is_by_limit_range(str(error)):
        return End(reason, "LimitRange")
    if lasted > queue or (task.cancel and lasted > launch):
        return End(f"The taskmaster could not run within {lasted.total_seconds():.0f} s. {reason}")
    return Tell(reason) if reason != task.reason else None


def _about_living(task: Record, its: Taskmaster, *, now: datetime, launch: timedelta, queue: timedelta) -> Verdict:
    if its.restarts >= _RESTARTS and not its.runs:
        return End(f"The taskmaster died {its.restarts} times ({its.crash}).")
    if its.runs or its.obstacle is None:
        return None
    stuck = now - its.obstacle.since
    if stuck > queue or (task.cancel and stuck > launch):
        return End(f"The taskmaster could not run within {stuck.total_seconds():.0f} s. {its.obstacle.reason}")
    if stuck < _PASSES:
        return Wait()
    return Tell(its.obstacle.reason) if its.obstacle.reason != task.reason else None


def in_turn(queued: Iterable[Record]) -> list[Record]:
    """The queue, the one that has waited longest first."""
    return sorted(queued, key=lambda task: task.created)


def is_new(pod: Taskmaster, now: datetime) -> bool:
    """Whether the task may just be being stored for which the webhook made this pod."""
    return not pod.is_over and now - pod.created < _SEEN_WITHIN


def is_left(pod: Taskmaster, metadata: Mapping[str, Any] | None, *, now: datetime, launch: timedelta) -> bool:
    """Whether a taskmaster's pod goes on with nothing; `metadata` is its task's, None where that is not stored.

    One that runs ends by itself, and where its task was just launched that may still be stored.
    """
    if metadata is None:
        return pod.is_over or now - pod.created > launch
    return state(metadata) in FINAL and not pod.runs


def is_old(metadata: Mapping[str, Any], now: datetime, patience: timedelta) -> bool:
    """Whether an object has been there for so long that its task, had it been stored, would have been seen."""
    return now - datetime.fromisoformat(metadata["creationTimestamp"]) > patience


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
