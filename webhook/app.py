"""The webhook over HTTP: an AdmissionReview in, an AdmissionReview out."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask, request

from tescore.errors import InvalidTask, Misconfigured, Rejected, TeskError
from tescore.tenants import Tenants
from webhook import review
from webhook.launcher import Launcher
from webhook.settings import Settings

log = logging.getLogger(__name__)


def create_app(
    settings: Settings, launcher: Launcher, tenants: Tenants[Settings], now: Callable[[], datetime]
) -> Flask:
    """POST /admit decides on one ConfigMap and launches its taskmaster; GET /healthz says that the process lives."""
    app = Flask(__name__, static_folder=None)

    @app.post("/admit")
    def admit() -> dict[str, Any]:
        asked = request.get_json()["request"]
        uid = asked["uid"]
        try:
            own = tenants.settings(asked["namespace"])
            admitted = review.reviewed(asked, own, api_account=settings.api_account, restorers=settings.restorers)
            waits = launcher.launch(admitted.task_id, admitted.namespace) if admitted.launches else ""
        except InvalidTask as error:
            return review.denied(uid, error, code=400)
        except TeskError as error:
            log.warning("task refused", extra={"task": asked.get("name"), "reason": str(error)})
            return review.denied(uid, error, code=_code(error))
        log.info("task admitted", extra={"task": admitted.task_id, "launched": admitted.launches, "waits": waits})
        return review.allowed(uid, admitted, now=now(), waits=waits)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _code(error: TeskError) -> int:
    if isinstance(error, Misconfigured):
        return 500
    return 403 if isinstance(error, Rejected) else 503
