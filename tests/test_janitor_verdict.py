from datetime import UTC, datetime, timedelta

import pytest

from janitor.taskmaster import Obstacle, Taskmaster
from janitor.verdict import (
    End,
    Queue,
    Replace,
    Tell,
    Verdict,
    Wait,
    about_refused,
    about_task,
    has_expired,
    in_turn,
    is_kept,
    is_left,
    is_new,
    is_old,
)
from tescore.errors import QuotaExceeded, Refused
from tests.build import task_record

NOW = datetime(2026, 11, 22, 5, 0, 0, tzinfo=UTC)
PATIENCE, RETENTION = timedelta(seconds=60), timedelta(days=30)
NEW, JUST_NOW, LONG_AGO = "2026-11-22T04:59:58.000000Z", "2026-11-22T04:59:30.000000Z", "2026-11-22T04:00:00.000000Z"
QUEUE = timedelta(hours=1)
STARTS = Taskmaster(
    namespace="tesk",
    task="task-1",
    name="task-1-taskmaster",
    uid="p-1",
    created=NOW - timedelta(hours=2),
    is_over=False,
    runs=False,
    restarts=0,
    crash="",
    obstacle=None,
)
RUNS = STARTS._replace(runs=True)
OVER = STARTS._replace(is_over=True)
GOES = RUNS._replace(is_over=True)
CRASHED = STARTS._replace(restarts=20, crash="OOMKilled, exit code 137")


def verdict(*pods: Taskmaster, state: str = "INITIALIZING", **annotations: str) -> Verdict:
    told = {f"tesk/{name}": value for name, value in {"created": LONG_AGO, **annotations}.items()}
    seen = task_record(labels={"tesk/state": state}, annotations=told)
    return about_task(seen, pods, now=NOW, launch=PATIENCE, queue=QUEUE)


@pytest.mark.parametrize(
    ("pods", "state", "annotations", "expected"),
    [
        pytest.param([], "QUEUED", {"created": NEW}, Queue(), id="the webhook left it to the queue"),
        pytest.param([], "INITIALIZING", {"created": NEW, "reason": "Waits."}, Queue(), id="and shows no QUEUED"),
        pytest.param([], "INITIALIZING", {"created": NEW}, Wait(), id="its pod is not seen yet"),
        pytest.param([], "INITIALIZING", {"created": JUST_NOW}, Queue(), id="its pod has gone before it claimed"),
        pytest.param([OVER], "INITIALIZING", {"created": NEW}, Queue(), id="its pod has ended before it claimed"),
        pytest.param([], "INITIALIZING", {"created": "never"}, Queue(), id="nobody knows when it was made"),
        pytest.param(
            [], "INITIALIZING", {"created": "2026-11-22T06:00:00Z"}, Queue(), id="the webhook's clock is fast"
        ),
        pytest.param([], "INITIALIZING", {"created": "2026-11-22T05:00:02Z"}, Wait(), id="a little"),
        pytest.param([], "RUNNING", {"taskmaster": "p"}, Replace(), id="begun, and its pod is gone"),
        pytest.param([OVER], "RUNNING", {"taskmaster": "p"}, Replace(), id="begun, and its pod has ended"),
        pytest.param([GOES], "RUNNING", {"taskmaster": "p"}, Replace(), id="begun, and its pod is being deleted"),
        pytest.param([OVER, RUNS], "RUNNING", {"taskmaster": "p"}, None, id="another one goes on"),
        pytest.param([STARTS], "QUEUED", {}, None, id="a slow taskmaster is left alone"),
        pytest.param([RUNS], "RUNNING", {"taskmaster": "p"}, None, id="one that runs is left alone"),
        pytest.param([CRASHED._replace(restarts=19)], "RUNNING", {"taskmaster": "p"}, None, id="it has crashed"),
        pytest.param(
            [CRASHED],
            "RUNNING",
            {"taskmaster": "p"},
            End("The taskmaster died 20 times (OOMKilled, exit code 137)."),
            id="too often",
        ),
        pytest.param([CRASHED._replace(runs=True)], "RUNNING", {"taskmaster": "p"}, None, id="but runs again"),
    ],
)
def test_a_task_that_has_not_ended(
    pods: list[Taskmaster], state: str, annotations: dict[str, str], expected: Verdict
) -> None:
    assert verdict(*pods, state=state, **annotations) == expected


def blocked(**since: float) -> Taskmaster:
    return STARTS._replace(obstacle=Obstacle("Waits: no room.", NOW - timedelta(**since)))


