"""What to do next, from what the record and the cluster say."""

from collections.abc import Sequence
from dataclasses import dataclass

from taskmaster import explain
from taskmaster.explain import Failure
from taskmaster.observe import Pod, Terminated
from taskmaster.plan import Journal, Kind, Step
from tescore.model import Task
from tescore.states import State


@dataclass(frozen=True, slots=True)
class Create:
    """Make the step's pod."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until something changes."""

    reason: str
    """What it waits for, where that is worth telling."""
    running: bool


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


@dataclass(frozen=True, slots=True)
class Finish:
    """The task has ended."""

    state: State
    failure: Failure | None


Move = Create | Wait | Conclude | Stop | Cancel


def next_move(step: Step, journal: Journal, pod: Pod | None, *, cancelled: bool) -> Move:
    """One look at the step that was begun. A cancel goes first; a missing pod that has run is not made again."""
    if cancelled:
        return Cancel()
    if pod is None:
        return Stop(explain.lost(step, None)) if journal.seen else Create()
    if pod.terminated:
        return Conclude(pod, pod.terminated)
    failure = explain.cannot_start(step, pod)
    if failure:
        return Stop(failure)
    return Wait(explain.waiting(step, pod), running=bool(pod.running_since))


def after(
    steps: Sequence[Step], index: int, failure: Failure | None, task: Task, *, failed_before: Failure | None = None
) -> Begin | Finish:
    """What follows a step that has ended. `failed_before` is that of an executor before it.

    Executors stop at the first that fails, unless its errors are to be ignored; what outputs there are is still
    uploaded then, and the task's end is that executor's.
    """
    if failed_before:
        return Finish(State.EXECUTOR_ERROR, failed_before)
    if failure and not failure.by_executor:
        return Finish(State.SYSTEM_ERROR, failure)
    if failure and not task.executors[steps[index].executor].ignore_error:
        uploads = len(steps) - 1
        return Begin(uploads) if steps[uploads].kind == Kind.OUTPUTS else Finish(State.EXECUTOR_ERROR, failure)
    return Begin(index + 1) if index + 1 < len(steps) else Finish(State.COMPLETE, None)
