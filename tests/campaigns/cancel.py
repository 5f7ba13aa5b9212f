"""How soon a cancelled task is CANCELED: one after the other on a quiet node, and as many as the node holds at once."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tescore import naming
from tescore.tenants import REMEMBERED
from tests.campaigns.counter import Counter
from tests.campaigns.sights import Sights, sights
from tests.campaigns.tables import percentiles
from tests.e2e.cluster import TENANT, Kubectl, Service, wait_until

ALONE = 20
RUNNING = int(os.environ.get("CANCEL_RUNNING", "100"))
"""Each takes two of the node's 250 pods."""
SUBMITTED = int(os.environ.get("CANCEL_SUBMITTED", "500"))
TAG = "campaign"


def sleeper(busybox: str, counter: Counter, key: str, **more: Any) -> dict[str, Any]:
    """Two executors, of which the second one must never run."""
    executors = [
        {"image": busybox, "command": ["sh", "-c", counter.script(f"{key}/{i}") + "sleep 3600"]} for i in range(2)
    ]
    return {"executors": executors, **more}


def selector(run: str) -> str:
    return f"{naming.tag_label(TAG)}={naming.hashed(run)}"


def left_of(kubectl: Kubectl, task_id: str) -> list[str]:
    return kubectl.names("pods,pvc", "-l", f"{naming.TASK}={task_id},{naming.COMPONENT}!=taskmaster")


def first(seen: Sights, task_id: str, state: str) -> float:
    """When the task was seen in that state."""
    return next(sight.at for sight in seen.of(task_id) if sight.state == state)


def test_a_running_task_is_cancelled_within_three_seconds(
    service: Service, kubectl: Kubectl, busybox: str, counter: Counter
) -> None:
    run, took = f"alone-{time.time()}", list[float]()
    with sights(selector(run)) as seen:
        for number in range(ALONE):
            key = f"{run}/{number}"
            volumes = {"volumes": ["/v"]} if number % 2 else {}
            task_id = service.create(sleeper(busybox, counter, key, tags={TAG: run}, **volumes))
            wait_until(lambda k=key: counter.count(f"{k}/0"), "it runs")  # type: ignore[misc]
            time.sleep(1)  # a task that runs is meant, not one whose pod is still being started

            began = time.time()
            assert service.call("POST", f"/tasks/{task_id}:cancel")[0] == 200
            wait_until(lambda t=task_id: service.state(t) == "CANCELED", "it is CANCELED")  # type: ignore[misc]

            assert left_of(kubectl, task_id) == []
            took.append(first(seen, task_id, "CANCELED") - began)
    print(f"\n  cancelled alone: {percentiles(took)}")
    print(f"  with a volume: {percentiles(took[1::2])}; without: {percentiles(took[::2])}")
    assert sorted(took)[int(ALONE * 0.95) - 1] <= 3


@pytest.fixture
def room(kubectl: Kubectl) -> Iterator[None]:
    """As many run as there are pods for; of the trial's tasks 20 do."""

    def limit(tasks: str | None) -> None:
        setting = json.dumps({"data": {"TESK_TASK_LIMIT": tasks}})
        kubectl("-n", TENANT, "patch", "configmap", "tesk-settings", "--type=merge", "-p", setting)
        time.sleep(REMEMBERED + 0.5)

    limit("0")
    yield
    limit(None)


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(("count", "running"), [(RUNNING, True), (SUBMITTED, False)], ids=["running", "submitted"])
def test_many_tasks_are_cancelled_within_thirty_seconds(
    service: Service, kubectl: Kubectl, busybox: str, counter: Counter, count: int, running: bool
) -> None:
    run = f"together-{running}-{time.time()}"
    with sights(selector(run)) as seen, ThreadPoolExecutor(16) as connections:
        documents = [sleeper(busybox, counter, f"{run}/{i}", tags={TAG: run}) for i in range(count)]
        ids = list(connections.map(service.create, documents))
        if running:
            wait_until(lambda: len(counter.times(run)) == len(ids), "all run", within=200)

        def cancel(task_id: str) -> float:
            began = time.monotonic()
            assert service.call("POST", f"/tasks/{task_id}:cancel")[0] == 200
            return time.monotonic() - began

        began = time.time()
        answered = list(connections.map(cancel, ids))
        marked = time.time()
        wait_until(
            lambda: all(any(s.state == "CANCELED" for s in seen.of(task_id)) for task_id in ids),
            "all are CANCELED",
            within=150,
        )
        there = kubectl.json("get", "pods,pvc", "-l", f"{naming.TASK},{naming.COMPONENT}!=taskmaster")["items"]
        left = [item["metadata"]["name"] for item in there if item["metadata"]["labels"][naming.TASK] in ids]
    took = [first(seen, task_id, "CANCELED") - began for task_id in ids]
    late = [when - marked for when in counter.times(run) if when > marked]
    print(f"\n  {count} {'running' if running else 'just submitted'}: cancels answered in {marked - began:.1f} s")
    print(f"  POST :cancel {percentiles(answered)}; CANCELED {percentiles(took)}")
    print(f"  executors that started after the last mark: {[f'{seconds:.1f}' for seconds in late]}")
    assert left == []
    assert max(took) <= 30
    assert not [seconds for seconds in late if seconds > 3]
    assert all(counter.count(f"{run}/{i}/1") == 0 for i in range(count))
