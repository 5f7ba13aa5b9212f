import pytest

from taskmaster.decide import Begin, Cancel, Conclude, Create, Finish, Move, Stop, Wait, after, next_move
from taskmaster.explain import Failure
from taskmaster.observe import Pod
from taskmaster.plan import Journal, Kind, Step, steps
from tescore.states import State
from tests.build import executor, pod, task, terminated

STEP = Step(Kind.EXECUTOR, 0)
BEGUN, SEEN = Journal(0), Journal(0, seen=True)
ENDED = pod(terminated=terminated())
EXITED = Failure("Error", "Executor 0 exited with 1.", by_executor=True)
EVICTED = Failure("Evicted", "Executor 0 was lost.", by_executor=False)


@pytest.mark.parametrize(
    ("journal", "seen", "expected"),
    [
        pytest.param(BEGUN, None, Create(), id="begun, no pod: it was never made"),
        pytest.param(BEGUN, pod(), Wait("", running=False), id="pending"),
        pytest.param(SEEN, pod(running_since="t"), Wait("", running=True), id="running"),
        pytest.param(BEGUN, ENDED, Conclude(ENDED, terminated()), id="terminated before it was seen to run"),
    ],
)
def test_a_step_is_made_once_and_watched_to_its_end(journal: Journal, seen: Pod | None, expected: Move) -> None:
    assert next_move(STEP, journal, seen, cancelled=False) == expected


def test_a_pod_that_ran_and_is_missing_was_lost_and_is_not_made_again() -> None:
    move = next_move(STEP, SEEN, None, cancelled=False)
    assert isinstance(move, Stop)
    assert move.failure.message == "Executor 0 was lost: its pod disappeared."


@pytest.mark.parametrize("seen", [None, pod(), pod(running_since="t"), ENDED])
def test_a_cancel_goes_before_everything(seen: Pod | None) -> None:
    assert next_move(STEP, SEEN, seen, cancelled=True) == Cancel()


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
    assert after(steps(the_task), index, failure, the_task) == expected


@pytest.mark.parametrize("failure", [None, EVICTED])
def test_after_a_failed_executor_the_end_is_its_own_whatever_the_outputs_did(failure: Failure | None) -> None:
    the_task = task(outputs=OUTPUT)
    verdict = after(steps(the_task), 2, failure, the_task, failed_before=EXITED)
    assert verdict == Finish(State.EXECUTOR_ERROR, EXITED)
