"""Tenants in which everything is wrong that somebody there can do, beside a campaign's own; and what they must not do.

Each has bad settings of its own, and all have the same bad records, Events and quotas. Their names come before that of
the campaign's tenant, so the janitor looks at them first.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tescore import naming, record
from tests.e2e.cluster import SERVICE, STANDING, Kubectl

Object = dict[str, Any]

SETTINGS: tuple[dict[str, str], ...] = (
    {},
    {"TESK_KEEP_FAILED": "inf"},
    {"TESK_QUEUE_SECONDS": "1e999"},
    {"TESK_RETENTION_DAYS": "NaN"},
    {"TESK_RETENTION_DAYS": "-1"},
    {
        "TESK_RETENTION_DAYS": "1000000000", "TESK_QUEUE_SECONDS": "Infinity", "TESK_TASK_LIMIT": "9" * 5000,
        "TESK_RUN_SECONDS": "-inf", "TESK_SCRATCH_GB": "nan", "TESK_IMAGES": "x" * 9000, "TESK_NO": "x",
    },
)  # fmt: skip
"""The first is right, so that in one tenant all else is looked at. They are few: each makes its looks longer."""
NAMES = tuple(f"e2e-bad-{number}" for number in range(len(SETTINGS)))
DEAD, STUCK, KEPT = "task-bad-dead", "task-bad-stuck", ("task-bad-just-ended", "task-bad-yesterday")
"""Tasks of each: one that has lost its taskmaster, for which none can be made; one whose taskmaster's pod Kubernetes
refuses; those whose records must stay."""

_BAD = "tesk-trial/bad"
"""Label of all these namespaces and records."""
_LONG_AGO = "2020-01-01T00:00:00.000000Z"
_ROLES = Path(__file__).parents[2] / "k8s/tenant/service-roles.yaml"
_WITHIN = 60.0
"""Seconds in which the janitor of `make up`, which looks every 3, has removed what was left 10 s ago."""


@contextmanager
def bad_tenants(kubectl: Kubectl) -> Iterator[None]:
    """They are there until the block ends."""
    _remove(kubectl)  # of a run that was broken off
    try:
        for name, settings in zip(NAMES, SETTINGS, strict=True):
            kubectl("create", "-f", "-", given=_object("Namespace", name, labels={_BAD: "true"}))
            kubectl("-n", name, "wait", "--for=create", "serviceaccount/default", "--timeout=60s")  # which pods need
            everything = objects(name, settings, record.timestamp(datetime.now(UTC)))
            kubectl("-n", name, "create", "-f", str(_ROLES), "-f", "-", given=_list(everything))
            kubectl("-n", name, "create", "-f", "-", given=_list(events(name)))
        # Admission would refuse some of it in a tenant, but not in a namespace that becomes one later.
        kubectl("label", "namespace", "-l", _BAD, f"{naming.TENANT}=true")
        yield
    finally:
        _remove(kubectl)


def objects(namespace: str, settings: Mapping[str, str], now: str) -> list[Object]:
    """All that a bad tenant has but its Events. No account for taskmasters, so none gets a pod."""
    hard = [{"pods": "0"}, {"pods": "1e10"}, {"pods": "9223372036854775807"}, {"count/pods": "9E"}, {}]
    forged = {**naming.labels("../../x", "taskmaster"), naming.TASK: "none"}
    pod = {"containers": [{"name": "none", "image": "none"}], "schedulingGates": [{"name": "tesk-trial/none"}]}
    return [
        _object("Pod", "forged", labels=forged, spec=pod),  # first: the quotas would refuse it
        _object("ConfigMap", naming.SETTINGS, data=dict(settings)),
        *(_object("ResourceQuota", f"bad-{number}", spec={"hard": each}) for number, each in enumerate(hard)),
        _task(DEAD, "RUNNING", taskmaster="p"),
        _task(STUCK, "INITIALIZING"),
        _task(KEPT[0], "COMPLETE", ended=now),
        _task(KEPT[1], "COMPLETE", ended="yesterday"),
        _task("task-bad-1", "RUNNING", taskmaster="p", started="soon", created="never"),
        _task("task-bad-2", "PAUSED", taskmaster="p"),
        _task("task-bad-3", "", taskmaster="p", cancel="\x7f", started="9999-12-31T23:59:59-23:59"),
        _task("task-bad-4", "COMPLETE", ended="2020-01-01"),
        _task("task-bad-5", "RUNNING", taskmaster="p", step="{", settings="[1]", outputs="-1 pages", images="[" * 9999),
        _task("task-bad-6", "RUNNING", taskmaster="p", data={"task.json": "{", "log.json": '{"logs": 1}'}),
        _task("not.a-task", "QUEUED", created=""),
    ]


def events(namespace: str) -> list[Object]:
    """Why a pod does not run, as nobody but a forger says it."""
    about = {"kind": "Pod", "namespace": namespace}
    told: list[tuple[Object, Object]] = [
        ({}, {}),
        ({"name": STUCK}, {}),
        ({"name": STUCK}, {"message": "x" * 100_000, "firstTimestamp": "9999-12-31T23:59:59Z"}),
        ({"name": STUCK}, {"message": "\n\x00", "count": -1, "lastTimestamp": _LONG_AGO}),
        ({"name": "../../secrets"}, {"message": "x"}),
        ({"name": STUCK, "uid": "none"}, {"message": "x", "firstTimestamp": _LONG_AGO}),
        ({"name": DEAD, "uid": None, "apiVersion": "none/v9"}, {"message": "x"}),
    ]
    return [
        _object("Event", f"bad-{number}", reason="FailedCreate", involvedObject={**about, **who}, **what)
        for number, (who, what) in enumerate(told)
    ]


def janitors(kubectl: Kubectl) -> dict[str, int]:
    """How often each of its pods, by uid, was restarted."""
    pods = kubectl.json("get", "pods", "-n", SERVICE, "-l", f"{naming.COMPONENT}=janitor")["items"]
    return {
        pod["metadata"]["uid"]: sum(each["restartCount"] for each in pod["status"].get("containerStatuses", []))
        for pod in pods
    }


def violations(kubectl: Kubectl, before: Mapping[str, int]) -> list[str]:
    """What is wrong after the campaign; `before` are its janitors at the beginning."""
    records = kubectl.json("get", "configmaps", "--all-namespaces", "-l", _BAD)["items"]
    return [*of_records(records), *_of_work(kubectl), *of_janitors(before, janitors(kubectl))]


def of_janitors(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[str]:
    """That the same ones run on."""
    if not before or before != after:
        yield f"the janitor was restarted: {dict(before)} became {dict(after)}"


def of_records(records: Iterable[Object]) -> Iterator[str]:
    """That in each bad tenant the janitor has told what is in the way, and what is to stay is there."""
    reasons = {
        (r["metadata"]["namespace"], r["metadata"]["name"]): r["metadata"]["annotations"].get(naming.REASON, "")
        for r in records
    }
    for namespace in NAMES:
        if not reasons.get((namespace, DEAD), "").startswith(record.NO_TASKMASTER):
            yield f"{namespace}: nobody has seen to the task that lost its taskmaster"
        yield from (f"{namespace}: the record {name} is gone" for name in KEPT if (namespace, name) not in reasons)


def _of_work(kubectl: Kubectl) -> list[str]:
    """That the janitor still sees to the campaign's tenant: nobody else removes a claim or a record without a task."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    orphan = _object("PersistentVolumeClaim", "soak-orphan", labels=naming.labels("task-soak", "scratch"), spec=spec)
    expired = _task("task-soak-expired", "COMPLETE", ended=_LONG_AGO)
    names = ["persistentvolumeclaim/soak-orphan", "configmap/task-soak-expired"]
    kubectl("-n", STANDING, "create", "-f", "-", given=_list([orphan, expired]))
    deadline = time.monotonic() + _WITHIN
    while left := kubectl.names(*names, "-n", STANDING, "--ignore-not-found"):
        if time.monotonic() > deadline:
            kubectl("-n", STANDING, "delete", *left)
            return [f"the janitor did not remove {name} within {_WITHIN:.0f} s" for name in left]
        time.sleep(1)
    return []


def _remove(kubectl: Kubectl) -> None:
    kubectl("delete", "namespace", "-l", _BAD, "--ignore-not-found", "--timeout=300s")


def _task(name: str, state: str, *, data: Mapping[str, str] | None = None, **annotations: str) -> Object:
    """A record as it is stored; the annotations by what follows `tesk/`."""
    labels = {**naming.TASK_LABELS, naming.STATE: state, _BAD: "true"}
    noted = {f"tesk/{key}": value for key, value in {"created": _LONG_AGO, **annotations}.items()}
    document = data or {"task.json": '{"executors": [{"image": "none", "command": ["true"]}]}'}
    return _object("ConfigMap", name, labels=labels, annotations=noted, data=dict(document))


def _object(
    kind: str, name: str, *, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None,
    **rest: Any,
) -> Object:  # fmt: skip
    metadata = {"name": name, "labels": dict(labels or {}), "annotations": dict(annotations or {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest}


def _list(items: list[Object]) -> Object:
    return {"apiVersion": "v1", "kind": "List", "items": items}
