"""The webhook over HTTP: an AdmissionReview in, an AdmissionReview out."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask, request

from tescore.errors import InvalidTask, Rejected, TeskError
from webhook import launcher, review
from webhook.settings import Settings

log = logging.getLogger(__name__)


def create_app(settings: Settings, cluster: launcher.Jobs, now: Callable[[], datetime]) -> Flask:
    """POST /admit decides on one ConfigMap and launches its taskmaster; GET /healthz says that the process lives."""
    app = Flask(__name__, static_folder=None)

    @app.post("/admit")
    def admit() -> dict[str, Any]:
        asked = request.get_json()["request"]
        uid = asked["uid"]
        try:
            admitted = review.reviewed(asked, settings, api_account=settings.api_account, now=now())
            if not admitted.dry_run:
                launcher.launch(cluster, admitted.task_id, admitted.namespace, settings)
        except InvalidTask as error:
            return review.denied(uid, error, code=400)
        except TeskError as error:
            log.warning("task refused", extra={"task": asked.get("name"), "reason": str(error)})
            return review.denied(uid, error, code=403 if isinstance(error, Rejected) else 503)
        log.info("task admitted", extra={"task": admitted.task_id, "dry_run": admitted.dry_run})
        return review.allowed(uid, admitted)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
