"""What the backstop must do about a task or a Job, from what is seen of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from tescore import naming
from tescore.record import Record, state
from tescore.states import FINAL, State


class Verdict(Enum):
    LEAVE = auto()
    LAUNCH = auto()
    """It was stored, and nobody began it."""
    END = auto()
    """Its taskmaster has died for good."""


@dataclass(frozen=True, slots=True)
class Job:
    """A taskmaster's Job."""

    failed: str
    """Why it failed; empty while it has not."""
    ended: bool


def job(shown: Mapping[str, Any]) -> Job:
    """The facts of a Job as the API server shows it."""
    conditions = {c["type"]: c for c in shown.get("status", {}).get("conditions") or [] if c["status"] == "True"}
    failure = conditions.get("Failed")
    return Job(
        failed=(failure.get("message") or failure.get("reason") or "failed") if failure else "",
        ended=bool(failure or "Complete" in conditions),
    )


def about_task(seen: Record, its: Job | None, *, now: datetime, patience: timedelta) -> Verdict:
    """About a task that has not ended.

    A taskmaster that lives is never overtaken, however slow: only a Job that failed or is missing counts.
    """
    if its is not None:
        return Verdict.END if its.failed else Verdict.LEAVE
    begun = seen.started or seen.created
    if now - _moment(begun, now) < patience:
        return Verdict.LEAVE
    # One that was begun and has no Job any more was deleted on purpose or lost all its tries.
    return Verdict.END if seen.taskmaster else Verdict.LAUNCH


def is_old(shown: Mapping[str, Any], now: datetime, patience: timedelta) -> bool:
    """Whether an object has been there for so long that its task, had it been stored, would have been seen."""
    return now - datetime.fromisoformat(shown["metadata"]["creationTimestamp"]) > patience


def is_kept(metadata: Mapping[str, Any], *, now: datetime, keep: timedelta) -> bool:
    """Whether a failed pod of a task, by its ConfigMap's metadata, is kept for a look."""
    ended = (metadata.get("annotations") or {}).get(naming.ENDED, "")
    return state(metadata) in {State.EXECUTOR_ERROR, State.SYSTEM_ERROR} and now - _moment(ended, now) < keep


def has_expired(metadata: Mapping[str, Any], *, now: datetime, retention: timedelta) -> bool:
    """Whether a task, by its ConfigMap's metadata, ended so long ago that it is not kept any more."""
    ended = (metadata.get("annotations") or {}).get(naming.ENDED, "")
    return state(metadata) in FINAL and now - _moment(ended, now) > retention


def _moment(text: str, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else otherwise
