"""The tenants that the janitor looks after, each apart from the others."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from tescore import naming
from tescore.cluster import Cluster
from tescore.errors import TeskError

log = logging.getLogger(__name__)


def namespaces(cluster: Cluster) -> Iterator[str]:
    """Those of all tenants, but for where the janitor shall pause."""
    for item in cluster.listed("namespaces", "", naming.TENANT):
        metadata = item["metadata"]
        if (metadata.get("annotations") or {}).get(naming.PAUSED) != "true":
            yield metadata["name"]


@contextmanager
def apart(what: str, **about: str) -> Iterator[None]:
    """Whatever is wrong with one tenant or task, foreseen or not, is logged, and the others are seen to."""
    try:
        yield
    except TeskError as error:
        log.warning(what, extra={**about, "reason": str(error)})
    except Exception as error:
        log.warning(what, extra={**about, "reason": repr(error)}, exc_info=True)
