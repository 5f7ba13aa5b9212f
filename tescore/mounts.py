"""Where a path of the executors' containers lies on the scratch volume, and what is mounted from there."""

import posixpath
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tescore import wildcards
from tescore.model import Executor, FileType, Output, Task

DATA = "data"
"""Folder of the scratch volume below which every path of the containers is found again."""
LAUNCHER = "launcher"
"""Folder of the scratch volume with the static shell that redirects standard streams and links files."""
LAUNCHER_MOUNT = "/.tesk"
FILES_MOUNT = "/.tesk-files"
"""Where an executor sees the whole tree of the task's files, if some are linked into the image's folders."""
SHELL = "busybox"

_OF_THE_IMAGE = frozenset({
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr",
})  # fmt: skip
"""Folders that are the image's with all that is below: a file there is mounted alone, so that nothing is hidden."""
_HOLDERS = frozenset({"/", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/var"})
"""Folders that hold the image's own: a file right in them is mounted alone, their sub-folders are free."""


class Mount(NamedTuple):
    path: str
    """In the container."""
    file: bool
    """Whether it is a single file; else it is a folder."""

    @property
    def sub_path(self) -> str:
        """On the scratch volume."""
        return located(self.path)


def located(path: str) -> str:
    """Where a container's absolute path lies, relative to the root of the scratch volume."""
    return DATA + normal(path)


def mounts(task: Task) -> tuple[Mount, ...]:
    """What every executor of the task has mounted; of nested folders the outermost, so that they share one tree."""
    folders = {normal(volume) for volume in task.volumes}
    files: set[str] = set()
    for path, kind in _paths(task):
        folder = path if kind == FileType.DIRECTORY else posixpath.dirname(path)
        if kind == FileType.FILE and belongs_to_the_image(folder):
            files.add(path)
        else:
            folders.add(folder)
    return tuple(sorted(_outermost(folders, files), key=lambda mount: mount.path))


def alone(task: Task) -> tuple[str, ...]:
    """The files that lie in folders of the image's, and so cannot come with their folders."""
    return tuple(mount.path for mount in mounts(task) if mount.file)


def folders(task: Task) -> tuple[str, ...]:
    """Folders in the containers that must be there: every mounted one, and what the task names below those.

    Those of outputs only where they lie in none that executors have to themselves.
    """
    mounted = {mount.path for mount in mounts(task) if not mount.file}
    named = {normal(path) for path in _named(task)}
    below_them = {path for path in named if any(below(path, folder) for folder in mounted)}
    return tuple(sorted(mounted | below_them))


def launches(task: Task, executor: Executor) -> bool:
    """Whether the executor's command is run by the launcher on the scratch volume."""
    return executor.redirected or bool(alone(task))


def needs_scratch(task: Task) -> bool:
    """Whether the task has anything that must outlive one container."""
    files = task.volumes or task.inputs or task.outputs
    return bool(files) or any(executor.redirected for executor in task.executors)


def _paths(task: Task) -> list[tuple[str, FileType]]:
    paths = [(item.path, item.type) for item in task.inputs]
    for output in task.outputs:
        if wildcards.is_pattern(output.path, output.path_prefix):
            paths.append((wildcards.fixed_folder(output.path), FileType.DIRECTORY))
        else:
            paths.append((output.path, output.type))
    for executor in task.executors:
        paths += [(path, FileType.FILE) for path in (executor.stdout, executor.stderr) if path]
    return [(normal(path), kind) for path, kind in paths]


def _named(task: Task) -> Iterator[str]:
    yield from task.volumes
    for item in task.inputs:
        yield item.path if item.type == FileType.DIRECTORY else posixpath.dirname(item.path)
    tools = {normal(path) for path in _tools(task)}
    for output in task.outputs:
        folder = normal(_folder(output))
        if tools.isdisjoint(_above(folder)):
            yield folder
    for executor in task.executors:
        yield from (path for path in [executor.workdir] if path)
        yield from (posixpath.dirname(path) for path in (executor.stdout, executor.stderr) if path)


def _tools(task: Task) -> Iterator[str]:
    """Folders in which executors make what folders they need: a `mkdir out` must not meet one."""
    yield from task.volumes
    yield from (executor.workdir for executor in task.executors if executor.workdir)
    yield from (output.path_prefix for output in task.outputs if output.path_prefix)


def _above(path: str) -> Iterator[str]:
    while path != "/":
        path = posixpath.dirname(path)
        yield path


def _folder(output: Output) -> str:
    if wildcards.is_pattern(output.path, output.path_prefix):
        return wildcards.fixed_folder(output.path)
    return output.path if output.type == FileType.DIRECTORY else posixpath.dirname(output.path)


def _outermost(folders: Iterable[str], files: Iterable[str]) -> Iterator[Mount]:
    """Those that lie in none of the folders: by their names with a slash at the end, what lies in one follows it."""
    named = [*(Mount(path, file=False) for path in folders), *(Mount(path, file=True) for path in files)]
    last = ""
    for mount in sorted(named, key=lambda mount: (mount.path.rstrip("/") + "/", mount.file)):
        if not last or not below(mount.path, last):
            last = last if mount.file else mount.path
            yield mount


def normal(path: str) -> str:
    """A container's absolute path without doubled slashes, dots, and a slash at its end."""
    return posixpath.normpath("/" + path.lstrip("/"))


def belongs_to_the_image(folder: str) -> bool:
    """Whether a folder must not be mounted over, because it is the image's own."""
    return folder in _HOLDERS or "/" + folder.split("/")[1] in _OF_THE_IMAGE


def below(path: str, folder: str) -> bool:
    """Whether a normal path lies in a normal folder, at any depth."""
    return path != folder and path.startswith(folder.rstrip("/") + "/")
