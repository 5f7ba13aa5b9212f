import pytest

from api.query import list_query, view
from api.views import View
from tescore import naming
from tescore.errors import BadRequest

TASKS = "app.kubernetes.io/managed-by=tesk,app.kubernetes.io/component=task"


def test_without_arguments_all_tasks_are_listed_in_the_minimal_view() -> None:
    asked = list_query({}, [], [])
    assert (asked.view, asked.page_size, asked.selector, asked.page_token, asked.name_prefix) == (
        View.MINIMAL, 256, TASKS, "", "",
    )  # fmt: skip


def test_a_state_becomes_a_label_selector() -> None:
    assert list_query({"state": "RUNNING"}, [], []).selector == f"{TASKS},tesk/state=RUNNING"


@pytest.mark.parametrize(
    ("keys", "values", "expected"),
    [
        (["k"], ["v"], [f"{naming.tag_label('k')}={naming.hashed('v')}"]),
        (["k"], [], [naming.tag_label("k")]),
        (["k"], [""], [naming.tag_label("k")]),
        (["a", "b"], ["v"], [f"{naming.tag_label('a')}={naming.hashed('v')}", naming.tag_label("b")]),
    ],
)
def test_tags_are_zipped_and_a_missing_value_matches_any(
    keys: list[str], values: list[str], expected: list[str]
) -> None:
    assert list_query({}, keys, values).selector == ",".join([TASKS, *expected])


@pytest.mark.parametrize("size", ["0", "-1", "2048", "x", "1.5", "²", " 1", "1" * 5000])
def test_a_page_size_that_is_none_is_refused(size: str) -> None:
    with pytest.raises(BadRequest, match="page_size"):
        list_query({"page_size": size}, [], [])


@pytest.mark.parametrize("size", ["1", "2047"])
def test_the_smallest_and_the_largest_page(size: str) -> None:
    assert list_query({"page_size": size}, [], []).page_size == int(size)


def test_a_state_or_view_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadRequest, match="state"):
        list_query({"state": "SLEEPING"}, [], [])
    with pytest.raises(BadRequest, match="view"):
        view({"view": "minimal"})


def test_a_name_is_looked_for_as_far_as_names_are_kept() -> None:
    assert list_query({"name_prefix": "é" * 256}, [], []).name_prefix == "é" * 256
    with pytest.raises(BadRequest, match="name_prefix has more than 256 characters"):
        list_query({"name_prefix": "é" * 257}, [], [])
