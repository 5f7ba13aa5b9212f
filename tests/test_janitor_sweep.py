from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest

from janitor.deeds import Deeds
from janitor.informer import Listed
from janitor.settings import Settings
from janitor.store import Store
from janitor.sweep import UNFINISHED, Sweep
from janitor.taskmaster import taskmaster
from tescore import launch, naming, record
from tescore.cluster import Cluster
from tescore.session import Session
from tescore.tenants import Tenants
from tests.apiserver import ApiServer, Break, api_server, matches
from tests.tenant import (
    ENDED,
    LONG_AGO,
    NOW,
    RUNS,
    SETTINGS,
    add_pod,
    add_settings,
    add_task,
    add_tenant,
    task,
)

JUST_NOW = "2026-11-22T04:59:30.000000Z"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        running.tenants = []
        add_tenant(running)
        yield running


def sweep(server: ApiServer) -> Sweep:
    """One that knows of what is there now."""
    cluster, clock, store = Cluster(Session(server.url)), count(step=60.0), Store()
    of_kind = {kind: [each for (k, _), each in server.objects.items() if k == kind] for kind in ("configmaps", "pods")}
    tasks = [
        record.record(each)
        for each in of_kind["configmaps"]
        if matches(UNFINISHED, each["metadata"].get("labels") or {})
    ]
    pods = [taskmaster(each) for each in of_kind["pods"] if matches(launch.SELECTOR, each["metadata"]["labels"])]
    store.take(Listed("configmaps", tasks))
    store.take(Listed("pods", pods))
    tenants: Tenants[Settings] = Tenants(cluster, SETTINGS, lambda: next(clock))
    return Sweep(cluster, Deeds(cluster), tenants, store, launch=timedelta(seconds=60))


def add(server: ApiServer, kind: str, name: str, task: str, component: str, *, created: str = LONG_AGO) -> None:
    labels = naming.labels(task, component)
    metadata = {"name": name, "namespace": "tesk", "uid": name, "labels": labels, "creationTimestamp": created}
    server.stored(kind, {"metadata": metadata, "status": {"phase": "Failed"}}, "ADDED")


def left(server: ApiServer, *kinds: str) -> list[str]:
    return sorted(name for kind, name in server.objects if kind in (kinds or ("pods", "persistentvolumeclaims")))


def add_leftovers(server: ApiServer, task: str, *, created: str = LONG_AGO) -> None:
    add(server, "pods", f"{task}-executor-0", task, "executor", created=created)
    add(server, "persistentvolumeclaims", f"{task}-scratch", task, "scratch", created=created)


def test_what_an_ended_or_a_deleted_task_has_left_is_removed(server: ApiServer) -> None:
    add_task(server, "task-1", "COMPLETE", ended=LONG_AGO)
    add_leftovers(server, "task-1")
    add_leftovers(server, "task-2")
    sweep(server).remove_leftovers(NOW)
    assert left(server) == []


def test_what_a_task_needs_that_goes_on_stays(server: ApiServer) -> None:
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_leftovers(server, "task-1")
    sweep(server).remove_leftovers(NOW)
    assert left(server) == ["task-1-executor-0", "task-1-scratch"]


def test_a_task_goes_on_of_which_was_not_told_yet(server: ApiServer) -> None:
    looking = sweep(server)
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_leftovers(server, "task-1")
    looking.remove_leftovers(NOW)
    assert left(server) == ["task-1-executor-0", "task-1-scratch"]


def test_what_is_young_stays_for_its_task_may_just_be_being_stored(server: ApiServer) -> None:
    add_leftovers(server, "task-1", created=JUST_NOW)
    sweep(server).remove_leftovers(NOW)
    assert left(server) == ["task-1-executor-0", "task-1-scratch"]


def test_a_taskmaster_that_still_runs_removes_what_its_ended_task_has_left_and_itself(server: ApiServer) -> None:
    add_task(server, "task-1", "COMPLETE", ended=LONG_AGO)
    add_leftovers(server, "task-1")
    add_pod(server, "task-1", RUNS)
    sweep(server).remove_leftovers(NOW)
    assert left(server) == ["task-1-executor-0", "task-1-scratch", "task-1-taskmaster"]


