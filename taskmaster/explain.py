"""Why a step waits or failed, and whose fault it is: from a pod's facts to a sentence."""

from dataclasses import dataclass

from taskmaster.observe import Pod
from taskmaster.plan import Kind, Step
from tescore.errors import shortened
from tescore.report import FAILED, Report

_NODE_LOST_IT = frozenset({"ContainerStatusUnknown", "Unknown"})
"""Reasons of a container whose end nobody saw: its node went down."""
_CANNOT_START = {
    "ImagePullBackOff": "its image cannot be pulled",
    "InvalidImageName": "its image has an invalid name",
    "ErrImageNeverPull": "its image is not on the node and must not be pulled",
    "ImageInspectError": "its image cannot be read",
    "CreateContainerConfigError": "its container cannot be configured",
    "CreateContainerError": "its container cannot be created",
}
"""Waiting reasons of a container that does not start by waiting longer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the task ends or will end. `reason` is for programs, `message` a sentence for people."""

    reason: str
    message: str
    by_executor: bool
    """Whether the user's command failed (EXECUTOR_ERROR); everything else is SYSTEM_ERROR."""


def cannot_start(step: Step, pod: Pod) -> Failure | None:
    """Why the pod will not get to run its container, if that is certain. A pod that ended as a whole goes first."""
    if pod.phase == "Failed" and pod.terminated is None:
        return lost(step, pod)
    if pod.waiting_reason in _CANNOT_START:
        message = f"{step.title} could not start: {_CANNOT_START[pod.waiting_reason]}{_quoted(pod.waiting_message)}."
        return Failure(pod.waiting_reason, message, by_executor=False)
    return None


def lost(step: Step, pod: Pod | None) -> Failure:
    """The pod ended or vanished by nobody's command: evicted, its node gone, deleted."""
    why = "its pod was deleted" if pod and pod.deleted else "its pod disappeared"
    if pod and (pod.status_reason or pod.status_message):
        why = f"its pod was ended by Kubernetes ({pod.status_reason or pod.phase}){_quoted(pod.status_message)}"
    return Failure((pod and pod.status_reason) or "PodLost", f"{step.title} was lost: {why}.", by_executor=False)


def ended(step: Step, pod: Pod, report: Report) -> Failure | None:
    """Why a step whose container has terminated failed; None if it did not.

    In this order: the pod was ended as a whole; the filer's own words; too little memory; no start; the exit code.
    """
    end = pod.terminated
    if end is None or end.exit_code == 0:
        return None
    if pod.status_reason or pod.deleted or end.reason in _NODE_LOST_IT:
        return lost(step, pod)
    if step.kind != Kind.EXECUTOR:
        return _filer_failure(step, end.exit_code, end.reason, report)
    if end.reason == "OOMKilled":
        return Failure("OOMKilled", f"{step.title} was killed because it used more memory than it has.", True)
    if end.reason in {"StartError", "ContainerCannotRun"}:
        return Failure("StartError", f"{step.title} could not be started{_quoted(end.message)}.", True)
    return Failure("Error", f"{step.title} exited with {end.exit_code}.", True)


def waiting(step: Step, pod: Pod) -> str:
    """What a pod that has not started waits for, as a sentence; empty if nothing is known."""
    if pod.unscheduled:
        return f"{step.title} waits for a node{_quoted(pod.unscheduled)}."
    if pod.waiting_reason and pod.waiting_reason not in {"ContainerCreating", "PodInitializing"}:
        return f"{step.title} waits: {pod.waiting_reason}{_quoted(pod.waiting_message)}."
    return ""


def _filer_failure(step: Step, exit_code: int, reason: str, report: Report) -> Failure:
    if exit_code == FAILED and report.failure:
        return Failure("TransferFailed", report.failure, by_executor=False)
    words = f"exited with {exit_code}" + (f" ({reason})" if reason not in {"", "Error"} else "")
    return Failure("FilerFailed", f"{step.title} {words}.", by_executor=False)


def _quoted(foreign: str) -> str:
    return f" ({shortened(foreign.strip().rstrip('.'))})" if foreign.strip() else ""
