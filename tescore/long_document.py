"""A document that is too long for its record: its end stays there, and its beginning is on a page beside it.

What is cut in two is the gzipped document. The webhook does it to a record that is created, so whoever creates one
sends the whole; it makes the page before the record is stored, and the taskmaster makes the record the page's owner.
"""

import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from tescore import naming, parts, record
from tescore.errors import InvalidTask, Missing
from tescore.record import Record

PART = f"{parts.ZIPPED_DOCUMENT}.beginning"
"""What holds the beginning in a page's binaryData."""


class Cut(NamedTuple):
    page: str
    """Name of the page."""
    beginning: bytes
    end: bytes


def cut(asked: Mapping[str, Any], page: str) -> Cut | None:
    """What becomes of the document in a ConfigMap that asks for a task, or None if it stays as it is.

    Raises InvalidTask for one that a page and a record cannot hold.
    """
    zipped = parts.zipped_document(asked)
    if len(zipped) > record.DOCUMENT_LIMIT:
        where = f"binaryData.{parts.ZIPPED_DOCUMENT}"
        raise InvalidTask([f"{where}: has {len(zipped)} bytes, and may have no more than {record.DOCUMENT_LIMIT}"])
    if len(zipped) <= record.UNCUT_LIMIT:
        return None
    return Cut(page, zipped[: record.PACKED_LIMIT], zipped[record.PACKED_LIMIT :])


def config_map(task_id: str, namespace: str, cut: Cut) -> dict[str, Any]:
    """The page."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": cut.page,
            "namespace": namespace,
            "labels": naming.labels(task_id, naming.DOCUMENT_COMPONENT),
        },
        "immutable": True,
        "binaryData": {PART: base64.b64encode(cut.beginning).decode()},
    }


def read(stored: Mapping[str, Any], get: Callable[[str], Mapping[str, Any] | None]) -> Record:
    """The record in a task's ConfigMap, with its whole document.

    `get` is asked for the ConfigMap of a name where there is a page. One that is not there, or is no page of this
    task, leaves the document empty, as if somebody had broken it. Only the webhook can give an object the label of
    such a page (k8s/base/admission.yaml).
    """
    seen = record.record(stored)
    if not seen.document_page:
        return seen
    with suppress(Missing, ValueError):
        shown = get(seen.document_page)
        if shown is not None and _is_page(shown["metadata"].get("labels") or {}, seen.task_id):
            beginning = base64.b64decode((shown.get("binaryData") or {}).get(PART, ""))
            return seen._replace(document=parts.unzipped(beginning + parts.zipped_document(stored)))
    return seen


def _is_page(labels: Mapping[str, str], task_id: str) -> bool:
    return naming.labels(task_id, naming.DOCUMENT_COMPONENT).items() <= labels.items()
