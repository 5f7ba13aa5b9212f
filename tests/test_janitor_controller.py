import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest

from janitor.controller import Controller
from janitor.deeds import Deeds
from janitor.informer import Changed, Informer, Listed
from janitor.store import Store
from janitor.sweep import UNFINISHED
from janitor.taskmaster import taskmaster
from janitor.tenants import namespaces
from tescore import launch, record
from tescore.cluster import Cluster
from tescore.session import Object, Session
from tescore.tenants import Tenants
from tests.apiserver import ApiServer, Break, api_server, matches
from tests.service import eventually
from tests.tenant import (
    ENDED,
    NOW,
    RUNS,
    SETTINGS,
    STARTS,
    add_pod,
    add_settings,
    add_task,
    add_tenant,
    launched,
    remove,
    remove_pod,
    task,
    unscheduled,
)

WAITS = "Waits until one of the 2 tasks that may run at a time in this tenant has ended."
QUOTA = 'pods "task-1-taskmaster" is forbidden: exceeded quota: small, used: pods=4, limited: pods=4'
QUOTA_TOLD = "Waits: no pod can be made for its taskmaster (exceeded quota: small, used: pods=4, limited: pods=4)."
LIMIT_RANGE = 'pods "task-1-taskmaster" is forbidden: minimum memory usage per Container is 64Mi, but request is 32Mi'


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        running.sees_end = lambda _: False
        running.refused_because = QUOTA
        add_tenant(running)
        yield running


class Janitor:
    """A controller that is told of changes when the test says so."""

    def __init__(self, server: ApiServer) -> None:
        self.server, self.now = server, NOW
        cluster = Cluster(Session(server.url))
        self.controller = Controller(
            Deeds(cluster),
            Tenants(cluster, SETTINGS, self._seconds),
            Store(),
            lambda: set(namespaces(cluster)),
            launch=timedelta(seconds=60),
        )
        self._told = 0
        for kind in ("configmaps", "pods"):
            self.hear_all(kind)

    def _seconds(self) -> float:
        return self.now.timestamp()

    def hear_all(self, kind: str) -> None:
        """A list of all that there is."""
        shown = [each for (of_kind, _), each in self.server.objects.items() if of_kind == kind and _selects(kind, each)]
        self.controller.take(Listed(kind, [_read(kind, each) for each in shown]))
        self._told = len(self.server.events)

    def hear(self, *kinds: str) -> None:
        """What has changed; of some kinds only, as where the other watch is late."""
        news, self._told = self.server.events[self._told :], len(self.server.events)
        for _, kind, event, shown in news:
            if kind in (kinds or ("configmaps", "pods")) and (kind != "configmaps" or "labels" in shown["metadata"]):
                gone = event == "DELETED" or not _selects(kind, shown)
                self.controller.take(Changed(kind, _read(kind, shown), gone=gone))

    def act(self, *, after: float = 0) -> None:
        self.now += timedelta(seconds=after)
        self.controller.act(self.now)

    def go_on(self, *, after: float = 0) -> None:
        """Hears all and acts, until nothing changes."""
        self.now += timedelta(seconds=after)
        while True:
            before = len(self.server.events)
            self.hear()
            self.controller.act(self.now)
            if len(self.server.events) == before:
                return


def _selects(kind: str, shown: Object) -> bool:
    labels = shown["metadata"].get("labels", {})
    return matches(UNFINISHED if kind == "configmaps" else launch.SELECTOR, labels)


def _read(kind: str, shown: Object) -> Any:
    return record.record(shown) if kind == "configmaps" else taskmaster(shown)


def add_queue(server: ApiServer, count: int) -> None:
    """Tasks that wait, of which a higher number has waited longer."""
    for number in range(count):
        created = f"2026-11-22T04:{59 - number // 60:02}:{59 - number % 60:02}.000000Z"
        add_task(server, f"task-{number}", created=created, reason=WAITS)


def test_as_many_begin_as_there_is_room_for_the_longest_waiting_first(server: ApiServer) -> None:
    add_queue(server, 4)
    Janitor(server).act()
    assert launched(server) == ["task-2", "task-3"]
    assert server.made == ["task-3-taskmaster", "task-2-taskmaster"]


def test_a_task_that_runs_takes_room_and_one_that_has_ended_takes_none(server: ApiServer) -> None:
    add_task(server, "task-a", "RUNNING", taskmaster="p")
    add_pod(server, "task-a")
    add_pod(server, "task-b", ENDED)
    add_queue(server, 2)
    Janitor(server).act()
    assert server.made == ["task-1-taskmaster"]


