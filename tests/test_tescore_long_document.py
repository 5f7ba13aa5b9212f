import base64
import gzip
import json
import os
from typing import Any

import pytest

from tescore import long_document, naming, parts, record
from tescore.errors import InvalidTask, Missing
from tescore.record import Record
from tests.build import drawn, task_document

NAME = naming.document_page("task-a", "r-1")
CONTENT = 128 * 1024


def zipped(size: int) -> dict[str, Any]:
    """A ConfigMap with a gzipped document of so many bytes."""
    return {"binaryData": {"task.json.gz": base64.b64encode(os.urandom(size)).decode()}}


def kept(document: str) -> dict[str, dict[str, Any]]:
    """By their names, the ConfigMaps that a document is kept in."""
    asked = record.config_map("task-a", "tesk", document, owner="ann")
    asked["metadata"] |= {"uid": "u-1", "resourceVersion": "7"}
    cut = long_document.cut(asked, NAME)
    if cut is None:
        return {"task-a": asked}
    asked["metadata"]["annotations"][naming.DOCUMENT] = cut.page
    asked["binaryData"]["task.json.gz"] = base64.b64encode(cut.end).decode()
    return {"task-a": asked, cut.page: long_document.config_map("task-a", "tesk", cut)}


def size(config_map: dict[str, Any]) -> int:
    plain = sum(len(text.encode()) for text in config_map.get("data", {}).values())
    return plain + sum(len(base64.b64decode(text)) for text in config_map.get("binaryData", {}).values())


@pytest.mark.parametrize(
    ("characters", "escaped"),
    [
        pytest.param([range(32, 127)], False, id="printable ASCII"),
        pytest.param([range(128)], True, id="ASCII, escaped"),
        pytest.param([range(32)], False, id="control characters"),
        pytest.param([range(32), range(128)], False, id="more control characters than others"),
        pytest.param([range(32), range(32, 127), range(32, 127), range(128, 0x800)], False, id="what packs badly"),
        pytest.param([range(0x80, 0x800)], True, id="two bytes, escaped"),
        pytest.param([range(0x800, 0xD800)], False, id="three bytes"),
        pytest.param([range(0x10000, 0x110000)], True, id="four bytes, escaped"),
    ],
)
def test_ten_contents_of_128_kib_fit_whatever_they_are_with_room_for_a_log(
    characters: list[range], escaped: bool
) -> None:
    content = drawn(*characters)  # gzip sees no further back than 32 KiB, so ten times the same are no shorter
    assert CONTENT - 3 <= len(content.encode()) <= CONTENT
    document = task_document(inputs=[{"path": f"/x/{i}", "content": content} for i in range(10)])

    stored = kept(json.dumps(document, ensure_ascii=escaped))

    seen = long_document.read(stored["task-a"], stored.get)
    assert json.loads(seen.document) == document
    assert size(stored["task-a"]) <= record.UNCUT_LIMIT
    assert seen.document_size == pytest.approx(size(stored["task-a"]), abs=3)
    assert all(size(page) <= record.PACKED_LIMIT for name, page in stored.items() if name != "task-a")


@pytest.mark.parametrize(
    ("asked", "beginning", "end"),
    [
        (zipped(record.UNCUT_LIMIT + 1), record.PACKED_LIMIT, record.UNCUT_LIMIT + 1 - record.PACKED_LIMIT),
        (zipped(record.DOCUMENT_LIMIT), record.PACKED_LIMIT, record.DOCUMENT_LIMIT - record.PACKED_LIMIT),
    ],
)
def test_what_is_too_long_for_a_record_is_cut(asked: dict[str, Any], beginning: int, end: int) -> None:
    cut = long_document.cut(asked, NAME)
    assert cut is not None
    assert (cut.page, len(cut.beginning), len(cut.end)) == (NAME, beginning, end)
    assert cut.beginning + cut.end == parts.zipped_document(asked)


@pytest.mark.parametrize("asked", [{"data": {"task.json": "{}"}}, {}, zipped(10), zipped(record.UNCUT_LIMIT)])
def test_what_fits_into_a_record_stays_there(asked: dict[str, Any]) -> None:
    assert long_document.cut(asked, NAME) is None


def test_what_does_not_fit_into_both_is_refused_with_its_size() -> None:
    with pytest.raises(InvalidTask) as caught:
        long_document.cut(zipped(record.DOCUMENT_LIMIT + 1), NAME)
    assert caught.value.problems == ("binaryData.task.json.gz: has 1769473 bytes, and may have no more than 1769472",)


def test_a_page_is_exactly_this() -> None:
    assert long_document.config_map("task-a", "tesk", long_document.Cut(NAME, b"b", b"e")) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": NAME,
            "namespace": "tesk",
            "labels": {
                "app.kubernetes.io/managed-by": "tesk",
                "app.kubernetes.io/component": "document",
                "tesk/task": "task-a",
            },
        },
        "immutable": True,
        "binaryData": {"task.json.gz.beginning": "Yg=="},
    }


TEXT = json.dumps(task_document(description=os.urandom(1_000_000).hex()))


def read(changed: dict[str, Any] | None) -> Record:
    """A record with its page as the API server shows that now; None is that it is gone."""
    stored = kept(TEXT)
    pages = {} if changed is None else {NAME: {**stored[NAME], **changed}}
    return long_document.read(stored["task-a"], pages.get)


def labelled(**changes: str) -> dict[str, Any]:
    labels = {**naming.labels("task-a", "document"), **{f"tesk/{key}": value for key, value in changes.items()}}
    return {"metadata": {"name": NAME, "labels": labels}}


def test_a_document_on_a_page_is_read() -> None:
    assert read({}).document == TEXT


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(None, id="gone"),
        pytest.param(labelled(task="task-b"), id="of another task"),
        pytest.param({"metadata": {"name": NAME}}, id="not labelled"),
        pytest.param({"metadata": {"name": NAME, "labels": naming.labels("task-a", "outputs")}}, id="of outputs"),
        pytest.param({"binaryData": None}, id="empty"),
        pytest.param({"binaryData": {long_document.PART: "aGVsbG8="}}, id="not gzip"),
        pytest.param(
            {"binaryData": {long_document.PART: base64.b64encode(gzip.compress(b"{}")).decode()}}, id="another's"
        ),
    ],
)
def test_without_its_page_the_record_can_be_read_and_the_document_is_empty(changed: dict[str, Any] | None) -> None:
    seen = read(changed)
    assert (seen.task_id, seen.document) == ("task-a", "")


def test_a_page_that_is_missing_by_an_error_is_gone_too() -> None:
    def get(name: str) -> dict[str, Any]:
        raise Missing(name)

    assert long_document.read(kept(TEXT)["task-a"], get).document == ""


@pytest.mark.parametrize("name", ["task-b.document-0123456789ab", "tesk-settings", "task-a.document-", f"{NAME}/x"])
def test_a_record_names_no_page_but_its_own(name: str) -> None:
    metadata = {"name": "task-a", "annotations": {naming.DOCUMENT: name}}
    assert record.document_page(metadata) == ""
