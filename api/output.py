"""Where an executor's output is to be had."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tescore import document, naming, tails
from tescore.errors import InvalidTask, Rejected
from tescore.record import Record
from tescore.states import FINAL

STREAMS = ("stdout", "stderr")


class OutputNotFound(Rejected):
    """The task has no such executor, or an executor no such stream."""

    reason = "OutputNotFound"


@dataclass(frozen=True, slots=True)
class Output:
    """A stream of an executor, and where it goes."""

    executor: int
    stream: str
    in_file: bool
    """Then it is in the record after the outputs filer has reported."""
    in_pod: bool
    """Whether the log of the executor's pod has it: not if it goes to a file, or into the other one."""


def output(seen: Record, executor: int, stream: str) -> Output:
    """Raises OutputNotFound."""
    paths = _paths(seen, executor)
    in_file = bool(paths[stream])
    in_pod = not in_file and stream == tails.of_the_pod(paths["stdout"], paths["stderr"])
    return Output(executor, stream, in_file, in_pod)


def stored(seen: Record, output: Output) -> str | None:
    """The end of the stream as the record has it, empty if there was none; None as long as more may come."""
    ended = seen.log.get("logs", [])[output.executor : output.executor + 1]
    text = str(ended[0].get(output.stream, "")) if ended else ""
    return text if seen.state in FINAL or text or (ended and not output.in_file) else None


def newest_pod(pods: Iterable[Mapping[str, Any]], seen: Record, executor: int) -> Mapping[str, Any] | None:
    """The metadata of the pod in which the executor runs or ran last, if there is one; of the task's pods."""
    found = {
        _attempt(pod["metadata"]["name"], seen, executor): pod["metadata"]
        for pod in pods
        if any(owner["uid"] == seen.uid for owner in pod["metadata"].get("ownerReferences", []))
    }
    attempt = max(found, default=0)
    return found[attempt] if attempt else None


def _attempt(name: str, seen: Record, executor: int) -> int:
    """The attempt of which a pod is, counted from 1; 0 if it is not one of this executor."""
    first = naming.pod(seen.task_id, f"executor-{executor}")
    if name == first:
        return 1
    further = name.removeprefix(f"{first}-")
    return int(further) if further != name and further.isdecimal() else 0


def _paths(seen: Record, executor: int) -> dict[str, str]:
    """The files that the executor's streams go to."""
    try:
        executors = document.parse(seen.document)[0].get("executors")
    except InvalidTask:
        executors = None  # somebody broke it; what is left of it can be shown no better
    if not isinstance(executors, list) or not 0 <= executor < len(executors):
        raise OutputNotFound(f"The task {seen.task_id} has no executor {executor}.")
    asked = executors[executor] if isinstance(executors[executor], dict) else {}
    return {stream: str(asked.get(stream, "")) for stream in STREAMS}
