"""What all pods of tasks have, and what the service's admin says of them; no tenant may say otherwise."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tescore import naming
from tescore.settings import setting

_PAIR = re.compile(r"[\w./-]+=[^\s,]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSettings:
    node_selector: tuple[str, ...] = setting(
        "labels, key=value, of the nodes that all pods of tasks run on", default=("kubernetes.io/os=linux",), form=_PAIR
    )
    pod_annotations: tuple[str, ...] = setting(
        "annotations, key=value, of all pods of tasks", default=("karpenter.sh/do-not-disrupt=true",), form=_PAIR
    )


FIELDS = tuple(PodSettings.__dataclass_fields__)


def pairs(entries: Sequence[str]) -> dict[str, str]:
    """Of `key=value`, or of a key alone."""
    return {key: value for key, _, value in (entry.partition("=") for entry in entries)}


def node_selector(settings: PodSettings) -> dict[str, Any]:
    """The part of a pod's spec that chooses nodes."""
    return {"nodeSelector": pairs(settings.node_selector)} if settings.node_selector else {}


def tolerations(*, seconds: int = 30) -> list[dict[str, Any]]:
    """How soon a pod gives up a node that is lost: without these Kubernetes waits for five minutes."""
    taints = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    return [
        {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds} for taint in taints
    ]


def annotations(settings: PodSettings) -> dict[str, str]:
    """A pod's annotations; those that keep service meshes away go before the admin's."""
    return {**pairs(settings.pod_annotations), **naming.NO_SIDECAR_ANNOTATIONS}
