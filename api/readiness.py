"""Whether a task could be created now."""

from collections.abc import Callable
from http import HTTPStatus

from tescore import record
from tescore.cluster import Cluster
from tescore.errors import AlreadyExists, Misconfigured, QuotaExceeded, Refused, TeskError, Transient
from tescore.remembered import Remembered
from tescore.session import path

_REMEMBERED = 5.0
"""Seconds."""
_NAME = "task-readiness"
_DOCUMENT = '{"executors": [{"image": "none", "command": ["true"]}]}'


class Readiness:
    """Asks with a dry run of the real thing: it needs no right but that to create tasks. `clock` gives seconds."""

    def __init__(self, cluster: Cluster, namespace: str, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._seen = Remembered(self._problem, _REMEMBERED, clock)
        self._namespace = namespace

    def check(self) -> None:
        """Returns if the API server and the webhook answered some seconds ago at most, else raises why not."""
        problem = self._seen.get(self._namespace)
        if problem is not None:
            raise NotReady(f"No task could be created now: {problem}") from problem

    def _problem(self, namespace: str) -> TeskError | None:
        body = record.config_map(_NAME, namespace, _DOCUMENT, owner="")
        try:
            self._cluster.create(path("configmaps", namespace), body, dry_run=True)
        except (AlreadyExists, Misconfigured, QuotaExceeded):
            return None  # these are said after the webhook has been asked, or by it: of the tenant's own settings
        except Refused as error:
            # The webhook has judged this one task (400), which does not make the service unfit.
            return None if error.code == HTTPStatus.BAD_REQUEST else error
        except TeskError as error:
            return error
        return None


class NotReady(Transient):
    """The API server or the webhook does not answer, or will not have a task."""

    reason = "NotReady"