def test_one_whose_taskmaster_has_ended_without_that_is_cleaned_up(server: ApiServer) -> None:
    add_task(server, "task-1", "COMPLETE", ended=LONG_AGO)
    add_leftovers(server, "task-1")
    add_pod(server, "task-1", ENDED)
    sweep(server).remove_leftovers(NOW)
    assert left(server) == ["task-1-taskmaster"]  # which the controller removes


def test_a_taskmaster_that_hangs_when_its_task_is_gone_is_removed_and_then_the_rest(server: ApiServer) -> None:
    add_leftovers(server, "task-1")
    add_pod(server, "task-1", RUNS)
    sweep(server).remove_leftovers(NOW)
    assert left(server) == ["task-1-executor-0", "task-1-scratch"]
    sweep(server).remove_leftovers(NOW)
    assert left(server) == []


def test_a_failed_pod_and_its_scratch_are_kept_for_as_long_as_the_tenant_says(server: ApiServer) -> None:
    add_settings(server, KEEP_FAILED="600")
    add_task(server, "task-1", "EXECUTOR_ERROR", ended=JUST_NOW)
    add_leftovers(server, "task-1")
    sweep(server).remove_leftovers(NOW)
    assert left(server) == ["task-1-executor-0", "task-1-scratch"]
    sweep(server).remove_leftovers(NOW + timedelta(minutes=10))
    assert left(server) == []


def test_another_object_that_has_taken_the_name_meanwhile_stays(server: ApiServer) -> None:
    looking = sweep(server)
    add_leftovers(server, "task-1")
    add(server, "pods", "task-2-executor-0", "task-2", "executor", created=JUST_NOW)
    looking.remove_leftovers(NOW)
    assert left(server) == ["task-2-executor-0"]


def test_jobs_in_which_tasks_waited_up_to_the_release_before_go_and_the_tasks_stay_queued(server: ApiServer) -> None:
    for name, room in (("task-1", "waits"), ("task-2", "left")):
        labels = {**naming.labels(name, "taskmaster"), "tesk/room": room}
        metadata = {"name": name, "namespace": "tesk", "uid": f"job-{name}", "labels": labels}
        server.stored("jobs", {"metadata": metadata, "spec": {"suspend": room == "waits"}}, "ADDED")
        add_task(server, name, "QUEUED")
    sweep(server).remove_leftovers(NOW)
    assert left(server, "jobs") == ["task-2"]
    assert task(server, "task-1")[0] == "QUEUED"


def test_it_leaves_a_namespace_alone_that_says_so(server: ApiServer) -> None:
    add_tenant(server, "tesk", **{"tesk/janitor-paused": "true"})
    add_leftovers(server, "task-1")
    add_task(server, "task-2", "COMPLETE", ended="2026-01-01T00:00:00Z")
    looking = sweep(server)
    looking.remove_leftovers(NOW)
    looking.expire(NOW)
    assert left(server) == ["task-1-executor-0", "task-1-scratch"]
    assert ("configmaps", "task-2") in server.objects


def test_each_tenant_keeps_its_ended_tasks_as_long_as_it_says(server: ApiServer) -> None:
    add_task(server, "task-1", "COMPLETE", ended="2026-11-20T05:00:00.000000Z")
    add_task(server, "task-2", "RUNNING", created="2026-01-01T00:00:00Z", taskmaster="p")
    sweep(server).expire(NOW)
    assert ("configmaps", "task-1") in server.objects
    add_settings(server, RETENTION_DAYS="1")
    sweep(server).expire(NOW)
    assert ("configmaps", "task-1") not in server.objects
    assert ("configmaps", "task-2") in server.objects


def test_with_a_retention_of_0_tasks_are_kept(server: ApiServer) -> None:
    add_task(server, "task-1", "COMPLETE", ended="1996-11-20T05:00:00.000000Z")
    add_settings(server, RETENTION_DAYS="0")
    sweep(server).expire(NOW)
    assert ("configmaps", "task-1") in server.objects


