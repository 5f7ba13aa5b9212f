"""The settings of the janitor."""

from dataclasses import dataclass

from tescore.launch import LaunchSettings
from tescore.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(LaunchSettings):
    service_namespace: str = setting("namespace of the service itself", default="tesk-system")
    sweep_seconds: float = setting("seconds between two looks of the janitor at all tasks", default=30.0, least=1)
    launch_seconds: float = setting(
        "seconds within which what is launched is stored: what has no task is removed later", default=60.0
    )
    expiry_seconds: float = setting(
        "seconds between two looks for ended tasks that are not kept any more", default=3600.0, least=1
    )
