"""Why a taskmaster does not run, from what Kubernetes says of its Job and pod."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tescore import naming
from tescore.errors import is_by_limit_range, quoted, shortened
from tescore.record import NO_TASKMASTER

FAILED_CREATE = "involvedObject.kind=Job,reason=FailedCreate"
"""Selects the Events that say why a Job has no pod."""
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})
_POD_NAMED = re.compile(r'^Error creating: (?:pods "[^"]*" is forbidden: )?')
"""The name of the pod is another one at each try."""
_SENTENCE = 1000
"""Characters of a reason, as the taskmaster's."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    reason: str
    """A sentence for the user."""
    since: datetime
    lasting: str = ""
    """Name for programs of what does not pass by waiting; empty where it may pass."""


def obstacles(pods: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> dict[str, Obstacle]:
    """By task, what keeps its taskmaster from running; a pod that is there says more than one that could not be made.

    `events` are those of FAILED_CREATE of their Jobs, `pods` the taskmasters of the tenant.
    """
    found: dict[str, Obstacle] = {}
    for event in events:
        task = event["involvedObject"].get("name")  # whoever may edit the namespace can leave it out
        if not task:
            continue
        seen = _of_event(event)
        # The first one began to wait, the last one says for what now.
        found[task] = replace(seen, since=min(seen.since, found[task].since)) if task in found else seen
    for pod in pods:
        task = pod["metadata"]["labels"][naming.TASK]
        found.pop(task, None)
        seen_pod = _of_pod(pod)
        if seen_pod:
            found[task] = seen_pod
    return found


def _of_event(event: Mapping[str, Any]) -> Obstacle:
    since = event.get("firstTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    message = _POD_NAMED.sub("", event.get("message") or "")
    if is_by_limit_range(message):
        why = "The taskmaster could not be created: the namespace's LimitRange does not allow it"
        return Obstacle(f"{why}{quoted(message)}.", datetime.fromisoformat(since), lasting="LimitRange")
    return Obstacle(_sentence("no pod can be made for its taskmaster", message), datetime.fromisoformat(since))


def _of_pod(pod: Mapping[str, Any]) -> Obstacle | None:
    status = pod.get("status") or {}
    missing = {c["type"]: c for c in status.get("conditions") or [] if c["status"] == "False"}
    states = [each.get("state") or {} for each in status.get("containerStatuses") or [] if each["name"] == "taskmaster"]
    waiting = (states[0].get("waiting") if states else None) or {}
    if "PodScheduled" in missing:
        message = missing["PodScheduled"].get("message", "")
        return Obstacle(_sentence("no node has room for its taskmaster", message), _since(pod, missing["PodScheduled"]))
    if waiting and waiting.get("reason") not in _STARTING:
        message = waiting.get("message") or waiting.get("reason", "")
        return Obstacle(_sentence("its taskmaster cannot start", message), _since(pod, missing.get("Ready", {})))
    return None


def _since(pod: Mapping[str, Any], condition: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(condition.get("lastTransitionTime") or pod["metadata"]["creationTimestamp"])


def _sentence(what: str, message: str) -> str:
    return shortened(f"{NO_TASKMASTER}{what}{quoted(message)}.", _SENTENCE)
