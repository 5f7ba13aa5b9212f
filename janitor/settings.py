"""The settings of the janitor."""

from dataclasses import dataclass

from tescore.launch import LaunchSettings
from tescore.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(LaunchSettings):
    sweep_seconds: float = setting("seconds between two looks of the janitor", default=30.0, least=1)
    launch_seconds: float = setting("seconds after which a stored task without a Job is launched again", default=60.0)
    expiry_seconds: float = setting(
        "seconds between two looks for ended tasks that are not kept any more", default=3600.0, least=1
    )
