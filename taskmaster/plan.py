"""The steps of a task, in order, and the note of the one that was begun."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple

from taskmaster import inline_inputs
from tescore import mounts, naming
from tescore.model import Task


class Kind(StrEnum):
    INPUTS = "inputs"
    EXECUTOR = "executor"
    OUTPUTS = "outputs"


class Step(NamedTuple):
    kind: Kind
    executor: int = -1
    """Index of the executor, for a step that is one."""

    @property
    def name(self) -> str:
        """As it stands in the pod's name."""
        return f"executor-{self.executor}" if self.kind == Kind.EXECUTOR else self.kind.value

    @property
    def title(self) -> str:
        """As it stands in a sentence."""
        return f"Executor {self.executor}" if self.kind == Kind.EXECUTOR else f"The filer of the {self.kind.value}"


@dataclass(frozen=True, slots=True)
class Journal:
    """The step that was begun. It is written before its pod is made, so a restarted taskmaster knows where it was."""

    index: int
    attempt: int = 1
    """Counts on with each pod that is lost, over the whole task."""
    volume: int = 1
    """Counts on with each scratch volume that is lost."""
    begun: str = ""
    """When the step was begun; times as `tescore.record.timestamp` makes them."""
    seen: bool = False
    """Whether its pod has been seen to run: if it is missing then, it was lost and must not be made again."""
    waiting: str = ""
    """The reason for which it waits (`Waiting.reason`), and since when."""
    since: str = ""

    def encoded(self) -> str:
        return json.dumps({key: value for key, value in asdict(self).items() if value})

    def pod(self, task: str, step: Step) -> str:
        """The name of that step's pod."""
        return naming.pod(task, step.name, self.attempt)

    def next(self, index: int, begun: str) -> "Journal":
        """The beginning of another step."""
        return Journal(index, self.attempt, self.volume, begun)

    def again(self, index: int, begun: str, *, new_volume: bool) -> "Journal":
        """The beginning of a step again, because its pod was lost."""
        return Journal(index, self.attempt + 1, self.volume + new_volume, begun)


def needs_scratch(task: Task) -> bool:
    """Whether the task needs a scratch volume, and a filer that prepares it."""
    return mounts.needs_scratch(task) and not inline_inputs.supported(task)


def steps(task: Task) -> tuple[Step, ...]:
    """Inputs filer, executors, outputs filer. A task that needs no scratch volume needs no filer either."""
    uploads = bool(task.outputs) or any(executor.redirected for executor in task.executors)
    return (
        *([Step(Kind.INPUTS)] if needs_scratch(task) else []),
        *(Step(Kind.EXECUTOR, i) for i in range(len(task.executors))),
        *([Step(Kind.OUTPUTS)] if uploads else []),
    )


def journal(text: str) -> Journal:
    """The journal in a record; at the first step where there is none."""
    return Journal(**{"index": 0, **(json.loads(text) if text else {})})
