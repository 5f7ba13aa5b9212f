from typing import Any

import pytest

from taskmaster import observe


def shown(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", **metadata}, "spec": {"nodeName": "node1"}, "status": status}


def container(state: dict[str, Any]) -> dict[str, Any]:
    return {"phase": "Running", "containerStatuses": [{"name": "executor", "state": state}]}


def test_a_pod_without_any_status_yet() -> None:
    seen = observe.pod({"metadata": {"name": "p"}, "spec": {}})
    assert (seen.phase, seen.terminated, seen.running_since, seen.deletion) == ("", None, "", "")


def test_a_running_container() -> None:
    assert observe.pod(shown(container({"running": {"startedAt": "t"}}))).running_since == "t"


def test_a_terminated_container_is_seen_while_the_pod_still_counts_as_running() -> None:
    state = {"terminated": {"exitCode": 3, "reason": "Error", "startedAt": "a", "finishedAt": "b"}}
    assert observe.pod(shown(container(state))).terminated == observe.Terminated(3, "Error", "", "a", "b")


def test_a_container_that_never_started_began_when_it_ended() -> None:
    state = {"terminated": {"exitCode": 128, "startedAt": "1970-01-01T00:00:00Z", "finishedAt": "b"}}
    seen = observe.pod(shown(container(state))).terminated
    assert seen is not None
    assert seen.started == "b"


def test_why_a_container_waits() -> None:
    seen = observe.pod(shown(container({"waiting": {"reason": "ImagePullBackOff", "message": "m"}})))
    assert (seen.waiting_reason, seen.waiting_message) == ("ImagePullBackOff", "m")


def test_a_condition_counts_only_if_its_status_says_so_in_words() -> None:
    def conditions(status: str) -> dict[str, Any]:
        return {"conditions": [{"type": "PodScheduled", "status": status, "message": "0/1 nodes"}]}

    assert observe.pod(shown(conditions("False"))).unscheduled == "0/1 nodes"
    assert observe.pod(shown(conditions("True"))).unscheduled == ""


def test_an_evicted_pod_may_have_no_container_status_at_all() -> None:
    seen = observe.pod(shown({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}))
    assert (seen.phase, seen.status_reason, seen.terminated) == ("Failed", "Evicted", None)


def test_a_pod_that_is_taken_away_says_why() -> None:
    disruption = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "for x"}
    seen = observe.pod(shown({"conditions": [disruption]}, deletionTimestamp="2026-11-22T04:00:00Z"))
    assert (seen.status_reason, seen.status_message) == ("PreemptionByScheduler", "for x")
    assert seen.deletion == "2026-11-22T04:00:00Z"


def test_when_a_pod_was_asked_to_go() -> None:
    seen = observe.pod(shown({}, deletionTimestamp="2026-11-22T04:01:00Z", deletionGracePeriodSeconds=30))
    assert seen.deletion_asked == "2026-11-22T04:00:30Z"


@pytest.mark.parametrize("ours", ["executor", "filer"])
def test_a_container_that_was_injected_is_not_the_tasks(ours: str) -> None:
    """Kubernetes sorts them by name, so it may be the first."""
    ended = {"name": ours, "state": {"terminated": {"exitCode": 3}}}
    sidecars = [{"name": name, "state": {"running": {"startedAt": "t"}}} for name in ("envoy", "zipkin")]
    seen = observe.pod(shown({"containerStatuses": [sidecars[0], ended, sidecars[1]]}))
    assert seen.terminated is not None
    assert (seen.terminated.exit_code, seen.running_since) == (3, "")


def test_a_container_whose_time_was_up_was_killed_though_nobody_shows_its_end() -> None:
    seen = observe.pod(shown({"phase": "Failed", "reason": "DeadlineExceeded", "startTime": "a"})).terminated
    assert seen == observe.Terminated(137, "DeadlineExceeded", "", "a", "")


@pytest.mark.parametrize(("code", "expected"), [(0, 137), (143, 143)])
def test_a_container_that_ends_well_when_its_time_is_up_has_not_done_its_work(code: int, expected: int) -> None:
    container = {"name": "executor", "state": {"terminated": {"exitCode": code, "reason": "Completed"}}}
    seen = observe.pod(shown({"phase": "Failed", "reason": "DeadlineExceeded", "containerStatuses": [container]}))
    assert seen.terminated is not None
    assert seen.terminated.exit_code == expected


def test_a_warning_that_is_the_last_word_on_a_pod_is_its_trouble() -> None:
    events = [
        {"type": "Normal", "reason": "Scheduled", "message": "m", "eventTime": "2026-11-22T04:00:00.1Z"},
        {"type": "Warning", "reason": "FailedMount", "message": "new", "lastTimestamp": "2026-11-22T04:00:02Z"},
        {"type": "Warning", "reason": "FailedMount", "message": "old", "lastTimestamp": "2026-11-22T04:00:01Z"},
    ]
    pulling = {"type": "Normal", "reason": "Pulling", "message": "m", "lastTimestamp": "2026-11-22T04:00:03Z"}
    harmless = {
        "type": "Warning",
        "reason": "DNSConfigForming",
        "message": "m",
        "lastTimestamp": "2026-11-22T04:00:04Z",
    }
    assert observe.trouble(events) == observe.trouble([*events, harmless]) == observe.Trouble("FailedMount", "new")
    assert observe.trouble([*events, pulling]) is None
    assert observe.trouble([harmless]) is observe.trouble([]) is None


@pytest.mark.parametrize(
    "message",
    [
        "failed to fetch PVC from API server: no relationship found between node 'node1' and this object",
        'MountVolume.SetUp failed for volume "task": failed to sync configmap cache: timed out',
    ],
)
def test_that_a_kubelet_asked_too_early_is_trouble_only_if_it_says_so_again(message: str) -> None:
    early = {"type": "Warning", "reason": "FailedMount", "message": message, "lastTimestamp": "2026-11-22T04:00:01Z"}
    assert observe.trouble([{**early, "count": 1}]) is None
    assert observe.trouble([{**early, "count": 2}]) == observe.Trouble("FailedMount", message)
