"""The taskmaster's own record, as it was last seen, and the writes to it."""

from collections.abc import Mapping

from taskmaster import pages, plan
from taskmaster.kube import Kube
from taskmaster.objects import Objects
from tescore import record
from tescore.errors import Missing, Refused
from tescore.record import Record, TaskLog
from tescore.session import Object
from tescore.states import State

Annotations = Mapping[str, str | None]


class SteppedBack(Exception):
    """The record is gone, or belongs to a newer taskmaster."""


class OwnRecord:
    """`seen` is the record as of the last read or write; whoever holds another uid has stepped back."""

    def __init__(self, kube: Kube, claimed: Record, pod_uid: str) -> None:
        self._kube = kube
        self._pod_uid = pod_uid
        self._objects = Objects(kube, claimed.uid)
        self._room = record.room(claimed)
        self.seen = claimed

    @property
    def journal(self) -> plan.Journal:
        return plan.journal(self.seen.step)

    def write(self, state: State, annotations: Annotations, grown: TaskLog | None = None) -> None:
        """All in one write. Raises Conflict if the record has changed, SteppedBack if it is gone."""
        kept = self._paged(grown) if grown is not None else None
        changed = {**annotations, **(kept.annotations if kept else {})}
        patch = record.change(self.seen, state=state, annotations=changed, log=kept.log if kept else None)
        try:
            self.seen = record.record(self._kube.patch("configmaps", self.seen.task_id, patch))
        except Missing as error:
            raise SteppedBack("The record is gone.") from error

    def _paged(self, grown: TaskLog) -> pages.Split:
        """Writes the pages of outputs that do not fit into the record, before the record counts them."""
        split = pages.split(grown, self._room)
        try:
            for number, page in enumerate(split.pages):
                self._objects.put("configmaps", pages.config_map(self.seen, number, page))
        except Refused as error:
            return pages.without_pages(split, str(error))
        return split

    def refresh(self) -> None:
        """Raises SteppedBack if it is not this taskmaster's any more."""
        stored = self._kube.get("configmaps", self.seen.task_id)
        if stored is None:
            raise SteppedBack("The record is gone.")
        self.seen = record.record(stored)
        if self.seen.taskmaster != self._pod_uid:
            raise SteppedBack("Another taskmaster has claimed the record.")

    def hint(self, shown: Object | None) -> None:
        """A sight of it by a watch: one that is older than the last write may come late, so it only says to look."""
        if shown is None:
            raise SteppedBack("The record is gone.")
        there = record.record(shown)
        if there.cancel != self.seen.cancel or there.taskmaster != self.seen.taskmaster:
            self.refresh()
