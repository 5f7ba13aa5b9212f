"""How many tasks may run in a tenant at a time, and whose turn it is when there is room."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tescore import naming

NO_LIMIT = 10**9
"""Tasks that run where no limit is set."""

_TASKMASTERS = f"{naming.MANAGED_BY}=tesk,{naming.COMPONENT}=taskmaster,!{naming.QUEUE}"
IN_LINE = f"{_TASKMASTERS},{naming.ROOM}!={naming.ROOM_LEFT}"
"""Selects the Jobs of tasks that run or wait for room."""
RUNNING = f"{_TASKMASTERS},!{naming.ROOM}"
WAITING = f"{_TASKMASTERS},{naming.ROOM}={naming.ROOM_WAITS}"

_TIMES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_WHOLE = re.compile(rf"(\d+)(?:({'|'.join(_TIMES)})|[eE](\d))?", re.ASCII)

_ALL_PODS: tuple[dict[str, Any], ...] = ({}, {"scopes": ["NotTerminating"]})
"""What a quota for all pods of tasks is limited to; others are for some pods only."""


def limit(task_limit: int, quotas: Iterable[Mapping[str, Any]]) -> int:
    """Tasks that may run at a time: `task_limit`, 0 for none, and at most half the pods of the quotas but one.

    A task that runs has a pod for its taskmaster and one for its step: where taskmasters fill a quota, none goes on.
    One pod is for the change: what a quota refuses while the pods of a task that ended still go is tried again late.
    """
    limits = [task_limit] if task_limit > 0 else []
    for quota in quotas:
        scopes = {key: quota["spec"][key] for key in ("scopes", "scopeSelector") if quota["spec"].get(key)}
        hard = quota["spec"].get("hard") or {}
        if scopes in _ALL_PODS:
            pods = (_number(hard.get(name)) for name in ("pods", "count/pods"))
            limits += [max(1, (number - 1) // 2) for number in pods if number is not None]
    return min(limits, default=NO_LIMIT)


def reason(most: int) -> str:
    """What a user reads while the task waits."""
    return f"Waits until one of the {most} tasks that may run at a time in this tenant has ended."


def queue_reason(queue: str) -> str:
    return f"Waits in the queue {queue}."


def due(waiting: Iterable[Mapping[str, Any]], running: int, most: int) -> list[Mapping[str, Any]]:
    """The metadata of those waiting Jobs that there is room for, the one that has waited longest first."""
    by_name = sorted(waiting, key=lambda metadata: str(metadata["name"]), reverse=True)  # ids count time down
    in_turn = sorted(by_name, key=lambda metadata: str(metadata["creationTimestamp"]))
    return in_turn[: max(0, most - running)]


def release(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that lets a waiting Job run; a conflict if it has changed, and may so have been released."""
    return {
        "metadata": {"resourceVersion": metadata["resourceVersion"], "labels": {naming.ROOM: None}},
        "spec": {"suspend": False},
    }


def leave() -> dict[str, Any]:
    """The merge patch for the Job of a task that has ended: it takes no room, though it stays until its time is up."""
    return {"metadata": {"labels": {naming.ROOM: naming.ROOM_LEFT}}}


def _number(quantity: object) -> int | None:
    """A whole number as Kubernetes writes it: 1000 is `1k`."""
    found = _WHOLE.fullmatch(str(quantity))
    if found is None:
        return None
    digits, suffix, exponent = found.groups()
    return int(digits) * _TIMES[suffix or ""] * int(10 ** int(exponent or 0))
