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
ONE_ATTEMPT = Limits(room=100, trouble=50, attempts=1)


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
FAILED = Journal(2, failure=("Error", "Executor 0 exited with 1."))
NODE_GONE = Failure("NodeLost", "Executor 0 was lost.", by_executor=False, lost=True, node_gone=True)


@pytest.mark.parametrize(
    ("journal", "seen", "expected"),
    [
        pytest.param(BEGUN, None, Create(), id="begun, no pod: it was never made"),
        pytest.param(BEGUN, pod(), Wait(running=False, seconds=5), id="pending"),
        pytest.param(
            Journal(0, begun=ago(5)), pod(node="n"), Wait(running=False, seconds=10), id="asked why it does not start"
        ),
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


def test_a_pod_that_can_never_start_stops_its_step() -> None:
    stopped = move(BEGUN, pod(waiting_reason="InvalidImageName"))
    assert isinstance(stopped, Stop)
    assert stopped.failure.reason == "InvalidImageName"


@pytest.mark.parametrize("seen", [None, pod(), pod(running_since="t"), ENDED])
def test_a_cancel_goes_before_everything(seen: Pod | None) -> None:
    assert move(SEEN, seen, cancelled=True) == Cancel()


def waiting(begun: float, patience: Patience, seconds: float) -> Journal:
    return Journal(0, begun=ago(begun), waiting="x", patience=patience, since=ago(seconds))


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        pytest.param(BEGUN, Wait(running=False, seconds=1), id="it has just begun: nothing is told yet"),
        pytest.param(Journal(0, begun=ago(2)), Wait(False, UNSCHEDULABLE, 2), id="it is told"),
        pytest.param(waiting(90, Patience.ROOM, 40), Wait(False, UNSCHEDULABLE, 10), id="on"),
        pytest.param(waiting(90, Patience.ROOM, 80), Wait(False, UNSCHEDULABLE, 15), id="long"),
        pytest.param(waiting(99, Patience.TROUBLE, 99), Wait(False, UNSCHEDULABLE, 2), id="another"),
        pytest.param(waiting(99, Patience.ROOM, 99), Wait(False, UNSCHEDULABLE, 1), id="last"),
    ],
)
def test_room_is_waited_for_as_long_as_the_tenant_grants(journal: Journal, expected: Move) -> None:
    assert move(journal, FULL) == expected


PULLING = pod(waiting_reason="ErrImagePull", waiting_message="timeout")


@pytest.mark.parametrize(("seen", "reason", "patience", "limit"), [
    pytest.param(FULL, "Unschedulable", Patience.ROOM, 100, id="room"),
    pytest.param(PULLING, "ImagePull", Patience.TROUBLE, 50, id="trouble"),
])  # fmt: skip
def test_what_lasts_too_long_fails_the_step_with_its_reason(
    seen: Pod, reason: str, patience: Patience, limit: float
) -> None:
    stopped = move(waiting(500, patience, limit), seen)
    assert isinstance(stopped, Stop)
    assert (stopped.failure.reason, stopped.failure.by_executor) == (reason, False)
    assert stopped.failure.message.endswith(f", and {limit} s were too long.")


def test_troubles_that_take_turns_add_up() -> None:
    """Kubernetes warns of one and the same by turns, and in between as if it had got over it."""
    journal = Journal(0, begun=ago(60))
    for seconds in (60, 50, 40, 30, 20):
        journal = journal.wait("FailedMount", Patience.TROUBLE, NOW - timedelta(seconds=seconds))
        journal = journal.wait("FailedAttachVolume", Patience.TROUBLE, NOW - timedelta(seconds=seconds - 4))
        journal = journal.wait("Multi-Attach", Patience.ROOM, NOW - timedelta(seconds=seconds - 8))
        journal = journal.wait("", "", NOW - timedelta(seconds=seconds - 9))
    assert (journal.seconds_waited(Patience.TROUBLE, NOW), journal.seconds_waited(Patience.ROOM, NOW)) == (40, 5)
    assert isinstance(move(journal, PULLING), Wait)
    assert isinstance(move(journal.wait("ImagePull", Patience.TROUBLE, NOW - timedelta(seconds=10)), PULLING), Stop)


