import base64

import pytest

from taskmaster import pages, tasklog
from tescore import naming, outputs
from tescore.outputs import File
from tescore.record import TaskLog
from tescore.report import Report
from tests.build import OWNER, PREFIX, task_record

BEGUN = tasklog.begun("t0", ["A note."], queued=0)


def many(count: int, first: int = 0) -> list[File]:
    return [{"url": f"s3://b/{i}", "path": f"/o/{i}", "size_bytes": "1"} for i in range(first, first + count)]


def told(plain: int, packed: int) -> TaskLog:
    batches = tuple(outputs.batches(many(packed, first=plain)))
    return tasklog.with_report(BEGUN, Report(moved=tuple(many(plain)), batches=batches))


@pytest.mark.parametrize(("plain", "packed"), [(0, 0), (3, 0), (100, 2400)])
def test_outputs_that_fit_are_kept_in_the_record(plain: int, packed: int) -> None:
    split = pages.split(told(plain, packed), 200_000)
    assert split.log == {**BEGUN, "outputs": many(plain + packed)}
    assert (split.pages, split.annotations) == ((), {})


@pytest.mark.parametrize(("plain", "packed"), [(2500, 0), (100, 2400)])
def test_outputs_that_do_not_fit_are_all_put_on_pages_in_order(plain: int, packed: int) -> None:
    split = pages.split(told(plain, packed), 10_000)

    assert split.log == {**BEGUN, "outputs": []}
    assert [file for page in split.pages for file in outputs.files(page.zipped)] == many(2500)
    counted = outputs.pages(split.annotations[naming.OUTPUTS])
    assert (counted.number, counted.files) == (1, 2500)


def test_what_was_read_again_is_split_in_the_same_way() -> None:
    assert pages.split(told(100, 5000), 10_000) == pages.split(told(100, 5000), 10_000)


def test_a_list_that_cannot_be_stored_is_told() -> None:
    split = pages.without_pages(pages.split(told(100, 2400), 10_000), "exceeded quota")
    assert (split.pages, split.annotations) == ((), {})
    assert split.log["system_logs"] == [
        "A note.",
        "The list of 2500 outputs that were stored could not be kept: exceeded quota",
    ]


def test_a_page_is_a_config_map_of_the_record() -> None:
    [batch] = outputs.batches(many(1))
    assert pages.config_map(task_record(), 2, batch) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{PREFIX}.outputs-2",
            "namespace": "tesk",
            "labels": {
                "app.kubernetes.io/managed-by": "tesk",
                "app.kubernetes.io/component": "outputs",
                "tesk/task": PREFIX,
            },
            "ownerReferences": [OWNER],
        },
        "binaryData": {"outputs.jsonl.gz": base64.b64encode(batch.zipped).decode()},
    }


def test_a_page_can_be_read_by_the_api() -> None:
    [batch] = outputs.batches(many(7))
    assert outputs.page(pages.config_map(task_record(), 0, batch), task_record().uid) == many(7)


def test_no_task_can_have_the_name_of_a_page() -> None:
    assert not naming.is_task_id(naming.outputs_page("task-a", 0))
