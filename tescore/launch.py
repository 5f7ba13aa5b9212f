"""The Job that runs a task's taskmaster: what the webhook makes, and the janitor again, and how it looks later."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tescore import every_pod, naming, tenant, transfers
from tescore.settings import environment, setting
from tescore.tenant import TenantSettings
from tescore.transfers import TransferSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings(TransferSettings, TenantSettings):
    """What whoever launches a task must know; passed on to the taskmaster where it needs it."""

    taskmaster_image: str = setting("image of the taskmaster")
    filer_image: str = setting("image of the filer")
    taskmaster_ttl: int = setting("seconds that a finished taskmaster's Job is kept", default=10)


_MEMORY = 128
"""MiB that a taskmaster may have at least."""
_MANY_LOST = 3
"""Pods; after so many Kubernetes waits 40 s for the next one."""


@dataclass(frozen=True, slots=True)
class Job:
    """A taskmaster's Job as the API server shows it."""

    failed: str
    """Why it failed; empty while it has not."""
    ended: bool
    waits: bool
    """For room or in a queue: Kubernetes makes no pod for it."""
    ready: bool
    """Its pod runs."""
    deleted: bool
    stalled: bool = False
    """It lost several pods and has none: Kubernetes doubles the time until it makes another, up to ten minutes."""


def seen(stored: Mapping[str, Any]) -> Job:
    status = stored.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or [] if c["status"] == "True"}
    failure = conditions.get("Failed")
    ended = bool(failure or "Complete" in conditions)
    waits = bool(stored.get("spec", {}).get("suspend"))
    has_pod = bool(status.get("active") or status.get("terminating"))
    return Job(
        failed=(failure.get("message") or failure.get("reason") or "failed") if failure else "",
        ended=ended,
        waits=waits,
        ready=bool(status.get("ready")),
        deleted="deletionTimestamp" in stored["metadata"],
        stalled=status.get("failed", 0) >= _MANY_LOST and not (ended or waits or has_pod),
    )


def job(task: str, namespace: str, settings: LaunchSettings, *, waits: bool = False) -> dict[str, Any]:
    """The Job; it is born suspended if it waits for room, or if the tenant has a queue.

    It depends on the task's name and namespace alone, and has no ownerReference: the ConfigMap's uid is not known
    before it is stored, and the garbage collector deletes what belongs to a uid that does not exist. The taskmaster
    adds it with its claim.
    """
    labels = naming.labels(task, "taskmaster")
    queue = {naming.QUEUE: settings.queue} if settings.queue else {}
    room = {naming.ROOM: naming.ROOM_WAITS} if waits and not queue else {}
    variables = {
        "TESK_TASK": task,
        "TESK_NAMESPACE": namespace,
        **environment(settings, ("filer_image", *every_pod.FIELDS, *tenant.FIELDS, *transfers.FIELDS)),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": naming.job(task), "namespace": namespace, "labels": {**labels, **queue, **room}},
        "spec": {
            **({"suspend": True} if queue or room else {}),
            # It counts every restart in the task's whole life; claim and janitor see to what must not be done twice.
            "backoffLimit": 100,
            "ttlSecondsAfterFinished": settings.taskmaster_ttl,
            "template": {
                "metadata": {
                    "labels": {**labels, **naming.NO_SIDECAR_LABELS},
                    "annotations": every_pod.annotations(settings),
                },
                "spec": {
                    **every_pod.node_selector(settings),
                    "serviceAccountName": naming.TASKMASTER_ACCOUNT,
                    "priorityClassName": naming.TASKMASTER_PRIORITY,
                    "restartPolicy": "OnFailure",
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 5,
                    "tolerations": every_pod.TOLERATIONS,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65532,
                        "runAsGroup": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": "taskmaster",
                            "image": settings.taskmaster_image,
                            "imagePullPolicy": "IfNotPresent",
                            "env": [
                                *({"name": name, "value": value} for name, value in variables.items()),
                                {"name": "TESK_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
                                {"name": "TESK_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                            ],
                            "resources": tenant.resources(
                                settings.taskmaster_cpu, settings.taskmaster_memory, least=_MEMORY
                            ),
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "readOnlyRootFilesystem": True,
                                "capabilities": {"drop": ["ALL"]},
                            },
                        }
                    ],
                },
            },
        },
    }