@pytest.mark.parametrize(
    ("journal", "seen", "expected"),
    [
        (BEGUN, pod(node="n"), False),
        (Journal(0, begun=ago(5)), pod(node="n"), True),
        (Journal(0, begun=ago(6)), pod(node="n", waiting_reason="ContainerCreating"), True),
        (Journal(0, begun=ago(6)), pod(), False),
        (Journal(0, begun=ago(6)), pod(node="n", running_since="t"), False),
        (Journal(0, begun=ago(6)), pod(node="n", terminated=terminated()), False),
        (Journal(0, begun=ago(6)), pod(node="n", deletion="t"), False),
        (Journal(0, begun=ago(6)), pod(node="n", waiting_reason="ErrImagePull"), False),
    ],
)
def test_a_pod_on_a_node_that_does_not_start_for_long_is_asked_why(journal: Journal, seen: Pod, expected: bool) -> None:
    assert is_stuck(STEP, journal, seen, NOW) == expected


def test_a_deleted_pod_is_lost_when_nobody_confirms_its_end() -> None:
    assert move(SEEN, pod(running_since="t", deletion=ago(29))) == Wait(running=True, seconds=1)
    gone = move(SEEN, pod(running_since="t", deletion=ago(30)))
    assert isinstance(gone, Stop)
    assert gone.failure.lost


def test_a_task_may_ask_for_less_waiting_and_more_attempts_than_its_tenant_grants() -> None:
    resources = {"backend_parameters": {"max_attempts": "3", "queue_seconds": "60"}}
    granted = settings(queue_seconds=100.0, trouble_seconds=7.0, attempts=2, local_scratch=True)
    assert limits(task(), granted) == Limits(room=100.0, trouble=7.0, attempts=2, local_scratch=True)
    assert limits(task(resources=resources), granted) == Limits(room=60, trouble=7.0, attempts=3, local_scratch=True)


def test_a_refused_pod_is_tried_again_where_the_refusal_may_pass() -> None:
    journal = Journal(0, begun=ago(10))
    never = Failure("Refused", "Never.", by_executor=False)
    assert refused(journal, UNSCHEDULABLE, never, now=NOW, limits=LIMITS) == Wait(False, UNSCHEDULABLE, 2)
    assert refused(journal, None, never, now=NOW, limits=LIMITS) == Stop(never)


OUTPUT = [{"path": "/o/x", "url": "s3://b/x"}]


