"""How much the pod of one executor may hold: Kubernetes stores it in one request, and Linux starts it by one exec."""

from collections.abc import Iterator

from tescore import mounts
from tescore.model import Task

LONGEST_STRING = 131_071
"""Bytes of an argument or of an environment variable with its name, at most (Linux, MAX_ARG_STRLEN)."""
_MOST = 1024 * 1024
"""Bytes of arguments, environment and mounted paths. etcd takes 1.5 MiB in one request, and Linux 2 MiB in one exec;
the rest is for what Kubernetes, admission webhooks and the image add.
"""
_EACH = 16
"""Bytes that each text takes beside its own: its length, its NUL, a pointer to it."""


def problems(task: Task) -> Iterator[str]:
    """The first executor whose pod is too large."""
    mounted = sum(2 * _size(mount.path) for mount in mounts.mounts(task))
    for i, executor in enumerate(task.executors):
        size = mounted + sum(_size(argument) for argument in executor.command)
        size += sum(_size(name) + _size(value) for name, value in executor.env.items())
        if size > _MOST:
            what = "arguments, environment and mounted paths"
            yield (
                f"executors[{i}]: has {size} bytes of {what}, and a pod takes {_MOST}; give what is long as an input"
            )
            return


def _size(text: str) -> int:
    """Kubernetes is given each `$` twice."""
    return len(text.encode()) + text.count("$") + _EACH
