from tescore.cluster import Cluster
from tescore.launch import LaunchSettings
from tescore.session import Session
from tescore.tenants import Tenants
from tests.apiserver import api_server

SERVICE = LaunchSettings(taskmaster_image="t:1", filer_image="f:1", task_limit=9)


def test_a_tenant_is_looked_at_again_after_some_seconds_and_each_for_itself() -> None:
    with api_server() as server:
        now = 100.0
        tenants = Tenants(Cluster(Session(server.url)), SERVICE, lambda: now)
        assert tenants.tenant("tesk").most == 9

        data = {"TESK_TASK_LIMIT": "2", "TESK_RETENTION_DAYS": "1"}
        server.stored("configmaps", {"metadata": {"name": "tesk-settings"}, "data": data}, "ADDED")
        now += 2
        assert tenants.tenant("tesk").most == 9
        assert tenants.tenant("other").most == 2

        now += 2
        assert tenants.tenant("tesk").most == 2
        assert tenants.tenant("tesk").settings.retention_days == 1.0
