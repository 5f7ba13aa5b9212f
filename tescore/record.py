"""A task as the ConfigMap that is its record, written and read."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tescore import naming, parts
from tescore.document import longest
from tescore.errors import InvalidTask
from tescore.states import State, may_go

PACKED_LIMIT = 960 * 1024
"""Bytes that document, log and tails, or a page of outputs, may have: a ConfigMap's data may have 1 MiB."""
DOCUMENT_LIMIT = 768 * 1024
"""Bytes that a document may have in its record: the log, which is gzipped above 256 KiB, has the rest of 1 MiB."""
NAME_LIMIT = 256
"""Characters of a name that tasks are found by."""
NO_TASKMASTER = "Waits: "
"""How a reason begins that the janitor writes while a task's taskmaster cannot run."""
_STATES: Mapping[str, State] = {state.value: state for state in State}
_LISTS: dict[str, type] = {"logs": dict, "outputs": dict, "system_logs": str}
"""What every log has."""


TaskLog = Mapping[str, Any]
"""That of TES."""


class Record(NamedTuple):
    """What a task's ConfigMap says; texts are empty where it says nothing."""

    task_id: str
    namespace: str
    uid: str
    resource_version: str
    state: State
    owner: str
    created: str
    started: str
    ended: str
    reason: str
    cancel: str
    """When and by whom the task was cancelled."""
    taskmaster: str
    """The uid of the pod that claimed the task."""
    settings: str
    """The taskmaster's own note of the tenant's settings with which the task was begun."""
    step: str
    """The taskmaster's own note of the step that it has begun."""
    document: str
    """Empty where somebody broke it."""
    document_size: int
    """Bytes that it takes in the record."""
    log: Mapping[str, Any]
    """The TES TaskLog, empty before the task was claimed; without the outputs that are on pages."""
    pages: str
    """The taskmaster's own note of the outputs that are kept elsewhere (tescore/outputs.py)."""
    images: Mapping[str, str]
    """What runs instead of the images of the document that are TRS URIs."""


def timestamp(moment: datetime) -> str:
    """RFC 3339 with microseconds and zone, as clients parse it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def config_map(task_id: str, namespace: str, document: str, *, owner: str) -> dict[str, Any]:
    """The ConfigMap that asks for a task; the rest of its metadata is stamped on by the webhook.

    Raises InvalidTask for a document that does not fit.
    """
    document = _brief(document)
    size = len(document.encode())
    if size > parts.UNZIPPED_LIMIT:
        raise InvalidTask([f"the document has {size} bytes, and may have no more than {parts.UNZIPPED_LIMIT}"])
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": task_id,
            "namespace": namespace,
            "labels": dict(naming.TASK_LABELS),
            "annotations": {naming.OWNER: owner},
        },
        **parts.packed(parts.TASK_JSON, document),
    }
    check_size(body, document)
    return body


def check_size(stored: Mapping[str, Any], document: str) -> None:
    """Raises InvalidTask if a ConfigMap's document, which is valid JSON, leaves too little room for the log."""
    if _document_size(stored) <= DOCUMENT_LIMIT:
        return
    zipped = parts.zipped_document(stored) or parts.zipped_document(parts.packed(parts.TASK_JSON, document))
    size = len(document.encode())
    has = f"the document has {size} bytes, which are {len(zipped)} gzipped, and may have no more than {DOCUMENT_LIMIT}"
    if len(zipped) <= DOCUMENT_LIMIT:
        raise InvalidTask([f"{has}; give it gzipped, as binaryData.{parts.ZIPPED_DOCUMENT}"])
    cure = "give what is long as a URL, or less of what does not repeat itself"
    raise InvalidTask([f"{has} gzipped; {cure}; the longest texts in bytes: {', '.join(longest(document))}"])


def room(seen: Record) -> int:
    """Bytes that are left for tails and outputs beside a record's document."""
    return PACKED_LIMIT - seen.document_size


