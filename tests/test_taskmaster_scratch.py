"""Where a task's files lie, in a claim of its own and in a folder of the tenant's."""

from typing import Any

import pytest

from filer.settings import Settings as FilerSettings
from taskmaster import leftovers, manifests, plan, scratch
from taskmaster.plan import Kind, Step
from taskmaster.settings import Settings
from tescore import naming, record
from tescore.model import Task
from tescore.states import FINAL, State
from tests.build import PREFIX, executor, settings, stored, task

UID = "0123abcd-4567-89ab-cdef-0123456789ab"
FOLDER = f"{PREFIX}-0123abcd"
SHARED = settings(shared_claim="data")
NEEDS = task(inputs=[{"path": "/data/x", "content": "a"}], executors=[executor(stdout="/o/x")])
SHOWN = stored()
RECORD = record.record({**SHOWN, "metadata": {**SHOWN["metadata"], "uid": UID}})
CLAIM = {"name": "scratch", "persistentVolumeClaim": {"claimName": "data"}}


def claim(**resources: Any) -> dict[str, Any]:
    made = scratch.claim(RECORD, task(volumes=["/v"], resources=resources), settings(scratch_gb=2.0))
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("asked", "expected"), [({}, "2Gi"), ({"disk_gb": 10}, "10Gi"), ({"disk_gb": 0.1}, "107374183")]
)
def test_the_size_of_scratch_is_what_was_asked_for(asked: dict[str, Any], expected: str) -> None:
    assert claim(**asked)["spec"]["resources"]["requests"]["storage"] == expected


def test_the_cluster_picks_the_storage_class_unless_one_is_set() -> None:
    assert "storageClassName" not in claim()["spec"]
    named = scratch.claim(RECORD, NEEDS, settings(storage_class="fast"))
    assert named
    assert named["spec"]["storageClassName"] == "fast"


def test_a_claim_belongs_to_the_tasks_config_map() -> None:
    assert [owner["uid"] for owner in claim()["metadata"]["ownerReferences"]] == [UID]


def test_a_task_without_files_has_neither_a_claim_nor_a_folder() -> None:
    assert scratch.claim(RECORD, task(), settings()) is None
    assert scratch.scrub_job(RECORD, task(), SHARED) is None


def test_a_claim_of_its_own_is_deleted_and_not_scrubbed() -> None:
    assert scratch.scrub_job(RECORD, NEEDS, settings()) is None


def test_no_claim_is_made_where_the_tenant_has_one() -> None:
    assert scratch.claim(RECORD, NEEDS, SHARED) is None


@pytest.mark.parametrize(
    ("needs", "its", "expected"), [(NEEDS, settings(), True), (task(), settings(), False), (NEEDS, SHARED, False)]
)
def test_only_a_claim_of_the_tasks_own_is_deleted_or_made_anew(needs: Task, its: Settings, expected: bool) -> None:
    assert scratch.has_own_claim(needs, its) == expected
    begun = leftovers.made(RECORD, needs, its)
    assert (("persistentvolumeclaims", naming.scratch(PREFIX)) in begun) == expected


def test_inline_contents_that_the_images_shell_writes_need_no_scratch() -> None:
    its = task(inputs=[{"path": "/tmp/x", "content": "a"}], executors=[executor(command=["sh", "/tmp/x"])])
    assert scratch.claim(RECORD, its, settings()) is None
    assert scratch.scrub_job(RECORD, its, SHARED) is None


def pod(kind: Kind, **changes: Any) -> dict[str, Any]:
    its = settings(shared_claim="data", **changes)
    made: dict[str, Any] = manifests.pod(RECORD, NEEDS, Step(kind, 0), its, failed=False)["spec"]
    return made


def scratch_mounts(spec: dict[str, Any]) -> dict[str, str]:
    mounts = spec["containers"][0]["volumeMounts"]
    return {mount["mountPath"]: mount["subPath"] for mount in mounts if mount["name"] == "scratch"}


def test_executors_have_mounted_what_lies_in_the_tasks_folder_of_the_shared_claim() -> None:
    spec = pod(Kind.EXECUTOR)
    assert CLAIM in spec["volumes"]
    assert scratch_mounts(spec) == {
        "/data": f"tesk-tesk/{FOLDER}/1/data/data",
        "/o": f"tesk-tesk/{FOLDER}/1/data/o",
        "/.tesk": f"tesk-tesk/{FOLDER}/1/launcher",
    }


def test_the_inputs_filer_sees_the_tasks_folder_alone() -> None:
    spec = pod(Kind.INPUTS)
    assert CLAIM in spec["volumes"]
    assert scratch_mounts(spec) == {"/scratch": f"tesk-tesk/{FOLDER}/1"}


def test_what_is_tried_again_because_a_node_was_lost_begins_in_a_folder_of_its_own() -> None:
    """A pod on a node that is only out of reach may still write into the first one."""
    second = RECORD._replace(step=plan.Journal(0, attempt=2, volume=2).encoded())
    assert scratch.of(second, SHARED).folder == f"tesk-tesk/{FOLDER}/2"
    assert scratch.of(second, settings()).claim == f"{PREFIX}-scratch-2"


def test_the_outputs_filer_can_remove_the_folder() -> None:
    spec = pod(Kind.OUTPUTS)
    assert scratch_mounts(spec) == {"/scratch": f"tesk-tesk/{FOLDER}/1", "/shared": "tesk-tesk"}
    assert {"name": "TESK_SCRUB", "value": FOLDER} in spec["containers"][0]["env"]


def test_a_scrub_sees_the_folders_of_tasks_and_nothing_else_of_the_claim() -> None:
    job = scratch.scrub_job(RECORD, NEEDS, SHARED)
    assert job
    spec = job["spec"]["template"]["spec"]
    assert (spec["containers"][0]["image"], spec["containers"][0]["args"]) == ("filer:1", ["scrub", FOLDER])
    assert spec["volumes"] == [CLAIM]
    assert scratch_mounts(spec) == {FilerSettings().shared: "tesk-tesk"}
    assert spec["automountServiceAccountToken"] is False


@pytest.mark.parametrize("state", sorted(FINAL))
@pytest.mark.parametrize("needs", [NEEDS, task(volumes=["/v"])], ids=["with outputs", "without"])
def test_a_folder_that_its_outputs_filer_has_not_removed_is_scrubbed_whatever_became_of_its_task(
    state: State, needs: Task
) -> None:
    assert scratch.scrub_job(RECORD._replace(state=state), needs, SHARED)


def test_a_scrub_is_no_task_and_no_leftover_to_whoever_looks_for_those() -> None:
    job = scratch.scrub_job(RECORD, NEEDS, SHARED)
    assert job
    for labels in (job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]):
        assert naming.TASK not in labels
    assert len(job["metadata"]["name"]) <= 63


@pytest.mark.parametrize(
    ("name", "expected"),
    [(FOLDER, True), ("task-a-0123abcd", True), ("task-a", False), ("data", False), ("task-a-0123abcx", False)],
)
def test_a_tasks_folder_is_known_by_its_name(name: str, expected: bool) -> None:
    assert naming.is_scratch_folder(name) == expected
