"""The webhook over HTTP: an AdmissionReview in, an AdmissionReview out."""

import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Flask, abort, request

from tescore import cpu, parts, record, trs, validation
from tescore.cluster import Cluster
from tescore.errors import Forbidden, InvalidTask, Misconfigured, Rejected, TeskError
from tescore.review import may
from tescore.states import FINAL
from tescore.tenants import Tenants
from webhook import review
from webhook.launcher import Launcher
from webhook.settings import Settings

log = logging.getLogger(__name__)

_STORE_ONLY = "TESK_STORE_ONLY is set, which is for tests alone: tasks are stored and NEVER RUN"


def create_app(
    settings: Settings,
    launcher: Launcher,
    tenants: Tenants[Settings],
    now: Callable[[], datetime],
    permitted: Callable[[Mapping[str, Any]], None],
    looked_up: Callable[[Sequence[str]], Mapping[str, str]],
    path: Callable[[], str],
) -> Flask:
    """POST /admit/… decides on one ConfigMap and launches its taskmaster; GET /healthz says that the process lives.

    `permitted` raises Forbidden for the user of a request who may not store its task; `looked_up` gives the images of
    TRS URIs; `path` is the one that the API server alone knows.
    """
    app = Flask(__name__, static_folder=None)
    if settings.store_only:
        log.warning(_STORE_ONLY)

    @app.post("/admit/<word>")
    def admit(word: str) -> dict[str, Any]:
        if not hmac.compare_digest(f"/admit/{word}".encode(), path().encode()):
            abort(403)
        asked = request.get_json()["request"]
        uid = asked["uid"]
        try:
            permitted(asked)
            own = tenants.settings(asked["namespace"])
            admitted = cpu.run(
                _size(asked["object"]),
                lambda: review.reviewed(asked, own, api_account=settings.api_account, trs_hosts=settings.trs_hosts),
            )
            images = looked_up(trs.uris(admitted.document))
            validation.check_found(images, own)
            launches = admitted.launches and not settings.store_only
            waits = launcher.launch(admitted.task_id, admitted.namespace) if launches else ""
        except InvalidTask as error:
            return review.denied(uid, error, code=400)
        except TeskError as error:
            log.warning("task refused", extra={"task": asked.get("name"), "reason": str(error)})
            return review.denied(uid, error, code=_code(error))
        log.info("task admitted", extra={"task": admitted.task_id, "launched": launches, "waits": waits})
        warnings = [_STORE_ONLY] if settings.store_only else []
        shown = own.show_queued
        return review.allowed(
            uid, admitted, now=now(), waits=waits, show_queued=shown, images=images, warnings=warnings
        )

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


def check_permission(cluster: Cluster, request: Mapping[str, Any], *, api_account: str) -> None:
    """Raises Forbidden for the user of an AdmissionReview's request who may not, and what asking Kubernetes does.

    A new task needs the verb create. The api has asked about its own users before.
    A task that has ended comes from a backup and needs the verb restore, of which no role of the service has a rule:
    whoever restores a task says how it ended. An admin of the cluster has every verb.
    """
    user, namespace = request["userInfo"], request["namespace"]
    name, groups = user["username"], tuple(user.get("groups") or ())
    if record.state(request["object"]["metadata"]) in FINAL:
        if not may(cluster, name, groups, "restore", namespace):
            why = f"{name} may not restore tasks that have ended in {namespace}: that is the verb restore on tasks.tesk"
            raise Forbidden(f"{why}; to run it again, leave out what begins with tesk/ and log.json.")
    elif name != api_account and not may(cluster, name, groups, "create", namespace):
        raise Forbidden(f"{name} may not create tasks in {namespace}: that is the verb create on tasks.tesk.")


def _size(shown: Mapping[str, Any]) -> int:
    """Bytes of what is to be stored, at most where some of it is gzipped: its length is only what its maker says."""
    return parts.UNZIPPED_LIMIT if shown.get("binaryData") else parts.size(shown)


def _code(error: TeskError) -> int:
    if isinstance(error, Misconfigured):
        return 500
    return 403 if isinstance(error, Rejected) else 503
