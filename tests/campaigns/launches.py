"""Launches that go wrong between the webhook and the store: one run, or none and nothing left."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tescore import naming
from tests.campaigns.admission import TAG, Admission, admission, reached
from tests.campaigns.counter import Counter
from tests.e2e.cluster import STANDING, Kubectl, Service, wait_until

SECONDS = 6
"""That the API server waits for the webhook which is asked after the service's own."""
MOST = 30
"""The same, where it waits as long as it ever does."""


@pytest.fixture(scope="module")
def asked(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admission]:
    with admission(kubectl, Path(tmp_path_factory.mktemp("tls")), seconds=SECONDS) as webhook:
        yield webhook


@pytest.fixture(scope="module")
def patient(kubectl: Kubectl, asked: Admission) -> Iterator[None]:
    """The API server waits as long as it ever does."""
    there = ("validatingwebhookconfiguration", "tesk-campaign", "--type=json")
    path = "/webhooks/0/timeoutSeconds"
    kubectl("patch", *there, "-p", json.dumps([{"op": "replace", "path": path, "value": MOST}]))
    wait_until(lambda: reached(kubectl, asked, MOST), "the API server waits longer")
    yield
    kubectl("patch", *there, "-p", json.dumps([{"op": "replace", "path": path, "value": SECONDS}]))


def document(busybox: str, counter: Counter, key: str) -> dict[str, Any]:
    script = counter.script(f"{key}/0") + "sleep 2"
    return {"tags": {TAG: key}, "executors": [{"image": busybox, "command": ["sh", "-c", script]}]}


def config_map(task: str, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": task, "namespace": STANDING, "labels": naming.TASK_LABELS},
        "data": {"task.json": json.dumps(given)},
    }


def left_of(kubectl: Kubectl, task: str) -> list[str]:
    return kubectl.names("pods,pvc", "-l", f"{naming.TASK}={task}")


def assert_one_run(service: Service, kubectl: Kubectl, counter: Counter, task: str, key: str) -> None:
    assert service.ended(task, within=90)["state"] == "COMPLETE"
    wait_until(lambda: left_of(kubectl, task) == [], "nothing is left", within=60)
    assert counter.count(f"{key}/0") == 1


def assert_nothing(kubectl: Kubectl, counter: Counter, task: str, key: str) -> None:
    """Also no record: what was launched waits for it 40 s and goes."""
    assert f"pod/{naming.taskmaster(task)}" in left_of(kubectl, task)
    assert kubectl.names("configmaps", "--field-selector", f"metadata.name={task}") == []
    wait_until(lambda: left_of(kubectl, task) == [], "nothing is left", within=120)
    assert counter.count(f"{key}/0") == 0


@pytest.fixture
def make(kubectl: Kubectl) -> Iterator[Any]:
    """Creates tasks with kubectl, deleted after the test; the finished command tells whether it was stored."""
    made = []

    def create(name: str, given: dict[str, Any]) -> tuple[str, Any]:
        made.append(f"task-launch-{name}")
        return made[-1], kubectl.run("create", "-f", "-", given=config_map(made[-1], given))

    yield create
    kubectl("delete", "configmaps", *made, "--ignore-not-found")


def test_a_create_that_times_out_after_the_launch_is_sent_again_and_runs_once(
    service: Service, kubectl: Kubectl, busybox: str, counter: Counter, asked: Admission
) -> None:
    asked.begin(delay=lambda number: SECONDS + 1 if number == 0 else 0)
    task = service.create(document(busybox, counter, "timeout"))
    assert asked.asked == [task, task]
    assert_one_run(service, kubectl, counter, task, "timeout")


def test_a_create_that_always_times_out_after_the_launch_leaves_nothing(
    kubectl: Kubectl, busybox: str, counter: Counter, asked: Admission, make: Any
) -> None:
    asked.begin(delay=lambda _: SECONDS + 1)
    task, run = make("never", document(busybox, counter, "never"))
    assert "context deadline exceeded" in run.stderr
    assert_nothing(kubectl, counter, task, "never")


def test_a_create_that_is_refused_after_the_launch_leaves_nothing(
    service: Service, kubectl: Kubectl, busybox: str, counter: Counter, asked: Admission
) -> None:
    asked.begin(refuse=lambda _: True)
    status, answer = service.call("POST", "/tasks", document(busybox, counter, "refused"))
    assert (status, answer["error"]) == (403, "Refused")
    [task] = asked.asked
    assert_nothing(kubectl, counter, task, "refused")


def test_a_task_of_the_name_of_one_that_was_refused_runs_once(
    service: Service, kubectl: Kubectl, busybox: str, counter: Counter, asked: Admission, make: Any
) -> None:
    asked.begin(refuse=lambda number: number == 0)
    given = document(busybox, counter, "again")
    assert make("again", given)[1].returncode != 0
    task, run = make("again", given)
    assert run.returncode == 0, run.stderr
    assert_one_run(service, kubectl, counter, task, "again")


def test_the_same_create_sent_twice_at_once_runs_once(
    service: Service, kubectl: Kubectl, busybox: str, counter: Counter, asked: Admission, make: Any
) -> None:
    asked.begin(delay=lambda _: 2)
    given = document(busybox, counter, "twice")
    with ThreadPoolExecutor(2) as both:
        runs = [run for _, run in both.map(lambda _: make("twice", given), range(2))]
    assert sorted(run.returncode for run in runs) == [0, 1]
    assert any("already exists" in run.stderr for run in runs)
    assert_one_run(service, kubectl, counter, "task-launch-twice", "twice")


def test_a_task_deleted_while_it_runs_and_made_again_at_once_runs_again(
    service: Service, kubectl: Kubectl, busybox: str, counter: Counter, asked: Admission, make: Any
) -> None:
    asked.begin()
    given = document(busybox, counter, "remade") | {"volumes": ["/v"]}
    task, run = make("remade", given)
    assert run.returncode == 0, run.stderr
    wait_until(lambda: counter.count("remade/0") == 1, "it runs")
    kubectl("delete", "configmap", task)
    before = counter.count("remade/0")
    assert make("remade", given)[1].returncode == 0
    assert service.ended(task, within=90)["state"] == "COMPLETE"
    assert counter.count("remade/0") == before + 1


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("late", [20, 29])
def test_a_create_that_reaches_the_store_late_runs_once(
    service: Service, kubectl: Kubectl, busybox: str, counter: Counter, asked: Admission, make: Any, late: int
) -> None:
    asked.begin(delay=lambda _: late)
    key = f"late-{late}"
    began = time.monotonic()
    task, run = make(key, document(busybox, counter, key))
    assert run.returncode == 0, run.stderr
    assert time.monotonic() - began >= late
    assert_one_run(service, kubectl, counter, task, key)


@pytest.mark.usefixtures("patient")
def test_a_create_that_the_api_gave_up_once_runs_once(
    service: Service, kubectl: Kubectl, busybox: str, counter: Counter, asked: Admission
) -> None:
    asked.begin(delay=lambda number: 25 if number == 0 else 0)
    task = service.create(document(busybox, counter, "given-up"))
    assert len(asked.asked) >= 2
    assert set(asked.asked) == {task}
    assert_one_run(service, kubectl, counter, task, "given-up")
