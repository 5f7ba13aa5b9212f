"""What all pods that run the filer have in common, and the Job in which it removes folders of a shared claim."""

from collections.abc import Mapping, Sequence
from typing import Any

from tescore import every_pod, naming, security, tenant
from tescore.tenant import TenantSettings

_MEMORY = 256
"""MiB that a filer may have at least: it asks for what most filers take, and some take more."""
_SHARED = "/shared"
"""Where a filer has the folder of all tasks; its own setting TESK_SHARED says the same."""
_SCRUB_SECONDS = 3000
"""How long a scrub may take; less than the time between two looks of the janitor, which tries again."""


def container(
    image: str,
    arguments: Sequence[str],
    mounts: Sequence[Mapping[str, Any]],
    environment: Sequence[Mapping[str, str]],
    resources: Mapping[str, Any],
    *,
    run_as_user: int,
) -> dict[str, Any]:
    """The container, with no more power than it needs."""
    return {
        "name": "filer",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": list(arguments),
        "env": list(environment),
        "resources": resources,
        "securityContext": security.filer(run_as_user),
        "volumeMounts": list(mounts),
    }


def resources(settings: TenantSettings) -> dict[str, dict[str, str]]:
    """What a filer asks for, and may have."""
    return tenant.resources(settings.filer_cpu, settings.filer_memory, least=_MEMORY)


def volume(claim: str) -> dict[str, Any]:
    """The volume with scratch, as a pod names it."""
    return {"name": "scratch", "persistentVolumeClaim": {"claimName": claim}}


def mounted(path: str, sub_path: str = "") -> dict[str, Any]:
    """Where a container sees that volume, or a folder or file of it."""
    return {"name": "scratch", "mountPath": path, **({"subPath": sub_path} if sub_path else {})}


def all_folders(namespace: str) -> dict[str, Any]:
    """The mount of the folder that has those of all tasks, for the scrub; nothing else of the claim can be seen."""
    return mounted(_SHARED, naming.shared_folder(namespace))


def scrub_job(
    metadata: Mapping[str, Any], image: str, arguments: Sequence[str], settings: TenantSettings
) -> dict[str, Any]:
    """A Job that removes folders from the tenant's shared claim, and then itself."""
    folders, user = [all_folders(metadata["namespace"])], settings.run_as_user
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        # Without the label of the task: a scrub belongs to what is left when the task has gone, and may take long.
        "metadata": {**metadata, "labels": naming.SCRUB_LABELS},
        "spec": {
            "backoffLimit": 3,
            "activeDeadlineSeconds": _SCRUB_SECONDS,
            "ttlSecondsAfterFinished": 0,
            "template": {
                "metadata": {
                    "labels": {**naming.SCRUB_LABELS, **naming.NO_SIDECAR_LABELS},
                    "annotations": every_pod.annotations(settings),
                },
                "spec": {
                    **every_pod.node_selector(settings),
                    "serviceAccountName": naming.EXECUTOR_ACCOUNT,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 1,
                    "securityContext": security.filer_pod(user, own_claim=False),
                    "containers": [container(image, arguments, folders, [], resources(settings), run_as_user=user)],
                    "volumes": [volume(settings.shared_claim)],
                },
            },
        },
    }
