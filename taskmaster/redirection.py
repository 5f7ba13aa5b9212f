"""How the launcher runs a command: with its standard streams tied to files, and others linked into the image."""

import shlex
from collections.abc import Sequence

from taskmaster import links
from tescore import mounts
from tescore.model import Executor

_SHELL = f"{mounts.LAUNCHER_MOUNT}/{mounts.SHELL}"
_FIND = (
    "case $1 in */*) _TESK=$1;; *) _TESK=$(set -f; IFS=:; for folder in $PATH; do program=${folder:-.}/$1; "
    'if [ -f "$program" ] && [ -x "$program" ]; then printf %s "$program"; exit; fi; done; '
    'echo "$1: not found" >&2; exit 127) || exit;; esac; shift'
)
"""The shell looks for a program itself: left to exec, a busybox runs its own sort, awk or gzip, not the image's.

It does so in a process of its own, because variables that it sets may be the command's, too.
"""
_OF_THE_SHELL = ("IFS", "OPTIND", "PPID", "PWD", "SHLVL")
"""Variables that a busybox shell does not pass on as they came."""


def launched(executor: Executor, linked: Sequence[str]) -> list[str]:
    """The executor's command, run by the static shell on the scratch volume, so that the image needs none.

    The shell gives way to the command, unless there are `linked` files to take back after it.
    """
    tied = f"exec {' '.join(_ties(executor))}; " if executor.redirected else ""
    kept = [shlex.quote(f"{name}={executor.env[name]}") for name in _OF_THE_SHELL if name in executor.env]
    run = " ".join([*([_SHELL, "env", *kept] if kept else []), '"$_TESK" "$@"'])
    run = f"{run}; {links.taken_back_after(linked, _SHELL)}" if linked else f"exec {run}"
    return [_SHELL, "sh", "-c", f"{links.set_before(linked, _SHELL)}{tied}{_FIND}; {run}", "tesk", *executor.command]


def _ties(executor: Executor) -> list[str]:
    streams = (("<", executor.stdin), (">", executor.stdout), ("2>", executor.stderr))
    if executor.stderr and mounts.normal(executor.stdout) == mounts.normal(executor.stderr):
        # Opened twice, they would overwrite each other.
        return [*(f"{sign}{shlex.quote(path)}" for sign, path in streams[:2] if path), "2>&1"]
    return [f"{sign}{shlex.quote(path)}" for sign, path in streams if path]
