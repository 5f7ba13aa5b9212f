from datetime import UTC, datetime, timedelta

import pytest

from taskmaster.decide import (
    Again,
    Begin,
    Cancel,
    Conclude,
    Create,
    Finish,
    Limits,
    Move,
    Stop,
    Wait,
    after,
    is_stuck,
    limits,
    next_move,
    refused,
)  # fmt: skip
from taskmaster.explain import Failure
from taskmaster.observe import Pod, Trouble
from taskmaster.plan import Journal, Kind, Step, steps
from taskmaster.waiting import Patience, Waiting
from tescore.states import State
from tests.build import executor, pod, settings, task, terminated

STEP = Step(Kind.EXECUTOR, 0)
NOW = datetime(2026, 11, 22, 4, 0, 0, tzinfo=UTC)
LIMITS = Limits(room=100, trouble=50, attempts=2)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


BEGUN, SEEN = Journal(0, begun=ago(1)), Journal(0, begun=ago(1), seen=True)
FULL = pod(unscheduled="0/1 nodes are available")
UNSCHEDULABLE = Waiting("Unschedulable", "Executor 0 waits for a node (0/1 nodes are available).", Patience.ROOM)


def move(journal: Journal, seen: Pod | None, trouble: Trouble | None = None, *, cancelled: bool = False) -> Move:
    return next_move(STEP, journal, seen, trouble, cancelled=cancelled, now=NOW, limits=LIMITS)


ENDED = pod(terminated=terminated())
EXITED = Failure("Error", "Executor 0 exited with 1.", by_executor=True)
EVICTED = Failure("Evicted", "Executor 0 was lost.", by_executor=False, lost=True)
NODE_GONE = Failure("NodeLost", "Executor 0 was lost.", by_executor=False, lost=True, node_gone=True)


@pytest.mark.parametrize(
    ("journal", "seen", "expected"),
    [
        pytest.param(BEGUN, None, Create(), id="begun, no pod: it was never made"),
        pytest.param(BEGUN, pod(), Wait(running=False, seconds=5), id="pending"),
        pytest.param(SEEN, pod(running_since="t"), Wait(running=True), id="running"),
        pytest.param(BEGUN, ENDED, Conclude(ENDED, terminated()), id="terminated before it was seen to run"),
    ],
)
def test_a_step_is_made_once_and_watched_to_its_end(journal: Journal, seen: Pod | None, expected: Move) -> None:
    assert move(journal, seen) == expected


def test_a_pod_that_ran_and_is_missing_was_lost_and_is_not_made_again() -> None:
    lost = move(SEEN, None)
    assert isinstance(lost, Stop)
    assert lost.failure.message == "Executor 0 was lost: its pod disappeared."


@pytest.mark.parametrize("seen", [None, pod(), pod(running_since="t"), ENDED])
def test_a_cancel_goes_before_everything(seen: Pod | None) -> None:
    assert move(SEEN, seen, cancelled=True) == Cancel()


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        pytest.param(BEGUN, Wait(running=False, seconds=1), id="it has just begun: nothing is told yet"),
        pytest.param(Journal(0, begun=ago(3)), Wait(False, UNSCHEDULABLE, 2), id="it is told"),
        pytest.param(
            Journal(0, begun=ago(90), waiting="Unschedulable", since=ago(40)), Wait(False, UNSCHEDULABLE, 10), id="on"
        ),
        pytest.param(
            Journal(0, begun=ago(99), waiting="ImagePull", since=ago(99)), Wait(False, UNSCHEDULABLE, 2), id="another"
        ),
        pytest.param(
            Journal(0, begun=ago(99), waiting="Unschedulable", since=ago(98)), Wait(False, UNSCHEDULABLE, 2), id="last"
        ),
    ],
)
def test_room_is_waited_for_as_long_as_the_tenant_grants(journal: Journal, expected: Move) -> None:
    assert move(journal, FULL) == expected


@pytest.mark.parametrize(("seen", "waits", "limit"), [
    pytest.param(FULL, "Unschedulable", 100, id="room"),
    pytest.param(pod(waiting_reason="ErrImagePull", waiting_message="timeout"), "ImagePull", 50, id="trouble"),
])  # fmt: skip
def test_what_lasts_too_long_fails_the_step_with_its_reason(seen: Pod, waits: str, limit: float) -> None:
    stopped = move(Journal(0, begun=ago(500), waiting=waits, since=ago(limit)), seen)
    assert isinstance(stopped, Stop)
    assert (stopped.failure.reason, stopped.failure.by_executor) == (waits, False)
    assert stopped.failure.message.endswith(f", and {limit} s were too long.")


@pytest.mark.parametrize(
    ("journal", "seen", "expected"),
    [
        (BEGUN, pod(node="n"), False),
        (Journal(0, begun=ago(6)), pod(node="n"), True),
        (Journal(0, begun=ago(6)), pod(node="n", waiting_reason="ContainerCreating"), True),
        (Journal(0, begun=ago(6)), pod(), False),
        (Journal(0, begun=ago(6)), pod(node="n", running_since="t"), False),
        (Journal(0, begun=ago(6)), pod(node="n", waiting_reason="ErrImagePull"), False),
    ],
)
def test_a_pod_on_a_node_that_does_not_start_for_long_is_asked_why(journal: Journal, seen: Pod, expected: bool) -> None:
    assert is_stuck(STEP, journal, seen, NOW) == expected


