"""Where a task's pods may run, what they ask of a node, and for how long: parts of their specs."""

import math
from typing import Any

from taskmaster import scratch
from taskmaster.plan import Kind, Step
from taskmaster.settings import Settings
from tescore import every_pod, filer_pod, tenant
from tescore.model import Resources, Task

_ZONE = "topology.kubernetes.io/zone"
_LONGEST = 2**31 - 1
"""Seconds that Kubernetes can count."""


def of_every_pod(task: Task, settings: Settings) -> dict[str, Any]:
    """Filers have them too: the first pod that uses a claim may fix where all others can run."""
    resources = task.resources
    selector = {
        **resources.parameters.node_selector,
        **(every_pod.pairs(settings.preemptible_selector) if resources.preemptible else {}),
        **every_pod.pairs(settings.node_selector),
    }
    tolerated = [_toleration(text) for text in settings.preemptible_toleration] if resources.preemptible else []
    priority = resources.parameters.priority_class
    return {
        **({"nodeSelector": selector} if selector else {}),
        **({"affinity": _in_one_of(resources.zones)} if resources.zones else {}),
        "tolerations": [*every_pod.tolerations(), *tolerated],
        **({"priorityClassName": priority} if priority else {}),
    }


def of_an_executor(task: Task, settings: Settings) -> dict[str, Any]:
    parameters = task.resources.parameters
    seconds = parameters.max_run_seconds or math.ceil(settings.run_seconds)
    return {
        **({"runtimeClassName": parameters.runtime_class} if parameters.runtime_class else {}),
        **({"imagePullSecrets": [{"name": parameters.image_pull_secret}]} if parameters.image_pull_secret else {}),
        **({"activeDeadlineSeconds": min(seconds, _LONGEST)} if seconds else {}),
    }


def executor_resources(resources: Resources, settings: Settings) -> dict[str, Any]:
    """Exactly what the task asks for, as request and as limit."""
    amounts = {
        **({"cpu": str(resources.cpu_cores)} if resources.cpu_cores else {}),
        **({"memory": scratch.gib(resources.ram_gb)} if resources.ram_gb else {}),
        **_gpus(resources, settings),
    }
    return {"requests": amounts, "limits": amounts} if amounts else {}


def filer_resources(resources: Resources, step: Step, settings: Settings) -> dict[str, Any]:
    """Little; but where scratch lies on one node's disk, the first filer asks for as much as the executors.

    It fixes the node then, and on one that is too small for them they would wait for ever.
    """
    little = filer_pod.resources(settings)
    if not (settings.local_scratch and step.kind == Kind.INPUTS):
        return little
    requests, limits, gpus = little["requests"], little["limits"], _gpus(resources, settings)
    cores = {"cpu": str(resources.cpu_cores)} if resources.cpu_cores else {}
    return {
        "requests": {**requests, **cores, "memory": _larger(requests["memory"], resources.ram_gb), **gpus},
        "limits": {"memory": _larger(limits["memory"], resources.ram_gb), **gpus},
    }


def _larger(memory: str, ram_gb: float | None) -> str:
    return scratch.gib(ram_gb) if ram_gb and ram_gb * 1024 > tenant.mebibytes(memory) else memory


def _gpus(resources: Resources, settings: Settings) -> dict[str, str]:
    parameters = resources.parameters
    return {parameters.gpu_resource or settings.gpu_resources[0]: str(parameters.gpus)} if parameters.gpus else {}


def _in_one_of(zones: tuple[str, ...]) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": _ZONE, "operator": "In", "values": list(zones)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def _toleration(text: str) -> dict[str, str]:
    """`key=value:Effect`; without a value any will do, without an effect all."""
    taint, _, effect = text.partition(":")
    key, equals, value = taint.partition("=")
    return {
        "key": key,
        **({"operator": "Equal", "value": value} if equals else {"operator": "Exists"}),
        **({"effect": effect} if effect else {}),
    }