def test_nothing_begins_before_all_is_known(server: ApiServer) -> None:
    add_queue(server, 1)
    janitor = Janitor(server)
    store, cluster = Store(), Cluster(Session(server.url))
    fresh = Controller(
        Deeds(cluster), Tenants(cluster, SETTINGS, lambda: 0.0), store, lambda: {"tesk"}, launch=timedelta(seconds=60)
    )
    fresh.take(Listed("configmaps", [record.record(server.objects["configmaps", "task-0"])]))
    fresh.act(NOW)
    assert launched(server) == []
    janitor.act()
    assert launched(server) == ["task-0"]


def test_when_a_task_ends_the_next_begins(server: ApiServer) -> None:
    add_queue(server, 3)
    janitor = Janitor(server)
    janitor.go_on()
    assert launched(server) == ["task-1", "task-2"]
    remove_pod(server, "task-2")
    remove(server, "configmaps", "task-2")
    janitor.go_on()
    assert launched(server) == ["task-0", "task-1"]


def test_one_whose_pod_is_over_makes_room_before_the_pod_goes(server: ApiServer) -> None:
    add_queue(server, 3)
    janitor = Janitor(server)
    janitor.go_on()
    remove(server, "configmaps", "task-2")
    server.stored("pods", {**server.objects["pods", "task-2-taskmaster"], "status": ENDED}, "MODIFIED")
    janitor.hear()
    janitor.act()
    assert "task-0" in launched(server)


def test_where_no_changes_are_told_a_look_at_all_begins_tasks(server: ApiServer) -> None:
    janitor = Janitor(server)
    add_queue(server, 1)
    janitor.act()
    assert launched(server) == []
    janitor.hear_all("configmaps")
    janitor.controller.rest()
    janitor.act()
    assert launched(server) == []
    janitor.controller.look_at_all()
    janitor.act()
    assert launched(server) == ["task-0"]


def test_a_start_costs_a_few_requests_however_long_the_queue_is(server: ApiServer) -> None:
    add_queue(server, 1000)
    janitor = Janitor(server)
    janitor.act()
    assert len(server.made) == 2
    assert server.requests <= 2 * 2 + 2  # for each task, and for the tenant
    remove_pod(server, "task-999")
    remove(server, "configmaps", "task-999")
    janitor.hear()
    janitor.act(after=1)
    assert len(server.made) == 3
    assert server.requests <= 3 * 2 + 4


def test_many_tasks_of_one_tenant_leave_another_its_turn(server: ApiServer) -> None:
    add_tenant(server, "other")
    add_settings(server, TASK_LIMIT="100")
    add_queue(server, 50)
    add_task(server, "task-x", namespace="other")
    janitor = Janitor(server)
    janitor.act()
    assert "task-x" in launched(server)
    assert len(launched(server)) == 21
    janitor.act()
    janitor.act()
    assert len(launched(server)) == 51


def test_a_task_that_was_just_stored_is_left_to_the_webhook_that_is_launching_it(server: ApiServer) -> None:
    add_task(server, "task-1", "INITIALIZING", created=record.timestamp(NOW))
    janitor = Janitor(server)
    janitor.act(after=1)
    assert launched(server) == []
    janitor.act(after=5)
    assert launched(server) == ["task-1"]


def test_what_lost_its_taskmaster_before_it_began_waits_where_there_is_no_room_and_says_so(server: ApiServer) -> None:
    for name in ("task-1", "task-2"):
        add_task(server, name, "RUNNING", taskmaster="p")
        add_pod(server, name)
    add_task(server, "task-3", "INITIALIZING")
    Janitor(server).act()
    assert launched(server) == ["task-1", "task-2"]
    assert task(server, "task-3") == ("INITIALIZING", WAITS)


def test_of_two_that_lost_it_the_older_begins_and_the_other_is_told(server: ApiServer) -> None:
    add_task(server, "task-1", "INITIALIZING", created="2026-11-22T04:50:00.000000Z")
    add_task(server, "task-2", "INITIALIZING", created="2026-11-22T04:40:00.000000Z")
    add_task(server, "task-3", "RUNNING", taskmaster="p")
    add_pod(server, "task-3")
    janitor = Janitor(server)
    janitor.go_on()
    assert server.made == ["task-2-taskmaster"]
    assert task(server, "task-2") == ("INITIALIZING", "")
    janitor.controller.look_at_all()
    janitor.act()
    assert task(server, "task-1") == ("INITIALIZING", WAITS)


