"""From a pod as the API server shows it to the few facts that decisions need."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tescore import naming

_EPOCH = "1970-01-01T00:00:00Z"
"""What Kubernetes gives as the start of a container that never started."""

DEADLINE = "DeadlineExceeded"
"""Why Kubernetes ended a pod that ran longer than its `activeDeadlineSeconds`."""
KILLED = 137
"""Exit code of what was killed, and of a shell whose command was."""
_HINDERING = frozenset({
    "FailedAttachVolume", "FailedCreatePodContainer", "FailedCreatePodSandBox", "FailedMapVolume", "FailedMount",
    "NetworkNotReady",
})  # fmt: skip
"""Reasons of Events on a pod that cannot start; others warn of what does it no harm, such as a missing name server."""
_TOO_EARLY = re.compile("no relationship found between node|failed to sync (configmap|secret) cache")
"""In the words of a kubelet that asked for a volume's objects before the API server knew that its pod is there."""


class Terminated(NamedTuple):
    """How the container ended; times in RFC 3339."""

    exit_code: int
    reason: str
    message: str
    started: str
    finished: str


class Pod(NamedTuple):
    """A pod, by the one container in it that is ours. Texts are empty where Kubernetes said nothing."""

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
    """Why the pod as a whole ended or is taken away: `Evicted`, `PreemptionByScheduler`, `DeletionByTaintManager`, …"""
    status_message: str
    deletion: str
    """Until when it may take to go, once it is being deleted."""
    deletion_asked: str = ""
    """When it was asked to go."""


class Trouble(NamedTuple):
    """A warning of Kubernetes about a pod that does not start."""

    reason: str
    message: str


def pod(shown: Mapping[str, Any]) -> Pod:
    """The facts of a pod; its container may have no status yet, or never get one."""
    status = shown.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
    container = _state_of_ours(status)
    taken = _true(conditions.get("DisruptionTarget"))
    waiting = container.get("waiting") or {}
    return Pod(
        name=shown["metadata"]["name"],
        node=shown["spec"].get("nodeName", ""),
        phase=status.get("phase", ""),
        running_since=(container.get("running") or {}).get("startedAt", ""),
        terminated=_overdue(_terminated(container.get("terminated")), status),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        unscheduled=_unscheduled(conditions.get("PodScheduled")),
        status_reason=status.get("reason") or taken.get("reason", ""),
        status_message=status.get("message") or taken.get("message", ""),
        deletion=shown["metadata"].get("deletionTimestamp", ""),
        deletion_asked=_deletion_asked(shown["metadata"]),
    )


def done(pod: Pod) -> Pod:
    """The pod whose filer says that it has done all it had to, as it will look once the kubelet has seen it."""
    return pod._replace(terminated=Terminated(0, "Completed", "", "", ""))


def _state_of_ours(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Others may have been injected, by a service mesh for example; Kubernetes sorts them by name."""
    states = {each["name"]: each.get("state") for each in status.get("containerStatuses") or []}
    return next((states[name] or {} for name in naming.CONTAINERS if name in states), {})


def _deletion_asked(metadata: Mapping[str, Any]) -> str:
    if not (until := metadata.get("deletionTimestamp")):
        return ""
    asked = datetime.fromisoformat(until) - timedelta(seconds=metadata.get("deletionGracePeriodSeconds", 0))
    return asked.strftime("%Y-%m-%dT%H:%M:%SZ")


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


def _overdue(end: Terminated | None, status: Mapping[str, Any]) -> Terminated | None:
    """The end of a container, which is a kill where its time was up: not shown by Kubernetes, or taken with a 0."""
    if status.get("phase") != "Failed" or status.get("reason") != DEADLINE:
        return end
    if end is None:
        return Terminated(KILLED, DEADLINE, "", status.get("startTime", ""), "")
    return end._replace(exit_code=end.exit_code or KILLED)


def trouble(events: Iterable[Mapping[str, Any]]) -> Trouble | None:
    """What keeps a pod from starting, if that is Kubernetes' last word on it: else it has got over it."""
    telling = [event for event in events if event.get("type") != "Warning" or _hinders(event)]
    last = max(telling, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "", default=None)
    if last is None or last.get("type") != "Warning":
        return None
    return Trouble(last["reason"], last.get("message") or "")


def _hinders(event: Mapping[str, Any]) -> bool:
    """Whether the pod cannot start for it. A kubelet that was too early says so once, and tries again in seconds."""
    early = event.get("count") == 1 and _TOO_EARLY.search(event.get("message") or "")
    return event.get("reason") in _HINDERING and not early


def _true(condition: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The condition if it holds."""
    return condition if condition and condition["status"] == "True" else {}


def _unscheduled(condition: Mapping[str, Any] | None) -> str:
    return str(condition.get("message", "")) if condition and condition["status"] == "False" else ""
