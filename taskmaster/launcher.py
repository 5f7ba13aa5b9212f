"""How the launcher runs a command: it redirects standard streams, and copies outputs out of folders of the image."""

import posixpath
import re
import shlex
from collections.abc import Sequence

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
_OF_THE_SHELL = frozenset({"IFS", "OPTIND", "PPID", "PWD", "SHLVL"})
"""Variables that a busybox shell does not pass on as they came."""
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""It drops those of other names, such as my.var-1."""


def wrap_command(executor: Executor, saved: Sequence[str]) -> list[str]:
    """The executor's command, run by the static shell on the scratch volume, so that the image needs none.

    `saved` are the files that the task's executors leave in folders of the image (`tescore.mounts.saved`). Those that
    an earlier executor left are copied there before the command, as far as the image's user may write there. Those
    that are there after it are copied to the scratch volume. Without any, the shell gives way to the command.
    Folders that they lie in are made, but not below the working directory, where a plain `mkdir` would fail.
    """
    redirects = _redirects(executor, saved)
    redirect = f"exec {' '.join(redirects)}; " if redirects else ""
    lost = [name for name in executor.env if name in _OF_THE_SHELL or not _SHELL_NAME.fullmatch(name)]
    kept = [shlex.quote(f"{name}={executor.env[name]}") for name in sorted(lost)]
    run = " ".join([*([_SHELL, "env", *kept] if kept else []), '"$_TESK" "$@"'])
    streams = {mounts.normal(path) for path in (executor.stdout, executor.stderr) if path}
    copied = [path for path in saved if path not in streams]
    run = f"{run}; {_copy_to_scratch(copied)}" if copied else f"exec {run}"
    script = f"{_copy_to_image(copied, executor.workdir)}{redirect}{_FIND}; {run}"
    return [_SHELL, "sh", "-c", script, "tesk", *executor.command]


def _redirects(executor: Executor, saved: Sequence[str]) -> list[str]:
    """A stream that goes to a folder of the image is written to the scratch volume: its user may not write there."""
    stdin, stdout, stderr = (
        shlex.quote(_on_scratch(path) if mounts.normal(path) in saved else path) if path else ""
        for path in (executor.stdin, executor.stdout, executor.stderr)
    )
    if stderr and mounts.normal(executor.stdout) == mounts.normal(executor.stderr):
        # Opened twice, they would overwrite each other.
        stderr = "&1"
    return [f"{sign}{target}" for sign, target in (("<", stdin), (">", stdout), ("2>", stderr)) if target]


def _copy_to_image(paths: Sequence[str], workdir: str) -> str:
    own = mounts.normal(workdir)
    commands = []
    for path, place, kept in _places(paths):
        folder = posixpath.dirname(mounts.normal(path))
        make = f"{_SHELL} mkdir -p {shlex.quote(folder)}; "
        always = "" if own != "/" and mounts.below(folder, own) else make
        copy = f"[ ! -e {kept} ] || {{ {make}{_SHELL} rm -rf {place}; {_SHELL} cp -Rp {kept} {place}; }}"
        commands.append(f"{{ {always}{copy}; }} 2>/dev/null; ")
    return "".join(commands)


def _copy_to_scratch(paths: Sequence[str]) -> str:
    """Commands that end the shell with the exit code of the command before them, or with 1 if a copy fails."""
    copies = "".join(
        f"[ ! -e {place} ] || {{ {_SHELL} rm -rf {kept}; {_SHELL} cp -RLp {place} {kept}; }} || _TESK_CODE=1; "
        for _, place, kept in _places(paths)
    )
    return f"_TESK_CODE=$?; {copies}exit $_TESK_CODE"


def _places(paths: Sequence[str]) -> list[tuple[str, str, str]]:
    """Each path, and how the shell writes it and its place on the scratch volume."""
    return [(path, shlex.quote(path), shlex.quote(_on_scratch(path))) for path in paths]


def _on_scratch(path: str) -> str:
    return mounts.SAVED_MOUNT + mounts.normal(path)
