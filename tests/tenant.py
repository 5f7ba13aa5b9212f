"""A tenant's tasks and their taskmasters' pods on the small API server, as the janitor finds them."""

import json
from datetime import UTC, datetime
from typing import Any

from janitor.settings import Settings
from tescore import launch
from tescore.naming import TASK_LABELS, taskmaster
from tests.apiserver import ApiServer

NOW = datetime(2026, 11, 22, 5, 0, 0, tzinfo=UTC)
LONG_AGO = "2026-11-22T04:00:00.000000Z"
SETTINGS = Settings(taskmaster_image="t:1", filer_image="f:1", task_limit=2)
DOCUMENT = json.dumps({"executors": [{"image": "busybox", "command": ["true"]}]})
RUNS = {"phase": "Running", "containerStatuses": [{"name": "taskmaster", "state": {"running": {}}}]}
ENDED = {"phase": "Succeeded"}
STARTS: dict[str, Any] = {}


def unscheduled(message: str, *, since: str = "2026-11-22T04:30:00Z") -> dict[str, Any]:
    """The status of a pod that no node has room for."""
    condition = {"type": "PodScheduled", "status": "False", "message": message, "lastTransitionTime": since}
    return {"phase": "Pending", "conditions": [condition]}


def add_tenant(server: ApiServer, name: str = "tesk", **annotations: str) -> None:
    metadata = {"name": name, "labels": {"tesk/tenant": "true"}, "annotations": annotations}
    server.stored("namespaces", {"metadata": metadata}, "ADDED")


def add_settings(server: ApiServer, *, namespace: str = "tesk", **settings: str) -> None:
    data = {f"TESK_{name}": value for name, value in settings.items()}
    server.stored("configmaps", {"metadata": {"name": "tesk-settings", "namespace": namespace}, "data": data}, "ADDED")


def add_task(
    server: ApiServer, name: str, state: str = "QUEUED", *, namespace: str = "tesk", **annotations: str
) -> None:
    told = {f"tesk/{key}": value for key, value in {"created": LONG_AGO, **annotations}.items()}
    metadata = {"name": name, "namespace": namespace, "uid": name, "labels": {**TASK_LABELS, "tesk/state": state}}
    shown = {"metadata": {**metadata, "annotations": told}, "data": {"task.json": DOCUMENT}}
    server.stored("configmaps", shown, "ADDED")


def add_pod(
    server: ApiServer,
    task: str,
    status: dict[str, Any] = RUNS,
    *,
    namespace: str = "tesk",
    created: str = LONG_AGO,
    **metadata: str,
) -> None:
    """The pod of the task's taskmaster."""
    made = launch.pod(task, namespace, SETTINGS)
    made["metadata"] |= {"uid": f"pod-{task}", "creationTimestamp": created, **metadata}
    server.stored("pods", {**made, "status": status}, "ADDED")


def remove(server: ApiServer, kind: str, name: str) -> None:
    server.stored(kind, server.objects[kind, name], "DELETED")


def remove_pod(server: ApiServer, task: str) -> None:
    remove(server, "pods", taskmaster(task))


def launched(server: ApiServer) -> list[str]:
    """The tasks that have a taskmaster."""
    return sorted(name.removesuffix("-taskmaster") for kind, name in server.objects if kind == "pods")


def task(server: ApiServer, name: str) -> tuple[str, str]:
    """State and reason."""
    metadata = server.objects["configmaps", name]["metadata"]
    return metadata["labels"]["tesk/state"], metadata["annotations"].get("tesk/reason", "")
