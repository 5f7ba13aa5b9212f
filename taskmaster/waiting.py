"""What a step waits for before it runs, in a sentence, and how long it may."""

import re
from enum import StrEnum, auto
from typing import NamedTuple

from taskmaster.observe import Pod, Trouble
from taskmaster.plan import Step
from tescore.errors import QuotaExceeded, Refused, Unavailable, is_by_lost_claim, quoted

_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
_MAY_PASS = re.compile(
    r"time[- ]?out|timed out|deadline exceeded|connection (refused|reset)|no such host|lookup .*:|no route to host"
    r"|unreachable|too ?many ?requests|\b(429|5\d\d)\b|\bEOF\b|broken pipe|TLS handshake|GOAWAY|INTERNAL_ERROR"
    r"|request canceled|context canceled|closed network connection|temporar|pull QPS exceeded"
    # Kubernetes before 1.32 says nothing more while it waits.
    r"|^Back-off pulling image \S+$",
    re.IGNORECASE,
)
"""In a container runtime's words: the registry may answer a moment later."""
_REFUSED_BY_NODE = re.compile(r"OutOf\S+|UnexpectedAdmissionError|NodeAffinity|NodeShutdown|TopologyAffinityError")
"""Reasons of a pod that a kubelet did not take, because the scheduler knew less than it does."""


class Patience(StrEnum):
    """How long something may be waited for."""

    ROOM = auto()
    """As long as the queue time-out: others must end first, or somebody must help."""
    TROUBLE = auto()
    """It should pass soon, or it never will."""


class Waiting(NamedTuple):
    """`reason` is for programs and stays while the sentence may change."""

    reason: str
    message: str
    patience: Patience


def of_pod(step: Step, pod: Pod, trouble: Trouble | None) -> Waiting | None:
    """What a pod that does not run yet waits for; None if it is just about to start."""
    if is_refused_by_node(pod):
        # How much of what is missing changes from try to try, and each sentence is kept.
        why = "" if pod.status_reason.startswith("OutOf") else pod.status_message
        wanted = f"a node that takes its pod ({pod.status_reason})"
        return _told(pod.status_reason, step, wanted, why, Patience.ROOM)
    if pod.unscheduled:
        if is_by_lost_claim(pod.unscheduled):
            return _told("VolumeLost", step, "its volume", pod.unscheduled, Patience.TROUBLE)
        return _told("Unschedulable", step, "a node", pod.unscheduled, Patience.ROOM)
    if pod.waiting_reason in _PULLING:
        return _told("ImagePull", step, "its image", pod.waiting_message or pod.waiting_reason, Patience.TROUBLE)
    if pod.waiting_reason not in _STARTING:
        return _told(pod.waiting_reason, step, "its container", pod.waiting_message, Patience.TROUBLE)
    if trouble and "Multi-Attach" in trouble.message:
        return _told(trouble.reason, step, "its volume, which another node still has", trouble.message, Patience.ROOM)
    if trouble:
        return _told(trouble.reason, step, "its start", trouble.message, Patience.TROUBLE)
    return None


def is_refused_by_node(pod: Pod) -> bool:
    """Whether the kubelet did not take the pod, so that its container has not begun."""
    ran = pod.running_since or pod.terminated
    return pod.phase == "Failed" and not ran and _REFUSED_BY_NODE.fullmatch(pod.status_reason) is not None


def of_refusal(step: Step, error: Refused | Unavailable) -> Waiting | None:
    """What a pod or claim waits for that the API server will not have or cannot make now; None if it never will.

    It cannot make one for example where the webhook of a policy is down.
    """
    if isinstance(error, QuotaExceeded):
        return _told("QuotaExceeded", step, "room in the namespace's quota", str(error), Patience.ROOM)
    if isinstance(error, Unavailable):
        return _told("Unavailable", step, "Kubernetes, which cannot make its pod now", str(error), Patience.ROOM)
    return None


def may_pass(pull_message: str) -> bool:
    """Whether what a registry or the way to it said may be otherwise a moment later."""
    return not pull_message or _MAY_PASS.search(pull_message) is not None


def _told(reason: str, step: Step, wanted: str, foreign: str, patience: Patience) -> Waiting:
    return Waiting(reason, f"{step.title} waits for {wanted}{quoted(foreign)}.", patience)
