from typing import Any

import pytest

from tescore import room
from tescore.errors import Refused


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


def refused(because: str) -> Refused:
    return Refused(f'pods "task-a-taskmaster" is forbidden: {because}', code=403)


def test_what_a_quota_refuses_is_told_in_its_own_words_without_the_pods_name() -> None:
    because = "exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4"
    assert room.refusal(refused(because)) == f"Waits: no pod can be made for its taskmaster ({because})."


def test_what_a_limit_range_does_not_allow_is_told_as_such() -> None:
    because = "minimum memory usage per Container is 1Gi, but request is 32Mi"
    assert room.refusal(refused(because)) == (
        f"The taskmaster could not be created: the namespace's LimitRange does not allow it ({because})."
    )


def test_a_reason_is_cut_where_kubernetes_says_very_much() -> None:
    assert len(room.refusal(refused("x" * 5000))) < 1000
