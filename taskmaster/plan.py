"""The steps of a task, in order, and the note of the one that was begun."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from taskmaster import inline_inputs
from tescore import mounts, naming, record
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
    """Counts on with each pod that is lost or refused by its node, over the whole task."""
    refused: int = 0
    """Of the attempts, those whose pod a node refused before it began: they are not counted against the limit."""
    volume: int = 1
    """Counts on with each scratch volume that is lost."""
    begun: str = ""
    """When the step was begun; times as `tescore.record.timestamp` makes them."""
    seen: bool = False
    """Whether its pod has been seen to run: if it is missing then, it was lost and must not be made again."""
    waiting: str = ""
    """The reason for which it waits (`taskmaster.waiting.Waiting`), its patience, and since when."""
    patience: str = ""
    since: str = ""
    waited: Mapping[str, float] = field(default_factory=dict)
    """Seconds that it has waited for other reasons before, by their patience."""
    failure: Sequence[str] = ()
    """Reason and message of the executor's failure with which the task ends once its outputs are uploaded."""

    def encoded(self) -> str:
        return json.dumps({key: value for key, value in asdict(self).items() if value})

    def pod(self, task: str, step: Step) -> str:
        """The name of that step's pod."""
        return naming.pod(task, step.name, self.attempt)

    def seconds_waited(self, patience: str, now: datetime) -> float:
        """Seconds for which it has waited for what has that patience, for whatever reason."""
        now_too = self.patience == patience and self.since
        return self.waited.get(patience, 0.0) + (seconds_since(self.since, now) if now_too else 0.0)

    def wait(self, reason: str, patience: str, now: datetime) -> "Journal":
        """The step as it waits for another reason; for none if both are empty."""
        before = {self.patience: round(self.seconds_waited(self.patience, now), 1)} if self.waiting else {}
        since = record.timestamp(now) if reason else ""
        return replace(self, waiting=reason, patience=patience, since=since, waited={**self.waited, **before})

    def next(self, index: int, begun: str, failure: Sequence[str] = ()) -> "Journal":
        """The beginning of another step, after that failure of an executor."""
        return Journal(
            index, attempt=self.attempt, refused=self.refused, volume=self.volume, begun=begun, failure=failure
        )

    def again(self, index: int, begun: str, *, new_volume: bool) -> "Journal":
        """The beginning of a step again, because its pod was lost."""
        again = self.next(index, begun, self.failure)
        return replace(again, attempt=self.attempt + 1, volume=self.volume + new_volume)

    def after_refusal(self, now: datetime) -> "Journal":
        """The step with another pod, because a node refused its pod; it has waited for as long as before."""
        waited = self.wait("", "", now)
        return replace(waited, attempt=self.attempt + 1, refused=self.refused + 1, begun=record.timestamp(now))


def seconds_since(moment: str, now: datetime) -> float:
    """Seconds since a moment; none since one that was not noted."""
    return (now - datetime.fromisoformat(moment)) / timedelta(seconds=1) if moment else 0.0


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
    noted = {"index": 0, **(json.loads(text) if text else {})}
    return Journal(**{**noted, "failure": tuple(noted.get("failure", ()))})
