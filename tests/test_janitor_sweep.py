import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from threading import Thread
from typing import Any

import pytest

from janitor.settings import Settings
from janitor.sweep import Janitor
from tescore import launch
from tescore.cluster import Cluster
from tescore.naming import TASK_LABELS
from tescore.session import Session
from tescore.tenants import Tenants
from tests.apiserver import ApiServer, Break, api_server

NOW = datetime(2026, 11, 22, 5, 0, 0, tzinfo=UTC)
LONG_AGO = "2026-11-22T04:00:00.000000Z"
SETTINGS = Settings(taskmaster_image="t:1", filer_image="f:1", task_limit=2)
DOCUMENT = json.dumps({"executors": [{"image": "busybox", "command": ["true"]}]})


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        tenant = {"metadata": {"name": "tesk", "labels": {"tesk/tenant": "true"}, "annotations": {}}}
        running.stored("namespaces", tenant, "ADDED")
        yield running


def janitor(server: ApiServer) -> Janitor:
    cluster, clock = Cluster(Session(server.url)), count(step=60.0)
    return Janitor(cluster, SETTINGS, Tenants(cluster, SETTINGS, lambda: next(clock)))


def add_task(
    server: ApiServer, name: str, state: str = "QUEUED", *, namespace: str = "tesk", **annotations: str
) -> None:
    told = {f"tesk/{key}": value for key, value in {"created": LONG_AGO, **annotations}.items()}
    metadata = {"name": name, "namespace": namespace, "uid": name, "labels": {**TASK_LABELS, "tesk/state": state}}
    shown = {"metadata": {**metadata, "annotations": told}, "data": {"task.json": DOCUMENT}}
    server.stored("configmaps", shown, "ADDED")


def add_job(server: ApiServer, name: str, *, namespace: str = "tesk", waits: bool = False, **status: Any) -> None:
    made = launch.job(name, namespace, SETTINGS, waits=waits)
    made["metadata"] |= {"uid": f"job-{name}", "creationTimestamp": LONG_AGO}
    server.stored("jobs", {**made, "status": status}, "ADDED")


def waiting(server: ApiServer) -> list[str]:
    jobs = [(name, job) for (kind, name), job in sorted(server.objects.items()) if kind == "jobs"]
    return [name for name, job in jobs if job["spec"].get("suspend")]


def task(server: ApiServer, name: str) -> tuple[str, str]:
    """State and reason."""
    metadata = server.objects["configmaps", name]["metadata"]
    return metadata["labels"]["tesk/state"], metadata["annotations"].get("tesk/reason", "")


def test_as_many_begin_as_there_is_room_for(server: ApiServer) -> None:
    add_job(server, "task-1", ready=1)
    add_job(server, "task-2", conditions=[{"type": "Failed", "status": "True", "message": "backoff"}])
    for name in ("task-7", "task-8", "task-9"):
        add_job(server, name, waits=True)
        add_task(server, name)
    janitor(server).sweep(NOW)
    assert waiting(server) == ["task-7", "task-8"]


def test_what_nobody_began_is_launched_and_waits_where_there_is_no_room(server: ApiServer) -> None:
    add_job(server, "task-1", ready=1)
    for name in ("task-1", "task-2", "task-3"):
        add_task(server, name, "INITIALIZING")
    janitor(server).sweep(NOW)
    assert waiting(server) == ["task-3"]
    assert task(server, "task-3") == (
        "INITIALIZING",
        "Waits until one of the 2 tasks that may run at a time in this tenant has ended.",
    )


