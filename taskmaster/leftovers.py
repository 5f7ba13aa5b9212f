"""What a task may have made on the cluster, by name, and what of it is kept for a look."""

from collections.abc import Sequence

from taskmaster import plan, tasklog
from taskmaster.plan import Kind, Step
from tescore import mounts, naming
from tescore.model import Task
from tescore.record import Record
from tescore.states import State

Names = set[tuple[str, str]]
"""Kind and name of each object."""


def made(seen: Record, task: Task, steps: Sequence[Step], *, claims: bool) -> Names:
    """The pods of all steps begun so far, in all attempts, and the scratch claims if it has its own."""
    journal = plan.journal(seen.step)
    begun = steps if journal.attempt > 1 else steps[: journal.index + 1]
    attempts, volumes = range(1, journal.attempt + 1), range(1, journal.volume + 1)
    ways = (False, True) if mounts.alone(task) else (False,)
    pods = {
        ("pods", naming.pod(seen.task_id, step.name, attempt, mounted=mounted))
        for step in begun
        for attempt in attempts
        for mounted in (ways if step.kind == Kind.EXECUTOR else (False,))
    }
    scratch = {("persistentvolumeclaims", naming.scratch(seen.task_id, volume)) for volume in volumes}
    return pods | (scratch if claims else set())


def lost(before: Record, after: Record, task: Task, steps: Sequence[Step], *, claims: bool) -> Names:
    """What of an attempt that was given up must go now: its pod, or with the volume everything."""
    then, now = plan.journal(before.step), plan.journal(after.step)
    if now.volume > then.volume:
        return made(before, task, steps, claims=claims)
    return {("pods", then.pod(before.task_id, steps[then.index]))}


def kept(seen: Record, task: Task, steps: Sequence[Step]) -> Names:
    """The pod in which a failed task failed."""
    if seen.state not in {State.EXECUTOR_ERROR, State.SYSTEM_ERROR}:
        return set()
    journal = plan.journal(seen.step)
    # The executor that failed is the last one that is listed.
    step = f"executor-{len(seen.log['logs']) - 1}" if tasklog.failed(seen.log, task) else steps[journal.index].name
    return {("pods", naming.pod(seen.task_id, step, journal.attempt, mounted=mounted)) for mounted in (False, True)}