def stamp(
    document: Mapping[str, Any],
    *,
    owner: str,
    now: datetime,
    waits: str = "",
    show_queued: bool = True,
    images: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations that a new record gets beside its own.

    `waits` is what a task is QUEUED for, or INITIALIZING without `show_queued`; `images` what was found for TRS URIs in
    its document.
    """
    tags: Mapping[str, str] = document.get("tags", {})
    labels = {
        naming.STATE: (State.QUEUED if waits and show_queued else State.INITIALIZING).value,
        naming.OWNER: naming.hashed(owner),
        **{naming.tag_label(key): naming.hashed(value) for key, value in tags.items()},
    }
    annotations = {
        naming.OWNER: owner,
        naming.CREATED: timestamp(now),
        **({naming.NAME: document["name"][:NAME_LIMIT]} if document.get("name") else {}),
        **({naming.REASON: waits} if waits else {}),
        **({naming.IMAGES: json.dumps(images)} if images else {}),
    }
    return labels, annotations


def is_task(stored: Mapping[str, Any]) -> bool:
    """Whether a ConfigMap is a task's record, made under the eyes of the webhook: it sees those with all its labels."""
    return naming.TASK_LABELS.items() <= (stored["metadata"].get("labels") or {}).items()


def record(stored: Mapping[str, Any]) -> Record:
    """The record in a ConfigMap as the API server shows it."""
    metadata = stored["metadata"]
    annotations = metadata.get("annotations") or {}
    return Record(
        task_id=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        state=state(metadata),
        owner=annotations.get(naming.OWNER, ""),
        created=annotations.get(naming.CREATED, ""),
        started=annotations.get(naming.STARTED, ""),
        ended=annotations.get(naming.ENDED, ""),
        reason=annotations.get(naming.REASON, ""),
        cancel=annotations.get(naming.CANCEL, ""),
        taskmaster=annotations.get(naming.TASKMASTER, ""),
        settings=annotations.get(naming.TENANT_SETTINGS, ""),
        step=annotations.get(naming.STEP, ""),
        document=_document(stored),
        document_size=_document_size(stored),
        log=_log(stored),
        pages=annotations.get(naming.OUTPUTS, ""),
        images=_images(annotations.get(naming.IMAGES, "")),
    )


def state(metadata: Mapping[str, Any]) -> State:
    """The state in an object's metadata; UNKNOWN where there is none or a strange one."""
    return _STATES.get((metadata.get("labels") or {}).get(naming.STATE, ""), State.UNKNOWN)


def change(
    seen: Record, *, state: State, annotations: Mapping[str, str | None], log: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The merge patch from a record as it was seen: state, annotations and log in one write.

    It names the resourceVersion, so it fails with a conflict if the record has changed meanwhile.
    """
    if not may_go(seen.state, state):
        raise ValueError(f"A task that is {seen.state} cannot become {state}.")
    patch: dict[str, Any] = {
        "metadata": {
            "resourceVersion": seen.resource_version,
            "labels": {naming.STATE: state.value},
            "annotations": dict(annotations),
        }
    }
    if log is not None:
        patch |= parts.patch(parts.LOG_JSON, json.dumps(log, ensure_ascii=False))
    return patch


def with_note(log: TaskLog, note: str) -> dict[str, Any]:
    """The log, empty or not, with the fields that TES demands and that sentence of the system in it once."""
    whole = {"logs": [], "outputs": [], "system_logs": [], **log}
    notes = whole["system_logs"]
    return {**whole, "system_logs": [*notes, note]} if note and note not in notes else whole


def _brief(document: str) -> str:
    """The document; a long one without escapes, by which other scripts than Latin take three times the room."""
    if len(document) <= parts.PLAIN_LIMIT or "\\u" not in document:
        return document
    return json.dumps(json.loads(document), ensure_ascii=False)


def _document(stored: Mapping[str, Any]) -> str:
    """The document, or none where somebody broke it: a record must be readable all the same."""
    try:
        return parts.part(stored, parts.TASK_JSON)
    except ValueError:
        return ""


def _document_size(stored: Mapping[str, Any]) -> int:
    plain = (stored.get("data") or {}).get(parts.TASK_JSON, "")
    return len(plain.encode()) + len((stored.get("binaryData") or {}).get(parts.ZIPPED_DOCUMENT, "")) * 3 // 4


def _images(text: str) -> Mapping[str, str]:
    """The webhook's note of images, or none where somebody broke it."""
    try:
        images = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return images if isinstance(images, dict) and all(isinstance(each, str) for each in images.values()) else {}


def _log(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """The log, or none where somebody broke it."""
    try:
        log = json.loads(parts.part(stored, parts.LOG_JSON))
    except (ValueError, RecursionError):
        return {}
    return log if isinstance(log, dict) and all(_is_list(log.get(key), of) for key, of in _LISTS.items()) else {}


def _is_list(value: object, of: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, of) for item in value)