BAD_SETTINGS: list[dict[str, str]] = [
    {},
    {"NO": "x"},
    *(
        {name: value}
        for name in ("KEEP_FAILED", "QUEUE_SECONDS", "RETENTION_DAYS")
        for value in ("inf", "nan", "1e300")
    ),
    {"RETENTION_DAYS": "1000000000"},
]


@pytest.mark.parametrize("settings", BAD_SETTINGS, ids=str)
def test_what_is_wrong_in_one_tenant_or_task_keeps_the_janitor_from_no_other(
    server: ApiServer, settings: dict[str, str]
) -> None:
    add_tenant(server, "bad")
    add_settings(server, namespace="bad", **settings)
    add_task(server, "task-bad-3", "COMPLETE", namespace="bad", ended="2026-01-01")
    add_task(server, "task-bad-4", "COMPLETE", namespace="bad", ended="yesterday")
    strange = {
        "name": "strange",
        "namespace": "bad",
        "uid": "s",
        "labels": {naming.MANAGED_BY: "tesk", naming.TASK: "t"},
    }
    server.stored("pods", {"metadata": {**strange, "creationTimestamp": LONG_AGO}}, "ADDED")
    add_leftovers(server, "task-1")
    add_task(server, "task-2", "COMPLETE", ended="2026-01-01T00:00:00Z")
    looking = sweep(server)
    looking.remove_leftovers(NOW)
    looking.expire(NOW)
    assert left(server) == ["strange"]
    assert ("configmaps", "task-2") not in server.objects
    assert ("configmaps", "task-bad-4") in server.objects


def test_what_kubernetes_cannot_do_now_for_one_tenant_it_does_for_the_next(server: ApiServer) -> None:
    server.objects.pop(("namespaces", "tesk"))
    add_tenant(server, "bad")
    add_tenant(server)
    add_leftovers(server, "task-1")
    server.broken = {0: Break.FAILED}
    sweep(server).remove_leftovers(NOW)
    assert left(server) == []


def test_folders_of_a_shared_claim_that_have_no_task_are_removed_by_a_job(server: ApiServer) -> None:
    add_settings(server, SHARED_CLAIM="data")
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_task(server, "task-2")
    looking = sweep(server)
    looking.expire(NOW)
    looking.expire(NOW)  # while it runs there is no other
    [container] = server.objects["jobs", "tesk-sweep"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][2:] == [naming.scratch_folder("task-1", "task-1")]


@pytest.mark.parametrize(
    ("message", "given_up"),
    [
        ('0/1 nodes are available: persistentvolumeclaim "data" not found.', True),
        ('persistentvolumeclaim "data" is being deleted', True),
        ("0/1 nodes are available: 1 Insufficient memory.", False),
    ],
)
def test_a_folder_whose_claim_is_gone_is_not_waited_for(server: ApiServer, message: str, given_up: bool) -> None:
    job = {"metadata": {"name": "task-1-scrub", "namespace": "tesk", "uid": "j-1", "labels": naming.SCRUB_LABELS}}
    owners = [{"kind": "Job", "name": "task-1-scrub", "uid": "j-1"}]
    unscheduled = {"conditions": [{"type": "PodScheduled", "status": "False", "message": message}]}
    pod = {"metadata": {**job["metadata"], "name": "task-1-scrub-x", "ownerReferences": owners}, "status": unscheduled}
    server.stored("jobs", job, "ADDED")
    server.stored("pods", pod, "ADDED")
    sweep(server).remove_leftovers(NOW)
    assert (("jobs", "task-1-scrub") not in server.objects) == given_up
    told = server.objects.get(("events", "task-1-scrub.claim-lost"), {"message": ""})["message"]
    assert (message.rstrip(".") in told) == given_up


def test_two_at_once_do_no_harm(server: ApiServer) -> None:
    add_leftovers(server, "task-1")
    add_task(server, "task-2", "COMPLETE", ended="2026-01-01T00:00:00Z")
    one, two = sweep(server), sweep(server)
    for looking in (one, two):
        looking.remove_leftovers(NOW)
        looking.expire(NOW)
    assert left(server) == []
    assert ("configmaps", "task-2") not in server.objects
