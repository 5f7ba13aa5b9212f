"""What the backstop must do about a task or a Job, from what is seen of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from tescore.record import Record
from tescore.states import FINAL


class Verdict(Enum):
    LEAVE = auto()
    LAUNCH = auto()
    """It was stored, and nobody began it."""
    END = auto()
    """Its taskmaster has died for good."""
    EXPIRE = auto()
    """It ended so long ago that it is not kept any more."""


@dataclass(frozen=True, slots=True)
class Job:
    """A taskmaster's Job."""

    name: str
    created: datetime
    failed: str
    """Why it failed; empty while it has not."""
    ended: bool


def job(shown: Mapping[str, Any]) -> Job:
    """The facts of a Job as the API server shows it."""
    conditions = {c["type"]: c for c in shown.get("status", {}).get("conditions") or [] if c["status"] == "True"}
    failure = conditions.get("Failed")
    return Job(
        name=shown["metadata"]["name"],
        created=datetime.fromisoformat(shown["metadata"]["creationTimestamp"]),
        failed=(failure.get("message") or failure.get("reason") or "failed") if failure else "",
        ended=bool(failure or "Complete" in conditions),
    )


def about_task(seen: Record, its: Job | None, *, now: datetime, patience: timedelta, retention: timedelta) -> Verdict:
    """A taskmaster that lives is never overtaken, however slow: only a Job that failed or is missing counts."""
    if seen.state in FINAL:
        return Verdict.EXPIRE if now - _moment(seen.ended, now) > retention else Verdict.LEAVE
    if its is not None:
        return Verdict.END if its.failed else Verdict.LEAVE
    begun = seen.started or seen.created
    if now - _moment(begun, now) < patience:
        return Verdict.LEAVE
    # One that was begun and has no Job any more was deleted on purpose or lost all its tries.
    return Verdict.END if seen.taskmaster else Verdict.LAUNCH


def is_orphan(its: Job, has_task: bool, *, now: datetime, patience: timedelta) -> bool:
    """Whether the Job's task was never stored: the webhook launched it, and then the create was refused."""
    return not has_task and now - its.created > patience


def _moment(text: str, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else otherwise
