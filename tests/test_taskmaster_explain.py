import pytest

from taskmaster import explain
from taskmaster.observe import Pod
from taskmaster.plan import Kind, Step
from tescore.errors import Refused
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
            pod(terminated=terminated(exit_code=137, reason="Error")),
            "Error",
            "Executor 1 exited with 137: something was killed, perhaps because it used more memory than it has.",
        ),
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
        pytest.param(
            pod(terminated=terminated(exit_code=127, reason="ContainerCannotRun")),
            "StartError",
            "Executor 1 could not be started.",
        ),
    ],
)
def test_what_the_users_command_did_is_the_executors_fault(seen: Pod, reason: str, message: str) -> None:
    assert explain.ended(EXECUTOR, seen, Report()) == explain.Failure(reason, message, by_executor=True)


@pytest.mark.parametrize(
    ("seen", "reason", "message"),
    [
        pytest.param(
            pod(terminated=terminated(exit_code=137), status_reason="Evicted", status_message="low on disk."),
            "Evicted",
            "Executor 1 was lost: its pod was ended by Kubernetes (Evicted) (low on disk).",
            id="evicted",
        ),
        pytest.param(
            pod(terminated=terminated(exit_code=143), deletion="t"),
            "PodLost",
            "Executor 1 was lost: its pod was deleted.",
            id="deleted",
        ),
        pytest.param(
            pod(terminated=terminated(exit_code=255, reason="Unknown")),
            "PodLost",
            "Executor 1 was lost: its pod disappeared.",
            id="its node was started anew",
        ),
        pytest.param(
            pod(terminated=terminated(exit_code=137, reason="ContainerStatusUnknown")),
            "PodLost",
            "Executor 1 was lost: its pod disappeared.",
            id="its kubelet does not know it any more",
        ),
    ],
)
def test_a_pod_that_was_taken_away_is_not_the_executors_fault(seen: Pod, reason: str, message: str) -> None:
    failure = explain.ended(EXECUTOR, seen, Report())
    assert failure is not None
    assert (failure.reason, failure.message, failure.by_executor, failure.lost) == (reason, message, False, True)


@pytest.mark.parametrize(
    "taken",
    [
        pytest.param({"phase": "Failed", "status_reason": "Evicted"}, id="evicted by its node"),
        pytest.param({"phase": "Failed", "status_reason": "Terminated"}, id="its node is shut down"),
        pytest.param({"deletion": "t", "deletion_asked": "2026-11-22T04:00:00Z"}, id="deleted or drained"),
    ],
)
def test_a_command_that_ends_well_because_its_pod_was_taken_away_has_not_done_its_work(taken: dict[str, str]) -> None:
    """As a server does that handles TERM."""
    end = terminated(finished="2026-11-22T04:00:00Z")
    failure = explain.ended(EXECUTOR, pod(terminated=end, **taken), Report())
    assert failure is not None
    assert failure.lost
    assert explain.ended(INPUTS, pod(terminated=end, **taken), Report()) is None


@pytest.mark.parametrize(
    "after",
    [
        {"deletion": "t", "deletion_asked": "2026-11-22T04:00:01Z"},
        {"status_reason": "EvictionByEvictionAPI", "phase": "Succeeded"},
        {"phase": "Failed"},
    ],
    ids=["deleted later", "an eviction that was too late", "a sidecar failed"],
)
def test_a_command_that_had_ended_well_before_is_done(after: dict[str, str]) -> None:
    end = terminated(finished="2026-11-22T04:00:00Z")
    assert explain.ended(EXECUTOR, pod(terminated=end, **after), Report()) is None


def test_a_filer_is_explained_by_its_own_words() -> None:
    seen = pod(terminated=terminated(exit_code=FAILED, reason="Error"))
    failure = explain.ended(INPUTS, seen, Report(failure="Input /x could not be fetched."))
    assert failure == explain.Failure("TransferFailed", "Input /x could not be fetched.", by_executor=False)


def test_a_filer_that_died_without_a_word_is_explained_by_its_exit() -> None:
    seen = pod(terminated=terminated(exit_code=137, reason="OOMKilled"))
    failure = explain.ended(INPUTS, seen, Report())
    assert failure is not None
    assert failure.message == "The filer of the inputs exited with 137 (OOMKilled)."


@pytest.mark.parametrize(("exit_code", "told"), [(FAILED, ""), (137, "Input /x could not be fetched.")])
def test_a_filer_is_believed_only_if_it_says_why_and_ends_by_itself(exit_code: int, told: str) -> None:
    failure = explain.ended(INPUTS, pod(terminated=terminated(exit_code=exit_code)), Report(failure=told))
    assert failure is not None
    assert (failure.reason, failure.by_executor) == ("FilerFailed", False)


@pytest.mark.parametrize(
    "reason",
    [
        "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "CreateContainerConfigError",
        "CreateContainerError",
    ],
)  # fmt: skip
def test_a_container_that_will_never_start_fails_the_step(reason: str) -> None:
    failure = explain.cannot_start(EXECUTOR, pod(waiting_reason=reason, waiting_message="said so"))
    assert failure is not None
    assert failure.reason == reason
    assert "(said so)." in failure.message
    assert not failure.by_executor


