"""What a task may have made on the cluster, by name, and what of it is kept for a look."""

from taskmaster import plan, scratch
from taskmaster.settings import Settings
from tescore import naming
from tescore.model import Task
from tescore.record import Record
from tescore.states import State

Names = set[tuple[str, str]]
"""Kind and name of each object."""


def made(seen: Record, task: Task, settings: Settings) -> Names:
    """The pods of all steps begun so far, in all attempts, and the scratch claims if it has its own."""
    journal = plan.journal(seen.step)
    steps = plan.steps(task)
    begun = steps if journal.attempt > 1 else steps[: journal.index + 1]
    attempts, volumes = range(1, journal.attempt + 1), range(1, journal.volume + 1)
    pods = {("pods", naming.pod(seen.task_id, step.name, attempt)) for step in begun for attempt in attempts}
    claims = {("persistentvolumeclaims", naming.scratch(seen.task_id, volume)) for volume in volumes}
    return pods | (claims if scratch.has_own_claim(task, settings) else set())


def of_step(before: Record, after: Record, task: Task, settings: Settings) -> Names:
    """What of a step that is over must go now: its pod, or everything where all begins anew on another volume."""
    then, now = plan.journal(before.step), plan.journal(after.step)
    if now.volume > then.volume:
        return made(before, task, settings)
    return {("pods", then.pod(before.task_id, plan.steps(task)[then.index]))}


def kept(seen: Record, task: Task) -> Names:
    """The pod in which a failed task failed."""
    if seen.state not in {State.EXECUTOR_ERROR, State.SYSTEM_ERROR}:
        return set()
    journal = plan.journal(seen.step)
    # The executor that failed is the last one that is listed.
    last = f"executor-{len(seen.log['logs']) - 1}"
    step = last if journal.failure else plan.steps(task)[journal.index].name
    return {("pods", naming.pod(seen.task_id, step, journal.attempt))}
