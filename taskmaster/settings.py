"""The settings of a taskmaster, which whoever launches it puts into its Job."""

from dataclasses import dataclass

from tescore.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    task: str = setting("id of the task")
    namespace: str = setting("namespace of the task")
    pod_uid: str = setting("uid of the taskmaster's own pod, which it claims the task with")
    filer_image: str = setting("image of the filer")
    storage_class: str = setting("storage class of scratch volumes; empty is the cluster's default", default="")
    scratch_gb: float = setting("GiB of scratch for a task that names no disk_gb", default=1.0)
