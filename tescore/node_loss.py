"""How soon a task's pods give up a node that is lost."""

from typing import Any

_SECONDS = 30

TOLERATIONS: list[dict[str, Any]] = [
    {"key": f"node.kubernetes.io/{taint}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _SECONDS}
    for taint in ("not-ready", "unreachable")
]
"""Without these Kubernetes waits for five minutes."""
