"""The Job that runs a task's taskmaster: what the webhook makes, and the janitor again."""

from dataclasses import dataclass
from typing import Any

from tescore import naming, node_loss, tenant
from tescore.settings import setting, shown, variable
from tescore.tenant import TenantSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings(TenantSettings):
    """What whoever launches a task must know; passed on to the taskmaster where it needs it."""

    taskmaster_image: str = setting("image of the taskmaster")
    filer_image: str = setting("image of the filer")
    taskmaster_ttl: int = setting("seconds that a finished taskmaster's Job is kept", default=10)


def job(task: str, namespace: str, settings: LaunchSettings) -> dict[str, Any]:
    """The Job, which depends on the task's name and namespace alone.

    It has no ownerReference: the ConfigMap's uid is not known before it is stored, and the garbage collector
    deletes what belongs to a uid that does not exist. The taskmaster adds it with its claim.
    """
    labels = naming.labels(task, "taskmaster")
    environment = {
        "TESK_TASK": task,
        "TESK_NAMESPACE": namespace,
        **{
            variable(name): shown(value)
            for name in ("filer_image", *tenant.FIELDS)
            if (value := getattr(settings, name)) != LaunchSettings.__dataclass_fields__[name].default
        },
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": naming.job(task), "namespace": namespace, "labels": labels},
        "spec": {
            # It counts every restart in the task's whole life; claim and janitor see to what must not be done twice.
            "backoffLimit": 100,
            "ttlSecondsAfterFinished": settings.taskmaster_ttl,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": naming.TASKMASTER_ACCOUNT,
                    "restartPolicy": "OnFailure",
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 5,
                    "tolerations": node_loss.TOLERATIONS,
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
                                *({"name": name, "value": value} for name, value in environment.items()),
                                {"name": "TESK_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
                            ],
                            "resources": {
                                "requests": {"cpu": "10m", "memory": "32Mi"},
                                "limits": {"memory": "128Mi"},
                            },
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
