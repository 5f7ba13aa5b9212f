"""Inline contents that the image's own shell writes, so that the task needs neither a filer nor a scratch volume.

That saves four seconds and more. It is for one command that begins with a shell, whose image so has one, and for files
in `/tmp` alone, which is a volume of the pod, so that it is there and any user may write there.
"""

import posixpath
import shlex
from typing import Any

from tescore import mounts
from tescore.model import Executor, Task

_SHELLS = frozenset({"ash", "bash", "dash", "sh", "zsh"})
"""Shells in which `printf` is built in."""
_FOLDER = "/tmp"
_BYTES = 32 * 1024
"""The most of all contents: they stand in the pod's command, and Kubernetes writes the pod some eight times."""

VOLUME: dict[str, Any] = {"name": "tmp", "emptyDir": {}}
MOUNT: dict[str, Any] = {"name": "tmp", "mountPath": _FOLDER}


def supported(task: Task) -> bool:
    """Whether the task is one executor that begins with a shell, and has contents right in `/tmp` and nothing else."""
    if len(task.executors) != 1 or not task.inputs or task.outputs or task.volumes or task.resources.disk_gb:
        return False
    [executor] = task.executors
    if executor.redirected or not _begins_with_a_shell(executor) or not _fit_into_a_command(task):
        return False
    in_folder = all(posixpath.dirname(mounts.normal(item.path)) == _FOLDER for item in task.inputs)
    return in_folder and mounts.folders(task) == (_FOLDER,)


def command(task: Task) -> list[str]:
    """The command of a task whose inline inputs are supported: the shell writes the files, then gives way to it."""
    [executor] = task.executors
    files = [shlex.quote(mounts.normal(item.path)) for item in task.inputs]
    write = " && ".join(f'printf %s "${{{i}}}" >{file}' for i, file in enumerate(files, 1))
    # As the filer makes them. No shell has chmod built in: in an image without it they are not executable.
    executable = f"chmod 777 {' '.join(dict.fromkeys(files))} 2>/dev/null"
    script = f'(umask 0; {write}) || exit; {executable}; shift {len(files)}; exec "$@"'
    return [executor.command[0], "-c", script, "tesk", *(item.content or "" for item in task.inputs), *executor.command]


def _begins_with_a_shell(executor: Executor) -> bool:
    folder, name = posixpath.split(executor.command[0])
    if not folder:  # looked for in PATH, which may lead to the task's files
        return name in _SHELLS and "PATH" not in executor.env
    return name in _SHELLS and posixpath.isabs(folder) and mounts.belongs_to_the_image(mounts.normal(folder))


def _fit_into_a_command(task: Task) -> bool:
    contents = [item.content for item in task.inputs]
    size = sum(len(content.encode()) for content in contents if content)
    return size <= _BYTES and all(content is not None and "\0" not in content for content in contents)
