"""Whom a task's containers run as, and with what power: the securityContexts of its pods.

`run_as_user` is the tenant's setting. With 0 a filer is root, because executors may be any user, and inputs must be
writable and outputs readable all the same. Else nothing is root and all share their files as that user, which is what
Pod Security `restricted` admits.
"""

from typing import Any

_PROFILE = {"seccompProfile": {"type": "RuntimeDefault"}}
_NO_POWER = {"drop": ["ALL"]}


def executor_pod(run_as_user: int, *, own_claim: bool) -> dict[str, Any]:
    """Of a pod, whose executor is whom its image names if the tenant does not say. `own_claim`: as below."""
    return _user(run_as_user, own_claim=own_claim) if run_as_user else _PROFILE


def executor(run_as_user: int) -> dict[str, Any]:
    """Of the container."""
    return {"allowPrivilegeEscalation": False, **({"capabilities": _NO_POWER} if run_as_user else {})}


def filer_pod(run_as_user: int, *, own_claim: bool) -> dict[str, Any]:
    """Of a pod. `own_claim`: whether its scratch is a claim that no other task has, which may be given to that user."""
    return _user(run_as_user, own_claim=own_claim) if run_as_user else {"runAsUser": 0, **_PROFILE}


def filer(run_as_user: int) -> dict[str, Any]:
    """Of the container."""
    power = _NO_POWER if run_as_user else {**_NO_POWER, "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]}
    return {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": power}


def _user(uid: int, *, own_claim: bool) -> dict[str, Any]:
    # A new volume is root's until Kubernetes gives it to a group, with all that is on it.
    given = {"fsGroup": uid, "fsGroupChangePolicy": "OnRootMismatch"} if own_claim else {}
    return {"runAsNonRoot": True, "runAsUser": uid, "runAsGroup": uid, **given, **_PROFILE}
