"""What to do next, from what the record and the cluster say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from taskmaster import explain, plan, waiting
from taskmaster.explain import Failure
from taskmaster.observe import Pod, Terminated, Trouble
from taskmaster.plan import Journal, Kind, Step, seconds_since
from taskmaster.waiting import Patience, Waiting
from tescore.model import Task
from tescore.states import State
from tescore.tenant import TenantSettings

_QUIET = 2.0
"""Seconds that a step may wait before it is told: most waits are shorter."""
_STUCK = 5.0
"""Seconds after which a pod that does not start is asked why, and again after twice that."""
_DELETION = 30.0
"""Seconds for which a pod may outlast its own deletion; then its kubelet is not there to confirm it."""
_AGAIN = (2.0, 15.0)
"""Seconds between two tries to create a refused pod, at least and at most: a quarter of the time it has waited."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the tenant and the task grant: seconds of waiting, and attempts in all."""

    room: float
    trouble: float
    attempts: int
    local_scratch: bool = False
    """Whether a scratch volume lies on one node's disk, and so is lost with that node."""


@dataclass(frozen=True, slots=True)
class Create:
    """Make the step's pod."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until something changes."""

    running: bool
    reason: Waiting | None = None
    """What it waits for, where that is worth telling."""
    seconds: float | None = None
    """When to look again though nothing has changed."""


@dataclass(frozen=True, slots=True)
class Conclude:
    """The step's container has terminated: read its log, then ask `after`."""

    pod: Pod
    end: Terminated


@dataclass(frozen=True, slots=True)
class Stop:
    """The step cannot be finished."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop everything."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Go on with the step of that index."""

    index: int
    failure: Failure | None = None
    """That of an executor, with which the task will end."""


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt, from the step of that index on."""

    index: int
    failure: Failure
    new_volume: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """The task has ended."""

    state: State
    failure: Failure | None


def failed_executor(journal: Journal) -> Failure | None:
    """The executor's failure with which the task will end, once what outputs there are is uploaded."""
    if not journal.failure:
        return None
    reason, message = journal.failure
    return Failure(reason, message, by_executor=True)


def limits(task: Task, settings: TenantSettings) -> Limits:
    """What the task asks for, else what its tenant grants."""
    asked = task.resources.parameters
    return Limits(
        room=asked.queue_seconds or settings.queue_seconds,
        trouble=settings.trouble_seconds,
        attempts=asked.max_attempts or settings.attempts,
        local_scratch=settings.local_scratch,
    )


Move = Create | Wait | Conclude | Stop | Cancel


def next_move(
    step: Step,
    journal: Journal,
    pod: Pod | None,
    trouble: Trouble | None,
    *,
    cancelled: bool,
    now: datetime,
    limits: Limits,
) -> Move:
    """One look at the step that was begun. A cancel goes first; a missing pod that has run is not made again."""
    if cancelled:
        return Cancel()
    if pod is None:
        return Stop(explain.lost(step, None)) if journal.seen else Create()
    if pod.terminated:
        return Conclude(pod, pod.terminated)
    if waiting.is_refused_by_node(pod) and not journal.seen:
        return _refused_by_node(step, journal, pod, now=now, limits=limits)
    failure = explain.cannot_start(step, pod)
    if failure:
        return Stop(failure)
    if pod.deletion:
        left = _DELETION - seconds_since(pod.deletion, now)
        return Wait(running=bool(pod.running_since), seconds=left) if left > 0 else Stop(explain.lost(step, pod))
    if pod.running_since:
        return Wait(running=True)
    reason = waiting.of_pod(step, pod, trouble)
    soon = Wait(running=False, seconds=2 * _STUCK if is_stuck(step, journal, pod, now) else _STUCK)
    return _patient(journal, reason, now=now, limits=limits) if reason else soon


def is_stuck(step: Step, journal: Journal, pod: Pod, now: datetime) -> bool:
    """Whether the pod's Events shall be asked why it does not start: it has a node, and nothing is known."""
    if pod.running_since or pod.terminated or pod.deletion or not pod.node or waiting.of_pod(step, pod, None):
        return False
    return seconds_since(journal.begun, now) >= _STUCK


def refused(
    journal: Journal, refusal: Waiting | None, failure: Failure, *, now: datetime, limits: Limits
) -> Wait | Stop:
    """The API server will not have the step's pod: now, if there is something that can be waited for, or ever."""
    return _patient(journal, refusal, now=now, limits=limits) if refusal else Stop(failure)


def _refused_by_node(step: Step, journal: Journal, pod: Pod, *, now: datetime, limits: Limits) -> Move:
    """The pod is made again after a while, as long as room may be waited for."""
    reason = waiting.of_pod(step, pod, None)
    wait = _patient(journal, reason, now=now, limits=limits) if reason else Wait(running=False)
    told = isinstance(wait, Wait) and wait.reason is not None and journal.waiting == wait.reason.reason
    if isinstance(wait, Wait) and told and seconds_since(journal.since, now) >= (wait.seconds or 0):
        return Stop(explain.refused_by_node(step, pod))
    return wait


def _patient(journal: Journal, reason: Waiting, *, now: datetime, limits: Limits) -> Wait | Stop:
    """Waits on as long as that may be waited for, and tells it unless it has just begun."""
    quiet = _QUIET - seconds_since(journal.begun, now)
    if quiet > 0:
        return Wait(running=False, seconds=quiet)
    waited = journal.seconds_waited(reason.patience, now)
    left = (limits.room if reason.patience == Patience.ROOM else limits.trouble) - waited
    if left <= 0:
        message = f"{reason.message.removesuffix('.')}, and {round(waited)} s were too long."
        return Stop(Failure(reason.reason, message, by_executor=False))
    shortest, longest = _AGAIN
    return Wait(running=False, reason=reason, seconds=min(left, longest, max(shortest, waited / 4)))


def after(
    steps: Sequence[Step],
    journal: Journal,
    failure: Failure | None,
    task: Task,
    *,
    limits: Limits,
) -> Begin | Again | Finish:
    """What follows a step that has ended.

    A pod that its node refused is made again. One that was lost gets another attempt, if there is one left. Where its
    node was lost too, all begins anew on another scratch volume, but never a command that has failed: the volume may be
    lost as well, or a container on that node may still write to it. Executors stop at the first that fails, unless its
    errors are to be ignored; what outputs there are is still uploaded, and the end is that executor's.
    """
    index, failed_before = journal.index, failed_executor(journal)
    if failure and failure.refused_by_node:
        return Again(index, failure, new_volume=False)
    if failure and failure.lost and journal.attempt - journal.refused < limits.attempts:
        node_gone = failure.node_gone or (limits.local_scratch and failure.node_may_be_gone)
        anew = node_gone and plan.needs_scratch(task)
        if not (anew and failed_before):
            return Again(0 if anew else index, failure, new_volume=anew)
    if failed_before:
        return Finish(State.EXECUTOR_ERROR, failed_before)
    if failure and not failure.by_executor:
        return Finish(State.SYSTEM_ERROR, failure)
    if failure and not task.executors[steps[index].executor].ignore_error:
        uploads = len(steps) - 1
        return Begin(uploads, failure) if steps[uploads].kind == Kind.OUTPUTS else Finish(State.EXECUTOR_ERROR, failure)
    return Begin(index + 1) if index + 1 < len(steps) else Finish(State.COMPLETE, None)