@pytest.mark.parametrize(
    ("its", "annotations", "expected"),
    [
        pytest.param(blocked(seconds=14), {}, Wait(), id="it may pass"),
        pytest.param(blocked(seconds=15), {}, Tell("Waits: no room."), id="its user is told what is in the way"),
        pytest.param(blocked(seconds=15), {"reason": "Waits: no room."}, None, id="once"),
        pytest.param(
            blocked(minutes=61),
            {},
            End("The taskmaster could not run within 3660 s. Waits: no room."),
            id="until its time to wait is over",
        ),
        pytest.param(
            blocked(minutes=2),
            {"cancel": "now"},
            End("The taskmaster could not run within 120 s. Waits: no room."),
            id="a cancelled one waits for nothing",
        ),
        pytest.param(blocked(minutes=61)._replace(runs=True), {}, None, id="what was in the way of one that runs"),
    ],
)
def test_a_task_whose_taskmaster_cannot_run(its: Taskmaster, annotations: dict[str, str], expected: Verdict) -> None:
    assert verdict(its, **annotations) == expected


FULL = QuotaExceeded('pods "task-1-taskmaster" is forbidden: exceeded quota: small', code=403)
FULL_TOLD = "Waits: no pod can be made for its taskmaster (exceeded quota: small)."
WORDS = "minimum memory usage per Container is 64Mi, but request is 32Mi"
FORBIDDEN = Refused(f'pods "task-1-taskmaster" is forbidden: {WORDS}', code=403)


@pytest.mark.parametrize(
    ("error", "seconds", "annotations", "expected"),
    [
        pytest.param(FULL, 0, {}, Tell(FULL_TOLD), id="its user is told"),
        pytest.param(FULL, 0, {"reason": FULL_TOLD}, None, id="once"),
        pytest.param(FULL, 3600, {}, Tell(FULL_TOLD), id="it has time to wait"),
        pytest.param(
            FULL, 3601, {}, End(f"The taskmaster could not run within 3601 s. {FULL_TOLD}"), id="until that is over"
        ),
        pytest.param(
            FULL,
            61,
            {"cancel": "now"},
            End(f"The taskmaster could not run within 61 s. {FULL_TOLD}"),
            id="a cancelled one waits for nothing",
        ),
        pytest.param(
            FORBIDDEN,
            0,
            {},
            End(
                f"The taskmaster could not be created: the namespace's LimitRange does not allow it ({WORDS}).",
                "LimitRange",
            ),
            id="what a LimitRange forbids ends at once",
        ),
    ],
)
def test_a_task_whose_pod_is_refused(
    error: Refused, seconds: float, annotations: dict[str, str], expected: Verdict
) -> None:
    seen = task_record(annotations={f"tesk/{name}": value for name, value in annotations.items()})
    found = about_refused(seen, error, timedelta(seconds=seconds), launch=PATIENCE, queue=QUEUE)
    assert found == expected


def test_the_one_that_has_waited_longest_is_first() -> None:
    young, old, middle = (
        task_record(annotations={"tesk/created": f"2026-11-22T04:{minute}:00.000000Z"}) for minute in (30, 10, 20)
    )
    assert in_turn([young, old, middle]) == [old, middle, young]


@pytest.mark.parametrize(
    ("age", "is_over", "expected"), [(4, False, True), (4, True, False), (5, False, False), (-30, False, True)]
)
def test_whether_the_task_of_a_pod_may_just_be_being_stored(age: float, is_over: bool, expected: bool) -> None:
    assert is_new(STARTS._replace(created=NOW - timedelta(seconds=age), is_over=is_over), NOW) == expected


@pytest.mark.parametrize(
    ("pod", "age", "state", "expected"),
    [
        pytest.param(STARTS, 50, None, False, id="its task may still be stored"),
        pytest.param(STARTS, 70, None, True, id="its task was not stored in time"),
        pytest.param(OVER, 1, None, True, id="its task is gone and it has ended"),
        pytest.param(STARTS, 70, "RUNNING", False, id="its task goes on, which is not told yet"),
        pytest.param(STARTS, 10, "CANCELED", True, id="its task was cancelled before it began"),
        pytest.param(OVER, 10, "COMPLETE", True, id="it did not delete itself"),
        pytest.param(RUNS, 70, "COMPLETE", False, id="it removes what its task has left"),
    ],
)
def test_whether_a_taskmasters_pod_is_left_behind(
    pod: Taskmaster, age: float, state: str | None, expected: bool
) -> None:
    its = pod._replace(created=NOW - timedelta(seconds=age))
    metadata = {"labels": {"tesk/state": state}} if state else None
    assert is_left(its, metadata, now=NOW, launch=PATIENCE) == expected


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
    assert is_old({"creationTimestamp": created}, NOW, PATIENCE) == expected
