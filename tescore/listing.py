"""Lists of the Kubernetes API, page by page."""

from collections.abc import Callable, Iterator

from tescore.session import Object

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v1,application/json"
"""Accept header for a list that holds the objects' metadata only."""
METADATA_OF_ONE = METADATA.replace("PartialObjectMetadataList", "PartialObjectMetadata")
"""The same for one object."""
WHOLE = "application/json"
"""For objects as they are."""
_PAGE = "500"


def listed(
    get: Callable[[dict[str, str], str], Object], selector: str, *, whole: bool = False, fields: str = ""
) -> Iterator[Object]:
    """All objects with these labels and fields, their metadata alone unless `whole`.

    `get` is asked with the query and the Accept header of each page.
    """
    token = ""
    while True:
        chosen = {"labelSelector": selector, "fieldSelector": fields, "limit": _PAGE, "continue": token}
        found = get({name: value for name, value in chosen.items() if value}, WHOLE if whole else METADATA)
        yield from found["items"]
        token = found["metadata"].get("continue", "")
        if not token:
            return
