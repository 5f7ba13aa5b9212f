"""What must lie on the scratch volume before the executors start."""

from tescore import mounts
from tescore.model import Task
from tescore.mounts import located


def folders(task: Task) -> tuple[str, ...]:
    """Folders, relative to the volume's root."""
    return tuple(located(folder) for folder in mounts.folders(task))


def empty_files(task: Task) -> tuple[str, ...]:
    """Files, relative to the volume's root, that are mounted alone and come from no input.

    The kubelet would make a folder of each that is missing.
    """
    given = {located(item.path) for item in task.inputs}
    return tuple(mount.sub_path for mount in mounts.mounts(task) if mount.file and mount.sub_path not in given)
