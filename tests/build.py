"""Builders: the simplest valid thing of each kind, with only the differences named."""

from typing import Any

from taskmaster.observe import Pod, Terminated
from taskmaster.settings import Settings
from tescore import document, model, record
from tescore.record import Record

PREFIX = "task-e5dfe960546-2902e4f7"


OWNER = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "name": PREFIX,
    "uid": "u-1",
    "controller": False,
    "blockOwnerDeletion": False,
}
"""The ownerReference of all that the task makes."""


def executor(**changes: Any) -> dict[str, Any]:
    return {"image": "busybox", "command": ["true"], **changes}


def task_document(**changes: Any) -> dict[str, Any]:
    return {"executors": [executor()], **changes}


def task(**changes: Any) -> model.Task:
    return model.task(document.clean(task_document(**changes))[0])


def stored(**changes: Any) -> dict[str, Any]:
    """A task's ConfigMap as the API server shows it; `labels`, `annotations`, `data` replace what is there."""
    return {
        "metadata": {
            "name": PREFIX,
            "namespace": "tesk",
            "uid": "u-1",
            "resourceVersion": "7",
            "labels": changes.get("labels", {"tesk/state": "INITIALIZING"}),
            "annotations": changes.get("annotations", {"tesk/created": "2026-11-22T04:00:00.000000Z"}),
        },
        "data": changes.get("data", {"task.json": '{"executors": [{"image": "busybox", "command": ["true"]}]}'}),
        **({"binaryData": changes["binaryData"]} if "binaryData" in changes else {}),
    }


def task_record(**changes: Any) -> Record:
    return record.record(stored(**changes))


def settings(**changes: Any) -> Settings:
    return Settings(**{"task": PREFIX, "namespace": "tesk", "pod_uid": "p-1", "filer_image": "filer:1", **changes})


def terminated(**changes: Any) -> Terminated:
    usual = {"exit_code": 0, "reason": "Completed", "message": "", "started": "s", "finished": "f"}
    return Terminated(**{**usual, **changes})


def pod(**changes: Any) -> Pod:
    usual = {
        "name": f"{PREFIX}-executor-0",
        "node": "",
        "phase": "Pending",
        "running_since": "",
        "terminated": None,
        "waiting_reason": "",
        "waiting_message": "",
        "unscheduled": "",
        "status_reason": "",
        "status_message": "",
        "deletion": "",
    }
    return Pod(**{**usual, **changes})
