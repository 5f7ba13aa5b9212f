"""What must lie on the scratch volume before the executors start."""

import posixpath
from collections.abc import Iterator

from tescore import wildcards
from tescore.model import FileType, Output, Task
from tescore.mounts import located, mounts


def folders(task: Task) -> tuple[str, ...]:
    """Folders, relative to the volume's root: every mounted one, and what the task names below those."""
    mounted = {mount.sub_path for mount in mounts(task) if not mount.file}
    named = {located(path) for path in _named(task)}
    return tuple(sorted(mounted | {path for path in named if any(_within(path, folder) for folder in mounted)}))


def empty_files(task: Task) -> tuple[str, ...]:
    """Files, relative to the volume's root, that are mounted alone and come from no input.

    The kubelet would make a folder of each that is missing.
    """
    given = {located(item.path) for item in task.inputs}
    return tuple(mount.sub_path for mount in mounts(task) if mount.file and mount.sub_path not in given)


def _named(task: Task) -> Iterator[str]:
    yield from task.volumes
    for item in task.inputs:
        yield item.path if item.type == FileType.DIRECTORY else posixpath.dirname(item.path)
    for output in task.outputs:
        yield _folder(output)
    for executor in task.executors:
        yield from (path for path in [executor.workdir] if path)
        yield from (posixpath.dirname(path) for path in (executor.stdout, executor.stderr) if path)


def _folder(output: Output) -> str:
    if wildcards.is_pattern(output.path, output.path_prefix):
        return wildcards.fixed_folder(output.path)
    return output.path if output.type == FileType.DIRECTORY else posixpath.dirname(output.path)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
