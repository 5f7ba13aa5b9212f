"""Contents that the image's own shell lays, so that no filer need come before the executor.

A command that begins with a shell says that its image has one. That shell is run before the command, and writes what
the inputs filer would write: into the container itself, but for folders that are mounted. Where it cannot, for want of
a tool or a right, it says so, and the step begins again after a filer.
"""

import posixpath
import shlex
from collections.abc import Iterable

from taskmaster import refusal
from taskmaster.observe import Terminated
from tescore import mounts
from tescore.model import Executor, Task

_SHELLS = frozenset({"ash", "bash", "dash", "ksh", "sh", "zsh"})
_BYTES = 32 * 1024
"""The most of all contents: they stand in the pod's command, and Kubernetes writes the pod some eight times."""
_WORD = "tesk-cannot-lay"


def can_be_laid(task: Task) -> bool:
    """Whether the task is one executor that begins with a shell, and its files are contents and nothing else."""
    if len(task.executors) != 1 or task.outputs or not task.inputs:
        return False
    [executor] = task.executors
    return not executor.redirected and _is_shell_of_the_image(executor) and _fit_into_a_command(task)


def laid(task: Task) -> list[str]:
    """The command of a task whose contents can be laid, behind that."""
    [executor] = task.executors
    files = [mounts.normal(item.path) for item in task.inputs]
    folders = mounts.folders(task)
    script = " && ".join([
        f"mkdir -p {_words([*folders, *map(posixpath.dirname, files)])}",
        # A user who is not root may not change folders of others, and need not where others may write.
        *(f"{{ chmod 777 {word} || [ -w {word} ]; }}" for word in map(shlex.quote, folders)),
        f"rm -f {_words(files)}",
        *(f'printf %s "${{{i}}}" >{shlex.quote(file)}' for i, file in enumerate(files, 1)),
        f"chmod 777 {_words(files)}",
    ])  # fmt: skip
    refuse = refusal.told(_WORD, "contents")
    run = f'(umask 0; {script}) 2>/dev/null || {refuse}; shift {len(files)}; exec "$@"'
    return [executor.command[0], "-c", run, "tesk", *(item.content or "" for item in task.inputs), *executor.command]


def refused(end: Terminated) -> bool:
    """Whether the executor ended because its image's shell could not lay the contents."""
    return bool(refusal.heard(end, _WORD))


def _is_shell_of_the_image(executor: Executor) -> bool:
    folder, name = posixpath.split(executor.command[0])
    if not folder:  # looked for in PATH, which may lead to the task's files
        return name in _SHELLS and "PATH" not in executor.env
    return name in _SHELLS and posixpath.isabs(folder) and mounts.belongs_to_the_image(mounts.normal(folder))


def _fit_into_a_command(task: Task) -> bool:
    contents = [item.content for item in task.inputs]
    try:
        size = sum(len(content.encode()) for content in contents if content)
    except UnicodeEncodeError:  # half a surrogate pair, which the filer has words for
        return False
    return size <= _BYTES and all(content is not None and "\0" not in content for content in contents)


def _words(paths: Iterable[str]) -> str:
    return " ".join(map(shlex.quote, dict.fromkeys(paths)))
