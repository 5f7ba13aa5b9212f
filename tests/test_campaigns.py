"""What a soak submits, and that it would notice what it looks for."""

import json
from collections import Counter
from typing import Any

import pytest

from tescore.errors import BadSettings
from tescore.tenant import TenantSettings, overridden
from tescore.validation import checked
from tests.campaigns import bad_tenants, verdict
from tests.campaigns.kinds import Place, Planned, plan
from tests.campaigns.sights import Sight
from tests.e2e.cluster import STANDING

PLACE = Place("busybox", "http://10.0.0.1:1")
PLANNED = Planned("two", {"executors": [{}, {}]}, frozenset({"COMPLETE"}), (1, 1))
CANCELLED = Planned("cancelled", {"executors": [{}, {}]}, frozenset({"CANCELED"}), (1, 0))
FAILING = Planned("failing", {"executors": [{}]}, frozenset({"EXECUTOR_ERROR"}), (1,), r"exited with 3")


def task(**changes: Any) -> dict[str, Any]:
    entry = {"start_time": "2026-11-22T04:00:02Z", "end_time": "2026-11-22T04:00:03Z", "exit_code": 0}
    log = {
        "logs": [entry, entry | {"start_time": "2026-11-22T04:00:03Z"}],
        "outputs": [],
        "system_logs": [],
        "start_time": "2026-11-22T04:00:01.000000Z",
        "end_time": "2026-11-22T04:00:04.000000Z",
        **changes.pop("log", {}),
    }
    executors = [{"image": "busybox", "command": ["true"]}] * 2
    made = {"id": "task-x", "state": "COMPLETE", "executors": executors, "creation_time": "2026-11-22T04:00:00.000000Z"}
    return {**made, "logs": [log], **changes}


def sights(*states: str) -> list[Sight]:
    return [Sight(0.0, "task-x", str(number), state, "") for number, state in enumerate(states)]


def test_the_tasks_of_a_soak_are_valid_and_drawn_from_its_seed() -> None:
    planned = plan(100, "run", 7, PLACE, cancelled_within=20)
    assert planned == plan(100, "run", 7, PLACE, cancelled_within=20)
    assert planned != plan(100, "run", 8, PLACE, cancelled_within=20)
    for each in planned:
        checked(json.dumps(each.document), TenantSettings())
    ends = Counter("CANCELED" if each.cancel_after is not None else max(each.states) for each in planned)
    assert ends["CANCELED"] == 10
    assert ends["COMPLETE"] == 80


def test_nothing_is_wrong_about_a_task_that_went_well() -> None:
    assert list(verdict.of_states(["INITIALIZING", "COMPLETE"], sights("INITIALIZING", "RUNNING", "COMPLETE"))) == []
    assert list(verdict.of_end(PLANNED, task(), (1, 1))) == []
    assert list(verdict.of_record(PLANNED, task())) == []
    assert list(verdict.of_end(CANCELLED, task(state="CANCELED"), (0, 0))) == []
    assert list(verdict.of_cancel(100.0, {"a": 99.0, "b": 101.0})) == []


@pytest.mark.parametrize(
    ("polled", "watched", "violation"),
    [
        (["RUNNING", "INITIALIZING"], (), "polled RUNNING and then INITIALIZING"),
        (["COMPLETE", "CANCELED"], (), "polled COMPLETE and then CANCELED"),
        ([], ("QUEUED", "RUNNING"), "written QUEUED and then RUNNING"),
        ([], ("COMPLETE", "COMPLETE"), "written again (as COMPLETE) after it had ended as COMPLETE"),
    ],
)
def test_states_that_do_not_follow_each_other_are_noticed(
    polled: list[str], watched: tuple[str, ...], violation: str
) -> None:
    assert list(verdict.of_states(polled, sights(*watched))) == [violation]


@pytest.mark.parametrize(
    ("planned", "shown", "marks", "violation"),
    [
        (PLANNED, task(state="SYSTEM_ERROR"), (1, 1), "ended as SYSTEM_ERROR and not as COMPLETE ()"),
        (PLANNED, task(), (1, 2), "its executors ran (1, 2) times and not (1, 1)"),
        (CANCELLED, task(state="CANCELED"), (1, 1), "its executors ran (1, 1) times, and at most (1, 0) is right"),
        (FAILING, task(state="EXECUTOR_ERROR"), (1,), "its system_logs do not say 'exited with 3' but ''"),
    ],
)
def test_a_wrong_end_is_noticed(planned: Planned, shown: Any, marks: tuple[int, ...], violation: str) -> None:
    assert list(verdict.of_end(planned, shown, marks)) == [violation]


@pytest.mark.parametrize(
    ("shown", "violation"),
    [
        (task(state="DONE"), "its record breaks the schema: state: is 'DONE'"),
        (task(log={"logs": []}), "it is COMPLETE with 0 logs of 2 executors"),
        (task(log={"system_logs": ["a", "a"]}), "the sentence in system_logs 'a' is there 2 times"),
        (task(log={"end_time": "2026-11-22T04:00:01.000000Z"}), "its times are not in order"),
        (task(log={"start_time": ""}), "a time is missing"),
    ],
)
def test_a_wrong_record_is_noticed(shown: Any, violation: str) -> None:
    assert any(found.startswith(violation) for found in verdict.of_record(PLANNED, shown))


def test_a_pod_that_is_made_after_the_cancel_is_noticed() -> None:
    assert list(verdict.of_cancel(100.0, {"a": 99.0, "b": 108.0})) == ["b was made 8.0 s after the cancel mark"]


@pytest.mark.parametrize("settings", bad_tenants.SETTINGS[1:], ids=",".join)
def test_each_setting_of_a_bad_tenant_is_refused(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        with pytest.raises(BadSettings):
            overridden(TenantSettings(), {name: value})


def bad_records(*, without: str = "", told: str = "Waits: x.") -> list[dict[str, Any]]:
    """Of all bad tenants, as a janitor that does its work leaves them; but for the named one in the last of them."""
    reasons = {bad_tenants.DEAD: told, **dict.fromkeys(bad_tenants.KEPT, "")}
    return [
        {"metadata": {"namespace": namespace, "name": name, "annotations": {"tesk/reason": reason}}}
        for namespace in bad_tenants.NAMES
        for name, reason in reasons.items()
        if name != without or namespace != bad_tenants.NAMES[-1]
    ]


def test_nothing_is_wrong_where_the_janitor_bears_the_bad_tenants() -> None:
    assert max(bad_tenants.NAMES) < STANDING
    assert list(bad_tenants.of_records(bad_records())) == []
    assert list(bad_tenants.of_janitors({"pod": 1}, {"pod": 1})) == []


@pytest.mark.parametrize("after", [{"pod": 2}, {"another": 0}, {"pod": 1, "another": 0}, {}])
def test_a_janitor_that_was_restarted_is_noticed(after: dict[str, int]) -> None:
    assert len(list(bad_tenants.of_janitors({"pod": 1}, after))) == 1


def test_a_bad_tenant_that_the_janitor_did_not_see_to_or_in_which_it_did_too_much_is_noticed() -> None:
    last, (ended, _) = bad_tenants.NAMES[-1], bad_tenants.KEPT
    assert list(bad_tenants.of_records(bad_records(without=ended))) == [f"{last}: the record {ended} is gone"]
    unseen = list(bad_tenants.of_records(bad_records(told="")))
    assert unseen[-1] == f"{last}: nobody has seen to the task that lost its taskmaster"
    assert len(unseen) == len(bad_tenants.NAMES)
