"""Each tenant's settings and how many of its tasks may run, read from its namespace and remembered for some seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tescore import naming, room, tenant
from tescore.cluster import Cluster
from tescore.errors import BadSettings, Misconfigured, Missing
from tescore.remembered import Remembered
from tescore.session import path
from tescore.tenant import TenantSettings

REMEMBERED = 3.0
"""Seconds."""
_Settings = TypeVar("_Settings", bound=TenantSettings)


@dataclass(frozen=True, slots=True)
class Tenant(Generic[_Settings]):
    """A tenant as it was seen a moment ago."""

    settings: _Settings
    """The program's, with what the tenant has otherwise."""
    most: int
    """Tasks that may run at a time."""


class Tenants(Generic[_Settings]):
    """`clock` gives seconds that only grow."""

    def __init__(self, cluster: Cluster, service: _Settings, clock: Callable[[], float]) -> None:
        self.service = service
        self._cluster = cluster
        self._settings = Remembered(self._read, REMEMBERED, clock)
        self._tenants = Remembered(self._whole, REMEMBERED, clock)

    def settings(self, namespace: str) -> _Settings:
        """The program's settings as they are for a tenant. Raises Misconfigured with all that is wrong with its own."""
        return self._settings.get(namespace)

    def tenant(self, namespace: str) -> Tenant[_Settings]:
        """The tenant of that namespace, with its room. Raises Misconfigured as above."""
        return self._tenants.get(namespace)

    def _read(self, namespace: str) -> _Settings:
        try:
            overrides = self._cluster.get(path("configmaps", namespace, naming.SETTINGS)).get("data") or {}
        except Missing:
            overrides = {}
        try:
            return tenant.overridden(self.service, overrides)
        except BadSettings as error:
            problems = "; ".join(error.problems)
            message = f"The settings of this tenant, in its ConfigMap {naming.SETTINGS}, are not valid: {problems}."
            raise Misconfigured(message) from error

    def _whole(self, namespace: str) -> Tenant[_Settings]:
        settings = self.settings(namespace)
        quotas = self._cluster.listed("resourcequotas", namespace, "", whole=True)
        return Tenant(settings, room.limit(settings.task_limit, quotas))
