import pytest

from taskmaster import waiting
from taskmaster.observe import Pod, Trouble
from taskmaster.plan import Kind, Step
from taskmaster.waiting import Patience
from tescore.errors import QuotaExceeded, Refused
from tests.build import pod

EXECUTOR = Step(Kind.EXECUTOR, 1)
ROOM, TROUBLE = Patience.ROOM, Patience.TROUBLE


@pytest.mark.parametrize(
    ("seen", "reason", "message", "patience"),
    [
        pytest.param(
            pod(unscheduled="0/1 nodes are available."),
            "Unschedulable", "Executor 1 waits for a node (0/1 nodes are available).", ROOM, id="no node",
        ),
        pytest.param(
            pod(unscheduled='persistentvolumeclaim "x-scratch" not found'),
            "VolumeLost", 'Executor 1 waits for its volume (persistentvolumeclaim "x-scratch" not found).', TROUBLE,
            id="no claim",
        ),
        pytest.param(
            pod(waiting_reason="ImagePullBackOff", waiting_message="timeout"),
            "ImagePull", "Executor 1 waits for its image (timeout).", TROUBLE, id="registry away",
        ),
        pytest.param(
            pod(waiting_reason="RunContainerError", waiting_message="m"),
            "RunContainerError", "Executor 1 waits for its container (m).", TROUBLE, id="anything else",
        ),
    ],
)  # fmt: skip
def test_what_a_pod_waits_for(seen: Pod, reason: str, message: str, patience: Patience) -> None:
    assert waiting.of_pod(EXECUTOR, seen, None) == waiting.Waiting(reason, message, patience)


@pytest.mark.parametrize(
    ("trouble", "message", "patience"),
    [
        (Trouble("FailedMount", "no such path"), "Executor 1 waits for its start (no such path).", TROUBLE),
        (
            Trouble("FailedAttachVolume", 'Multi-Attach error for volume "v"'),
            'Executor 1 waits for its volume, which another node still has (Multi-Attach error for volume "v").',
            ROOM,
        ),
    ],
)
def test_a_pod_that_is_stuck_waits_for_what_kubernetes_warned_of(
    trouble: Trouble, message: str, patience: Patience
) -> None:
    found = waiting.of_pod(EXECUTOR, pod(waiting_reason="ContainerCreating"), trouble)
    assert found == waiting.Waiting(trouble.reason, message, patience)


def test_a_pod_that_is_just_starting_waits_for_nothing() -> None:
    assert waiting.of_pod(EXECUTOR, pod(waiting_reason="ContainerCreating"), None) is None


def test_a_full_quota_is_waited_for_and_no_other_refusal() -> None:
    full = QuotaExceeded('pods "p" is forbidden: exceeded quota: q, requested: pods=1', code=403)
    found = waiting.of_refusal(EXECUTOR, full)
    assert found is not None
    assert (found.reason, found.patience) == ("QuotaExceeded", ROOM)
    assert waiting.of_refusal(EXECUTOR, Refused("forbidden", code=403)) is None
