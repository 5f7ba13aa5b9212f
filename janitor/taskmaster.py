"""A taskmaster's pod: the few facts that the janitor's decisions need."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tescore import launch, naming, room

_STARTING = frozenset({"ContainerCreating", "PodInitializing"})


class Obstacle(NamedTuple):
    """What keeps a pod from running."""

    reason: str
    """A sentence for the user."""
    since: datetime


class Taskmaster(NamedTuple):
    namespace: str
    task: str
    name: str
    uid: str
    created: datetime
    is_over: bool
    """It has ended or is being deleted."""
    runs: bool
    """Its container has begun."""
    restarts: int
    crash: str
    """How it ended last, where it did."""
    obstacle: Obstacle | None


def taskmaster(pod: Mapping[str, Any]) -> Taskmaster:
    """The facts of a pod as the API server shows it."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    ours: Mapping[str, Any] = next(
        (each for each in status.get("containerStatuses") or [] if each["name"] == "taskmaster"), {}
    )
    ended = (ours.get("lastState") or {}).get("terminated") or {}
    return Taskmaster(
        namespace=metadata["namespace"],
        task=metadata["labels"][naming.TASK],
        name=metadata["name"],
        uid=metadata["uid"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        is_over=launch.is_over(pod),
        runs="running" in (ours.get("state") or {}),
        restarts=ours.get("restartCount", 0),
        crash=f"{ended.get('reason', 'Error')}, exit code {ended.get('exitCode')}" if ended else "",
        obstacle=_obstacle(pod, ours),
    )


def _obstacle(pod: Mapping[str, Any], container: Mapping[str, Any]) -> Obstacle | None:
    conditions = (pod.get("status") or {}).get("conditions") or []
    missing = {condition["type"]: condition for condition in conditions if condition["status"] == "False"}
    waiting = (container.get("state") or {}).get("waiting") or {}
    if "PodScheduled" in missing:
        message = missing["PodScheduled"].get("message", "")
        what = "no node has room for its taskmaster"
        return Obstacle(room.no_taskmaster(what, message), _since(pod, missing["PodScheduled"]))
    if waiting and waiting.get("reason") not in _STARTING:
        message = waiting.get("message") or waiting.get("reason", "")
        what = "its taskmaster cannot start"
        return Obstacle(room.no_taskmaster(what, message), _since(pod, missing.get("Ready", {})))
    return None


def _since(pod: Mapping[str, Any], condition: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(condition.get("lastTransitionTime") or pod["metadata"]["creationTimestamp"])