@pytest.mark.parametrize("reason", ["", "ContainerCreating", "RunContainerError"])
def test_a_container_that_may_still_start_does_not(reason: str) -> None:
    assert explain.cannot_start(EXECUTOR, pod(waiting_reason=reason, waiting_message="said so")) is None


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
@pytest.mark.parametrize(
    "message",
    [
        'failed to resolve reference "docker.io/library/no:1": docker.io/library/no:1: not found',
        "pull access denied, repository does not exist or may require authorization: authorization failed",
        "unexpected status from HEAD request to https://r.example/v2/x/manifests/1: 403 Forbidden",
        "manifest unknown",
    ],
)
def test_what_a_registry_will_not_give_fails_the_step_at_the_first_try(message: str, reason: str) -> None:
    failure = explain.cannot_start(EXECUTOR, pod(waiting_reason=reason, waiting_message=message))
    assert failure is not None
    assert (failure.reason, failure.by_executor, failure.lost) == ("ImagePull", False, False)
    assert failure.message.startswith("Executor 1 could not start: its image cannot be pulled (")


@pytest.mark.parametrize(
    "message",
    [
        "",
        'failed to do request: Head "https://r.example/v2/": dial tcp 10.0.0.1:443: connect: connection refused',
        "dial tcp: lookup r.example on 10.0.0.2:53: no such host",
        "unexpected status from GET request to https://r.example/v2/: 503 Service Unavailable",
        "429 Too Many Requests: toomanyrequests",
        "net/http: TLS handshake timeout",
        'failed to do request: Head "https://r.example/v2/x": EOF',
        "http2: server sent GOAWAY and closed the connection",
        "stream error: stream ID 3; INTERNAL_ERROR; received from peer",
        "net/http: request canceled while waiting for connection",
        "unexpected status from HEAD request to https://r.example/v2/x: 520",
        'Back-off pulling image "r.example/x:1"',
    ],
)
def test_a_registry_that_is_away_is_waited_for(message: str) -> None:
    seen = pod(waiting_reason="ImagePullBackOff", waiting_message=message)
    assert explain.cannot_start(EXECUTOR, seen) is None


def test_a_pod_that_failed_without_a_container_was_lost() -> None:
    failure = explain.cannot_start(EXECUTOR, pod(phase="Failed", status_reason="Evicted"))
    assert failure is not None
    assert (failure.reason, failure.lost, failure.node_gone) == ("Evicted", True, False)


@pytest.mark.parametrize("reason", ["DeletionByTaintManager", "DeletionByPodGC", "NodeLost"])
def test_a_pod_that_goes_with_its_node_may_have_taken_the_volume_along(reason: str) -> None:
    assert explain.lost(EXECUTOR, pod(status_reason=reason, deletion="t")).node_gone


@pytest.mark.parametrize(
    ("seen", "expected"),
    [(None, True), (pod(status_reason="Terminated"), True), (pod(status_reason="Evicted"), False)],
)
def test_a_pod_that_vanished_or_was_shut_down_may_have_gone_with_its_node(seen: Pod | None, expected: bool) -> None:
    failure = explain.lost(EXECUTOR, seen)
    assert (failure.node_may_be_gone, failure.node_gone) == (expected, False)


def test_a_command_that_runs_longer_than_it_may_is_the_executors_fault() -> None:
    seen = pod(terminated=terminated(exit_code=137), status_reason="DeadlineExceeded", status_message="Pod was active")
    assert explain.ended(EXECUTOR, seen, Report()) == explain.Failure(
        "DeadlineExceeded", "Executor 1 ran longer than it may (Pod was active).", by_executor=True
    )


OF_A_LIMIT_RANGE = (
    "minimum cpu usage per Container is 100m, but request is 50m",
    "minimum memory usage per Container is 64Mi, but limit is 32Mi",
    "minimum cpu usage per Pod is 1.  No request is specified",
    "minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi",
    "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi",
    "maximum memory usage per Container is 1Gi, but limit is 2Gi",
    "memory max limit to request ratio per Container is 2, but provided ratio is 2.666667",
    "cpu max limit to request ratio per Pod is 2, but no request is specified or request is 0",
    "[minimum cpu usage per Container is 1, but request is 0, minimum memory usage per Pod is 1Gi, but request is 1Mi]",
)
"""In the words of Kubernetes 1.34."""


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('pods "p" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot', "PodSecurity"),
        *((f'pods "p" is forbidden: {words}', "LimitRange") for words in OF_A_LIMIT_RANGE),
        ("etcdserver: request is too large", "TooLarge"),
        ("pods is forbidden: User cannot create", "Refused"),
    ],
)
def test_why_the_api_server_will_not_have_a_pod(message: str, reason: str) -> None:
    failure = explain.refused(EXECUTOR, Refused(message, code=403))
    assert (failure.reason, failure.by_executor) == (reason, False)
    assert message in failure.message


@pytest.mark.parametrize(
    ("ram_gb", "told"), [(0.004, True), (0.0155, True), (1 / 64, False), (2.0, False), (None, False)]
)
def test_memory_too_little_to_start_with_is_named_as_the_likely_reason(ram_gb: float | None, told: bool) -> None:
    end = terminated(exit_code=128, reason="StartError", message="cannot start a stopped process: unknown")
    failure = explain.ended(EXECUTOR, pod(terminated=end), Report(), ram_gb=ram_gb)
    assert failure is not None
    assert failure.message.startswith("Executor 1 could not be started (cannot start a stopped process: unknown)")
    assert ("likely because it asks for less than 16 MiB of memory" in failure.message) == told
