"""Every error that crosses a module: Rejected is the caller's fault, Transient may pass, the rest is a bug."""

import json
import re
from collections.abc import Sequence
from typing import Any

_FOREIGN_TEXT = 256
"""Characters kept of a text that another server wrote."""
_QUOTED = 512
"""Those kept of one that is the reason of something: a scheduler or container runtime says the cause last."""


class TeskError(Exception):
    """`reason` is stable and made for programs; the message is a sentence made for people."""

    reason = "Error"


class Rejected(TeskError):
    """The caller asked for something that cannot be; asking again changes nothing."""

    reason = "Rejected"


class Transient(TeskError):
    """It may work a moment later; only retrying code catches this."""

    reason = "Unavailable"


class InvalidTask(Rejected):
    """A task document with problems, all of them, each with its path (`executors[1].image: is missing`)."""

    reason = "InvalidTask"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("The task is not valid: " + "; ".join(problems) + ".")
        self.problems = tuple(problems)


class BadRequest(Rejected):
    """A request that is wrong outside of its task document."""

    reason = "BadRequest"


class TaskNotFound(Rejected):
    reason = "TaskNotFound"

    def __init__(self, task_id: str) -> None:
        super().__init__(f"There is no task {task_id!r}.")
        self.task_id = task_id


class Unauthenticated(Rejected):
    """The caller has not shown who they are; `challenges` say how to."""

    reason = "Unauthenticated"

    def __init__(self, message: str, challenges: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.challenges = tuple(challenges)


class Forbidden(Rejected):
    """The caller is known, and may not do this."""

    reason = "Forbidden"


class Misconfigured(TeskError):
    """Kubernetes refuses what the service itself must be able to do: a fault of its installation."""

    reason = "Misconfigured"


class BadSettings(Rejected):
    """All that is wrong with a program's environment."""

    reason = "BadSettings"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("The settings are not valid: " + "; ".join(problems) + ".")
        self.problems = tuple(problems)


class Missing(Rejected):
    """The Kubernetes object is not there (404)."""

    reason = "Missing"


class AlreadyExists(Rejected):
    """A Kubernetes object of that name is there (409 on create)."""

    reason = "AlreadyExists"


class Conflict(Rejected):
    """The object has changed since it was read (409 on a write that names its resourceVersion)."""

    reason = "Conflict"


class KeyReused(Rejected):
    """A client used an Idempotency-Key for another task before."""

    reason = "IdempotencyKeyReused"


class Expired(Rejected):
    """The resourceVersion or continue token is too old for the API server (410).

    `resumed` is the token that it gives instead, for the rest of the list as it is now; empty where it gives none.
    """

    reason = "Expired"

    def __init__(self, message: str, *, resumed: str = "") -> None:
        super().__init__(message)
        self.resumed = resumed


class Refused(Rejected):
    """The API server or an admission plugin will not do it: forbidden, invalid, over quota. `code` is its answer."""

    reason = "Refused"

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class QuotaExceeded(Refused):
    """A ResourceQuota of the namespace's has no room for it."""

    reason = "QuotaExceeded"


class Unavailable(Transient):
    """The API server does not answer, or asks for patience (429, 5xx); `retry_after` in seconds, if it said."""

    reason = "Unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooNew(Unavailable):
    """The API server has not come to that resourceVersion yet; it never will if the version is of another cluster."""


_NOT_YET = "ResourceVersionTooLarge"
_SECRET_PATH = re.compile(r"(/admit/)\w+")
"""The webhook's path, which the API server alone should know, and which it quotes where it cannot reach the webhook."""
_TRANSIENT_CODES = frozenset({401, 408, 409, 429, 500, 502, 503, 504})
"""401 is an answer to a pod that has been deleted, whose token ended with it, and that still works on: others go on."""

_TOO_LARGE = re.compile(r"request (is|entity) too large|message larger than max", re.IGNORECASE)
"""In the words of etcd, of the API server and of the client between them, for whom the API server answers 500."""

_LOST_CLAIM = re.compile(r"persistentvolumeclaim \S+ (not found|is being deleted|bound to non-existent)")

_LIMIT_RANGE = re.compile(r"(usage|max limit to request ratio) per (Container|Pod|PersistentVolumeClaim) is ")
"""A minimum, a maximum or a ratio, in the words of the admission plugin LimitRanger."""


def shortened(text: str, limit: int = _FOREIGN_TEXT) -> str:
    """A text from elsewhere, cut so that it can be quoted in a sentence."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def quoted(text: str) -> str:
    """A text from elsewhere in brackets, as part of a sentence; nothing if it is empty."""
    return f" ({shortened(text.strip().rstrip('.'), _QUOTED)})" if text.strip() else ""


def is_by_limit_range(message: str) -> bool:
    """Whether Kubernetes refuses a pod or a claim with this message for a LimitRange of its namespace."""
    return _LIMIT_RANGE.search(message) is not None


def is_by_lost_claim(message: str) -> bool:
    """Whether the scheduler finds no node with this message because a claim of the pod's is gone or goes."""
    return _LOST_CLAIM.search(message) is not None


def is_too_large(message: str) -> bool:
    """Whether Kubernetes cannot store an object because of its size."""
    return _TOO_LARGE.search(message) is not None


def kubernetes_error(code: int, body: bytes, *, method: str, retry_after: str | None = None) -> TeskError:
    """What an answer of the API server with an HTTP status of 400 or more means.

    A conflict on a create that is no AlreadyExists comes from a busy quota, and passes. Only the message of a
    Kubernetes `Status` is quoted; any other body may hold anything and is dropped.
    """
    status = _status(body)
    message, reason = _SECRET_PATH.sub(r"\1…", shortened(str(status.get("message", "")), 4096)), status.get("reason")
    text = message or f"The Kubernetes API server answered {code}."
    if reason == Misconfigured.reason:  # the webhook's own word
        return Misconfigured(text)
    if code == 409 and reason == "AlreadyExists":
        return AlreadyExists(text)
    if code == 409 and method != "POST":
        return Conflict(text)
    if code == 404:
        return Missing(text)
    if code == 410:
        return Expired(text, resumed=str((status.get("metadata") or {}).get("continue", "")))
    if is_too_large(message):
        return Refused(text, code=413)
    if code in _TRANSIENT_CODES:
        causes = (status.get("details") or {}).get("causes") or []
        kind = TooNew if any(cause.get("reason") == _NOT_YET for cause in causes) else Unavailable
        return kind(text, retry_after=float(retry_after) if retry_after and retry_after.isdigit() else None)
    return (QuotaExceeded if "exceeded quota: " in text else Refused)(text, code=code)


def _status(body: bytes) -> dict[str, Any]:
    """The Status in an answer; empty if it is none."""
    try:
        status = json.loads(body)
    except ValueError:
        return {}
    return status if isinstance(status, dict) and status.get("kind") == "Status" else {}
