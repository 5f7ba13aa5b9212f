import base64
import json
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
    return review.reviewed(request(**changes), TenantSettings(), api_account=API, now=NOW)


def problems(**changes: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidTask) as caught:
        reviewed(**changes)
    return caught.value.problems


def test_a_task_is_stamped_with_its_state_owner_and_name() -> None:
    admitted = reviewed()
    assert admitted.labels["tesk/state"] == "INITIALIZING"
    assert admitted.annotations == {
        "tesk/owner": "ann",
        "tesk/name": "n",
        "tesk/created": "2026-11-22T00:00:00.000000Z",
    }
    assert (admitted.task_id, admitted.namespace, admitted.dry_run) == ("task-a", "tesk", False)


def test_the_owner_is_who_creates_it_whatever_is_claimed() -> None:
    assert reviewed(metadata={"annotations": {"tesk/owner": "bob"}}).annotations["tesk/owner"] == "ann"


def test_only_the_api_may_name_another_owner() -> None:
    claimed = {"annotations": {"tesk/owner": "bob"}}
    assert reviewed(user=API, metadata=claimed).annotations["tesk/owner"] == "bob"


def test_labels_and_annotations_of_others_stay_and_forged_ones_go() -> None:
    admitted = reviewed(
        metadata={
            "labels": {**LABELS, "mine": "x", "tesk/state": "COMPLETE", "tag.tesk/abc": "x"},
            "annotations": {"kubectl.kubernetes.io/x": "y", "tesk/taskmaster": "z"},
        }
    )
    assert admitted.labels["mine"] == "x"
    assert admitted.labels["tesk/state"] == "INITIALIZING"
    assert "tag.tesk/abc" not in admitted.labels
    assert admitted.annotations["kubectl.kubernetes.io/x"] == "y"
    assert "tesk/taskmaster" not in admitted.annotations


def test_a_generated_name_is_refused_because_it_is_not_known_yet() -> None:
    assert problems(name="", metadata={"generateName": "task-"}) == (
        "metadata.name: is missing; a task's name is its id, so generateName cannot be used",
    )


def test_a_name_that_is_no_task_id_is_refused_together_with_all_other_problems() -> None:
    assert problems(name="hello", document={}) == (
        "metadata.name: is 'hello', which does not match task-[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?",
        "executors: is missing",
    )


def test_a_config_map_without_a_document_is_refused() -> None:
    assert problems(document=None) == ("data.task.json: is missing",)


def test_a_dry_run_is_known_as_one() -> None:
    assert reviewed(dryRun=True).dry_run


def test_the_answer_carries_a_json_patch() -> None:
    response = review.allowed("r-1", reviewed())["response"]
    patch = json.loads(base64.b64decode(response["patch"]))
    assert (response["uid"], response["allowed"], response["patchType"]) == ("r-1", True, "JSONPatch")
    assert [step["path"] for step in patch] == ["/metadata/labels", "/metadata/annotations"]


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
        review.reviewed(asked, TenantSettings(), api_account=API, now=NOW)
    assert caught.value.problems == (
        "binaryData.log.json.gz: a task has no other data than task.json",
        "immutable: is true, and a task's record is written",
    )
