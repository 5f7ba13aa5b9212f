import pytest

from tescore import naming

LONGEST = "task-" + "a" * 40


def test_a_later_id_sorts_first() -> None:
    assert naming.task_id(1_800_000_000_001, 0) < naming.task_id(1_800_000_000_000, 2**32 - 1)


def test_an_id_is_time_and_randomness() -> None:
    assert naming.task_id(1_763_784_052_000, 0x2902E4F7) == "task-e65564732e0-2902e4f7"


@pytest.mark.parametrize("name", ["task-a", "task-hello", "task-e5dfe960546-2902e4f7", LONGEST])
def test_these_are_task_ids(name: str) -> None:
    assert naming.is_task_id(name)


@pytest.mark.parametrize(
    "name", ["", "task-", "hello", "task-A", "task-a.b", "task--a", "task-a-", LONGEST + "a", "task-a\n", "task-é"]
)
def test_these_are_not(name: str) -> None:
    assert not naming.is_task_id(name)


def test_every_name_made_from_the_longest_id_is_a_label() -> None:
    assert len(naming.pod(LONGEST, "executor-99999999")) <= 63
    assert len(naming.scratch(LONGEST)) <= 63


@pytest.mark.parametrize("text", ["", "plain", "ünïcode ✓", "x" * 10_000, "\ud800"])
def test_any_text_has_a_hash_that_is_a_label_value(text: str) -> None:
    assert len(naming.hashed(text)) == 24
    assert naming.hashed(text).isalnum()


def test_different_tags_have_different_labels() -> None:
    assert naming.tag_label("a") != naming.tag_label("b")
