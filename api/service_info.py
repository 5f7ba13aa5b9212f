"""What the service says of itself (GA4GH service-info 1.0.0 with the additions of TES 1.1)."""

from typing import Any

from api.settings import Settings
from tescore import VERSION, parameters

DESCRIPTION = "GA4GH Task Execution Service on Kubernetes"


def service_info(settings: Settings) -> dict[str, Any]:
    return {
        "id": settings.service_id,
        "name": settings.service_name,
        "type": {"group": "org.ga4gh", "artifact": "tes", "version": "1.1.0"},
        "description": DESCRIPTION,
        "organization": {"name": settings.organization_name, "url": settings.organization_url},
        **({"contactUrl": settings.contact_url} if settings.contact_url else {}),
        "version": VERSION,
        "storage": list(settings.storage),
        "tesResources_backend_parameters": parameters.offered(settings),
    }
