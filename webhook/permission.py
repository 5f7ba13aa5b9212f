"""Whether somebody may store a task in a tenant, which is more than to create ConfigMaps there."""

from collections.abc import Mapping
from typing import Any

from tescore import record, review
from tescore.cluster import Cluster
from tescore.errors import Forbidden
from tescore.states import FINAL


def checked(cluster: Cluster, request: Mapping[str, Any], *, api_account: str) -> None:
    """Raises Forbidden for the user of an AdmissionReview's request who may not, and what asking Kubernetes does.

    A new task needs the verb create. The api has asked about its own users before.
    A task that has ended comes from a backup and needs the verb restore, of which no role of the service has a rule:
    whoever restores a task says how it ended. An admin of the cluster has every verb.
    """
    user, namespace = request["userInfo"], request["namespace"]
    name, groups = user["username"], tuple(user.get("groups") or ())
    if record.state(request["object"]["metadata"]) in FINAL:
        if not review.may(cluster, name, groups, "restore", namespace):
            why = f"{name} may not restore tasks that have ended in {namespace}: that is the verb restore on tasks.tesk"
            raise Forbidden(f"{why}; to run it again, leave out what begins with tesk/ and log.json.")
    elif name != api_account and not review.may(cluster, name, groups, "create", namespace):
        raise Forbidden(f"{name} may not create tasks in {namespace}: that is the verb create on tasks.tesk.")
