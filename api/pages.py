"""A page of tasks, made of as many of Kubernetes' pages as it takes."""

from collections.abc import Iterator, Sequence

from api import memory, tokens
from api.query import ListQuery
from api.views import View
from tescore import listing, naming, outputs, parts
from tescore.cluster import Cluster
from tescore.errors import BadRequest, Expired, Misconfigured, Refused, TooNew
from tescore.retry import retried, until
from tescore.session import Object, path

_READ_WAITS, _READ_SECONDS = (0.2, 0.4, 0.8, 1.6, 2.5, 2.5), 9.0
OBEYED = 2.0
"""Seconds that the API server may have a read or write wait before it is tried again."""
_FEW = 16
"""Whole records that are asked for at a time."""
_MANY = 250
"""Records whose metadata is asked for at a time where only those of a name prefix are wanted."""
_PAGE_BYTES = 8 * 1024 * 1024
"""Size at which a page of whole tasks ends."""
_PAGE_CALLS = 400
"""Calls for one page at most: a rare name prefix would go through all tasks at once. A page may be short."""
_FOREIGN = "page_token is not of this service; begin again without one."


class Pages:
    """Those of one tenant. Raises Refused or Unavailable as tescore.cluster does."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def page(self, query: ListQuery) -> tuple[list[Object], str, int]:
        """The tasks' ConfigMaps, the newest first, the token of the next page, empty after the last, and their bytes.

        Of the ConfigMaps there is what the view needs. Raises Busy, and BadRequest for a token
        that is none of this list's.
        """
        listed = f"{self._namespace}\n{query.selector}\n{query.name_prefix}"
        token, size = tokens.opened(query.page_token, listed), 0
        found: list[Object] = []
        for _ in range(_PAGE_CALLS):
            items, token = self._some(query, token, query.page_size - len(found), _PAGE_BYTES - size)
            found += items
            size += sum(_size(item) for item in items)
            memory.hold(size)  # what was read beside that is gone
            if not token or len(found) >= query.page_size or size >= _PAGE_BYTES:
                break
        return found, tokens.sealed(token, listed), size

    def _some(self, query: ListQuery, token: str, room: int, left: int) -> tuple[list[Object], str]:
        """The next tasks, no more than there is room for or reach the size; and the token after them."""
        many = max(room, _MANY) if query.name_prefix else room
        limit = many if query.view == View.MINIMAL else min(many, _FEW)
        listed = self._list(query, token, limit)
        # Only Kubernetes knows the token after an item, so it is asked for what fits; others may have come since.
        while (fitting := _fitting(listed["items"], query.name_prefix, room, left)) < len(listed["items"]):
            listed = self._list(query, token, fitting)
        items = [item for item in listed["items"] if _name(item).startswith(query.name_prefix)]
        return items, listed["metadata"].get("continue", "")

    def _list(self, query: ListQuery, token: str, limit: int) -> Object:
        """A page of Kubernetes'. One of a list that it has forgotten is the rest of that list as it is now.

        What was there all the time is on it, and nothing that came before, for names do not change.
        """
        try:
            try:
                return self._listed(query, token, limit)
            except Expired as error:
                if not error.resumed:
                    raise
                return self._listed(query, error.resumed, limit)
        except (Expired, Refused) as error:
            if not token:
                raise Misconfigured(str(error)) from error
            raise BadRequest(_FOREIGN) from error

    def _listed(self, query: ListQuery, token: str, limit: int) -> Object:
        where = path("configmaps", self._namespace)
        asked = {"labelSelector": query.selector, "limit": str(limit), **({"continue": token} if token else {})}

        def once() -> Object:
            try:
                if query.view != View.MINIMAL:
                    return self._cluster.get(where, query=asked, count=memory.take)
                page = self._cluster.get(where, query=asked, accept=listing.METADATA, count=memory.take)
                page["items"] = [_minimal(item) for item in page["items"]]
                return page
            except TooNew as error:
                raise BadRequest(_FOREIGN) from error

        return retried(once, read_waits(), obeyed=OBEYED)


def read_waits() -> Iterator[float]:
    """Reads ride out an API server that is away for 8 s, for some clients give a task up after one failed poll.

    One that is there and says nothing is asked twice, as each read holds a thread.
    """
    return until(_READ_SECONDS, _READ_WAITS)


def _minimal(item: Object) -> Object:
    """What is needed of an object to tell whether it is listed, and to show it in the view MINIMAL."""
    shown = item["metadata"]
    labels, annotations = shown.get("labels") or {}, shown.get("annotations") or {}
    return {
        "metadata": {
            "name": shown["name"],
            "labels": {naming.STATE: labels.get(naming.STATE, "")},
            "annotations": {naming.NAME: annotations.get(naming.NAME, "")},
        }
    }


def _fitting(items: Sequence[Object], name_prefix: str, room: int, left: int) -> int:
    """How many of the items it takes to fill a page, of which so many tasks and bytes are left; all if they do not."""
    for count, item in enumerate(items, 1):
        if _name(item).startswith(name_prefix):
            room -= 1
            left -= _size(item)
        if room <= 0 or left <= 0:
            return count
    return len(items)


def _size(item: Object) -> int:
    """Bytes of a whole task, its pages of outputs included; nothing for one of which only the metadata was read."""
    if not (item.get("data") or item.get("binaryData")):
        return 0
    return parts.size(item) + outputs.pages((item["metadata"].get("annotations") or {}).get(naming.OUTPUTS, "")).size


def _name(item: Object) -> str:
    return str((item["metadata"].get("annotations") or {}).get(naming.NAME, ""))