def test_a_lost_taskmaster_is_replaced_at_once_and_beyond_the_room(server: ApiServer) -> None:
    for name in ("task-1", "task-2", "task-3"):
        add_task(server, name, "RUNNING", taskmaster="p")
        add_pod(server, name)
    janitor = Janitor(server)
    remove_pod(server, "task-2")
    janitor.go_on()
    assert server.made == ["task-2-taskmaster"]
    assert task(server, "task-2") == ("RUNNING", "")


def test_what_is_left_of_a_lost_one_gives_its_name_up(server: ApiServer) -> None:
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_pod(server, "task-1", RUNS, deletionTimestamp="2026-11-22T04:59:00Z")
    Janitor(server).act()
    made = server.objects["pods", "task-1-taskmaster"]["metadata"]
    assert made["uid"] != "pod-task-1"
    assert "deletionTimestamp" not in made


def test_one_whose_name_does_not_get_free_holds_up_no_other(server: ApiServer) -> None:
    add_queue(server, 3)
    add_pod(server, "task-2", ENDED)
    server.objects["pods", "task-2-taskmaster"]["metadata"]["finalizers"] = ["example.org/looks"]
    Janitor(server).act()
    assert server.made == ["task-1-taskmaster", "task-0-taskmaster"]


def test_one_taskmaster_lost_after_the_other_is_replaced_later_and_later(server: ApiServer) -> None:
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    janitor = Janitor(server)
    janitor.go_on()
    for wait in (1, 2, 4, 8, 16, 32, 60, 60):
        made = len(server.made)
        remove_pod(server, "task-1")
        janitor.go_on(after=wait - 0.5)
        assert len(server.made) == made, wait
        janitor.go_on(after=0.5)
        assert len(server.made) == made + 1, wait
    remove_pod(server, "task-1")
    janitor.go_on(after=700)
    remove_pod(server, "task-1")
    janitor.go_on(after=1)
    assert len(server.made) == made + 3


def finish(server: ApiServer, name: str) -> None:
    """The taskmaster ends its task and then deletes its pod."""
    shown = server.objects["configmaps", name]
    labels = {**shown["metadata"]["labels"], "tesk/state": "COMPLETE"}
    server.stored("configmaps", {**shown, "metadata": {**shown["metadata"], "labels": labels}}, "MODIFIED")
    remove_pod(server, name)


def test_a_finished_task_whose_end_is_not_told_yet_is_not_launched_again(server: ApiServer) -> None:
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_pod(server, "task-1")
    janitor = Janitor(server)
    finish(server, "task-1")
    janitor.hear("pods")
    janitor.act()
    assert server.made == []


def test_nor_one_whose_claim_is_not_told_yet_and_the_next_begins(server: ApiServer) -> None:
    add_queue(server, 3)
    janitor = Janitor(server)
    janitor.act()
    finish(server, "task-1")
    finish(server, "task-2")
    janitor.hear("pods")
    janitor.act()
    assert server.made == ["task-2-taskmaster", "task-1-taskmaster", "task-0-taskmaster"]


def test_a_name_that_is_used_again_is_another_task(server: ApiServer) -> None:
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_pod(server, "task-1")
    janitor = Janitor(server)
    finish(server, "task-1")
    remove(server, "configmaps", "task-1")
    add_task(server, "task-1", reason=WAITS)
    janitor.hear()
    janitor.act()
    assert launched(server) == ["task-1"]


def test_a_pod_that_a_quota_refuses_is_told_and_tried_again_after_5_seconds(server: ApiServer) -> None:
    add_task(server, "task-1", reason=WAITS)
    server.refused = "-taskmaster"
    janitor = Janitor(server)
    janitor.go_on()
    assert task(server, "task-1") == ("QUEUED", QUOTA_TOLD)
    server.refused = "-"
    janitor.go_on(after=4)
    assert launched(server) == []
    janitor.go_on(after=1)
    assert launched(server) == ["task-1"]


def test_or_when_a_pod_ends(server: ApiServer) -> None:
    add_pod(server, "task-0")
    add_task(server, "task-0", "RUNNING", taskmaster="p")
    add_task(server, "task-1", reason=WAITS)
    server.refused = "-taskmaster"
    janitor = Janitor(server)
    janitor.go_on()
    server.refused = "-"
    finish(server, "task-0")
    janitor.go_on()
    assert launched(server) == ["task-1"]


