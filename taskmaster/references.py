"""Claims of the tenant's with reference data, which executors see and cannot write."""

from typing import Any

from tescore import mounts
from tescore.model import Resources


def volumes(resources: Resources) -> list[dict[str, Any]]:
    """The volumes of a pod. A filer that has them too, mounted nowhere, comes where the data can be reached."""
    claims = {claim.name for claim in resources.parameters.read_only_claims}
    return [
        {"name": _volume(i), "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        for i, claim in enumerate(sorted(claims))
    ]


def mounted(resources: Resources) -> list[dict[str, Any]]:
    """Where a container sees them."""
    claims = resources.parameters.read_only_claims
    order = sorted({claim.name for claim in claims})
    return [
        {"name": _volume(order.index(claim.name)), "mountPath": mounts.normal(claim.path), "readOnly": True}
        for claim in claims
    ]


def _volume(number: int) -> str:
    # A claim's name may be longer than a volume's, and have dots.
    return f"reference-{number}"
