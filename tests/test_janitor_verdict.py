from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from janitor.verdict import Job, Verdict, about_task, has_expired, is_kept, is_old, job
from tests.build import task_record

NOW = datetime(2026, 11, 22, 5, 0, 0, tzinfo=UTC)
PATIENCE, RETENTION = timedelta(seconds=60), timedelta(days=30)
JUST_NOW, LONG_AGO = "2026-11-22T04:59:30.000000Z", "2026-11-22T04:00:00.000000Z"
ALIVE = Job(failed="", ended=False)
FAILED = Job(failed="backoff limit", ended=True)


def verdict(its: Job | None, *, state: str = "INITIALIZING", **annotations: str) -> Verdict:
    seen = task_record(
        labels={"tesk/state": state}, annotations={f"tesk/{name}": value for name, value in annotations.items()}
    )
    return about_task(seen, its, now=NOW, patience=PATIENCE)


@pytest.mark.parametrize(
    ("its", "annotations", "expected"),
    [
        pytest.param(ALIVE, {"created": LONG_AGO}, Verdict.LEAVE, id="a slow taskmaster is left alone"),
        pytest.param(FAILED, {"created": JUST_NOW}, Verdict.END, id="its Job failed"),
        pytest.param(None, {"created": JUST_NOW}, Verdict.LEAVE, id="stored a moment ago"),
        pytest.param(None, {"created": LONG_AGO}, Verdict.LAUNCH, id="nobody began it"),
        pytest.param(None, {"created": LONG_AGO, "taskmaster": "p"}, Verdict.END, id="begun, and its Job is gone"),
        pytest.param(
            None, {"created": LONG_AGO, "started": JUST_NOW, "taskmaster": "p"}, Verdict.LEAVE, id="begun just now"
        ),
    ],
)
def test_a_task_that_has_not_ended(its: Job | None, annotations: dict[str, str], expected: Verdict) -> None:
    assert verdict(its, **annotations) == expected


@pytest.mark.parametrize(
    ("state", "ended", "expected"),
    [
        ("COMPLETE", "2026-10-22T00:00:00.000000Z", True),
        ("COMPLETE", LONG_AGO, False),
        ("COMPLETE", "", False),
        ("RUNNING", "2026-10-22T00:00:00.000000Z", False),
    ],
)
def test_an_ended_task_expires_after_its_time(state: str, ended: str, expected: bool) -> None:
    metadata = {"labels": {"tesk/state": state}, "annotations": {"tesk/ended": ended}}
    assert has_expired(metadata, now=NOW, retention=RETENTION) == expected


@pytest.mark.parametrize(
    ("state", "ended", "expected"),
    [
        pytest.param("EXECUTOR_ERROR", JUST_NOW, True, id="an executor's failure"),
        pytest.param("SYSTEM_ERROR", JUST_NOW, True, id="a filer's failure"),
        pytest.param("EXECUTOR_ERROR", LONG_AGO, False, id="its time is over"),
        pytest.param("CANCELED", JUST_NOW, False, id="cancelled after the failure"),
        pytest.param("COMPLETE", JUST_NOW, False, id="no failure"),
    ],
)
def test_a_failed_tasks_pod_is_kept_for_its_time(state: str, ended: str, expected: bool) -> None:
    metadata = {"labels": {"tesk/state": state}, "annotations": {"tesk/ended": ended}}
    assert is_kept(metadata, now=NOW, keep=timedelta(minutes=10)) == expected


@pytest.mark.parametrize(("created", "expected"), [("2026-11-22T04:59:30Z", False), ("2026-11-22T04:00:00Z", True)])
def test_what_has_no_task_is_left_alone_until_its_task_had_time_to_be_stored(created: str, expected: bool) -> None:
    assert is_old({"metadata": {"creationTimestamp": created}}, NOW, PATIENCE) == expected


def shown(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": "task-a", "creationTimestamp": "2026-11-22T04:00:00Z"},
        "status": {"conditions": list(conditions)},
    }


@pytest.mark.parametrize(
    ("conditions", "failed", "ended"),
    [
        ([], "", False),
        ([{"type": "SuccessCriteriaMet", "status": "True"}], "", False),
        ([{"type": "Failed", "status": "False"}], "", False),
        ([{"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"}], "", True),
        ([{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True", "reason": "R"}], "R", True),
    ],
)
def test_a_jobs_end_is_read_from_the_condition_that_says_so(
    conditions: list[dict[str, Any]], failed: str, ended: bool
) -> None:
    seen = job(shown(*conditions))
    assert (seen.failed, seen.ended) == (failed, ended)