def test_one_refusal_is_enough_for_a_queue(server: ApiServer) -> None:
    add_settings(server, TASK_LIMIT="100")
    add_queue(server, 50)
    server.refused = "-taskmaster"
    janitor = Janitor(server)
    janitor.act()
    assert server.requests <= 6
    assert [n for n in range(50) if task(server, f"task-{n}")[1] != WAITS] == [49]


def test_a_task_whose_pod_is_refused_for_too_long_ends_with_the_reason(server: ApiServer) -> None:
    add_settings(server, QUEUE_SECONDS="1000")
    add_task(server, "task-1", reason=WAITS)
    server.refused = "-taskmaster"
    janitor = Janitor(server)
    janitor.go_on()
    janitor.go_on(after=1001)
    reason = f"The taskmaster could not run within 1001 s. {QUOTA_TOLD}"
    assert task(server, "task-1") == ("SYSTEM_ERROR", reason)
    assert server.objects["events", "task-1.system-error"]["message"] == reason


def test_a_cancelled_task_whose_new_taskmaster_is_refused_waits_for_nothing(server: ApiServer) -> None:
    add_task(server, "task-1", "CANCELING", taskmaster="p", cancel="now")
    server.refused = "-taskmaster"
    janitor = Janitor(server)
    janitor.go_on()
    assert task(server, "task-1")[0] == "CANCELING"
    janitor.go_on(after=61)
    assert task(server, "task-1") == ("CANCELED", "Cancelled.")


def test_a_refused_replacement_is_tried_again(server: ApiServer) -> None:
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    server.refused = "-taskmaster"
    janitor = Janitor(server)
    janitor.go_on()
    assert task(server, "task-1") == ("RUNNING", QUOTA_TOLD)
    server.refused = "-"
    janitor.go_on(after=1)
    assert launched(server) == ["task-1"]


def test_what_a_limit_range_forbids_ends_at_once_all_of_it(server: ApiServer) -> None:
    add_queue(server, 3)
    server.refused, server.refused_because = "-taskmaster", LIMIT_RANGE
    Janitor(server).go_on()
    words = "minimum memory usage per Container is 64Mi, but request is 32Mi"
    reason = f"The taskmaster could not be created: the namespace's LimitRange does not allow it ({words})."
    assert {task(server, f"task-{number}") for number in range(3)} == {("SYSTEM_ERROR", reason)}
    assert server.objects["events", "task-0.system-error"]["reason"] == "LimitRange"


def test_bad_settings_let_nothing_begin_but_lost_taskmasters_are_replaced(server: ApiServer) -> None:
    add_settings(server, NO="x")
    add_task(server, "task-1", reason=WAITS)
    add_task(server, "task-2", "RUNNING", taskmaster="p")
    janitor = Janitor(server)
    janitor.go_on()
    assert launched(server) == ["task-2"]
    add_settings(server)
    janitor.controller.look_at_all()
    janitor.go_on(after=30)
    assert launched(server) == ["task-1", "task-2"]


BAD_SETTINGS: list[dict[str, str]] = [
    {},
    *(
        {name: value}
        for name in ("KEEP_FAILED", "QUEUE_SECONDS", "RETENTION_DAYS")
        for value in ("inf", "nan", "1e300")
    ),
]


@pytest.mark.parametrize("settings", BAD_SETTINGS, ids=str)
def test_what_is_wrong_in_one_tenant_or_task_keeps_the_janitor_from_no_other(
    server: ApiServer, settings: dict[str, str]
) -> None:
    add_tenant(server, "bad")
    add_settings(server, namespace="bad", **settings)
    add_task(server, "task-bad-1", "RUNNING", namespace="bad", taskmaster="p", started="soon", created="never")
    add_task(server, "task-bad-2", "PAUSED", namespace="bad", cancel="soon")
    add_pod(server, "task-bad-2", unscheduled("none", since="2026-11-20T04:30:00Z"), namespace="bad")
    add_task(server, "task-bad-9", "RUNNING", namespace="bad", taskmaster="p")
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_task(server, "task-2", reason=WAITS)
    janitor = Janitor(server)
    janitor.go_on()
    assert {"task-1", "task-2", "task-bad-1", "task-bad-9"} <= set(launched(server))
    assert task(server, "task-bad-2")[0] == "PAUSED"


