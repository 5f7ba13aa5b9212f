import base64
import gzip
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tescore import naming, parts, record
from tescore.errors import InvalidTask
from tescore.states import State
from tests import texts
from tests.build import stored, task_document, task_record

NOW = datetime(2026, 11, 22, 4, 0, 0, 123456, tzinfo=UTC)


def test_a_new_record_is_exactly_this() -> None:
    assert record.config_map("task-a", "tesk", "{}", owner="ann") == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "task-a",
            "namespace": "tesk",
            "labels": {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "task"},
            "annotations": {"tesk/owner": "ann"},
        },
        "data": {"task.json": "{}"},
    }


@pytest.mark.parametrize("size", [10, 256 * 1024, 256 * 1024 + 1, 5_000_000])
def test_a_document_of_any_size_comes_back_as_it_was(size: int) -> None:
    document = json.dumps({"description": "é" * (size // 2)}, ensure_ascii=False)
    made = record.config_map("task-a", "tesk", document, owner="ann")

    assert parts.part(made, "task.json") == document
    assert ("data" in made) != ("binaryData" in made)


@pytest.mark.parametrize(
    ("size", "limits"),
    [
        (
            2_000_000,
            r"4000019 bytes, which are \d+ gzipped, and may have no more than 786432 gzipped; .* description: 4000",
        ),
        (4_200_000, "8400019 bytes, and may have no more than 8388608"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_with_the_limit(size: int, limits: str) -> None:
    with pytest.raises(InvalidTask, match=limits):
        record.config_map("task-a", "tesk", json.dumps({"description": os.urandom(size).hex()}), owner="ann")


@pytest.mark.parametrize("kind", texts.KINDS)
def test_ten_contents_of_128_kib_of_ordinary_text_fit(kind: Callable[[], str]) -> None:
    inputs = [{"path": f"/x/{i}", "content": kind()} for i in range(10)]
    assert all(len(item["content"].encode()) > texts.SIZE - 4 for item in inputs)
    made = record.config_map("task-a", "tesk", json.dumps(task_document(inputs=inputs)), owner="ann")
    assert 0 < len(parts.zipped_document(made)) <= record.DOCUMENT_LIMIT


def test_the_longest_document_and_the_longest_log_that_is_plain_fit_into_one_config_map() -> None:
    assert record.DOCUMENT_LIMIT + parts.PLAIN_LIMIT <= 1024 * 1024


def described(text: str) -> str:
    return json.dumps({"description": text})


def zipped(text: str, level: int = 6) -> dict[str, Any]:
    return {"binaryData": {"task.json.gz": base64.b64encode(gzip.compress(text.encode(), level)).decode()}}


REPEATED, RANDOM = described("x" * 800_000), described(os.urandom(700_000).hex())


@pytest.mark.parametrize("asked", [{"data": {"task.json": described("x" * 780_000)}}, zipped(REPEATED)])
def test_a_config_map_that_somebody_makes_may_hold_a_document_as_long(asked: dict[str, Any]) -> None:
    record.check_size(asked, parts.part(asked, "task.json"))


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        pytest.param(
            {"data": {"task.json": REPEATED}},
            r"has 800019 bytes, which are \d+ gzipped, .* 786432; give it gzipped, as binaryData.task.json.gz",
            id="gzip would do",
        ),
        pytest.param(zipped(REPEATED, 0), r"which are 800\d+ gzipped, .* description: 800000", id="hardly gzipped"),
        pytest.param(zipped(RANDOM), r"has 1400019 bytes, which are \d+ gzipped, .* description: 14", id="gzipped"),
        pytest.param({"data": {"task.json": RANDOM}}, r"has 1400019 bytes, .* description: 1400000", id="plain"),
    ],
)
def test_a_config_map_whose_document_leaves_no_room_for_a_log_is_refused(asked: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidTask, match=problem):
        record.check_size(asked, parts.part(asked, "task.json"))


def test_a_part_that_is_no_gzip_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="gzip"):
        parts.part({"binaryData": {"task.json.gz": "aGVsbG8="}}, "task.json")


def test_a_bomb_is_not_unpacked() -> None:
    bomb = base64.b64encode(gzip.compress(b" " * 100_000_000)).decode()
    with pytest.raises(ValueError, match="larger than"):
        parts.part({"binaryData": {"task.json.gz": bomb}}, "task.json")


def test_pieces_that_are_put_one_after_the_other_are_one_text() -> None:
    assert parts.unzipped(gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress("✓".encode())) == "one ✓"


def test_many_pieces_are_no_larger_than_one_may_be() -> None:
    with pytest.raises(ValueError, match="larger than"):
        parts.unzipped(gzip.compress(b" " * 1_000_000) * 9)


def test_what_broke_off_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="broken off"):
        parts.unzipped(gzip.compress(b"text")[:-5])


def test_a_broken_document_leaves_the_record_readable() -> None:
    assert task_record(data={}, binaryData={"task.json.gz": "aGVsbG8="}).document == ""


@pytest.mark.parametrize(
    "log",
    [
        "nonsense",
        '["x"]',
        '{"logs": [], "outputs": []}',
        '{"logs": [], "system_logs": []}',
        '{"logs": [{}, 1], "outputs": [{}], "system_logs": ["x"]}',
        '{"logs": [{}], "outputs": [{}], "system_logs": "x"}',
        "[" * 100_000,
    ],
)
def test_a_broken_log_leaves_the_record_readable(log: str) -> None:
    assert task_record(data={"task.json": "{}", "log.json": log}).log == {}


def test_the_stamp_makes_state_owner_and_tags_searchable() -> None:
    labels, annotations = record.stamp({"name": "n" * 300, "tags": {"k": "v"}}, owner="ann", now=NOW)

    assert labels == {
        "tesk/state": "INITIALIZING",
        "tesk/owner": naming.hashed("ann"),
        naming.tag_label("k"): naming.hashed("v"),
    }
    assert annotations == {"tesk/owner": "ann", "tesk/created": "2026-11-22T04:00:00.123456Z", "tesk/name": "n" * 256}


def test_the_stamp_says_what_a_task_waits_for_and_what_runs_for_its_trs_uris() -> None:
    labels, annotations = record.stamp({"name": ""}, owner="ann", now=NOW, waits="No room.", images={"trs://h/a": "b"})
    assert labels["tesk/state"] == "QUEUED"
    assert (annotations["tesk/reason"], annotations["tesk/images"]) == ("No room.", '{"trs://h/a": "b"}')
    assert "tesk/name" not in annotations


def test_a_moment_is_written_in_utc_with_microseconds() -> None:
    moment = datetime(2026, 11, 22, 4, 0, 0, tzinfo=timezone(timedelta(hours=2)))
    assert record.timestamp(moment) == "2026-11-22T02:00:00.000000Z"


def test_a_task_has_all_labels_of_one() -> None:
    assert record.is_task(stored(labels=naming.TASK_LABELS))
    assert record.is_task(stored(labels={**naming.TASK_LABELS, "team": "a"}))
    assert not record.is_task(stored(labels={"app.kubernetes.io/managed-by": "tesk"}))
    assert not record.is_task(stored(labels=None))


NOTES = ("owner", "created", "started", "ended", "reason", "cancel", "taskmaster", "settings", "step")


def test_a_record_says_what_its_annotations_and_its_log_say() -> None:
    log = {"logs": [{}], "outputs": [{}], "system_logs": ["x"]}
    said = task_record(
        annotations={f"tesk/{note}": f"its {note}" for note in NOTES}
        | {"tesk/outputs": "its pages", "tesk/images": '{"trs://h/a": "b"}'},
        data={"task.json": "{}", "log.json": json.dumps(log)},
    )
    assert {note: getattr(said, note) for note in (*NOTES, "pages")} == {
        note: f"its {note}" for note in (*NOTES, "pages")
    }
    assert (said.document, said.log, said.images) == ("{}", log, {"trs://h/a": "b"})


def test_a_record_without_annotations_and_data_says_nothing() -> None:
    said = task_record(annotations=None, data=None)
    assert {getattr(said, note) for note in (*NOTES, "pages", "document")} == {""}
    assert (said.log, said.images, said.document_size) == ({}, {}, 0)


@pytest.mark.parametrize("images", ["nonsense", '["x"]', '{"trs://h/a": "b", "trs://h/c": 1}', "[" * 100_000])
def test_a_broken_note_of_images_leaves_the_record_readable(images: str) -> None:
    assert task_record(annotations={"tesk/images": images}).images == {}


def test_what_a_document_takes_is_not_left_for_the_log() -> None:
    plain, packed = "é" * 500, base64.b64encode(b"x" * 300).decode()
    assert record.PACKED_LIMIT - record.room(task_record(data={"task.json": plain})) == 1000
    assert record.PACKED_LIMIT - record.room(task_record(data=None, binaryData={"task.json.gz": packed})) == 300


def test_a_long_document_is_kept_without_escapes_and_a_short_one_as_it_came() -> None:
    for size, kept in [(10, "\\u00e9" * 10), (100_000, "é" * 100_000)]:
        made = record.config_map("task-a", "tesk", described("é" * size), owner="ann")
        assert kept in parts.part(made, "task.json")


def test_a_document_is_measured_in_bytes_of_utf_8() -> None:
    with pytest.raises(InvalidTask, match="8388627 bytes"):
        record.config_map("task-a", "tesk", described("é" * (4 * 1024 * 1024)), owner="ann")


def test_one_patch_changes_state_annotations_and_log_of_what_was_seen() -> None:
    patch = record.change(task_record(), state=State.RUNNING, annotations={"tesk/reason": None}, log={"logs": ["é"]})

    assert patch == {
        "metadata": {
            "resourceVersion": "7",
            "labels": {"tesk/state": "RUNNING"},
            "annotations": {"tesk/reason": None},
        },
        "data": {"log.json": '{"logs": ["é"]}'},
        "binaryData": {"log.json.gz": None},
    }
    assert record.change(task_record(), state=State.RUNNING, annotations={}).keys() == {"metadata"}


def test_a_write_that_leaves_a_final_state_cannot_be_made() -> None:
    ended = task_record(labels={"tesk/state": "COMPLETE"})
    with pytest.raises(ValueError, match="COMPLETE"):
        record.change(ended, state=State.RUNNING, annotations={})


def test_a_strange_state_reads_as_unknown() -> None:
    assert record.record(stored(labels={"tesk/state": "SLEEPING"})).state == State.UNKNOWN
    assert record.record(stored(labels=None)).state == State.UNKNOWN


def test_a_note_is_told_once_and_a_log_has_what_the_standard_demands() -> None:
    assert record.with_note(record.with_note({}, "N."), "N.") == {"logs": [], "outputs": [], "system_logs": ["N."]}


def test_what_a_log_holds_stays() -> None:
    log = {"logs": [{"exit_code": 1}], "outputs": [], "system_logs": ["A."], "metadata": {"pods": "p"}}
    assert record.with_note(log, "B.") == {**log, "system_logs": ["A.", "B."]}
    assert record.with_note(log, "") == log
