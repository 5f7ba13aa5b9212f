"""From a pod as the API server shows it to the few facts that decisions need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_EPOCH = "1970-01-01T00:00:00Z"
"""What Kubernetes gives as the start of a container that never started."""


@dataclass(frozen=True, slots=True)
class Terminated:
    """How the container ended; times in RFC 3339."""

    exit_code: int
    reason: str
    message: str
    started: str
    finished: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of one container. Texts are empty where Kubernetes said nothing."""

    name: str
    node: str
    phase: str
    running_since: str
    terminated: Terminated | None
    waiting_reason: str
    waiting_message: str
    unscheduled: str
    """The scheduler's message while it finds no node."""
    status_reason: str
    """Why the pod as a whole ended: `Evicted`, `NodeLost`, …"""
    status_message: str
    deleted: bool


def pod(shown: Mapping[str, Any]) -> Pod:
    """The facts of a pod; its container may have no status yet, or never get one."""
    status = shown.get("status") or {}
    containers = status.get("containerStatuses") or [{}]
    container = containers[0].get("state") or {}
    waiting = container.get("waiting") or {}
    return Pod(
        name=shown["metadata"]["name"],
        node=shown["spec"].get("nodeName", ""),
        phase=status.get("phase", ""),
        running_since=(container.get("running") or {}).get("startedAt", ""),
        terminated=_terminated(container.get("terminated")),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        unscheduled=_unscheduled(status.get("conditions") or []),
        status_reason=status.get("reason", ""),
        status_message=status.get("message", ""),
        deleted="deletionTimestamp" in shown["metadata"],
    )


def _terminated(state: Mapping[str, Any] | None) -> Terminated | None:
    if not state:
        return None
    finished = state.get("finishedAt") or ""
    started = state.get("startedAt") or ""
    return Terminated(
        exit_code=int(state["exitCode"]),
        reason=state.get("reason", ""),
        message=state.get("message", ""),
        started=finished if started == _EPOCH else started,
        finished=finished,
    )


def _unscheduled(conditions: list[Mapping[str, Any]]) -> str:
    for condition in conditions:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message", ""))
    return ""