def test_a_task_of_which_nobody_knows_when_it_was_made_begins(server: ApiServer) -> None:
    add_task(server, "task-1", "INITIALIZING", created="never")
    add_task(server, "task-2", "INITIALIZING", created="2026-11-22T06:00:00.000000Z")
    Janitor(server).act()
    assert launched(server) == ["task-1", "task-2"]


def test_what_kubernetes_cannot_do_now_is_done_in_a_moment(server: ApiServer) -> None:
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_task(server, "task-2", reason=WAITS)
    server.failing = {"pods": 2}
    janitor = Janitor(server)
    janitor.go_on()
    assert launched(server) == []
    janitor.go_on(after=5)
    assert launched(server) == ["task-1", "task-2"]


def test_nothing_is_forgotten_while_the_tenants_cannot_be_listed(server: ApiServer) -> None:
    add_task(server, "task-1", reason=WAITS)
    janitor = Janitor(server)
    server.tenants_unknown = True
    with pytest.raises(Exception, match="API server"):
        janitor.act()
    server.tenants_unknown = False
    janitor.act()
    assert launched(server) == ["task-1"]


def test_tenants_that_are_paused_and_no_tenants_are_left_alone(server: ApiServer) -> None:
    add_tenant(server, "tesk", **{"tesk/janitor-paused": "true"})
    for namespace in ("tesk", "elsewhere"):
        add_task(server, f"task-{namespace}-1", "RUNNING", namespace=namespace, taskmaster="p")
        add_task(server, f"task-{namespace}-2", namespace=namespace, reason=WAITS)
        add_pod(server, f"task-{namespace}-3", ENDED, namespace=namespace)
    janitor = Janitor(server)
    janitor.go_on()
    janitor.controller.look_at_all()
    janitor.go_on(after=100)
    assert server.made == []
    assert launched(server) == ["task-elsewhere-3", "task-tesk-3"]


def test_a_taskmaster_that_cannot_run_says_why_and_goes_on_waiting(server: ApiServer) -> None:
    add_task(server, "task-1", "INITIALIZING")
    add_pod(server, "task-1", unscheduled("0/1 nodes are available: 1 Too many pods."))
    Janitor(server).go_on()
    told = "Waits: no node has room for its taskmaster (0/1 nodes are available: 1 Too many pods)."
    assert task(server, "task-1") == ("INITIALIZING", told)
    assert launched(server) == ["task-1"]


def test_what_is_in_its_way_is_told_when_it_has_lasted_a_while(server: ApiServer) -> None:
    add_task(server, "task-1", "INITIALIZING")
    add_pod(server, "task-1", unscheduled("no room", since="2026-11-22T04:59:50Z"))
    janitor = Janitor(server)
    janitor.go_on()
    assert task(server, "task-1")[1] == ""
    janitor.go_on(after=5)
    assert task(server, "task-1")[1] == "Waits: no node has room for its taskmaster (no room)."


def test_when_its_time_to_wait_is_over_it_ends_with_an_event_and_its_pod_goes(server: ApiServer) -> None:
    add_settings(server, QUEUE_SECONDS="1000")
    add_task(server, "task-1", "INITIALIZING")
    add_pod(server, "task-1", unscheduled("no room"))
    Janitor(server).go_on()
    reason = "The taskmaster could not run within 1800 s. Waits: no node has room for its taskmaster (no room)."
    assert task(server, "task-1") == ("SYSTEM_ERROR", reason)
    assert json.loads(server.objects["configmaps", "task-1"]["data"]["log.json"])["system_logs"] == [reason]
    assert server.objects["events", "task-1.system-error"]["message"] == reason
    assert launched(server) == []


def test_the_pod_of_a_task_that_was_cancelled_before_it_began_is_removed(server: ApiServer) -> None:
    add_task(server, "task-1", "INITIALIZING")
    add_pod(server, "task-1", STARTS)
    add_pod(server, "task-2", RUNS)
    add_task(server, "task-2", "RUNNING", taskmaster="p")
    janitor = Janitor(server)
    add_task(server, "task-1", "CANCELED")
    add_task(server, "task-2", "CANCELED")
    janitor.go_on()
    assert launched(server) == ["task-2"]  # it runs, and removes what is left


