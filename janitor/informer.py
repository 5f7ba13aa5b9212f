"""What there is of one kind in the whole cluster: listed once, and then each change of it."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Thread
from typing import Any

from janitor.tenants import apart
from tescore import listing
from tescore.cluster import Cluster
from tescore.errors import Expired, TeskError
from tescore.retry import pause
from tescore.session import Object, path
from tescore.watch import changes

_WATCH_SECONDS = 60
"""How long the API server keeps a watch open; then it is begun again where it was. A dead one is noticed after it."""
_AGAIN = 1.0
"""Seconds before what has ended is begun again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """All that there is; what is not among it is gone."""

    kind: str
    items: list[Any]


@dataclass(frozen=True, slots=True)
class Changed:
    kind: str
    item: Any
    gone: bool
    """Deleted, or not selected any more."""


@dataclass(frozen=True, slots=True)
class Informer:
    cluster: Cluster
    kind: str
    selector: str
    read: Callable[[Object], Any]
    """Makes of an object what is kept of it; one that it fails at is left out."""
    whole: bool
    """Whether more than the metadata is read."""

    def start(self, put: Callable[[Listed | Changed], None]) -> None:
        """Has a thread tell, for ever, first all and then what changes; all again after changes were missed."""
        Thread(target=self._follow, args=(put,), name=f"informer of {self.kind}", daemon=True).start()

    def _follow(self, put: Callable[[Listed | Changed], None]) -> None:
        version = ""
        while True:
            try:
                if not version:
                    version, items = self._listed()
                    put(Listed(self.kind, items))
                for change in self._changes(version):
                    version = change["object"]["metadata"]["resourceVersion"]
                    if change["type"] != "BOOKMARK":
                        for item in self._items([change["object"]]):
                            put(Changed(self.kind, item, gone=change["type"] == "DELETED"))
            except Expired:
                version = ""
            except TeskError as error:
                log.warning("watch broke off", extra={"kind": self.kind, "reason": str(error)})
            except Exception:
                log.exception("watch broke off", extra={"kind": self.kind})
                version = ""
            pause(_AGAIN)

    def _listed(self) -> tuple[str, list[Any]]:
        """All of them as they were at one resourceVersion."""
        version = ""

        def page(query: dict[str, str], accept: str) -> Object:
            nonlocal version
            found = self.cluster.get(path(self.kind), query=query, accept=accept)
            version = found["metadata"]["resourceVersion"]
            return found

        items = list(self._items(listing.listed(page, self.selector, whole=self.whole)))
        return version, items

    def _changes(self, version: str) -> Iterator[Object]:
        query = {
            "watch": "1",
            "labelSelector": self.selector,
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        accept = listing.WHOLE if self.whole else listing.METADATA_OF_ONE
        return changes(self.cluster.stream(path(self.kind), query=query, accept=accept, silence=_WATCH_SECONDS + 10))

    def _items(self, objects: Iterator[Object] | list[Object]) -> Iterator[Any]:
        for each in objects:
            metadata = each["metadata"]
            with apart("object cannot be read", namespace=metadata["namespace"], object=metadata["name"]):
                yield self.read(each)
