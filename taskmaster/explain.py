"""Why a step failed, and whose fault it is: from a pod's facts to a sentence."""

from typing import NamedTuple

from taskmaster.observe import DEADLINE, KILLED, Pod, Terminated
from taskmaster.plan import Kind, Step
from taskmaster.waiting import may_pass
from tescore.errors import Refused, Unavailable, is_by_limit_range, is_too_large, quoted
from tescore.report import FAILED, Report

_NODE_LOST_IT = frozenset({"ContainerStatusUnknown", "Unknown"})
"""Reasons of a container whose end nobody saw: its node went down."""
_NODE_IS_GONE = frozenset({"DeletionByTaintManager", "DeletionByPodGC", "NodeLost"})
_POD_LOST = "PodLost"
_NODE_MAY_BE_GONE = frozenset({_POD_LOST, "Terminated"})
"""Of a pod that is not there any more; of one whose node was shut down."""
_CANNOT_START = {
    "InvalidImageName": "its image has an invalid name",
    "ErrImageNeverPull": "its image is not on the node and must not be pulled",
    "ImageInspectError": "its image cannot be read",
    "CreateContainerConfigError": "its container cannot be configured",
    "CreateContainerError": "its container cannot be created",
}
"""Waiting reasons of a container that does not start by waiting longer."""


_NEVER_STARTED = frozenset({"StartError", "ContainerCannotRun"})
_LEAST_MEMORY = 16
"""MiB. With 4 a container does not start, and what the runtime says of it does not name memory."""


class Failure(NamedTuple):
    """Why the task ends or will end. `reason` is for programs, `message` a sentence for people."""

    reason: str
    message: str
    by_executor: bool
    """Whether the user's command failed (EXECUTOR_ERROR); everything else is SYSTEM_ERROR."""
    lost: bool = False
    """Whether the pod was taken away: another attempt may do better."""
    node_gone: bool = False
    """Whether its node went with it, and with that perhaps the scratch volume."""
    node_may_be_gone: bool = False
    """Whether that is not known."""
    refused_by_node: bool = False
    """Whether its container never began: another pod for the step is no other attempt."""


def cannot_start(step: Step, pod: Pod) -> Failure | None:
    """Why the pod will not get to run its container, if that is certain. A pod that ended as a whole goes first."""
    if pod.phase == "Failed":
        return lost(step, pod)
    if pod.waiting_reason in _CANNOT_START:
        words = f"{_CANNOT_START[pod.waiting_reason]}{quoted(pod.waiting_message)}"
        return Failure(pod.waiting_reason, f"{step.title} could not start: {words}.", by_executor=False)
    if pod.waiting_reason in {"ErrImagePull", "ImagePullBackOff"} and not may_pass(pod.waiting_message):
        words = f"its image cannot be pulled{quoted(pod.waiting_message)}"
        return Failure("ImagePull", f"{step.title} could not start: {words}.", by_executor=False)
    return None


def refused(step: Step, error: Refused | Unavailable) -> Failure:
    """The API server will not have the step's pod or claim."""
    reason, why = "Refused", str(error)
    if is_by_limit_range(why):
        reason, why = "LimitRange", f"the namespace's LimitRange does not allow it{quoted(why)}."
    elif is_too_large(why):
        cure = "give it fewer bytes of arguments and environment, and what is long as an input"
        reason, why = "TooLarge", f"its pod is larger than Kubernetes can store{quoted(why)}; {cure}."
    elif "violates PodSecurity" in why:
        reason, why = "PodSecurity", f"the namespace's Pod Security level does not allow it{quoted(why)}."
    return Failure(reason, f"{step.title} could not be created: {why}", by_executor=False)


def lost(step: Step, pod: Pod | None) -> Failure:
    """The pod ended or vanished by nobody's command: evicted, its node gone, deleted."""
    why, reason = "its pod disappeared", _POD_LOST
    if pod and pod.status_reason:
        reason = pod.status_reason
        why = f"its pod was ended by Kubernetes ({reason}){quoted(pod.status_message)}"
    elif pod and pod.deletion:
        why = "its pod was deleted"
    message = f"{step.title} was lost: {why}."
    gone, may_be_gone = reason in _NODE_IS_GONE, reason in _NODE_MAY_BE_GONE
    return Failure(reason, message, by_executor=False, lost=True, node_gone=gone, node_may_be_gone=may_be_gone)


def refused_by_node(step: Step, pod: Pod) -> Failure:
    """The kubelet did not take the pod."""
    return lost(step, pod)._replace(refused_by_node=True)


def ended(step: Step, pod: Pod, report: Report, *, ram_gb: float | None = None) -> Failure | None:
    """Why a step whose container has terminated failed; None if it did not. An executor may have asked for `ram_gb`.

    In this order: its time was up; the pod was taken away; the filer's own words; too little memory; no start; the
    exit code. A command that exits with 0 because Kubernetes ended it has not done its work.
    """
    end = pod.terminated
    if end is None:
        return None
    if end.exit_code == 0:
        return lost(step, pod) if step.kind == Kind.EXECUTOR and _ended_by_kubernetes(pod, end) else None
    if pod.status_reason == DEADLINE:
        # How long an executor may run is the user's choice or the tenant's rule, and the command did not keep to it.
        return Failure(DEADLINE, f"{step.title} ran longer than it may{quoted(pod.status_message)}.", by_executor=True)
    if pod.status_reason or pod.deletion or end.reason in _NODE_LOST_IT:
        return lost(step, pod)
    if step.kind != Kind.EXECUTOR:
        return _filer_failure(step, end.exit_code, end.reason, report)
    if end.reason == "OOMKilled":
        return Failure("OOMKilled", f"{step.title} was killed because it used more memory than it has.", True)
    if end.reason in _NEVER_STARTED:
        return Failure(
            "StartError", f"{step.title} could not be started{quoted(end.message)}{_too_small(ram_gb)}.", True
        )
    # Kubernetes does not always see that it was memory, least of all where a child of the command was killed.
    why = ": something was killed, perhaps because it used more memory than it has" if end.exit_code == KILLED else ""
    return Failure("Error", f"{step.title} exited with {end.exit_code}{why}.", True)


def log_missing(step: Step, end: Terminated, stream: str, why: str) -> str:
    """That a log is empty because it could not be read; nothing of a container that never started, which has none."""
    if end.reason in _NEVER_STARTED:
        return ""
    return f"The {stream} of {step.title.lower()} could not be read from its node{quoted(why)}."


def _too_small(ram_gb: float | None) -> str:
    """Why it is likely that a container did not start which may have so much memory, as the end of a sentence."""
    if ram_gb is None or ram_gb * 1024 >= _LEAST_MEMORY:
        return ""
    return f", likely because it asks for less than {_LEAST_MEMORY} MiB of memory, which a container needs to start"


def _ended_by_kubernetes(pod: Pod, end: Terminated) -> bool:
    """Whether the container ended after its pod was asked to; moments are in whole seconds."""
    as_a_whole = pod.phase == "Failed" and pod.status_reason != ""
    return as_a_whole or (pod.deletion_asked != "" and end.finished >= pod.deletion_asked)


def _filer_failure(step: Step, exit_code: int, reason: str, report: Report) -> Failure:
    if exit_code == FAILED and report.failure:
        return Failure("TransferFailed", report.failure, by_executor=False)
    words = f"exited with {exit_code}" + (f" ({reason})" if reason not in {"", "Error"} else "")
    return Failure("FilerFailed", f"{step.title} {words}.", by_executor=False)