def test_a_deleted_pod_is_lost_when_nobody_confirms_its_end() -> None:
    assert move(SEEN, pod(running_since="t", deletion=ago(10))) == Wait(running=True, seconds=20)
    assert isinstance(move(SEEN, pod(running_since="t", deletion=ago(30))), Stop)


def test_a_task_may_ask_for_less_waiting_and_more_attempts_than_its_tenant_grants() -> None:
    resources = {"backend_parameters": {"max_attempts": "3", "queue_seconds": "60"}}
    granted = settings(queue_seconds=100.0, trouble_seconds=7.0, attempts=2)
    assert limits(task(), granted) == Limits(room=100.0, trouble=7.0, attempts=2)
    assert limits(task(resources=resources), granted) == Limits(room=60, trouble=7.0, attempts=3)


def test_a_refused_pod_is_tried_again_where_the_refusal_may_pass() -> None:
    journal = Journal(0, begun=ago(10))
    never = Failure("Refused", "Never.", by_executor=False)
    assert refused(journal, UNSCHEDULABLE, never, now=NOW, limits=LIMITS) == Wait(False, UNSCHEDULABLE, 2)
    assert refused(journal, None, never, now=NOW, limits=LIMITS) == Stop(never)


OUTPUT = [{"path": "/o/x", "url": "s3://b/x"}]


@pytest.mark.parametrize(
    ("changes", "index", "failure", "expected"),
    [
        pytest.param({}, 0, None, Finish(State.COMPLETE, None), id="the last step is over"),
        pytest.param({"executors": [executor()] * 2}, 0, None, Begin(1), id="the next one"),
        pytest.param(
            {"executors": [executor()] * 2}, 0, EXITED, Finish(State.EXECUTOR_ERROR, EXITED), id="stop at first"
        ),
        pytest.param(
            {"executors": [executor(ignore_error=True)] * 2}, 0, EXITED, Begin(1), id="an error to be ignored"
        ),
        pytest.param(
            {"executors": [executor(ignore_error=True)]},
            0,
            EXITED,
            Finish(State.COMPLETE, None),
            id="only ignored ones",
        ),
        pytest.param(
            {"executors": [executor()] * 2, "outputs": OUTPUT}, 1, EXITED, Begin(3), id="upload what there is"
        ),
        pytest.param(
            {"executors": [executor(ignore_error=True)]},
            0,
            EVICTED,
            Finish(State.SYSTEM_ERROR, EVICTED),
            id="a lost pod is never ignored",
        ),
        pytest.param(
            {"inputs": [{"path": "/i/x", "url": "s3://b/x"}]},
            0,
            EVICTED,
            Finish(State.SYSTEM_ERROR, EVICTED),
            id="no input, no executor",
        ),
    ],
)
def test_what_follows_a_step(
    changes: dict[str, object], index: int, failure: Failure | None, expected: Begin | Finish
) -> None:
    the_task = task(**changes)
    assert after(steps(the_task), Journal(index), failure, the_task, attempts=1) == expected


@pytest.mark.parametrize("failure", [None, EVICTED])
def test_after_a_failed_executor_the_end_is_its_own_whatever_the_outputs_did(failure: Failure | None) -> None:
    the_task = task(outputs=OUTPUT)
    verdict = after(steps(the_task), Journal(2), failure, the_task, attempts=1, failed_before=EXITED)
    assert verdict == Finish(State.EXECUTOR_ERROR, EXITED)


@pytest.mark.parametrize(
    ("journal", "failure", "on_node", "failed_before", "expected"),
    [
        pytest.param(Journal(1), EVICTED, True, None, Again(1, EVICTED, new_volume=False), id="the step again"),
        pytest.param(Journal(1), NODE_GONE, True, None, Again(0, NODE_GONE, new_volume=True), id="all anew"),
        pytest.param(Journal(1), NODE_GONE, False, None, Again(1, NODE_GONE, new_volume=False), id="data is elsewhere"),
        pytest.param(Journal(1, attempt=2), EVICTED, True, None, Finish(State.SYSTEM_ERROR, EVICTED), id="none left"),
        pytest.param(
            Journal(2), EVICTED, True, EXITED, Again(2, EVICTED, new_volume=False), id="the upload after a failure"
        ),
        pytest.param(
            Journal(2), NODE_GONE, True, EXITED, Finish(State.EXECUTOR_ERROR, EXITED), id="never a failed command"
        ),
        pytest.param(Journal(1), EXITED, True, None, Begin(2), id="a command that fails is never tried again"),
    ],
)
def test_a_lost_pod_gets_another_attempt_where_one_is_left(
    journal: Journal, failure: Failure, on_node: bool, failed_before: Failure | None, expected: object
) -> None:
    the_task = task(outputs=OUTPUT)
    found = after(steps(the_task), journal, failure, the_task, attempts=2, on_node=on_node, failed_before=failed_before)
    assert found == expected
