from typing import Any

import pytest

from tescore import room


def quota(hard: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"spec": {"hard": hard, **more}}


@pytest.mark.parametrize(
    ("task_limit", "quotas", "expected"),
    [
        (100, [], 100),
        (0, [], room.NO_LIMIT),
        (100, [quota({"pods": "40"})], 19),
        (100, [quota({"count/pods": "9", "pods": "40"})], 4),
        (100, [quota({"pods": "1"})], 1),
        (100, [quota({"pods": "0"})], 1),
        (3, [quota({"pods": "40"})], 3),
        (0, [quota({"pods": "40"}), quota({"pods": "20"})], 9),
        (100, [quota({"requests.cpu": "4"}), quota({})], 100),
        (0, [quota({"pods": "1k"})], 499),  # as the API server writes 1000
        (0, [quota({"count/pods": "1Ki"})], 511),
        (0, [quota({"pods": "1e3"})], 499),
        (0, [quota({"pods": "2M"})], 999_999),
        (100, [quota({"pods": "many"})], 100),
        (100, [quota({"pods": "4"}, scopes=["Terminating"])], 100),
        (100, [quota({"pods": "5"}, scopes=["NotTerminating"])], 2),
    ],
)
def test_no_more_tasks_run_than_the_settings_say_and_the_pods_allow(
    task_limit: int, quotas: list[dict[str, Any]], expected: int
) -> None:
    assert room.limit(task_limit, quotas) == expected


def job(name: str, second: int) -> dict[str, str]:
    return {"name": name, "creationTimestamp": f"2026-11-22T04:00:{second:02}Z", "resourceVersion": "7"}


LINE = [job("task-c", 2), job("task-a", 1), job("task-b", 1), job("task-d", 3)]


@pytest.mark.parametrize(
    ("running", "most", "expected"),
    [
        (0, 4, ["task-b", "task-a", "task-c", "task-d"]),
        (2, 4, ["task-b", "task-a"]),
        (4, 4, []),
        (5, 4, []),
    ],
)
def test_the_oldest_go_first_as_far_as_there_is_room(running: int, most: int, expected: list[str]) -> None:
    assert [metadata["name"] for metadata in room.due(LINE, running, most)] == expected


def test_a_job_is_released_only_as_it_was_seen() -> None:
    assert room.release(job("task-a", 1)) == {
        "metadata": {"resourceVersion": "7", "labels": {"tesk/room": None}},
        "spec": {"suspend": False},
    }
