"""The states of a task and which may follow which."""

from enum import StrEnum


class State(StrEnum):
    """TES 1.1, `tesState`. PAUSED and PREEMPTED are part of the standard and never used here."""

    UNKNOWN = "UNKNOWN"
    QUEUED = "QUEUED"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETE = "COMPLETE"
    EXECUTOR_ERROR = "EXECUTOR_ERROR"
    SYSTEM_ERROR = "SYSTEM_ERROR"
    CANCELED = "CANCELED"
    PREEMPTED = "PREEMPTED"
    CANCELING = "CANCELING"


FINAL = frozenset({State.COMPLETE, State.EXECUTOR_ERROR, State.SYSTEM_ERROR, State.CANCELED})
"""A task never leaves one of these."""

# RUNNING may be skipped: an executor can have ended before it was seen to run.
NEXT: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.INITIALIZING, State.CANCELING, State.CANCELED, State.SYSTEM_ERROR}),
    State.INITIALIZING: FINAL | {State.RUNNING, State.CANCELING},
    State.RUNNING: FINAL | {State.CANCELING},
    State.CANCELING: frozenset({State.CANCELED, State.SYSTEM_ERROR}),
}


def may_go(now: State, then: State) -> bool:
    """Whether a task in the state `now` may be written down as `then`; writing the same state again is legal."""
    return now == then or then in NEXT.get(now, frozenset())
