"""From an AdmissionReview's request to the decision on it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tescore import naming, record, validation
from tescore.errors import InvalidTask, TeskError
from tescore.tenant import TenantSettings


@dataclass(frozen=True, slots=True)
class Admitted:
    """The task may be stored, with these labels and annotations."""

    task_id: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    dry_run: bool
    """Nothing may be launched for it."""


def reviewed(request: Mapping[str, Any], settings: TenantSettings, *, api_account: str, now: datetime) -> Admitted:
    """The decision on the CREATE of a ConfigMap with the task label, in a tenant with these settings.

    Raises InvalidTask with all problems.
    """
    shown = request["object"]
    name = request.get("name") or shown["metadata"].get("name", "")
    problems = [*_name_problems(name), *_extra_problems(shown)]
    document: dict[str, Any] = {}
    try:
        document = validation.checked(_document(shown), settings)
    except InvalidTask as error:
        problems += error.problems
    if problems:
        raise InvalidTask(problems)
    metadata = shown["metadata"]
    labels, annotations = record.stamp(document, owner=_owner(request, api_account), now=now)
    return Admitted(
        task_id=name,
        namespace=request["namespace"],
        labels={**_foreign(metadata.get("labels")), **naming.TASK_LABELS, **labels},
        annotations={**_foreign(metadata.get("annotations")), **annotations},
        dry_run=bool(request.get("dryRun")),
    )


def allowed(uid: str, admitted: Admitted) -> dict[str, Any]:
    """The AdmissionReview that stores the task as it was decided (JSON patch, RFC 6902)."""
    patch = [
        {"op": "add", "path": "/metadata/labels", "value": admitted.labels},
        {"op": "add", "path": "/metadata/annotations", "value": admitted.annotations},
    ]
    encoded = base64.b64encode(json.dumps(patch).encode()).decode()
    return _review({"uid": uid, "allowed": True, "patchType": "JSONPatch", "patch": encoded})


def denied(uid: str, error: TeskError, *, code: int) -> dict[str, Any]:
    """The AdmissionReview that refuses, with the status that the caller gets."""
    status = {"code": code, "reason": error.reason, "message": str(error)}
    return _review({"uid": uid, "allowed": False, "status": status})


def _review(response: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def _name_problems(name: str) -> list[str]:
    if not name:
        return ["metadata.name: is missing; a task's name is its id, so generateName cannot be used"]
    if not naming.is_task_id(name):
        return [f"metadata.name: is {name!r}, which does not match {naming.TASK_ID.pattern}"]
    return []


def _extra_problems(shown: Mapping[str, Any]) -> list[str]:
    """A log of its own would be believed, and an immutable record could never be written."""
    known = {record.TASK_JSON, f"{record.TASK_JSON}.gz"}
    extra = [f"{part}.{key}" for part in ("data", "binaryData") for key in shown.get(part) or {} if key not in known]
    problems = [f"{path}: a task has no other data than {record.TASK_JSON}" for path in extra]
    return [*problems, *(["immutable: is true, and a task's record is written"] if shown.get("immutable") else [])]


def _document(shown: Mapping[str, Any]) -> str:
    try:
        text = record.part(shown, record.TASK_JSON)
    except ValueError as error:
        raise InvalidTask([f"binaryData.{record.TASK_JSON}.gz: cannot be read ({error})"]) from error
    if not text:
        raise InvalidTask([f"data.{record.TASK_JSON}: is missing"])
    return text


def _owner(request: Mapping[str, Any], api_account: str) -> str:
    user = str(request["userInfo"]["username"])
    if user != api_account:
        return user
    annotations = request["object"]["metadata"].get("annotations") or {}
    return str(annotations.get(naming.OWNER, user))


def _foreign(entries: Mapping[str, str] | None) -> dict[str, str]:
    """What others put there; the service's own entries are made here alone, whatever was sent."""
    return {k: v for k, v in (entries or {}).items() if not k.startswith(("tesk/", "tag.tesk/"))}
