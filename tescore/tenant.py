"""What a tenant may have otherwise than the service as a whole."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from tescore import every_pod, images, shared_files
from tescore.errors import BadSettings
from tescore.every_pod import PodSettings
from tescore.settings import read, setting, shown, variable

_CPU = re.compile(r"\d{1,6}m?|\d{1,3}\.\d{1,3}", re.ASCII)
_MEMORY = re.compile(r"[1-9]\d{0,6}[MG]i", re.ASCII)
"""Of Kubernetes' quantities those with which a limit can be compared without reading all kinds of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings(PodSettings):
    """The service's settings give the values; a ConfigMap `tesk-settings` in the tenant's namespace overrides them."""

    storage_class: str = setting("storage class of scratch volumes; empty is the cluster's default", default="")
    scratch_gb: float = setting("GiB of scratch for a task that names no disk_gb", default=1.0, least=0.001)
    shared_claim: str = setting(
        "claim of the tenant's whose sub-folders are the scratch of its tasks; empty: a claim for each task", default=""
    )
    task_limit: int = setting("tasks that run at a time, others wait as QUEUED; 0 is no limit", default=100)
    show_queued: bool = setting(
        "whether tasks that wait are QUEUED; false: INITIALIZING, for clients that take QUEUED as failed (Pulsar)",
        default=True,
    )
    queue_seconds: float = setting(
        "seconds that a task may wait for room (a node, a quota, a volume) until it fails", default=86400.0, least=1
    )
    trouble_seconds: float = setting(
        "seconds that what should pass soon (a registry that is away, a mount that fails) may last until a task fails",
        default=300.0,
    )
    run_seconds: float = setting("seconds that an executor may run; 0 is no limit", default=0.0)
    attempts: int = setting("attempts of a task whose pods are lost, unless it asks for more", default=1, least=1)
    most_attempts: int = setting("attempts that a task may ask for", default=3, least=1)
    optional_outputs: bool = setting(
        "whether a missing output is no more than a warning, unless the task says otherwise", default=False
    )
    keep_failed: float = setting("seconds that failed pods are kept for a look; 0: they are not", default=0.0)
    retention_days: float = setting("days that an ended task is kept; 0: until it is deleted", default=30.0, most=36500)
    local_scratch: bool = setting(
        "whether a scratch volume lies on one node's disk: the first filer then asks for what executors need",
        default=False,
    )
    # It waits nearly always. No cpu: with 10m a full node ended several for one filer.
    taskmaster_cpu: str = setting("cpu that a taskmaster asks for, as 100m or 0.1", default="0", form=_CPU)
    taskmaster_memory: str = setting(
        "memory that a taskmaster asks for, in Mi or Gi; its limit is 128Mi, or the same if that is more",
        default="32Mi",
        form=_MEMORY,
    )
    filer_cpu: str = setting("cpu that a filer asks for, as 100m or 0.1", default="50m", form=_CPU)
    filer_memory: str = setting(
        "memory that a filer asks for, in Mi or Gi; its limit is 256Mi, or the same if that is more",
        default="96Mi",
        form=_MEMORY,
    )
    run_as_user: int = setting(
        "uid and gid of tasks' containers, for Pod Security `restricted`; 0: of filers root, of executors the image's",
        default=0,
    )
    images: tuple[str, ...] = setting(
        "images that tasks may use, as quay.io/lab/* (no slash in it) or quay.io/lab/** (any text); empty: all",
        default=(),
        form=images.FORM,
    )
    gpu_resources: tuple[str, ...] = setting("GPUs that tasks may ask for", default=("nvidia.com/gpu",))
    node_selector_keys: tuple[str, ...] = setting("labels by which tasks may choose nodes", default=())
    priority_classes: tuple[str, ...] = setting("PriorityClasses that tasks may ask for", default=())
    runtime_classes: tuple[str, ...] = setting("RuntimeClasses that tasks may ask for", default=())
    image_pull_secrets: tuple[str, ...] = setting("Secrets with which tasks may have images pulled", default=())
    reference_claims: tuple[str, ...] = setting("claims that tasks may mount, read-only", default=())
    file_claims: tuple[str, ...] = setting(
        "claims that file:// URLs and plain paths reach, and what these begin with: claim:/path, or claim:/path:ro",
        default=(),
        form=shared_files.FORM,
    )
    preemptible_selector: tuple[str, ...] = setting(
        "labels, key=value, of the nodes that a preemptible task runs on", default=()
    )
    preemptible_toleration: tuple[str, ...] = setting(
        "taints, key=value:Effect, that a preemptible task tolerates", default=()
    )
    storage: tuple[str, ...] = setting("service-info: URLs of storage that users may count on", default=())


FIELDS = tuple(name for name in TenantSettings.__dataclass_fields__ if name not in every_pod.FIELDS)
_LONGEST = 8192
"""Characters of a tenant's setting: the service works with it for other tenants' sake too."""
_Settings = TypeVar("_Settings", bound=TenantSettings)


def resources(cpu: str, memory: str, *, least: int) -> dict[str, dict[str, str]]:
    """What a pod of the service asks for; it may have `least` MiB of memory, or what it asks for if that is more."""
    limit = f"{max(least, mebibytes(memory))}Mi"
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}


def mebibytes(memory: str) -> int:
    """Of a quantity in Mi or Gi."""
    return int(memory[:-2]) * (1024 if memory.endswith("Gi") else 1)


def restored(settings: _Settings, variables: Mapping[str, str]) -> _Settings:
    """A program's settings with a tenant's as these variables have them (`tescore.settings.environment`)."""
    mine = read(TenantSettings, variables)
    return replace(settings, **{name: getattr(mine, name) for name in FIELDS})


def overridden(service: _Settings, overrides: Mapping[str, str]) -> _Settings:
    """A program's settings as they are for a tenant: its own (`TESK_SCRATCH_GB`) where it has them, else the service's.

    Raises BadSettings with every problem; what begins with TESK_ and is no setting of a tenant's is one.
    """
    values = {variable(name): shown(getattr(service, name)) for name in FIELDS}
    strange = (name for name in overrides if name.startswith("TESK_") and name not in values)
    problems = [f"{name} is no setting of a tenant's" for name in strange]
    problems += [
        f"{name} has more than {_LONGEST} characters" for name in values if len(overrides.get(name, "")) > _LONGEST
    ]
    try:
        mine = read(TenantSettings, {**values, **{k: v for k, v in overrides.items() if v}})
    except BadSettings as error:
        problems += error.problems
    if problems:
        raise BadSettings(problems)
    return replace(service, **{name: getattr(mine, name) for name in FIELDS})
