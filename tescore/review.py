"""Questions that the Kubernetes API server answers when they are created: TokenReview and SubjectAccessReview."""

from collections.abc import Sequence
from typing import Any

from tescore.cluster import Cluster
from tescore.errors import Misconfigured, Refused
from tescore.session import Object, path

_GROUP, _RESOURCE = "tesk", "tasks"
"""The virtual resource on which RBAC says what users may do with tasks; no API serves it."""


_WITHIN = 2.0
"""Seconds for a try. Kubernetes answers within milliseconds, and who waits for an answer has little time."""


def may(cluster: Cluster, user: str, groups: Sequence[str], verb: str, namespace: str) -> bool:
    """Whether a user of these groups may do that with the tasks of a namespace. Raises as `answer` does."""
    what = {"namespace": namespace, "verb": verb, "group": _GROUP, "resource": _RESOURCE}
    spec = {"user": user, "groups": list(groups), "resourceAttributes": what}
    return bool(answer(cluster, "authorization.k8s.io", "SubjectAccessReview", spec).get("allowed"))


def answer(cluster: Cluster, group: str, kind: str, spec: Object) -> dict[str, Any]:
    """The status of the review. Raises Unavailable, and Misconfigured where the program may not ask."""
    body = {"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}
    where = path(f"{group}/v1/{kind.lower()}s")
    try:
        reviewed = cluster.create(where, body, within=_WITHIN)
    except Refused as error:
        raise Misconfigured(str(error)) from error
    return dict(reviewed.get("status") or {})
