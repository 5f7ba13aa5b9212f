from typing import Any

import pytest

from taskmaster import plan
from tests.build import executor, settings, task

FILE = {"path": "/x/y", "url": "s3://b/y"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, ["executor-0"], id="no files, no filer"),
        pytest.param({"executors": [executor()] * 3}, ["executor-0", "executor-1", "executor-2"], id="in order"),
        pytest.param({"inputs": [FILE]}, ["inputs", "executor-0"], id="inputs"),
        pytest.param({"outputs": [FILE]}, ["inputs", "executor-0", "outputs"], id="outputs need their folders first"),
        pytest.param({"volumes": ["/v"]}, ["inputs", "executor-0"], id="volumes too"),
        pytest.param(
            {"executors": [executor(stdout="/o/x")]}, ["inputs", "executor-0", "outputs"], id="a tail to report"
        ),
    ],
)
def test_the_steps_of_a_task(changes: dict[str, Any], expected: list[str]) -> None:
    assert [step.name for step in plan.steps(task(**changes))] == expected


def test_a_journal_comes_back_from_the_record_as_it_was_written() -> None:
    written = plan.Journal(
        index=2, attempt=3, begun="t", seen=True, way=plan.Way.MOUNTED, waiting="Unschedulable", since="s"
    )
    assert plan.journal(written.encoded()) == written
    assert plan.journal(plan.Journal(0).encoded()) == plan.Journal(0)


def test_attempts_and_volumes_count_on_over_the_steps_of_a_task() -> None:
    begun = plan.Journal(index=1, attempt=2, volume=1, begun="t", seen=True, waiting="x", since="s")
    assert begun.next(2, "u") == plan.Journal(2, 2, 1, "u")
    assert begun.again(1, "u", new_volume=False) == plan.Journal(1, 3, 1, "u")
    assert begun.again(0, "u", new_volume=True) == plan.Journal(0, 3, 2, "u")


def test_a_step_whose_files_must_be_mounted_has_them_mounted_when_it_begins_again() -> None:
    begun = plan.Journal(index=1, begun="t", way=plan.Way.MOUNTED)
    assert begun.again(1, "u", new_volume=False).way == plan.Way.MOUNTED
    assert begun.again(0, "u", new_volume=True).way == plan.Way.USUAL
    assert begun.next(2, "u").way == plan.Way.USUAL


WITH_CONTENT = {"inputs": [{"path": "/x/y", "content": "c"}], "executors": [executor(command=["sh", "/x/y"])]}


def test_contents_that_the_images_shell_can_lay_are_left_to_it_first_and_then_to_a_filer() -> None:
    its = task(**WITH_CONTENT)
    assert plan.first_way(its, settings()) == plan.Way.LAID
    assert [step.name for step in plan.steps(its, plan.Way.LAID)] == ["executor-0"]
    assert plan.other_way(its, plan.Way.LAID) == plan.Way.USUAL
    assert plan.other_way(its, plan.Way.USUAL) is None


def test_a_file_in_the_images_folders_is_laid_or_else_linked_or_else_mounted() -> None:
    its = task(inputs=[{"path": "/etc/y", "content": "c"}], executors=[executor(command=["sh", "/etc/y"])])
    assert plan.ways(its) == (plan.Way.LAID, plan.Way.USUAL, plan.Way.MOUNTED)


def test_a_user_whom_the_tenant_sets_is_not_left_to_lay_contents() -> None:
    assert plan.first_way(task(**WITH_CONTENT), settings(run_as_user=1000)) == plan.Way.USUAL


def test_without_a_journal_the_task_is_at_its_first_step() -> None:
    assert plan.journal("") == plan.Journal(index=0, seen=False)