@pytest.mark.parametrize(
    ("changes", "index", "failure", "expected"),
    [
        pytest.param({"executors": [executor()] * 2}, 1, None, Finish(State.COMPLETE, None), id="the last is over"),
        pytest.param({"executors": [executor()] * 3}, 1, None, Begin(2), id="the next one"),
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
            {"executors": [executor()] * 2, "outputs": OUTPUT}, 1, EXITED, Begin(3, EXITED), id="upload what there is"
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
    assert after(steps(the_task), Journal(index), failure, the_task, limits=ONE_ATTEMPT) == expected


@pytest.mark.parametrize("failure", [None, EVICTED])
def test_after_a_failed_executor_the_end_is_its_own_whatever_the_outputs_did(failure: Failure | None) -> None:
    the_task = task(outputs=OUTPUT)
    verdict = after(steps(the_task), FAILED, failure, the_task, limits=ONE_ATTEMPT)
    assert verdict == Finish(State.EXECUTOR_ERROR, EXITED)


ANEW = Again(0, NODE_GONE, new_volume=True)
VANISHED = Failure("PodLost", "Executor 0 was lost.", by_executor=False, lost=True, node_may_be_gone=True)


@pytest.mark.parametrize(
    ("journal", "failure", "local", "expected"),
    [
        pytest.param(Journal(1), EVICTED, True, Again(1, EVICTED, new_volume=False), id="the step again"),
        pytest.param(Journal(1), NODE_GONE, False, ANEW, id="all anew where the node is gone"),
        pytest.param(Journal(1), VANISHED, False, Again(1, VANISHED, new_volume=False), id="a pod that vanished"),
        pytest.param(
            Journal(1), VANISHED, True, Again(0, VANISHED, new_volume=True), id="scratch may have vanished with it"
        ),
        pytest.param(Journal(1, attempt=2), EVICTED, True, Finish(State.SYSTEM_ERROR, EVICTED), id="none left"),
        pytest.param(FAILED, EVICTED, True, Again(2, EVICTED, new_volume=False), id="the upload after a failure"),
        pytest.param(FAILED, NODE_GONE, True, Finish(State.EXECUTOR_ERROR, EXITED), id="never a failed command"),
        pytest.param(Journal(1), EXITED, True, Begin(2, EXITED), id="a command that fails is never tried again"),
    ],
)
def test_a_lost_pod_gets_another_attempt_where_one_is_left(
    journal: Journal, failure: Failure, local: bool, expected: object
) -> None:
    the_task = task(outputs=OUTPUT)
    granted = Limits(room=100, trouble=50, attempts=2, local_scratch=local)
    assert after(steps(the_task), journal, failure, the_task, limits=granted) == expected


def test_without_scratch_a_lost_node_takes_nothing_along() -> None:
    the_task = task(executors=[executor()] * 2)
    found = after(steps(the_task), Journal(1), NODE_GONE, the_task, limits=LIMITS)
    assert found == Again(1, NODE_GONE, new_volume=False)


OUT_OF_CPU = pod(phase="Failed", status_reason="OutOfcpu", status_message="Pod was rejected: used: 3999")
TAKES = "Executor 0 waits for a node that takes its pod (OutOfcpu)."
NO_CPU = Waiting("OutOfcpu", TAKES, Patience.ROOM)


def told(begun: float, since: float, before: float = 0) -> Journal:
    waits = {"waiting": "OutOfcpu", "patience": Patience.ROOM, "since": ago(since), "waited": {Patience.ROOM: before}}
    return Journal(0, begun=ago(begun), **waits)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        pytest.param(BEGUN, Wait(running=False, seconds=1), id="it has just begun"),
        pytest.param(Journal(0, begun=ago(3)), Wait(False, NO_CPU, 2), id="it is told"),
        pytest.param(told(3, 1), Wait(False, NO_CPU, 2), id="not made again at once"),
        pytest.param(told(8, 6, before=50), Wait(False, NO_CPU, 14), id="the longer the more it has waited"),
    ],
)
def test_a_pod_that_its_node_refused_waits_for_room(journal: Journal, expected: Move) -> None:
    assert move(journal, OUT_OF_CPU) == expected


def test_a_pod_that_its_node_refused_is_made_again_without_another_attempt() -> None:
    stopped = move(told(5, 3), OUT_OF_CPU)
    assert isinstance(stopped, Stop)
    the_task = task()
    verdict = after(steps(the_task), told(5, 3), stopped.failure, the_task, limits=ONE_ATTEMPT)
    assert verdict == Again(0, stopped.failure, new_volume=False)


def test_attempts_that_never_began_leave_those_that_are_granted() -> None:
    the_task = task()
    refused_twice = Journal(0, attempt=3, refused=2)
    assert isinstance(after(steps(the_task), refused_twice, EVICTED, the_task, limits=LIMITS), Again)
    assert isinstance(after(steps(the_task), refused_twice, EVICTED, the_task, limits=ONE_ATTEMPT), Finish)


def test_a_node_that_takes_the_pod_is_waited_for_as_long_as_for_room() -> None:
    stopped = move(told(90, 60, before=40), OUT_OF_CPU)
    assert isinstance(stopped, Stop)
    assert (stopped.failure.lost, stopped.failure.message) == (False, f"{TAKES[:-1]}, and 100 s were too long.")


@pytest.mark.parametrize(
    ("reason", "again"),
    [
        ("OutOfcpu", True), ("OutOfpods", True), ("OutOfnvidia.com/gpu", True), ("UnexpectedAdmissionError", True),
        ("NodeAffinity", True), ("NodeShutdown", True), ("Evicted", False), ("Terminated", False),
    ],
)  # fmt: skip
def test_only_what_never_began_is_made_again_for_nothing(reason: str, again: bool) -> None:
    stopped = move(
        Journal(0, begun=ago(9), waiting=reason, patience=Patience.ROOM, since=ago(5)),
        pod(phase="Failed", status_reason=reason),
    )
    assert isinstance(stopped, Stop)
    assert (stopped.failure.lost, stopped.failure.refused_by_node) == (True, again)
    ran = move(Journal(0, begun=ago(9), seen=True), pod(phase="Failed", status_reason=reason))
    assert isinstance(ran, Stop)
    assert not ran.failure.refused_by_node
