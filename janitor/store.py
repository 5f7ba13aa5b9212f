"""What is known of all tenants: the tasks that have not ended, and their taskmasters' pods."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from janitor.informer import Changed, Listed
from janitor.taskmaster import Taskmaster
from tescore.record import Record


class Key(NamedTuple):
    """Names a task."""

    namespace: str
    task: str


class Store:
    """As told by the informers, so a moment old: what is done for it must name what it has seen."""

    def __init__(self) -> None:
        self._tasks: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        """By namespace and name."""
        self._pods: defaultdict[str, dict[str, dict[str, Taskmaster]]] = defaultdict(dict)
        """By namespace, task and name."""
        self.heard = set[str]()
        """The kinds of which all has been told."""

    def take(self, told: Listed | Changed) -> set[Key]:
        """Takes in what was told; returns the tasks that it is about."""
        if isinstance(told, Changed):
            return {self._put(told.item, gone=told.gone)}
        before = self.keys()
        (self._tasks if told.kind == "configmaps" else self._pods).clear()
        self.heard.add(told.kind)
        return before | {self._put(item, gone=False) for item in told.items}

    def put(self, pod: Taskmaster) -> None:
        """One that was just made, of which the watch has not told yet."""
        self._put(pod, gone=False)

    def forget(self, task: Record) -> None:
        """One that has ended, of which the watch has not told yet."""
        self._put(task, gone=True)

    def tasks(self, namespace: str) -> Iterable[Record]:
        return self._tasks.get(namespace, {}).values()

    def task(self, key: Key) -> Record | None:
        return self._tasks.get(key.namespace, {}).get(key.task)

    def pods(self, key: Key) -> list[Taskmaster]:
        """Those of a task: more than one where an earlier release launched it by a Job."""
        return list(self._pods.get(key.namespace, {}).get(key.task, {}).values())

    def running(self, namespace: str) -> int:
        """How many tasks have a taskmaster that has not ended."""
        return sum(any(not pod.is_over for pod in pods.values()) for pods in self._pods.get(namespace, {}).values())

    def keys(self) -> set[Key]:
        """All that is known of."""
        return {
            Key(namespace, task) for kept in (self._tasks, self._pods) for namespace in kept for task in kept[namespace]
        }

    def _put(self, item: Record | Taskmaster, *, gone: bool) -> Key:
        if isinstance(item, Record):
            tasks = self._tasks[item.namespace]
            if gone:
                tasks.pop(item.task_id, None)
            else:
                tasks[item.task_id] = item
            return Key(item.namespace, item.task_id)
        pods = self._pods[item.namespace].setdefault(item.task, {})
        if not gone:
            pods[item.name] = item
        elif item.name in pods and pods[item.name].uid == item.uid:
            del pods[item.name]
        if not pods:
            del self._pods[item.namespace][item.task]
        return Key(item.namespace, item.task)
