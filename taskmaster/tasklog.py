"""The TES TaskLog of a task, as it grows."""

from collections.abc import Sequence

from taskmaster.observe import Pod, Terminated
from taskmaster.plan import Kind
from tescore.model import Task
from tescore.record import Record, TaskLog, room
from tescore.report import Report

BATCHES = "batches"
"""Outputs beyond those in `outputs`, packed, in a log that grows; taskmaster/pages.py finds them a place."""

_ONE_TAIL = 64 * 1024
_OTHER = 128 * 1024
"""Bytes of the record kept for the log's other parts."""


def begun(start_time: str, notes: Sequence[str], *, queued: float) -> TaskLog:
    """The log of a task that has just been claimed, so many seconds after it was created."""
    metadata = {"seconds_queued": f"{queued:.1f}"}
    return {"logs": [], "metadata": metadata, "outputs": [], "system_logs": list(notes), "start_time": start_time}


def with_step(log: TaskLog, kind: Kind, pod: Pod, *, seconds: float, attempt: int) -> TaskLog:
    """Where a step ran and how long it took, from its beginning to its end; those of one kind are added up."""
    metadata = dict(log.get("metadata", {}))
    took = f"seconds_{kind.value}"
    metadata |= {
        "pods": _listed(metadata.get("pods", ""), pod.name),
        "nodes": _listed(metadata.get("nodes", ""), pod.node),
        "attempts": str(attempt),
        took: f"{float(metadata.get(took, 0)) + seconds:.1f}",
    }
    return {**log, "metadata": {key: value for key, value in metadata.items() if value}}


def anew(log: TaskLog) -> TaskLog:
    """The log of a task that begins anew, because the data of its executors is lost."""
    return {**log, "logs": [], "outputs": []}


def _listed(names: str, name: str) -> str:
    """Names separated by commas, each once."""
    return names if not name or name in names.split(",") else ",".join(filter(None, [names, name]))


def tail_size(record: Record, task: Task) -> int:
    """Bytes kept of each stream of each executor, which share what the document leaves of the record."""
    return min(_ONE_TAIL, (room(record) - _OTHER) // (2 * len(task.executors)))


def with_executor(log: TaskLog, end: Terminated, stream: str, tail: str) -> TaskLog:
    """An executor's log enters once it has ended, for clients need its exit code."""
    entry = {"start_time": end.started, "end_time": end.finished, stream: tail, "exit_code": end.exit_code}
    return {**log, "logs": [*log["logs"], {key: value for key, value in entry.items() if value != ""}]}


def with_report(log: TaskLog, report: Report) -> TaskLog:
    """What a filer told: files that arrived, tails of redirected streams, warnings."""
    logs = [dict(entry) for entry in log["logs"]]
    for tail in report.tails:
        if tail.executor < len(logs) and tail.text:
            logs[tail.executor][tail.stream] = tail.text
    return {
        **log,
        "logs": logs,
        "outputs": [*log["outputs"], *report.moved],
        BATCHES: report.batches,
        "system_logs": [*log["system_logs"], *report.warnings],
    }


def exit_codes(log: TaskLog) -> list[int]:
    return [entry["exit_code"] for entry in log["logs"]]
