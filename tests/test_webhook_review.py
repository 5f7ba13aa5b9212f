import base64
import gzip
import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from tescore.errors import InvalidTask
from tescore.tenant import TenantSettings
from webhook import review

API = "system:serviceaccount:tesk-system:tesk-api"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
DOCUMENT = {"name": "n", "executors": [{"image": "busybox", "command": ["true"]}]}
LABELS = {"app.kubernetes.io/managed-by": "tesk", "app.kubernetes.io/component": "task"}


def request(name: str = "task-a", user: str = "ann", document: Any = DOCUMENT, **changes: Any) -> dict[str, Any]:
    metadata = {"labels": LABELS, **({"name": name} if name else {}), **changes.pop("metadata", {})}
    data = {} if document is None else {"task.json": json.dumps(document)}
    return {
        "uid": "r-1",
        "name": name,
        "namespace": "tesk",
        "userInfo": {"username": user},
        "object": {"metadata": metadata, "data": data},
        **changes,
    }


def reviewed(**changes: Any) -> review.Admitted:
    return review.reviewed(request(**changes), TenantSettings(), api_account=API)


def stamped(waits: str = "", **changes: Any) -> tuple[dict[str, str], dict[str, str]]:
    """The labels and annotations that the task is stored with."""
    response = review.allowed("r-1", reviewed(**changes), now=NOW, waits=waits)["response"]
    labels, annotations = json.loads(base64.b64decode(response["patch"]))
    assert (labels["path"], annotations["path"]) == ("/metadata/labels", "/metadata/annotations")
    return labels["value"], annotations["value"]


def problems(**changes: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidTask) as caught:
        reviewed(**changes)
    return caught.value.problems


def test_an_image_that_the_tenant_does_not_list_is_refused() -> None:
    with pytest.raises(InvalidTask, match="image: is 'busybox', and images that may be used here are ubuntu"):
        review.reviewed(request(), TenantSettings(images=("ubuntu",)), api_account=API)


def test_a_task_is_stamped_with_its_state_owner_and_name() -> None:
    labels, annotations = stamped()
    assert labels["tesk/state"] == "INITIALIZING"
    assert annotations == {"tesk/owner": "ann", "tesk/name": "n", "tesk/created": "2026-11-22T00:00:00.000000Z"}
    admitted = reviewed()
    assert (admitted.task_id, admitted.namespace, admitted.launches) == ("task-a", "tesk", True)


def test_a_task_that_waits_is_queued_with_what_it_waits_for() -> None:
    labels, annotations = stamped(waits="Waits in the queue q.")
    assert (labels["tesk/state"], annotations["tesk/reason"]) == ("QUEUED", "Waits in the queue q.")


def test_the_owner_is_who_creates_it_whatever_is_claimed() -> None:
    assert stamped(metadata={"annotations": {"tesk/owner": "bob"}})[1]["tesk/owner"] == "ann"


def test_only_the_api_may_name_another_owner() -> None:
    claimed = {"annotations": {"tesk/owner": "bob"}}
    assert stamped(user=API, metadata=claimed)[1]["tesk/owner"] == "bob"


def test_labels_and_annotations_of_others_stay_and_forged_ones_go() -> None:
    labels, annotations = stamped(
        metadata={
            "labels": {**LABELS, "mine": "x", "tesk/state": "RUNNING", "tag.tesk/abc": "x"},
            "annotations": {"kubectl.kubernetes.io/x": "y", "tesk/taskmaster": "z"},
        }
    )
    assert labels["mine"] == "x"
    assert labels["tesk/state"] == "INITIALIZING"
    assert "tag.tesk/abc" not in labels
    assert annotations["kubectl.kubernetes.io/x"] == "y"
    assert "tesk/taskmaster" not in annotations


def ended(ended: str = "2026-11-22T00:00:00Z", **changes: Any) -> dict[str, Any]:
    """The request for a task that has ended, as a backup has it."""
    metadata = {"labels": {**LABELS, "tesk/state": "COMPLETE"}, "annotations": {"tesk/ended": ended}}
    asked = request(metadata=metadata, **changes)
    asked["object"]["data"]["log.json"] = "{}"
    return asked


def test_an_ended_task_from_a_backup_is_stored_as_it_is_and_does_not_run_again() -> None:
    admitted = review.reviewed(ended(), TenantSettings(), api_account=API)
    assert not admitted.launches
    assert review.allowed("r-1", admitted, now=NOW)["response"] == {"uid": "r-1", "allowed": True}


@pytest.mark.parametrize("moment", ["", "2026-01-01", "2026-01-01T05:00:00", "yesterday"])
def test_an_ended_task_that_could_never_expire_is_refused(moment: str) -> None:
    with pytest.raises(InvalidTask) as caught:
        review.reviewed(ended(ended=moment), TenantSettings(), api_account=API)
    assert caught.value.problems == (f"metadata.annotations.tesk/ended: is {moment!r}, which is no time with its zone",)


def test_a_generated_name_is_refused_because_it_is_not_known_yet() -> None:
    assert problems(name="", metadata={"generateName": "task-"}) == (
        "metadata.name: is missing; a task's name is its id, so generateName cannot be used",
    )


def test_a_name_that_is_no_task_id_is_refused_together_with_all_other_problems() -> None:
    assert problems(name="hello", document={}) == (
        "metadata.name: is 'hello', which does not match task-[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?",
        "executors: is missing",
    )


@pytest.mark.parametrize("asked", [request(), ended()], ids=["new", "from a backup"])
def test_a_record_is_stored_without_what_kubernetes_notes_of_its_writers(asked: dict[str, Any]) -> None:
    asked["object"]["metadata"]["managedFields"] = [{"manager": "api"}]
    admitted = review.reviewed(asked, TenantSettings(), api_account=API)
    patch = json.loads(base64.b64decode(review.allowed("r-1", admitted, now=NOW)["response"]["patch"]))
    assert patch[-1] == {"op": "remove", "path": "/metadata/managedFields"}


def test_a_config_map_without_a_document_is_refused() -> None:
    assert problems(document=None) == ("data.task.json: is missing",)


def test_a_dry_run_launches_nothing() -> None:
    assert not reviewed(dryRun=True).launches


def test_a_document_that_leaves_no_room_for_a_log_is_refused_with_what_is_long_in_it() -> None:
    asked = request(document=None)
    text = json.dumps({**DOCUMENT, "description": os.urandom(1_000_000).hex()})
    asked["object"]["binaryData"] = {"task.json.gz": base64.b64encode(gzip.compress(text.encode())).decode()}
    with pytest.raises(InvalidTask, match=r"may have no more than 786432 gzipped; .* description: 2000000"):
        review.reviewed(asked, TenantSettings(), api_account=API)


def test_a_refusal_carries_all_problems_in_its_message() -> None:
    response = review.denied("r-1", InvalidTask(["a: is missing", "b: is empty"]), code=400)["response"]
    assert response["allowed"] is False
    assert response["status"] == {
        "code": 400,
        "reason": "InvalidTask",
        "message": "The task is not valid: a: is missing; b: is empty.",
    }


def test_a_task_brings_no_log_of_its_own_and_can_be_written() -> None:
    asked = request()
    asked["object"] |= {"immutable": True, "binaryData": {"log.json.gz": ""}}
    with pytest.raises(InvalidTask) as caught:
        review.reviewed(asked, TenantSettings(), api_account=API)
    assert caught.value.problems == (
        "binaryData.log.json.gz: a task has no other data than task.json",
        "immutable: is true, and a task's record is written",
    )
