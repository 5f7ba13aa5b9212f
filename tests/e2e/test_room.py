"""Tasks that wait: for room in their tenant, for their taskmaster's pod."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.e2e.cluster import TENANT, Kubectl, Service, wait_until

Shell = Callable[..., dict[str, Any]]
Configured = Callable[..., AbstractContextManager[None]]
PAUSED = "tesk/janitor-paused"


@pytest.fixture
def pause(kubectl: Kubectl) -> Iterator[Callable[[], None]]:
    """The janitor leaves the tenant alone, until it is told to go on."""

    def go_on() -> None:
        kubectl("annotate", "namespace", TENANT, f"{PAUSED}-")

    kubectl("annotate", "namespace", TENANT, f"{PAUSED}=true")
    yield go_on
    go_on()


def metadata(kubectl: Kubectl, task_id: str) -> tuple[str, str]:
    """State and reason of a task."""
    found = kubectl.json("get", "configmap", task_id)["metadata"]
    return found["labels"]["tesk/state"], found["annotations"].get("tesk/reason", "")


def tried(service: Service, kubectl: Kubectl) -> tuple[str, str]:
    """State and reason that a new task gets, which is cancelled."""
    task_id = service.create({"executors": [{"image": "i", "command": ["true"]}]})
    found = metadata(kubectl, task_id)
    service.client.cancel_task(task_id)
    return found


def unfinished(kubectl: Kubectl) -> list[str]:
    """The taskmasters that are there, and the tasks that wait for one."""
    taskmasters = kubectl.names("pods", "-l", "app.kubernetes.io/component=taskmaster")
    return taskmasters + kubectl.names("configmaps", "-l", "tesk/state=QUEUED")


def begins_soon(kubectl: Kubectl, task_id: str) -> None:
    wait_until(lambda: metadata(kubectl, task_id) not in {("QUEUED", waiting(1))}, "its turn came", within=10)


def waiting(most: int) -> str:
    return f"Waits until one of the {most} tasks that may run at a time in this tenant has ended."


@pytest.fixture(scope="module")
def one_at_a_time(configured: Configured) -> Iterator[None]:
    with configured(TESK_TASK_LIMIT="1"):
        yield


def taking_all_room(service: Service, kubectl: Kubectl, shell: Shell, script: str) -> str:
    """A task that runs that script, where one may run at a time."""
    wait_until(lambda: unfinished(kubectl) == [], "nobody takes room any more")
    return service.create({"executors": [shell(script)]})


def test_ten_tasks_where_a_quota_has_room_for_two_all_complete(
    service: Service, kubectl: Kubectl, shell: Shell, quota: Callable[..., None]
) -> None:
    quota(pods="5")
    running = [service.create({"executors": [shell("sleep 8")]}) for _ in range(2)]
    wait_until(lambda: tried(service, kubectl) == ("QUEUED", waiting(2)), "the webhook knows the quota", within=10)
    tasks = [service.create({"executors": [shell("echo hello")]}) for _ in range(8)]

    assert {metadata(kubectl, task_id)[0] for task_id in tasks} == {"QUEUED"}  # for room, or for the quota itself

    assert {service.ended(task_id)["state"] for task_id in [*running, *tasks]} == {"COMPLETE"}


def test_a_task_that_ends_lets_the_one_begin_that_has_waited_longest(
    service: Service, kubectl: Kubectl, shell: Shell, one_at_a_time: None
) -> None:
    first = taking_all_room(service, kubectl, shell, "sleep 8")
    others = [service.create({"executors": [shell("echo hello")]}) for _ in range(3)]
    assert {metadata(kubectl, task_id) for task_id in others} == {("QUEUED", waiting(1))}

    ended = [service.ended(task_id) for task_id in [first, *others]]

    assert {task["state"] for task in ended} == {"COMPLETE"}
    began = [task["logs"][0]["start_time"] for task in ended]
    assert began == sorted(began)
    assert metadata(kubectl, others[-1]) == ("COMPLETE", "")


def test_a_waiting_task_is_cancelled_at_once_and_holds_nobody_up(
    service: Service, kubectl: Kubectl, shell: Shell, one_at_a_time: None
) -> None:
    first = taking_all_room(service, kubectl, shell, "sleep 8")
    second, third = (service.create({"executors": [shell("echo hello")]}) for _ in range(2))

    service.client.cancel_task(second)

    assert metadata(kubectl, second) == ("CANCELED", "Cancelled before it began.")
    assert service.ended(third)["state"] == "COMPLETE"
    assert service.state(first) == "COMPLETE"


def test_a_task_begins_soon_where_the_last_one_was_just_cancelled(
    service: Service, kubectl: Kubectl, shell: Shell, one_at_a_time: None
) -> None:
    # The webhook counts once a second, so it may take the first for there, and leaves the second to the janitor.
    for _ in range(3):
        service.client.cancel_task(taking_all_room(service, kubectl, shell, "sleep 60"))
        task_id = service.create({"executors": [shell("echo hello")]})
        begins_soon(kubectl, task_id)
        service.client.cancel_task(task_id)


def test_where_the_janitor_is_paused_the_next_one_begins_when_it_goes_on(
    service: Service, kubectl: Kubectl, shell: Shell, one_at_a_time: None, pause: Callable[[], None]
) -> None:
    go_on = pause
    first = taking_all_room(service, kubectl, shell, "sleep 3")
    second = service.create({"executors": [shell("echo hello")]})
    assert service.ended(first)["state"] == "COMPLETE"
    assert kubectl.run("wait", "--for=create", f"pod/{second}-taskmaster", "--timeout=5s").returncode != 0

    go_on()

    assert service.ended(second)["state"] == "COMPLETE"


def test_a_tenant_may_have_tasks_that_wait_shown_as_initializing(
    service: Service, kubectl: Kubectl, shell: Shell, configured: Configured
) -> None:
    with configured(TESK_TASK_LIMIT="1", TESK_SHOW_QUEUED="false"):
        first = taking_all_room(service, kubectl, shell, "sleep 5")
        second = service.create({"executors": [shell("true")]})
        assert metadata(kubectl, second) == ("INITIALIZING", waiting(1))
        assert {service.ended(task_id)["state"] for task_id in (first, second)} == {"COMPLETE"}


def test_bad_settings_of_a_tenant_are_told_to_who_creates_a_task(
    service: Service, shell: Shell, configured: Configured
) -> None:
    with configured(TESK_ATTEMPTS="many", TESK_NONSENSE="x"):
        status, answer = service.call("POST", "/tasks", {"executors": [shell("true")]})

    assert (status, answer["error"]) == (500, "Misconfigured")
    told = "TESK_ATTEMPTS is 'many', which is not a whole number; TESK_NONSENSE is no setting of a tenant's"
    assert all(part in answer["message"] for part in told.split("; "))


def test_a_task_whose_taskmaster_gets_no_pod_says_why_and_fails_only_after_its_time(
    service: Service, kubectl: Kubectl, shell: Shell, configured: Configured, quota: Callable[..., None]
) -> None:
    wait_until(lambda: unfinished(kubectl) == [], "nobody else takes the room that the quota leaves")
    quota(pods="0")
    task_id = service.create({"executors": [shell("echo never")]})
    state, reason = metadata(kubectl, task_id)
    assert state == "QUEUED"
    assert "exceeded quota: e2e" in reason

    with configured(TESK_QUEUE_SECONDS="1"):
        assert service.ended(task_id)["state"] == "SYSTEM_ERROR"

    reason = metadata(kubectl, task_id)[1]
    assert reason.startswith("The taskmaster could not run within")
    assert "exceeded quota: e2e" in reason
