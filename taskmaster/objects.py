"""The pods and the claim of one task on the cluster: made once, read, waited for, removed."""

from collections.abc import Iterable
from queue import Empty

from taskmaster import observe
from taskmaster.kube import Kube
from taskmaster.observe import Trouble
from taskmaster.watches import Watches
from tescore import report
from tescore.errors import Missing, Refused, Unavailable
from tescore.session import Object

_PATIENCE = 60.0
"""Seconds in which the garbage collector may remove what an earlier task left."""

Names = Iterable[tuple[str, str]]
"""Kind and name of each."""


class Objects:
    """The objects that belong to the ConfigMap with that uid; those of an earlier task of the same name do not."""

    def __init__(self, kube: Kube, uid: str) -> None:
        self._kube = kube
        self._uid = uid
        self._removed: set[tuple[str, str]] = set()
        self._ended: set[tuple[str, str]] = set()

    def find(self, kind: str, name: str) -> Object | None:
        """The task's own object of that name, if there is one."""
        shown = self._kube.get(kind, name)
        return shown if shown is not None and self._is_own(shown) else None

    def make(self, kind: str, body: Object) -> Object:
        """The object, made now or before; what an earlier task left under its name is waited out.

        Raises Refused if the API server will not have it, and soon Unavailable if it cannot make it now.
        """
        name = body["metadata"]["name"]
        while True:
            shown = self._kube.create(kind, body, patient=False) or self.find(kind, name)
            if shown is not None:
                return shown
            self.gone({(kind, name)}, within=None)

    def put(self, kind: str, body: Object) -> None:
        """The object is there with just this data, made now or before.

        Raises Refused if the API server will not have it, or if another's object has its name and stays.
        """
        name = body["metadata"]["name"]
        if self._kube.create(kind, body):
            return
        if self.find(kind, name) is None:
            if not self.gone({(kind, name)}, within=_PATIENCE) or not self._kube.create(kind, body):
                raise Refused(f"another object has the name {name}", code=409)
            return
        labels = {"labels": body["metadata"]["labels"]}
        self._kube.patch(kind, name, {"metadata": labels, "binaryData": body["binaryData"]})

    def has_ended(self, pod: str) -> None:
        """Nothing runs in it any more, so that its removal need not wait for its node, nor its node ask and tell."""
        self._ended.add(("pods", pod))

    def remove(self, names: Names) -> set[tuple[str, str]]:
        """Has the objects deleted, each once; returns those that were there."""
        left = set(names) - self._removed
        self._removed |= {each for each in left if self._kube.delete(*each, at_once=each in self._ended)}
        return self._removed & set(names)

    def gone(self, names: Names, *, within: float | None) -> bool:
        """Waits until none of these objects is there; False after so many seconds without a change."""
        watches, left = Watches(), set(names)
        for kind, name in left:
            watches.follow(kind, name, self._kube.follow(kind, name), until=lambda seen: seen is None)
        while left:
            try:
                change = watches.next(within)
            except Empty:
                return False
            if change.object is None:
                left.discard((change.kind, change.name))
        return True

    def log_tail(self, pod: str, size: int) -> tuple[str, str]:
        """The last bytes of a pod's log, as text, and why it cannot be had, if so."""
        try:
            return self._kube.log_tail(pod, "executor", size), ""
        except (Missing, Refused, Unavailable) as error:
            return "", str(error)

    def trouble(self, pod: str) -> Trouble | None:
        """What Kubernetes warned of last about a pod."""
        return observe.trouble(self._kube.listed("events", fields=f"involvedObject.name={pod}"))

    def report(self, pod: str) -> report.Report:
        """What a filer told."""
        try:
            return self._kube.read_log(pod, "filer", report.read)
        except (Missing, Refused, Unavailable):
            return report.Report(warnings=("The report of the filer could not be read.",))

    def _is_own(self, shown: Object) -> bool:
        return any(owner["uid"] == self._uid for owner in shown["metadata"].get("ownerReferences", []))
