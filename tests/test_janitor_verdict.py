from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from janitor.obstacle import Obstacle

from janitor.verdict import End, Launch, Tell, Verdict, about_task, has_expired, is_in_line, is_kept, is_old
from tescore.launch import Job
from tests.build import task_record

NOW = datetime(2026, 11, 22, 5, 0, 0, tzinfo=UTC)
PATIENCE, RETENTION = timedelta(seconds=60), timedelta(days=30)
JUST_NOW, LONG_AGO = "2026-11-22T04:59:30.000000Z", "2026-11-22T04:00:00.000000Z"
QUEUE = timedelta(hours=1)
RUNS = Job(failed="", ended=False, waits=False, ready=True, deleted=False)
STARTS = replace(RUNS, ready=False)
WAITS = replace(STARTS, waits=True)
FAILED = replace(STARTS, failed="backoff limit", ended=True)


def verdict(its: Job | None, obstacle: Obstacle | None, **annotations: str) -> Verdict:
    seen = task_record(annotations={f"tesk/{name}": value for name, value in annotations.items()})
    return about_task(seen, its, obstacle, now=NOW, launch=PATIENCE, queue=QUEUE)


@pytest.mark.parametrize(
    ("its", "annotations", "expected"),
    [
        pytest.param(STARTS, {"created": LONG_AGO}, None, id="a slow taskmaster is left alone"),
        pytest.param(
            FAILED,
            {"created": JUST_NOW},
            End("The taskmaster died (its Job failed: backoff limit)."),
            id="its Job failed",
        ),
        pytest.param(None, {"created": JUST_NOW}, None, id="stored a moment ago"),
        pytest.param(None, {"created": LONG_AGO}, Launch(), id="nobody began it"),
        pytest.param(
            None,
            {"created": LONG_AGO, "taskmaster": "p"},
            End("The taskmaster died (its Job is gone)."),
            id="begun, and its Job is gone",
        ),
        pytest.param(None, {"created": LONG_AGO, "started": JUST_NOW, "taskmaster": "p"}, None, id="begun just now"),
    ],
)
def test_a_task_that_has_not_ended(its: Job | None, annotations: dict[str, str], expected: Verdict) -> None:
    assert verdict(its, None, **annotations) == expected


def blocked(minutes: float) -> Obstacle:
    return Obstacle("Waits: no room.", NOW - timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("its", "obstacle", "annotations", "expected"),
    [
        pytest.param(STARTS, blocked(50), {}, Tell("Waits: no room."), id="its user is told what is in the way"),
        pytest.param(STARTS, blocked(50), {"reason": "Waits: no room."}, None, id="once"),
        pytest.param(
            STARTS,
            blocked(61),
            {},
            End("The taskmaster could not run within 3660 s. Waits: no room."),
            id="until its time to wait is over",
        ),
        pytest.param(
            STARTS,
            Obstacle("It is not allowed.", NOW, lasting="LimitRange"),
            {},
            End("It is not allowed.", "LimitRange"),
            id="at once if waiting does not help",
        ),
        pytest.param(RUNS, Obstacle("It is not allowed.", NOW, lasting="LimitRange"), {}, None, id="unless it runs"),
        pytest.param(
            STARTS,
            blocked(2),
            {"cancel": "now"},
            End("The taskmaster could not run within 120 s. Waits: no room."),
            id="a cancelled one waits for nothing",
        ),
        pytest.param(RUNS, blocked(61), {}, None, id="what was in the way of one that runs has passed"),
        pytest.param(WAITS, blocked(61), {}, None, id="the clock of one that waits for room stands still"),
    ],
)
def test_a_task_whose_taskmaster_cannot_run(
    its: Job, obstacle: Obstacle, annotations: dict[str, str], expected: Verdict
) -> None:
    assert verdict(its, obstacle, created=LONG_AGO, **annotations) == expected


@pytest.mark.parametrize(
    ("labels", "status", "expected"),
    [
        ({}, {}, True),
        ({"tesk/room": "waits"}, {}, True),
        ({"tesk/room": "left"}, {}, False),
        ({"kueue.x-k8s.io/queue-name": "q"}, {}, False),
        ({}, {"conditions": [{"type": "Complete", "status": "True"}]}, False),
    ],
)
def test_who_takes_room_or_waits_for_it(labels: dict[str, str], status: dict[str, object], expected: bool) -> None:
    assert is_in_line({"metadata": {"labels": labels}, "status": status}) == expected


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
