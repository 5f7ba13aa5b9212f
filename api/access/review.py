"""Questions that the Kubernetes API server answers when they are created: TokenReview and SubjectAccessReview."""

from typing import Any, Protocol

from tescore.cluster import Object, path
from tescore.errors import Misconfigured, Refused
from tescore.retry import retried

WAITS = (0.2, 0.4, 0.8, 1.6, 2.5, 2.5)
"""Seconds: an API server that is away for 8 s is ridden out, for some clients give a task up after one failed poll."""


class Reviewer(Protocol):
    """What is needed of tescore.cluster.Cluster."""

    def create(self, path: str, body: Object) -> Object: ...


def answer(cluster: Reviewer, group: str, kind: str, spec: Object) -> dict[str, Any]:
    """The status of the review. Raises Unavailable, and Misconfigured where the service may not ask."""
    body = {"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}
    where = path(f"{group}/v1/{kind.lower()}s")
    try:
        reviewed = retried(lambda: cluster.create(where, body), WAITS, obeyed=2.0)
    except Refused as error:
        raise Misconfigured(str(error)) from error
    return dict(reviewed.get("status") or {})
