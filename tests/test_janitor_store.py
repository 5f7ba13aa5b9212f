from datetime import UTC, datetime

from janitor.informer import Changed, Listed
from janitor.store import Key, Store
from janitor.taskmaster import Taskmaster
from tests.build import task_record

TASK = task_record()._replace(task_id="task-1")
POD = Taskmaster(
    namespace="tesk",
    task="task-1",
    name="task-1-taskmaster",
    uid="p-1",
    created=datetime(2026, 11, 22, 4, tzinfo=UTC),
    is_over=False,
    runs=True,
    restarts=0,
    crash="",
    obstacle=None,
)
KEY = Key("tesk", "task-1")


def test_a_list_replaces_what_was_known_of_its_kind_and_is_about_both() -> None:
    store = Store()
    store.take(Listed("configmaps", [TASK]))
    store.take(Listed("pods", [POD]))
    other = TASK._replace(task_id="task-2")
    assert store.take(Listed("configmaps", [other])) == {KEY, Key("tesk", "task-2")}
    assert list(store.tasks("tesk")) == [other]
    assert store.pods(KEY) == [POD]


def test_it_says_of_which_kinds_all_was_told() -> None:
    store = Store()
    store.take(Changed("pods", POD, gone=False))
    assert store.heard == set()
    store.take(Listed("pods", []))
    assert store.heard == {"pods"}


def test_changes_are_taken_in() -> None:
    store = Store()
    assert store.take(Changed("configmaps", TASK, gone=False)) == {KEY}
    assert store.task(KEY) == TASK
    changed = TASK._replace(reason="Waits.")
    store.take(Changed("configmaps", changed, gone=False))
    assert store.task(KEY) == changed
    store.take(Changed("configmaps", changed, gone=True))
    assert store.task(KEY) is None
    assert store.keys() == set()


def test_a_pod_that_goes_leaves_another_one_of_its_name_alone() -> None:
    store, another = Store(), POD._replace(uid="p-2")
    store.put(another)
    store.take(Changed("pods", POD, gone=True))
    assert store.pods(KEY) == [another]
    store.take(Changed("pods", another, gone=True))
    assert store.pods(KEY) == []
    assert store.keys() == set()


def test_a_pod_that_was_made_is_known_before_it_is_told() -> None:
    store = Store()
    store.put(POD)
    assert store.pods(KEY) == [POD]
    assert store.running("tesk") == 1


def test_a_task_that_is_forgotten_is_known_again_when_it_is_told() -> None:
    store = Store()
    store.take(Changed("configmaps", TASK, gone=False))
    store.forget(TASK)
    assert store.task(KEY) is None
    store.take(Changed("configmaps", TASK, gone=False))
    assert store.task(KEY) == TASK


def test_a_task_runs_once_however_many_pods_it_has_and_not_when_they_are_over() -> None:
    store = Store()
    store.take(
        Listed(
            "pods",
            [
                POD,
                POD._replace(name="task-1-abcde", uid="p-2"),
                POD._replace(task="task-2", name="task-2-taskmaster", is_over=True),
                POD._replace(task="task-3", name="task-3-taskmaster", runs=False),
                POD._replace(namespace="other"),
            ],
        )
    )
    assert store.running("tesk") == 2
    assert store.running("nowhere") == 0
    assert store.pods(Key("nowhere", "task-1")) == []
    assert list(store.tasks("nowhere")) == []


def test_tenants_do_not_mix() -> None:
    store = Store()
    store.take(Listed("configmaps", [TASK, TASK._replace(namespace="other")]))
    store.take(Changed("configmaps", TASK, gone=True))
    assert store.keys() == {Key("other", "task-1")}
