"""The settings of the webhook."""

from dataclasses import dataclass

from tescore.launch import LaunchSettings
from tescore.settings import setting
from tescore.trs import TrsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TrsSettings, LaunchSettings):
    service_namespace: str = setting("namespace of the service itself", default="tesk-system")
    webhook_port: int = setting("port of the webhook, TLS; its manifest names it too", default=8443, least=1)
    store_only: bool = setting("for tests alone: tasks are stored and never launched", default=False)

    @property
    def api_account(self) -> str:
        """The one user whose word on a task's owner is taken."""
        return f"system:serviceaccount:{self.service_namespace}:tesk-api"
