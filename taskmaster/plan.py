"""The steps of a task, in order, and the note of the one that was begun."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from taskmaster import contents
from taskmaster.settings import Settings
from tescore import mounts, naming
from tescore.model import Task


class Kind(StrEnum):
    INPUTS = "inputs"
    EXECUTOR = "executor"
    OUTPUTS = "outputs"


class Way(StrEnum):
    """How a step is done. Where the launcher in its pod refuses one way, the step begins again in another."""

    USUAL = ""
    MOUNTED = "mounted"
    """With files mounted that the image's user may not link into the image's folders."""
    LAID = "laid"
    """With no filer before it, and mostly no scratch: the image's own shell lays the contents."""


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
    way: Way = Way.USUAL
    waiting: str = ""
    """The reason for which it waits (`Waiting.reason`), and since when."""
    since: str = ""

    def encoded(self) -> str:
        return json.dumps({key: value for key, value in asdict(self).items() if value})

    def pod(self, task: str, step: Step) -> str:
        """The name of that step's pod."""
        return naming.pod(task, step.name, self.attempt, self.way)

    def next(self, index: int, begun: str) -> "Journal":
        """The beginning of another step."""
        return Journal(index, self.attempt, self.volume, begun)

    def again(self, index: int, begun: str, *, new_volume: bool) -> "Journal":
        """The beginning of a step again, because its pod was lost."""
        way = self.way if index == self.index else Way.USUAL
        return Journal(index, self.attempt + 1, self.volume + new_volume, begun, way=way)

    def otherwise(self, way: Way, begun: str) -> "Journal":
        """The beginning of a step in another way, because its launcher refused the one it had."""
        return Journal(self.index, self.attempt, self.volume, begun, way=way)


def steps(task: Task, way: Way = Way.USUAL) -> tuple[Step, ...]:
    """Inputs filer, executors, outputs filer. A task that needs no scratch volume needs no filer either."""
    filer = mounts.needs_scratch(task) and way != Way.LAID
    uploads = bool(task.outputs) or any(executor.redirected for executor in task.executors)
    return (
        *([Step(Kind.INPUTS)] if filer else []),
        *(Step(Kind.EXECUTOR, i) for i in range(len(task.executors))),
        *([Step(Kind.OUTPUTS)] if uploads else []),
    )


def journal(text: str) -> Journal:
    """The journal in a record; at the first step where there is none."""
    noted = {"index": 0, **(json.loads(text) if text else {})}
    return Journal(**{**noted, "way": Way(noted.get("way", ""))})


def first_way(task: Task, settings: Settings) -> Way:
    """How a task begins. A user whom the tenant sets may make no folders in an image, so it is not even tried."""
    return Way.USUAL if settings.run_as_user else ways(task)[0]


def ways(task: Task) -> tuple[Way, ...]:
    """The ways in which its executors may be done, each tried where the launcher refuses the one before it."""
    laid, alone = contents.can_be_laid(task), bool(mounts.alone(task))
    return (*[Way.LAID] * laid, Way.USUAL, *[Way.MOUNTED] * alone)


def other_way(task: Task, way: Way) -> Way | None:
    """The way after that one, if there is one."""
    return dict(pairwise(ways(task))).get(way)
