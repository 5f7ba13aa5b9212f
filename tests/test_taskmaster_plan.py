from datetime import datetime
from typing import Any

import pytest

from taskmaster import plan
from tests.build import executor, task


def at(second: int) -> str:
    return f"2026-11-22T04:00:{second:02}.000000Z"


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
        index=2, attempt=3, begun="t", seen=True, waiting="x", patience="room", since="s", waited={"room": 1.5},
        failure=("Error", "It exited with 1."),
    )  # fmt: skip
    assert plan.journal(written.encoded()) == written
    assert plan.journal(plan.Journal(0).encoded()) == plan.Journal(0)


def test_attempts_and_volumes_count_on_over_the_steps_of_a_task() -> None:
    failure = ("Error", "It exited with 1.")
    begun = plan.Journal(
        1, attempt=2, volume=1, begun="t", seen=True, waiting="x", since="s", waited={"room": 1.5}, failure=failure
    )
    assert begun.next(2, "u") == plan.Journal(2, attempt=2, begun="u")
    assert begun.next(2, "u", failure) == plan.Journal(2, attempt=2, begun="u", failure=failure)
    assert begun.again(1, "u", new_volume=False) == plan.Journal(1, attempt=3, begun="u", failure=failure)
    assert begun.again(0, "u", new_volume=True) == plan.Journal(0, attempt=3, volume=2, begun="u", failure=failure)


def test_a_pod_that_its_node_refused_is_counted_apart_and_its_wait_goes_on() -> None:
    begun = plan.Journal(1, attempt=2, waiting="OutOfcpu", patience="room", since=at(0), waited={"room": 5.0})
    again = begun.after_refusal(datetime.fromisoformat(at(7)))
    assert again == plan.Journal(1, attempt=3, refused=1, begun=at(7), waited={"room": 12.0})
    assert (again.next(2, "u").refused, again.again(1, "u", new_volume=False).refused) == (1, 1)


def test_inline_contents_that_the_images_shell_writes_need_no_filer() -> None:
    its = task(inputs=[{"path": "/tmp/y", "content": "c"}], executors=[executor(command=["sh", "/tmp/y"])])
    assert [step.name for step in plan.steps(its)] == ["executor-0"]


def test_without_a_journal_the_task_is_at_its_first_step() -> None:
    assert plan.journal("") == plan.Journal(index=0, seen=False)
