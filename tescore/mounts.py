"""Where a path of the executors' containers lies on the scratch volume, and what is mounted from there."""

import posixpath
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tescore import wildcards
from tescore.model import Executor, FileType, Output, Task

DATA = "data"
"""Folder of the scratch volume below which every path of the containers is found again."""
SAVED = "saved"
"""The same for files that executors leave in folders of the image.

It is apart from DATA because an executor sees all of it: one that could rename a folder which is mounted for the next
executor could have that one see any folder of the claim.
"""
LAUNCHER = "launcher"
"""Folder of the scratch volume with the static shell that redirects standard streams and copies outputs."""
LAUNCHER_MOUNT = "/.tesk"
SAVED_MOUNT = "/.tesk-saved"
"""Where an executor sees SAVED, if the task has such files."""
SHELL = "busybox"

_OF_THE_IMAGE = frozenset({
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr",
})  # fmt: skip
"""Folders that are the image's with all that is below: they are not mounted over, so that nothing is hidden."""
_HOLDERS = frozenset({"/", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/var"})
"""Folders that hold the image's own: they are not mounted over, but their sub-folders may be."""


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
    """What every executor of the task has mounted; of nested folders the outermost, so that they share one tree.

    An input whose folder belongs to the image is mounted as a file.
    """
    return _layout(task)[0]


def saved(task: Task) -> tuple[str, ...]:
    """Files that executors leave in folders of the image: the launcher copies them to and from the scratch volume."""
    return _layout(task)[1]


def folders(task: Task) -> tuple[str, ...]:
    """Folders in the containers that must be there: every mounted one, and what the task names below those.

    What lies below a volume, a working directory or its own path_prefix belongs to the executor: the folder of an
    output there is not made, for a plain `mkdir` would fail.
    """
    mounted = [mount.path for mount in mounts(task) if not mount.file]
    outermost = _outermost(mounted)
    named = {normal(path) for path in _named(task)}
    return tuple(sorted({*mounted, *(path for path in named if _above(path, outermost))}))


def launches(task: Task, executor: Executor) -> bool:
    """Whether the executor's command is run by the launcher on the scratch volume."""
    return executor.redirected or bool(saved(task))


def needs_scratch(task: Task) -> bool:
    """Whether the task has anything that must outlive one container."""
    files = task.volumes or task.inputs or task.outputs
    return bool(files) or any(executor.redirected for executor in task.executors)


def _layout(task: Task) -> tuple[tuple[Mount, ...], tuple[str, ...]]:
    """What is mounted, and the files that the launcher copies: those that are neither inputs nor in what is mounted."""
    given = [*((path, FileType.DIRECTORY) for path in task.volumes), *((item.path, item.type) for item in task.inputs)]
    made = [(path, FileType.FILE) for each in task.executors for path in (each.stdout, each.stderr) if path]
    workdirs = _outermost(_workdirs(task))
    for output in task.outputs:
        pattern = wildcards.is_pattern(output.path, output.path_prefix)
        path, kind = (_folder(output), FileType.DIRECTORY) if pattern else (output.path, output.type)
        workdir = _above(normal(path), workdirs)
        made.append((workdir, FileType.DIRECTORY) if workdir else (path, kind))
    (given_folders, inputs), (made_folders, saved) = _places(given), _places(made)
    mounted = _outermost(given_folders | made_folders)
    files = [path for path in sorted(inputs | saved) if not _above(path, mounted)]
    folders = (Mount(folder.removesuffix("/"), file=False) for folder in mounted)
    own = (Mount(path, file=True) for path in files if path in inputs)
    return (*folders, *own), tuple(path for path in files if path not in inputs)


def _places(named: Iterable[tuple[str, FileType]]) -> tuple[set[str], set[str]]:
    """The folders to mount for what is named there, and the files whose folders belong to the image."""
    folders, files = set[str](), set[str]()
    for path, kind in named:
        folder = normal(path if kind == FileType.DIRECTORY else posixpath.dirname(path))
        if kind == FileType.FILE and belongs_to_the_image(folder):
            files.add(normal(path))
        else:
            folders.add(_mountable(folder))
    return folders, files


def _mountable(folder: str) -> str:
    """The nearest folder that Kubernetes can mount, which takes no colon, unless that belongs to the image."""
    above = posixpath.dirname(folder.partition(":")[0]) if ":" in folder else folder
    return folder if belongs_to_the_image(above) else above


def _workdirs(task: Task) -> list[str]:
    """Working directories over which something may be mounted."""
    workdirs = (normal(executor.workdir) for executor in task.executors)
    return [workdir for workdir in workdirs if not belongs_to_the_image(workdir)]


def _outermost(folders: Iterable[str]) -> list[str]:
    """Those that lie in no other, each with a slash at its end, in order."""
    found: list[str] = []
    for folder in sorted(f"{folder}/" for folder in folders):
        if not (found and folder.startswith(found[-1])):
            found.append(folder)
    return found


def _above(path: str, outermost: Sequence[str]) -> str:
    """That of the outermost folders in which a normal path lies, or which it is; none if it lies in none."""
    place = bisect(outermost, f"{path}/") - 1
    return outermost[place] if place >= 0 and f"{path}/".startswith(outermost[place]) else ""


def _named(task: Task) -> Iterator[str]:
    yield from task.volumes
    for item in task.inputs:
        yield item.path if item.type == FileType.DIRECTORY else posixpath.dirname(item.path)
    owned = _outermost([*(normal(volume) for volume in task.volumes), *_workdirs(task)])
    for output in task.outputs:
        folder = normal(_folder(output))
        pattern = wildcards.is_pattern(output.path, output.path_prefix)
        if not (_above(folder, owned) or (pattern and below(folder, normal(output.path_prefix)))):
            yield folder
    for executor in task.executors:
        yield executor.workdir
        yield from (posixpath.dirname(path) for path in (executor.stdout, executor.stderr))


def _folder(output: Output) -> str:
    if wildcards.is_pattern(output.path, output.path_prefix):
        return wildcards.fixed_folder(output.path)
    return output.path if output.type == FileType.DIRECTORY else posixpath.dirname(output.path)


def normal(path: str) -> str:
    """A container's absolute path without doubled slashes, dots, and a slash at its end."""
    return posixpath.normpath("/" + path.lstrip("/"))


def belongs_to_the_image(folder: str) -> bool:
    """Whether a folder must not be mounted over, because it is the image's own."""
    return folder in _HOLDERS or "/" + folder.split("/")[1] in _OF_THE_IMAGE


def below(path: str, folder: str) -> bool:
    """Whether a normal path lies in a normal folder, at any depth."""
    return path != folder and path.startswith(folder.rstrip("/") + "/")
