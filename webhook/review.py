"""From an AdmissionReview's request to the decision on it."""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tescore import naming, parts, record, validation
from tescore.errors import InvalidTask, TeskError
from tescore.states import FINAL
from tescore.tenant import TenantSettings


@dataclass(frozen=True, slots=True)
class Admitted:
    """The task may be stored."""

    task_id: str
    namespace: str
    owner: str
    document: Mapping[str, Any]
    metadata: Mapping[str, Any]
    """As it was sent."""
    launches: bool
    """Whether it needs a taskmaster; a dry run does not, and an ended task that comes from a backup."""
    ended: bool


def reviewed(
    request: Mapping[str, Any],
    settings: TenantSettings,
    *,
    api_account: str,
    trs_hosts: Sequence[str] = (),
) -> Admitted:
    """The decision on the CREATE of a ConfigMap with the task label, in a tenant with these settings.

    Raises InvalidTask with all problems.

    A task that has ended is stored as it is: running it again is not what somebody wants who applies it. Whether its
    user may say how it ended is asked before (webhook.app.check_permission).
    """
    shown = request["object"]
    name = request.get("name") or shown["metadata"].get("name", "")
    ended = record.state(shown["metadata"]) in FINAL
    problems = _name_problems(name)
    document: Mapping[str, Any] = {}
    if ended:
        problems += _ended_problems(shown)
    else:
        problems += _extra_problems(shown, {parts.TASK_JSON})
        try:
            text = _document(shown)
            document = validation.checked(text, settings, trs_hosts)
            record.check_size(shown, text)
        except InvalidTask as error:
            problems += error.problems
    if problems:
        raise InvalidTask(problems)
    return Admitted(
        task_id=name,
        namespace=request["namespace"],
        owner=_owner(request, api_account),
        document=document,
        metadata=shown["metadata"],
        launches=not ended and not request.get("dryRun"),
        ended=ended,
    )


def allowed(
    uid: str,
    admitted: Admitted,
    *,
    now: datetime,
    waits: str = "",
    show_queued: bool = True,
    images: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The AdmissionReview that stores the task with its stamp, for the rest see record.stamp.

    The warnings are shown to who created it.
    """
    response = {"uid": uid, "allowed": True, **({"warnings": list(warnings)} if warnings else {})}
    if admitted.ended:
        return _review({**response, **_json_patch(_without_managers(admitted.metadata))})
    labels, annotations = record.stamp(
        admitted.document, owner=admitted.owner, now=now, waits=waits, show_queued=show_queued, images=images
    )
    patch = [
        {
            "op": "add",
            "path": "/metadata/labels",
            "value": {**_foreign(admitted.metadata.get("labels")), **naming.TASK_LABELS, **labels},
        },
        {
            "op": "add",
            "path": "/metadata/annotations",
            "value": {**_foreign(admitted.metadata.get("annotations")), **annotations},
        },
        *_without_managers(admitted.metadata),
    ]
    return _review({**response, **_json_patch(patch)})


def denied(uid: str, error: TeskError, *, code: int) -> dict[str, Any]:
    """The AdmissionReview that refuses, with the status that the caller gets."""
    status = {"code": code, "reason": error.reason, "message": str(error)}
    return _review({"uid": uid, "allowed": False, "status": status})


def _without_managers(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The operation that leaves out who wrote which field.

    It would be a quarter of a record and two fifths of what is listed of it, and is written anew with each change.
    Where there is none Kubernetes begins none until somebody applies (server-side apply).
    """
    return [{"op": "remove", "path": "/metadata/managedFields"}] if metadata.get("managedFields") else []


def _json_patch(operations: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What a response says of them (RFC 6902); nothing if there are none."""
    if not operations:
        return {}
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(operations).encode()).decode()}


def _review(response: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def _name_problems(name: str) -> list[str]:
    if not name:
        return ["metadata.name: is missing; a task's name is its id, so generateName cannot be used"]
    if not naming.is_task_id(name):
        return [f"metadata.name: is {name!r}, which does not match {naming.TASK_ID.pattern}"]
    return []


def _extra_problems(shown: Mapping[str, Any], parts: Collection[str]) -> list[str]:
    """A log of its own would be believed, and an immutable record could never be written."""
    known = {*parts, *(f"{part}.gz" for part in parts)}
    extra = [f"{part}.{key}" for part in ("data", "binaryData") for key in shown.get(part) or {} if key not in known]
    problems = [f"{path}: a task has no other data than {' and '.join(sorted(parts, reverse=True))}" for path in extra]
    return [*problems, *(["immutable: is true, and a task's record is written"] if shown.get("immutable") else [])]


def _ended_problems(shown: Mapping[str, Any]) -> list[str]:
    ended = str((shown["metadata"].get("annotations") or {}).get(naming.ENDED, ""))
    problems = _extra_problems(shown, {parts.TASK_JSON, parts.LOG_JSON})
    if not _is_moment(ended):
        problems.append(f"metadata.annotations.{naming.ENDED}: is {ended!r}, which is no time with its zone")
    return problems


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _document(shown: Mapping[str, Any]) -> str:
    try:
        text = parts.part(shown, parts.TASK_JSON)
    except ValueError as error:
        raise InvalidTask([f"binaryData.{parts.TASK_JSON}.gz: cannot be read ({error})"]) from error
    if not text:
        raise InvalidTask([f"data.{parts.TASK_JSON}: is missing"])
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
