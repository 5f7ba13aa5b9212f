"""What is wrong about a task after its run, each violation a sentence."""

import re
from collections import Counter as Count
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tescore.states import FINAL, NEXT, State
from tescore.validation import schema_problems
from tests.campaigns.kinds import Planned
from tests.campaigns.sights import Sight

_KUBELET = timedelta(seconds=1)
"""Times of containers are whole seconds."""
_NEVER_BEGUN = "Cancelled before it began."
_STOPPED_WITHIN = 3.0
"""Seconds after its mark in which a cancelled task may still make a pod that it had decided on."""


def reachable(before: str, after: str) -> bool:
    """Whether a task that was polled in one state can be in the other at the next poll."""
    seen, left = set[State](), [State(before)]
    while left:
        state = left.pop()
        if state not in seen:
            seen.add(state)
            left += NEXT.get(state, frozenset())
    return State(after) in seen


def of_states(polled: Sequence[str], watched: Sequence[Sight]) -> Iterator[str]:
    """Of the states that a client and a watch saw, in their order."""
    yield from (f"polled {a} and then {b}" for a, b in pairwise(polled) if not reachable(a, b))
    for before, after in pairwise(watched):
        a, b = State(before.state), State(after.state)
        if a != b and b not in NEXT.get(a, frozenset()):
            yield f"written {a} and then {b}"
        if a in FINAL:
            yield f"written again (as {b}) after it had ended as {a}"


def of_end(planned: Planned, task: Mapping[str, Any], marks: Sequence[int]) -> Iterator[str]:
    """Of a task's end: its state and reason, and how often each executor ran."""
    state = task["state"]
    if state not in planned.states:
        yield f"ended as {state} and not as {' or '.join(sorted(planned.states))} ({_told(task)})"
        return
    if not re.search(planned.reason, _told(task)):
        yield f"its system_logs do not say {planned.reason!r} but {_told(task)!r}"
    if state == State.CANCELED:
        if any(found > most for found, most in zip(marks, planned.marks, strict=True)):
            yield f"its executors ran {tuple(marks)} times, and at most {planned.marks} is right"
    elif tuple(marks) != planned.marks:
        yield f"its executors ran {tuple(marks)} times and not {planned.marks}"


def of_record(planned: Planned, task: Mapping[str, Any]) -> Iterator[str]:
    """Of what the record says in the FULL view."""
    yield from (f"its record breaks the schema: {problem}" for problem in schema_problems(task))
    logs = task.get("logs", [])
    if len(logs) > 1:
        yield f"its record has {len(logs)} logs"
    for log in logs:
        yield from _of_log(planned, task, log)


def of_cancel(cancelled: float, made: Mapping[str, float]) -> Iterator[str]:
    """Of the task's pods by their names, with the times at which they were made and at which it was cancelled.

    When their containers start is up to the kubelet, which under load starts also what has been deleted.
    """
    for pod, when in made.items():
        if when - cancelled > _STOPPED_WITHIN:
            yield f"{pod} was made {when - cancelled:.1f} s after the cancel mark"


def _of_log(planned: Planned, task: Mapping[str, Any], log: Mapping[str, Any]) -> Iterator[str]:
    entries = log["logs"]
    if task["state"] == State.COMPLETE and len(entries) != len(planned.document["executors"]):
        yield f"it is COMPLETE with {len(entries)} logs of {len(planned.document['executors'])} executors"
    if len(entries) > len(planned.document["executors"]):
        yield f"it has {len(entries)} logs of {len(planned.document['executors'])} executors"
    for name, said in {
        "sentence in system_logs": log.get("system_logs", []),
        "output": [output["url"] for output in log.get("outputs", [])],
    }.items():
        yield from (f"the {name} {text!r} is there {n} times" for text, n in Count(said).items() if n > 1)
    yield from _of_times(task, log)


def _of_times(task: Mapping[str, Any], log: Mapping[str, Any]) -> Iterator[str]:
    steps = [entry.get(name, "") for entry in log["logs"] for name in ("start_time", "end_time")]
    began = [] if log.get("system_logs") == [_NEVER_BEGUN] else [log.get("start_time", "")]
    told = [task.get("creation_time", ""), *began, *steps, log.get("end_time", "")]
    if not all(told):
        yield f"a time is missing in {told}"
        return
    times = [datetime.fromisoformat(text) for text in told]
    if any(after + _KUBELET < before for before, after in pairwise(times)):
        yield f"its times are not in order: {told}"


def _told(task: Mapping[str, Any]) -> str:
    return "\n".join(line for log in task.get("logs", []) for line in log.get("system_logs", []))
