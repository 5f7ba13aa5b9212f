"""How many tasks may run in a tenant at a time, and why others wait."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tescore.errors import Refused, is_by_limit_range, quoted, shortened
from tescore.record import NO_TASKMASTER

NO_LIMIT = 10**9
"""Tasks that run where no limit is set."""
_SENTENCE = 1000
"""Characters of a reason, as the taskmaster's."""
_POD_NAMED = re.compile(r'^pods "[^"]*" is forbidden: ')
"""How the API server begins its refusal of a pod."""

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


def refusal(error: Refused) -> str:
    """What a user reads where the API server refuses the pod of a task's taskmaster."""
    message = _POD_NAMED.sub("", str(error))
    if is_by_limit_range(message):
        return f"The taskmaster could not be created: the namespace's LimitRange does not allow it{quoted(message)}."
    return no_taskmaster("no pod can be made for its taskmaster", message)


def no_taskmaster(what: str, message: str) -> str:
    """What a user reads while a task's taskmaster cannot run, with Kubernetes' own words."""
    return shortened(f"{NO_TASKMASTER}{what}{quoted(message)}.", _SENTENCE)


def _number(quantity: object) -> int | None:
    """A whole number as Kubernetes writes it: 1000 is `1k`."""
    found = _WHOLE.fullmatch(str(quantity))
    if found is None:
        return None
    digits, suffix, exponent = found.groups()
    return int(digits) * _TIMES[suffix or ""] * int(10 ** int(exponent or 0))
