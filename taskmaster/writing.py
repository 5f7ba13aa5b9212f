"""What is written into the record, and told as an Event: from a decision to state, annotations and log."""

from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from taskmaster import plan, tasklog
from taskmaster.decide import Again, Begin, Finish, Wait, failed_executor
from taskmaster.explain import Failure
from taskmaster.observe import Pod
from taskmaster.plan import Kind, Step
from tescore import naming, record
from tescore.errors import shortened
from tescore.record import Record, TaskLog, with_note
from tescore.states import State

_SENTENCE = 1000
"""Characters of a reason in an annotation and an Event; the log has all of it."""

_NOTES = 200
"""Sentences in the log above which it is not told any more what a step waits for: what passes by turns has no end."""


class Told(NamedTuple):
    """An Event on the task's ConfigMap; `about` makes its name, so that the same is told once."""

    reason: str
    message: str
    about: str


class Writing(NamedTuple):
    state: State
    annotations: dict[str, str | None]
    log: TaskLog | None = None
    """None leaves it as it is."""
    told: Told | None = None


class StepEnd(NamedTuple):
    """How a step ended."""

    step: Step
    log: TaskLog
    """As it has grown by the step."""
    failure: Failure | None
    pod: Pod | None


def waited(seen: Record, step: Step, wait: Wait, now: datetime) -> Writing | None:
    """That an executor runs, or what the step waits for; None where it is written already."""
    before = noted = plan.journal(seen.step)
    reason, state = wait.reason, seen.state
    if wait.running and step.kind == Kind.EXECUTOR and not before.seen:
        state, noted = State.RUNNING, replace(noted, seen=True)
    if (reason.reason if reason else "") != before.waiting:
        noted = noted.wait(reason.reason, reason.patience, now) if reason else noted.wait("", "", now)
    if noted == before:
        return None
    annotations: dict[str, str | None] = {naming.STEP: noted.encoded()}
    if not before.failure:  # else the reason is that of the failure
        annotations[naming.REASON] = shortened(reason.message, _SENTENCE) if reason else None
    if reason is None:
        return Writing(state, annotations)
    told = _told(reason.reason, reason.message, f"{step.name}.{reason.reason}")
    has_room = len(seen.log.get("system_logs", ())) < _NOTES
    return Writing(state, annotations, with_note(seen.log, reason.message) if has_room else None, told)


def concluded(seen: Record, end: StepEnd, verdict: Begin | Again | Finish, *, attempts: int, now: datetime) -> Writing:
    """The end of a step together with the beginning of the next one, or with the end of the task."""
    ended, grown, failure = plan.journal(seen.step), end.log, end.failure
    if isinstance(verdict, Again) and verdict.failure.refused_by_node:
        # Its pod never began, and that it waits for another is told already.
        return Writing(seen.state, {naming.STEP: ended.after_refusal(now).encoded()})
    if isinstance(verdict, Again):
        # What a lost pod had to say is not its step's result.
        grown = tasklog.anew(seen.log) if verdict.new_volume else seen.log
    if end.pod:
        seconds = plan.seconds_since(ended.begun, now)
        grown = tasklog.with_step(grown, end.step.kind, end.pod, seconds=seconds, attempt=ended.attempt)
    grown = with_note(grown, failure.message if failure and not isinstance(verdict, Again) else "")
    match verdict:
        case Begin(index, failed):
            state = State.RUNNING if end.step.kind == Kind.EXECUTOR else seen.state
            failed_with = (failed.reason, failed.message) if failed else ()
            begun = ended.next(index, record.timestamp(now), failed_with)
            return _written(state, grown, failed.message if failed else "", {naming.STEP: begun.encoded()})
        case Again(index, lost, new_volume):
            begun = ended.again(index, record.timestamp(now), new_volume=new_volume)
            reason = f"{lost.message} Attempt {begun.attempt - begun.refused} of {attempts} begins."
            before = failed_executor(ended)
            grown, shown = with_note(grown, reason), before.message if before else reason
            told = _told(lost.reason, reason, f"attempt-{begun.attempt}")
            return _written(seen.state, grown, shown, {naming.STEP: begun.encoded()}, told)
        case Finish(state, cause):
            if cause is None:
                return finished(state, grown, "", now)
            return finished(state, grown, cause.message, now, _told(cause.reason, cause.message, state.value))


def finished(state: State, grown: TaskLog, reason: str, now: datetime, told: Told | None = None) -> Writing:
    """The end of the task."""
    ended = record.timestamp(now)
    return _written(state, {**grown, "end_time": ended}, reason, {naming.ENDED: ended}, told)


def _written(
    state: State, grown: TaskLog, reason: str, annotations: dict[str, Any], told: Told | None = None
) -> Writing:
    codes = ",".join(str(code) for code in tasklog.exit_codes(grown))
    status = {naming.EXIT_CODES: codes or None, naming.REASON: shortened(reason, _SENTENCE) or None}
    return Writing(state, {**annotations, **status}, grown, told)


def _told(reason: str, message: str, about: str) -> Told:
    return Told(reason, shortened(message, _SENTENCE), about)
