from typing import Any

import pytest

from taskmaster import plan
from tests.build import executor, task

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
    written = plan.Journal(index=2, seen=True)
    assert plan.journal(written.encoded()) == written


def test_without_a_journal_the_task_is_at_its_first_step() -> None:
    assert plan.journal("") == plan.Journal(index=0, seen=False)
