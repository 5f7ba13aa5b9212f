"""The settings of a taskmaster, which whoever launches it puts into its Job."""

from dataclasses import dataclass

from tescore.settings import setting
from tescore.tenant import TenantSettings
from tescore.transfers import TransferSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TransferSettings, TenantSettings):
    task: str = setting("id of the task")
    namespace: str = setting("namespace of the task")
    pod_uid: str = setting("uid of the taskmaster's own pod, which it claims the task with")
    filer_image: str = setting("image of the filer")
    pod_ip: str = setting("address of the taskmaster's own pod, at which it hears from filers", default="")
