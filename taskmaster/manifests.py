"""The Kubernetes objects that a taskmaster makes, as dict literals."""

from collections.abc import Mapping, Sequence
from typing import Any

from taskmaster import filer_mounts, inline_inputs, ownership, placement, plan, scratch
from taskmaster.plan import Kind, Step
from taskmaster.scratch import Scratch
from taskmaster.settings import Settings
from taskmaster.tasklog import tail_size
from tescore import every_pod, filer_pod, launcher, mounts, naming, security, transfers
from tescore.model import Executor, Resources, Task
from tescore.record import Record
from tescore.settings import environment

_GRACE = 1
"""Seconds between TERM and KILL: with 0 the object would be gone while the process still writes."""


def pod(
    record: Record, task: Task, step: Step, settings: Settings, *, failed: bool, report_to: str = ""
) -> dict[str, Any]:
    """The pod of a step. `failed` tells the outputs filer that missing files are no error any more.

    `report_to` is where a filer tells its report, as `taskmaster.hearing` names it.
    """
    name = plan.journal(record.step).pod(record.task_id, step)
    if step.kind == Kind.EXECUTOR:
        component, spec = "executor", _executor_spec(record, task, task.executors[step.executor], settings)
    else:
        component, spec = "filer", _filer_spec(record, task, step, settings, failed, report_to)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(record, name, component, settings),
        "spec": {
            "serviceAccountName": naming.EXECUTOR_ACCOUNT,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": _GRACE,
            # As the first process of its own namespace a shell ignores TERM, and holds a cancel up for two seconds.
            "shareProcessNamespace": True,
            **placement.of_every_pod(task, settings),
            **spec,
        },
    }


def _metadata(record: Record, name: str, component: str, settings: Settings) -> dict[str, Any]:
    metadata = ownership.metadata(record, name, component)
    labels = {**metadata["labels"], **naming.NO_SIDECAR_LABELS}
    return {**metadata, "labels": labels, "annotations": every_pod.annotations(settings)}


def literal(text: str) -> str:
    """A text that Kubernetes, which expands `$(NAME)` and folds `$$`, passes on as it is."""
    return text.replace("$", "$$")


def _executor_spec(record: Record, task: Task, executor: Executor, settings: Settings) -> dict[str, Any]:
    place = scratch.of(record, settings)
    if inline_inputs.supported(task):
        command: Sequence[str] = inline_inputs.command(task)
        volumes, volume_mounts = [inline_inputs.VOLUME], [inline_inputs.MOUNT]
    else:
        launched = mounts.launches(task, executor)
        command = launcher.wrap_command(executor, mounts.saved(task)) if launched else executor.command
        volumes = [place.volume] if plan.needs_scratch(task) else []
        volume_mounts = _executor_mounts(place, task, launched=launched)
    volumes += _reference_volumes(task.resources)
    volume_mounts += _reference_mounts(task.resources)
    return {
        **placement.of_an_executor(task, settings),
        "securityContext": security.executor_pod(settings.run_as_user, own_claim=not settings.shared_claim),
        "containers": [
            {
                "name": "executor",
                "image": executor.image,
                "imagePullPolicy": "IfNotPresent",
                "command": [literal(argument) for argument in command],
                **({"workingDir": executor.workdir} if executor.workdir else {}),
                **({"env": _environment(executor.env)} if executor.env else {}),
                "resources": placement.executor_resources(task.resources, settings),
                "securityContext": security.executor(settings.run_as_user),
                **({"volumeMounts": volume_mounts} if volume_mounts else {}),
            }
        ],
        **({"volumes": volumes} if volumes else {}),
    }


def _executor_mounts(place: Scratch, task: Task, *, launched: bool) -> list[dict[str, Any]]:
    return [
        *(place.mounted(mount.path, mount.sub_path) for mount in mounts.mounts(task)),
        *([place.mounted(mounts.SAVED_MOUNT, mounts.SAVED)] if mounts.saved(task) else []),
        *([{**place.mounted(mounts.LAUNCHER_MOUNT, mounts.LAUNCHER), "readOnly": True}] if launched else []),
    ]


def _filer_spec(
    record: Record, task: Task, step: Step, settings: Settings, failed: bool, report_to: str
) -> dict[str, Any]:
    asked = task.resources.parameters.optional_outputs
    optional = failed or (settings.optional_outputs if asked is None else asked)
    needs = filer_mounts.needed(task, step.kind, settings.file_claims)
    variables = {
        **filer_mounts.environment(needs),
        "TESK_TAIL": str(tail_size(record, task)),
        **environment(settings, transfers.FIELDS),
        **({"TESK_OPTIONAL_OUTPUTS": "true"} if optional else {}),
        **({naming.REPORT_VARIABLE: report_to} if report_to else {}),
    }
    place = scratch.of(record, settings)
    volume_mounts = [
        place.mounted("/scratch"),
        {"name": "task", "mountPath": "/tesk/task", "readOnly": True},
        *filer_mounts.mounted(needs),
    ]
    if step.kind == Kind.OUTPUTS and settings.shared_claim:
        variables["TESK_SCRUB"] = naming.scratch_folder(record.task_id, record.uid)
        volume_mounts.append(filer_pod.all_folders(record.namespace))
    return {
        "securityContext": security.filer_pod(settings.run_as_user, own_claim=not settings.shared_claim),
        "containers": [
            filer_pod.container(
                settings.filer_image,
                [step.kind.value],
                volume_mounts,
                _environment(variables),
                placement.filer_resources(task.resources, step, settings),
                run_as_user=settings.run_as_user,
            )
        ],
        "volumes": [
            place.volume,
            {"name": "task", "configMap": {"name": record.task_id}},
            *filer_mounts.volumes(needs),
            *(_reference_volumes(task.resources) if step.kind == Kind.INPUTS else []),
        ],
    }


def _environment(variables: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": literal(value)} for name, value in variables.items()]


def _reference_volumes(resources: Resources) -> list[dict[str, Any]]:
    """The volumes of a pod. A filer that has them too, mounted nowhere, comes where the data can be reached."""
    claims = {claim.name for claim in resources.parameters.read_only_claims}
    return [
        {"name": _reference(i), "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        for i, claim in enumerate(sorted(claims))
    ]


def _reference_mounts(resources: Resources) -> list[dict[str, Any]]:
    """Where a container sees them."""
    claims = resources.parameters.read_only_claims
    order = sorted({claim.name for claim in claims})
    return [
        {"name": _reference(order.index(claim.name)), "mountPath": mounts.normal(claim.path), "readOnly": True}
        for claim in claims
    ]


def _reference(number: int) -> str:
    # A claim's name may be longer than a volume's, and have dots.
    return f"reference-{number}"
