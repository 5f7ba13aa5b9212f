"""The pod of a task's taskmaster: what the webhook makes, and the janitor."""

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


_MEMORY = 128
"""MiB that a taskmaster may have at least."""
SELECTOR = f"{naming.MANAGED_BY}=tesk,{naming.COMPONENT}=taskmaster"
"""Selects the pods of taskmasters."""
RUNNING = {"labelSelector": SELECTOR, "fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
"""Of them those that have not ended."""


def is_over(pod: Mapping[str, Any]) -> bool:
    """Whether nothing runs in a pod any more, or it is about to be so: it has ended or is being deleted."""
    ended = (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    return ended or "deletionTimestamp" in pod["metadata"]


def pod(task: str, namespace: str, settings: LaunchSettings) -> dict[str, Any]:
    """The pod, of a name that the task's alone determines, so that however often it is made there is one.

    It has no ownerReference: the ConfigMap's uid is not known before it is stored, and the garbage collector deletes
    what belongs to a uid that does not exist. The taskmaster deletes its pod when all is done, else the janitor.
    """
    variables = {
        "TESK_TASK": task,
        "TESK_NAMESPACE": namespace,
        **environment(settings, ("filer_image", *every_pod.FIELDS, *tenant.FIELDS, *transfers.FIELDS)),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": naming.taskmaster(task),
            "namespace": namespace,
            "labels": {**naming.labels(task, "taskmaster"), **naming.NO_SIDECAR_LABELS},
            "annotations": every_pod.annotations(settings),
        },
        "spec": {
            **every_pod.node_selector(settings),
            "serviceAccountName": naming.TASKMASTER_ACCOUNT,
            "priorityClassName": naming.TASKMASTER_PRIORITY,
            "restartPolicy": "OnFailure",
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 5,
            # Another one goes on at once, and nothing is lost where the node comes back.
            "tolerations": every_pod.tolerations(seconds=0),
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
                    "resources": tenant.resources(settings.taskmaster_cpu, settings.taskmaster_memory, least=_MEMORY),
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