def test_the_pod_of_a_task_that_was_just_cancelled_makes_room_at_once(server: ApiServer) -> None:
    add_task(server, "task-1", "INITIALIZING")
    add_pod(server, "task-1", STARTS, created=NOW.isoformat())
    janitor = Janitor(server)
    janitor.go_on()
    add_task(server, "task-1", "CANCELED")
    janitor.go_on()
    assert ("pods", "task-1-taskmaster") not in server.objects


def test_the_pod_of_a_task_that_is_just_being_stored_is_left_alone(server: ApiServer) -> None:
    add_pod(server, "task-1", STARTS, created=record.timestamp(NOW))
    janitor = Janitor(server)
    for after in (1, 5, 50):
        janitor.go_on(after=after)
        janitor.controller.look_at_all()
    assert launched(server) == ["task-1"]
    janitor.go_on(after=10)
    assert launched(server) == []


def test_what_has_ended_of_a_task_that_is_gone_is_removed_at_once(server: ApiServer) -> None:
    add_pod(server, "task-1", ENDED, created=record.timestamp(NOW))
    Janitor(server).go_on()
    assert launched(server) == []


def test_two_janitors_at_once_do_no_harm(server: ApiServer) -> None:
    add_settings(server, QUEUE_SECONDS="1000", TASK_LIMIT="3")
    add_task(server, "task-1", "RUNNING", taskmaster="p")
    add_task(server, "task-2", "INITIALIZING")
    add_pod(server, "task-2", unscheduled("no room"))
    add_task(server, "task-3", "RUNNING", taskmaster="p")
    add_pod(server, "task-3", ENDED)
    add_queue(server, 1)
    janitors = [Janitor(server), Janitor(server)]
    both = [Thread(target=janitor.act) for janitor in janitors]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    for janitor in janitors:
        janitor.go_on(after=5)
    assert launched(server) == ["task-0", "task-1", "task-3"]
    assert task(server, "task-1") == ("RUNNING", "")
    assert server.objects["configmaps", "task-2"]["data"]["log.json"].count("could not run") == 1
    assert sorted(server.made) == ["task-0-taskmaster", "task-1-taskmaster", "task-3-taskmaster"]


def test_a_janitor_that_begins_anew_goes_on_where_another_ended(server: ApiServer) -> None:
    add_queue(server, 3)
    Janitor(server).act()
    Janitor(server).go_on()
    assert launched(server) == ["task-1", "task-2"]


def test_a_task_that_was_cancelled_meanwhile_is_not_ended_over_that(server: ApiServer) -> None:
    add_settings(server, QUEUE_SECONDS="1000")
    add_task(server, "task-1", "INITIALIZING")
    add_pod(server, "task-1", unscheduled("no room"))
    janitor = Janitor(server)
    add_task(server, "task-1", "INITIALIZING", cancel="now")
    janitor.act()
    assert task(server, "task-1")[0] == "INITIALIZING"
    janitor.go_on()
    assert task(server, "task-1")[0] == "CANCELED"


def test_an_answer_that_gets_lost_launches_no_second_taskmaster(server: ApiServer) -> None:
    add_task(server, "task-1", reason=WAITS)
    janitor = Janitor(server)
    server.broken = {3: Break.NOT_ANSWERED}  # after the tenant's settings and quotas, and the record
    janitor.go_on()
    janitor.go_on(after=5)
    assert server.made == ["task-1-taskmaster"]


def test_with_its_informers_a_task_begins_as_soon_as_there_is_room(server: ApiServer) -> None:
    add_queue(server, 3)
    cluster = Cluster(Session(server.url))
    told: SimpleQueue[Listed | Changed] = SimpleQueue()
    Informer(cluster, "configmaps", UNFINISHED, record.record, whole=False).start(told.put)
    Informer(cluster, "pods", launch.SELECTOR, taskmaster, whole=True).start(told.put)
    controller = Controller(
        Deeds(cluster),
        Tenants(cluster, SETTINGS, lambda: 0.0),
        Store(),
        lambda: set(namespaces(cluster)),
        launch=timedelta(seconds=60),
    )

    def begun(*names: str) -> bool:
        while not told.empty():
            controller.take(told.get())
        controller.act(datetime.fromisoformat("2026-11-22T05:00:00Z"))
        return launched(server) == sorted(names)

    eventually(lambda: begun("task-1", "task-2"), "two run")
    finish(server, "task-1")
    eventually(lambda: begun("task-0", "task-2"), "the third runs")
