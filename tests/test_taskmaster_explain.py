import pytest

from taskmaster import explain
from taskmaster.observe import Pod
from taskmaster.plan import Kind, Step
from tescore.report import FAILED, Report
from tests.build import pod, terminated

EXECUTOR = Step(Kind.EXECUTOR, 1)
INPUTS = Step(Kind.INPUTS)


def test_success_is_no_failure() -> None:
    assert explain.ended(EXECUTOR, pod(terminated=terminated()), Report()) is None


@pytest.mark.parametrize(
    ("seen", "reason", "message"),
    [
        pytest.param(pod(terminated=terminated(exit_code=3, reason="Error")), "Error", "Executor 1 exited with 3."),
        pytest.param(
            pod(terminated=terminated(exit_code=137, reason="OOMKilled")),
            "OOMKilled",
            "Executor 1 was killed because it used more memory than it has.",
        ),
        pytest.param(
            pod(terminated=terminated(exit_code=128, reason="StartError", message="exec: no such file.")),
            "StartError",
            "Executor 1 could not be started (exec: no such file).",
        ),
    ],
)
def test_what_the_users_command_did_is_the_executors_fault(seen: Pod, reason: str, message: str) -> None:
    assert explain.ended(EXECUTOR, seen, Report()) == explain.Failure(reason, message, by_executor=True)


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        pytest.param(
            pod(terminated=terminated(exit_code=137), status_reason="Evicted", status_message="low on disk."),
            "Executor 1 was lost: its pod was ended by Kubernetes (Evicted) (low on disk).",
            id="evicted",
        ),
        pytest.param(
            pod(terminated=terminated(exit_code=143), deleted=True),
            "Executor 1 was lost: its pod was deleted.",
            id="deleted",
        ),
        pytest.param(
            pod(terminated=terminated(exit_code=255, reason="Unknown")),
            "Executor 1 was lost: its pod disappeared.",
            id="its node was started anew",
        ),
    ],
)
def test_a_pod_that_was_taken_away_is_not_the_executors_fault(seen: Pod, message: str) -> None:
    failure = explain.ended(EXECUTOR, seen, Report())
    assert failure is not None
    assert (failure.message, failure.by_executor) == (message, False)


def test_a_filer_is_explained_by_its_own_words() -> None:
    seen = pod(terminated=terminated(exit_code=FAILED, reason="Error"))
    failure = explain.ended(INPUTS, seen, Report(failure="Input /x could not be fetched."))
    assert failure == explain.Failure("TransferFailed", "Input /x could not be fetched.", by_executor=False)


def test_a_filer_that_died_without_a_word_is_explained_by_its_exit() -> None:
    seen = pod(terminated=terminated(exit_code=137, reason="OOMKilled"))
    failure = explain.ended(INPUTS, seen, Report())
    assert failure is not None
    assert failure.message == "The filer of the inputs exited with 137 (OOMKilled)."


@pytest.mark.parametrize(
    "reason", ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"]
)
def test_a_container_that_will_never_start_fails_the_step(reason: str) -> None:
    failure = explain.cannot_start(EXECUTOR, pod(waiting_reason=reason, waiting_message="said so"))
    assert failure is not None
    assert failure.reason == reason
    assert "(said so)." in failure.message
    assert not failure.by_executor


@pytest.mark.parametrize("reason", ["", "ContainerCreating", "ErrImagePull"])
def test_a_container_that_may_still_start_does_not(reason: str) -> None:
    assert explain.cannot_start(EXECUTOR, pod(waiting_reason=reason)) is None


def test_a_pod_that_failed_without_a_container_was_lost() -> None:
    failure = explain.cannot_start(EXECUTOR, pod(phase="Failed", status_reason="Evicted"))
    assert failure is not None
    assert failure.reason == "Evicted"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (pod(waiting_reason="ContainerCreating"), ""),
        (pod(unscheduled="0/1 nodes are available."), "Executor 1 waits for a node (0/1 nodes are available)."),
        (pod(waiting_reason="ErrImagePull", waiting_message="x"), "Executor 1 waits: ErrImagePull (x)."),
    ],
)
def test_what_a_pod_waits_for(seen: Pod, expected: str) -> None:
    assert explain.waiting(EXECUTOR, seen) == expected
