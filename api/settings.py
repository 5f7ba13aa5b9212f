"""The settings of the api."""

from dataclasses import dataclass

from api.access.settings import AccessSettings
from tescore.settings import setting
from tescore.trs import TrsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TrsSettings, AccessSettings):
    tenant: str = setting("namespace in which tasks run that are sent to the bare URL", default="tesk")
    api_port: int = setting("port of the api, HTTP; its manifest names it too", default=8080, least=1)
    api_workers: int = setting("processes of an api pod", default=2, least=1)
    api_memory: int = setting(
        "bytes that requests and answers under way may hold in one of them", default=80 * 1024**2, least=1024**2
    )
    max_body: int = setting("bytes of a request's body, at most", default=8 * 1024 * 1024)
    cors_origins: tuple[str, ...] = setting(
        "origins of web pages that may use the api (https://example.org, or * for all)", default=()
    )
    service_id: str = setting("service-info: id, a reversed domain name", default="org.example.tesk")
    service_name: str = setting("service-info: name", default="TESK")
    organization_name: str = setting("service-info: who runs the service", default="TESK")
    organization_url: str = setting("service-info: their web page", default="https://example.org")
    contact_url: str = setting("service-info: where to ask, http(s); empty leaves it out", default="")