def test_two_janitors_at_once_do_no_harm(server: ApiServer) -> None:
    add_job(server, "task-1", ready=1)
    for name in ("task-1", "task-2", "task-3"):
        add_task(server, name, "RUNNING" if name == "task-2" else "INITIALIZING", taskmaster="p" * (name == "task-2"))
    for name in ("task-8", "task-9"):
        add_job(server, name, waits=True)
        add_task(server, name)
    both = [Thread(target=janitor(server).sweep, args=(NOW,)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert task(server, "task-2") == ("SYSTEM_ERROR", "The taskmaster died (its Job is gone).")
    assert server.objects["configmaps", "task-2"]["data"]["log.json"].count("The taskmaster died") == 1
    assert waiting(server) == ["task-3", "task-8"]


def stuck(server: ApiServer, why: str = "exceeded quota: small", job: str = "job-task-1") -> None:
    add_job(server, "task-1")
    add_task(server, "task-1", "INITIALIZING")
    server.stored("events", {
        "metadata": {"name": "e"}, "involvedObject": {"name": "task-1", "uid": job},
        "firstTimestamp": "2026-11-22T04:30:00Z",
        "message": f'Error creating: pods "task-1-abcde" is forbidden: {why}',
    }, "ADDED")  # fmt: skip


def test_a_task_whose_taskmaster_cannot_be_made_says_why_and_goes_on_waiting(server: ApiServer) -> None:
    stuck(server)
    janitor(server).sweep(NOW)
    assert task(server, "task-1") == (
        "INITIALIZING",
        "Waits: no pod can be made for its taskmaster (exceeded quota: small).",
    )
    assert ("jobs", "task-1") in server.objects


def test_when_its_time_to_wait_is_over_it_ends_with_the_reason_and_an_event_and_its_job_goes(server: ApiServer) -> None:
    stuck(server)
    settings = {"metadata": {"name": "tesk-settings"}, "data": {"TESK_QUEUE_SECONDS": "1000"}}
    server.stored("configmaps", settings, "ADDED")
    janitor(server).sweep(NOW)
    state, reason = task(server, "task-1")
    assert state == "SYSTEM_ERROR"
    assert reason == (
        "The taskmaster could not run within 1800 s. "
        "Waits: no pod can be made for its taskmaster (exceeded quota: small)."
    )
    assert server.objects["events", "task-1.system-error"]["message"] == reason
    assert ("jobs", "task-1") not in server.objects


BELOW_MINIMUM = "minimum memory usage per Container is 64Mi, but request is 32Mi"


def test_a_task_whose_taskmaster_a_limit_range_forbids_ends_at_once_with_its_words(server: ApiServer) -> None:
    stuck(server, BELOW_MINIMUM)
    janitor(server).sweep(NOW)
    reason = f"The taskmaster could not be created: the namespace's LimitRange does not allow it ({BELOW_MINIMUM})."
    assert task(server, "task-1") == ("SYSTEM_ERROR", reason)
    event = server.objects["events", "task-1.system-error"]
    assert (event["reason"], event["message"]) == ("LimitRange", reason)
    assert ("jobs", "task-1") not in server.objects


def test_what_is_told_of_an_earlier_job_of_the_same_name_ends_nothing(server: ApiServer) -> None:
    stuck(server, BELOW_MINIMUM, job="job-before")
    janitor(server).sweep(NOW)
    assert task(server, "task-1") == ("INITIALIZING", "")


def test_bad_settings_let_nothing_begin_but_what_is_dead_ends(server: ApiServer) -> None:
    server.stored("configmaps", {"metadata": {"name": "tesk-settings"}, "data": {"TESK_NO": "x"}}, "ADDED")
    add_task(server, "task-1", "INITIALIZING")
    add_task(server, "task-2", "RUNNING", taskmaster="p")
    add_job(server, "task-9", waits=True)
    add_task(server, "task-9")
    janitor(server).sweep(NOW)
    assert waiting(server) == ["task-9"]
    assert ("jobs", "task-1") not in server.objects
    assert task(server, "task-2")[0] == "SYSTEM_ERROR"


def bad(server: ApiServer, **settings: str) -> None:
    """A tenant before the others in the alphabet, in which everything is wrong that somebody there can do."""
    server.tenants = ["bad", "tesk"]
    own = {"metadata": {"name": "tesk-settings", "namespace": "bad"}, "data": settings}
    server.stored("configmaps", own, "ADDED")
    add_task(server, "task-bad-1", "RUNNING", namespace="bad", taskmaster="p", started="soon", created="never")
    add_task(server, "task-bad-2", "PAUSED", namespace="bad", taskmaster="p")
    add_task(server, "task-bad-3", "COMPLETE", namespace="bad", ended="2026-01-01")
    add_task(server, "task-bad-4", "COMPLETE", namespace="bad", ended="yesterday")
    add_job(server, "task-bad-5", namespace="bad")
    add_task(server, "task-bad-5", "INITIALIZING", namespace="bad")
    about = {"kind": "Job", "namespace": "bad", "uid": "job-task-bad-5"}
    event = {"metadata": {"name": "e", "namespace": "bad"}, "involvedObject": about, "firstTimestamp": LONG_AGO}
    server.stored("events", {**event, "message": "x"}, "ADDED")
    add_task(server, "task-bad-9", "RUNNING", namespace="bad", taskmaster="p")


BAD_SETTINGS = [
    {},
    *(
        {f"TESK_{name}": value}
        for name in ("KEEP_FAILED", "QUEUE_SECONDS", "RETENTION_DAYS")
        for value in ("inf", "nan")
    ),
    {"TESK_RETENTION_DAYS": "1000000000"},
]


@pytest.mark.parametrize("settings", BAD_SETTINGS, ids=str)
def test_what_is_wrong_in_one_tenant_or_task_keeps_the_janitor_from_no_other(
    server: ApiServer, caplog: pytest.LogCaptureFixture, settings: dict[str, str]
) -> None:
    bad(server, **settings)
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_task(server, "task-2", "COMPLETE", ended="2026-01-01T00:00:00Z")
    sweeping = janitor(server)
    sweeping.sweep(NOW)
    sweeping.expire(NOW)
    assert task(server, "task-bad-9")[0] == "SYSTEM_ERROR"
    assert task(server, "task-1")[0] == "SYSTEM_ERROR"
    assert ("configmaps", "task-2") not in server.objects
    assert ("configmaps", "task-bad-4") in server.objects
    told = [vars(line) for line in caplog.records if line.levelname == "WARNING"]
    assert {"namespace": "bad", "task": "task-bad-2"}.items() <= next(line for line in told if line.get("task")).items()


def test_what_kubernetes_cannot_do_now_for_one_tenant_it_does_for_the_next(server: ApiServer) -> None:
    bad(server)
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    server.broken = {1: Break.FAILED}
    janitor(server).sweep(NOW)
    assert task(server, "task-1")[0] == "SYSTEM_ERROR"


def test_a_task_is_not_ended_whose_job_another_janitor_is_making_anew(server: ApiServer) -> None:
    class Interleaved(Cluster):
        """The other janitor has deleted the Job when this one looks, and makes it before this one goes on."""

        def listed(self, kind: str, *arguments: Any, **options: Any) -> Iterator[dict[str, Any]]:
            if kind == "configmaps" and ("jobs", "task-1") not in server.objects:
                add_job(server, "task-1")
            return super().listed(kind, *arguments, **options)

    add_task(server, "task-1", "RUNNING", taskmaster="p")
    Janitor(cluster := Interleaved(Session(server.url)), SETTINGS, Tenants(cluster, SETTINGS, lambda: 0.0)).sweep(NOW)
    assert task(server, "task-1") == ("RUNNING", "")
    assert ("jobs", "task-1") in server.objects


def test_with_a_retention_of_0_tasks_are_kept(server: ApiServer) -> None:
    add_task(server, "task-1", "COMPLETE", ended="1996-11-20T05:00:00.000000Z")
    settings = {"metadata": {"name": "tesk-settings"}, "data": {"TESK_RETENTION_DAYS": "0"}}
    server.stored("configmaps", settings, "ADDED")
    janitor(server).expire(NOW)
    assert ("configmaps", "task-1") in server.objects


def test_it_leaves_a_namespace_alone_that_says_so(server: ApiServer) -> None:
    server.objects["namespaces", "tesk"]["metadata"]["annotations"]["tesk/janitor-paused"] = "true"
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    janitor(server).sweep(NOW)
    assert task(server, "task-1") == ("RUNNING", "")


def test_each_tenant_keeps_its_ended_tasks_as_long_as_it_says(server: ApiServer) -> None:
    add_task(server, "task-1", "COMPLETE", ended="2026-11-20T05:00:00.000000Z")
    janitor(server).expire(NOW)
    assert ("configmaps", "task-1") in server.objects
    settings = {"metadata": {"name": "tesk-settings"}, "data": {"TESK_RETENTION_DAYS": "1"}}
    server.stored("configmaps", settings, "ADDED")
    janitor(server).expire(NOW)
    assert ("configmaps", "task-1") not in server.objects


def test_a_taskmaster_that_kubernetes_would_bring_back_late_is_launched_anew_and_keeps_its_room(
    server: ApiServer,
) -> None:
    add_task(server, "task-1", "RUNNING", taskmaster="p-1", started=LONG_AGO)
    add_job(server, "task-1", failed=4)
    janitor(server).sweep(NOW)
    made = server.objects["jobs", "task-1"]
    assert made["metadata"]["uid"] != "job-task-1"
    assert not made["spec"].get("suspend")
    assert task(server, "task-1") == ("RUNNING", "")


def test_a_job_that_would_only_clean_up_late_goes_with_an_ended_task(server: ApiServer) -> None:
    for name, lost in (("task-1", 4), ("task-2", 0)):
        add_task(server, name, "COMPLETE", taskmaster="p-1")
        add_job(server, name, failed=lost)
    janitor(server).sweep(NOW)
    assert [name for kind, name in server.objects if kind == "jobs"] == ["task-2"]


@pytest.mark.parametrize(
    ("message", "given_up"),
    [
        ('0/1 nodes are available: persistentvolumeclaim "data" not found.', True),
        ('persistentvolumeclaim "data" is being deleted', True),
        ("0/1 nodes are available: 1 Insufficient memory.", False),
    ],
)
def test_a_folder_whose_claim_is_gone_is_not_waited_for(server: ApiServer, message: str, given_up: bool) -> None:
    labels = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "scrub"}
    job = {"metadata": {"name": "task-1-scrub", "namespace": "tesk", "uid": "j-1", "labels": labels}}
    owners = [{"kind": "Job", "name": "task-1-scrub", "uid": "j-1"}]
    unscheduled = {"conditions": [{"type": "PodScheduled", "status": "False", "message": message}]}
    pod = {"metadata": {**job["metadata"], "name": "task-1-scrub-x", "ownerReferences": owners}, "status": unscheduled}
    server.stored("jobs", job, "ADDED")
    server.stored("pods", pod, "ADDED")
    janitor(server).sweep(NOW)
    assert (("jobs", "task-1-scrub") not in server.objects) == given_up
    told = server.objects.get(("events", "task-1-scrub.claim-lost"), {"message": ""})["message"]
    assert (message.rstrip(".") in told) == given_up
