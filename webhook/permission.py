"""Whether somebody may create tasks in a tenant, which is more than to create ConfigMaps there."""

from collections.abc import Mapping
from typing import Any

from tescore import review
from tescore.errors import Forbidden


def checked(cluster: review.Reviewer, request: Mapping[str, Any], *, api_account: str) -> None:
    """Raises Forbidden for the user of an AdmissionReview's request who may not, and what asking Kubernetes does.

    The api has asked about its own users before.
    """
    user, namespace = request["userInfo"], request["namespace"]
    name, groups = user["username"], tuple(user.get("groups") or ())
    if name != api_account and not review.may(cluster, name, groups, "create", namespace):
        raise Forbidden(f"{name} may not create tasks in {namespace}: that is the verb create on tasks.tesk.")
