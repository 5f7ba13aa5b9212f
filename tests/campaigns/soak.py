"""`python -m tests.campaigns.soak`: many tasks at once, of which some fail, some are cancelled, and taskmasters die.

Beside them are tenants in which everything is wrong (tests/campaigns/bad_tenants.py), which must disturb nothing.
Ends with 1 and a list of violations where a task's end, record or leftovers are wrong. Environment: `.local/env`, and
SOAK_TASKS (500), SOAK_SEED (drawn), SOAK_PODS (no quota), SOAK_LIMIT (the tenant's task limit; with SOAK_PODS half of
them), SOAK_KILL_EVERY (1 s on average; 0: none), SOAK_WITHIN (seconds that all may take).
"""

import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tes

from tescore import naming
from tests.campaigns import bad_tenants, verdict
from tests.campaigns.audit import pods_made
from tests.campaigns.counter import Counter, counter
from tests.campaigns.killer import Kills, killing
from tests.campaigns.kinds import Place, Planned, plan
from tests.campaigns.sights import Sights, sights
from tests.campaigns.tables import percentiles, table
from tests.e2e.cluster import FINAL, STANDING, Kubectl, Service, address_of_this_machine, made, wait_until

CONNECTIONS = 16
ACTIVE = {"INITIALIZING", "RUNNING", "CANCELING"}
TAG = "campaign"


@dataclass(frozen=True, slots=True)
class Settings:
    tasks: int = 500
    seed: int = 1
    pods: int = 0
    """ResourceQuota of the tenant, 0 is none."""
    limit: int = 0
    """Of tasks that run at a time, 0 is the service's."""
    kill_every: float = 1.0
    within: float = 3600.0
    """Seconds from the first submission to the last end."""


@dataclass(slots=True)
class Run:
    """What is known of a run while it goes on."""

    settings: Settings
    planned: list[Planned]
    tag: str
    ids: dict[int, str] = field(default_factory=dict)
    """By the number of the task."""
    submitted: dict[int, float] = field(default_factory=dict)
    cancelled: dict[int, float] = field(default_factory=dict)
    answers: dict[str, list[float]] = field(default_factory=lambda: {"POST": [], "cancel": [], "list": []})
    """Seconds that the api took."""
    polled: dict[str, list[str]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    took: float = 0.0

    def tasks(self) -> set[str]:
        """The ids of those that were accepted."""
        return set(self.ids.values())

    def ended(self) -> list[str]:
        """The ids of those that were seen to have ended."""
        return [task for task, states in list(self.polled.items()) if states[-1] in FINAL]

    def timed(self, what: str, service: Service, method: str, path: str, body: Any = None) -> Any:
        began = time.monotonic()
        try:
            status, answer = service.call(method, path, body)
        except OSError as error:
            self.violations.append(f"{what}: no answer ({error})")
            return {}
        self.answers[what].append(time.monotonic() - began)
        if status != 200:
            self.violations.append(f"{what}: answered {status} {answer}")
            return {}
        return answer


def soaked(settings: Settings, kubectl: Kubectl, service: Service, image: str) -> tuple[Run, str]:
    """A whole run, with the table that tells it."""
    tag = f"soak-{settings.seed}-{int(time.time())}"
    selector = f"{naming.tag_label(TAG)}={naming.hashed(tag)}"
    with ExitStack() as stack:
        janitors = bad_tenants.janitors(kubectl)
        stack.enter_context(bad_tenants.bad_tenants(kubectl))
        stack.enter_context(_room(settings, kubectl))
        address = address_of_this_machine(kubectl)
        place = stack.enter_context(counter(address))
        stack.enter_context(made(kubectl, _reached_by_executors(address)))
        window = min(120.0, 10 + settings.tasks / 4)
        planned = plan(settings.tasks, tag, settings.seed, Place(image, place.url), cancelled_within=window)
        run = Run(settings, planned, tag)
        seen = stack.enter_context(sights(selector))
        drawn = random.Random(settings.seed)
        every = settings.kill_every
        kills = stack.enter_context(killing(run.tasks, every, drawn) if every else nullcontext(Kills()))
        wait_until(lambda: _answers(service), "the service answers")
        _submit_and_follow(run, service)
        _check(run, kubectl, service, seen, place)
        run.violations += bad_tenants.violations(kubectl, janitors)
        if every and not kills.all:
            run.violations.append("no taskmaster was killed: root of the machine that the node is on can do that")
    return run, _told(run, seen, kills)


def _reached_by_executors(address: str) -> dict[str, Any]:
    """A policy for networks that enforce the tenant's, by which executors reach nothing private."""
    labels = {naming.MANAGED_BY: "tesk", naming.COMPONENT: "executor"}
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "e2e-counter"},
        "spec": {
            "podSelector": {"matchLabels": labels}, "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": f"{address}/32"}}]}],
        },
    }  # fmt: skip


def _answers(service: Service) -> bool:
    """Right after a roll-out the node's port may lead nowhere for a moment."""
    try:
        return service.call("GET", "/service-info")[0] == 200
    except OSError:
        return False


@contextmanager
def _room(settings: Settings, kubectl: Kubectl) -> Iterator[None]:
    """The tenant's quota and limit, until the block ends."""
    given = []
    if settings.pods:
        given.append({"kind": "ResourceQuota", "spec": {"hard": {"pods": str(settings.pods)}}})
    limit = settings.limit or max(1, settings.pods // 2 - 1) * bool(settings.pods)
    if limit:
        given.append({"kind": "ConfigMap", "data": {"TESK_TASK_LIMIT": str(limit)}})
    names = {"ResourceQuota": "soak", "ConfigMap": "tesk-settings"}
    try:
        for item in given:
            metadata = {"name": names[str(item["kind"])], "namespace": STANDING}
            kubectl("apply", "-f", "-", given={"apiVersion": "v1", "metadata": metadata, **item})
        yield
    finally:
        for item in given:
            kubectl("delete", str(item["kind"]), names[str(item["kind"])], "--ignore-not-found")


def _submit_and_follow(run: Run, service: Service) -> None:
    """Submits everything at once, cancels what is to be, and polls until all have ended or time is up."""
    began = time.monotonic()
    stopped = threading.Event()
    helpers = [threading.Thread(target=each, args=(run, service, stopped)) for each in (_cancel, _poll)]
    for helper in helpers:
        helper.start()
    try:
        with ThreadPoolExecutor(CONNECTIONS) as connections:
            list(connections.map(lambda number: _submit(run, service, number), range(len(run.planned))))
        to_cancel = {number for number in run.ids if run.planned[number].cancel_after is not None}
        while len(run.ended()) < len(run.ids) or not to_cancel <= run.cancelled.keys():
            if time.monotonic() - began > run.settings.within or not run.ids:
                break
            time.sleep(0.2)
    finally:
        run.took = time.monotonic() - began
        stopped.set()
        for helper in helpers:
            helper.join()


def _submit(run: Run, service: Service, number: int) -> None:
    planned = run.planned[number]
    document = {"name": planned.kind, "tags": {TAG: run.tag}, **planned.document}
    run.submitted[number] = time.time()
    answer = run.timed("POST", service, "POST", "/tasks", document)
    if "id" in answer:
        run.ids[number] = answer["id"]


def _cancel(run: Run, service: Service, stopped: threading.Event) -> None:
    while not stopped.wait(0.05):
        for number, planned in enumerate(run.planned):
            due = run.submitted.get(number, time.time()) + (planned.cancel_after or 0)
            if planned.cancel_after is None or number in run.cancelled or number not in run.ids or due > time.time():
                continue
            run.cancelled[number] = time.time()
            run.timed("cancel", service, "POST", f"/tasks/{run.ids[number]}:cancel")


def _poll(run: Run, service: Service, stopped: threading.Event) -> None:
    """As a client would: all states, page by page."""
    while not stopped.wait(1.0):
        token = "first"
        while token:
            asked = f"/tasks?tag_key={TAG}&tag_value={run.tag}&page_size=1000"
            page = run.timed("list", service, "GET", asked + (f"&page_token={token}" if token != "first" else ""))
            for task in page.get("tasks", []):
                states = run.polled.setdefault(task["id"], [])
                if not states or states[-1] != task["state"]:
                    states.append(task["state"])
            token = page.get("next_page_token", "")


def _check(run: Run, kubectl: Kubectl, service: Service, seen: Sights, place: Counter) -> None:
    """Everything that can be wrong, after the end."""
    run.violations += _of_leftovers(run.tasks(), kubectl)
    sighted = seen.by_task()
    made = pods_made(Path(os.environ["AUDIT_LOG"]), since=min(run.submitted.values()))
    if late := len(run.ids) - len(run.ended()):
        run.violations.append(f"{late} tasks had not ended after {run.settings.within:.0f} s")
    if missing := len(run.planned) - len(run.ids):
        run.violations.append(f"{missing} tasks were not accepted")
    if strangers := set(sighted) - run.tasks():
        run.violations.append(f"there are tasks that nobody was told of: {sorted(strangers)}")
    for number, task_id in sorted(run.ids.items()):
        planned, task = run.planned[number], service.full(task_id)
        key = f"{run.tag}/{number}"
        marks = [place.count(f"{key}/{i}") for i in range(len(planned.document["executors"]))]
        watched = sighted.get(task_id, [])
        found = [
            *verdict.of_states(run.polled.get(task_id, []), watched),
            *verdict.of_end(planned, task, marks),
            *verdict.of_record(planned, task),
            *(f"{path} was not uploaded" for path, body in planned.uploaded.items() if place.files.get(path) != body),
        ]
        if number in run.cancelled and task["state"] == "CANCELED":
            marked = next((sight.at for sight in watched if sight.cancel), run.cancelled[number])
            found += verdict.of_cancel(marked, {pod: at for pod, at in made.items() if pod.startswith(f"{task_id}-")})
        run.violations += [f"{task_id} ({planned.kind}): {violation}" for violation in found]


def _of_leftovers(tasks: set[str], kubectl: Kubectl, within: float = 90.0) -> list[str]:
    """Pods, claims and volumes that do not go."""
    deadline = time.monotonic() + within
    while True:
        items = kubectl.json("get", "pods,pvc", "-l", naming.TASK)["items"]
        left = [f"{i['kind']} {i['metadata']['name']}" for i in items if i["metadata"]["labels"][naming.TASK] in tasks]
        claims = {naming.scratch(task) for task in tasks}
        for volume in kubectl.json("get", "pv")["items"]:
            if volume["spec"].get("claimRef", {}).get("name") in claims:
                left.append(f"PersistentVolume {volume['metadata']['name']}")
        if not left or time.monotonic() > deadline:
            return [f"left behind: {item}" for item in left]
        time.sleep(1)


def _told(run: Run, seen: Sights, kills: Kills) -> str:
    """The tables of a run."""
    by_task = seen.by_task()
    ends: dict[str, dict[str, int]] = {}
    until_end, until_cancelled = [], []
    for number, task_id in run.ids.items():
        watched = by_task.get(task_id, [])
        last = watched[-1].state if watched else "?"
        row = ends.setdefault(run.planned[number].kind, {})
        row[last] = row.get(last, 0) + 1
        at = next((sight.at for sight in watched if sight.state in FINAL), None)
        if at is None:
            continue
        until_end.append(at - run.submitted[number])
        if last == "CANCELED" and number in run.cancelled:
            until_cancelled.append(at - run.cancelled[number])
    states = sorted({state for row in ends.values() for state in row})
    rows = [[kind, *(str(row.get(state, "")) for state in states)] for kind, row in sorted(ends.items())]
    hows = [sum(kill.how == how for kill in kills.all) for how in ("SIGKILL", "deleted")]
    facts = [
        ["seed", str(run.settings.seed)],
        ["tasks", f"{len(run.ids)} in {run.took:.0f} s, {len(run.ids) / max(run.took, 1) * 60:.0f} per minute"],
        ["most at a time", str(_most_at_a_time(seen))],
        ["overtaken in the queue", str(_overtaken(seen))],
        ["taskmasters killed", f"{hows[0]} by SIGKILL, {hows[1]} pods deleted by force"],
        ["POST", percentiles(run.answers["POST"])],
        ["POST :cancel", percentiles(run.answers["cancel"])],
        ["GET /tasks", percentiles(run.answers["list"])],
        ["POST until final", percentiles(until_end)],
        ["cancel until CANCELED", percentiles(until_cancelled)],
        ["violations", str(len(run.violations))],
    ]
    return table([["kind", *states], *rows]) + "\n\n" + table(facts)


def _most_at_a_time(seen: Sights) -> int:
    active, most = set[str](), 0
    for sight in list(seen.all):
        (active.add if sight.state in ACTIVE else active.discard)(sight.task)
        most = max(most, len(active))
    return most


def _overtaken(seen: Sights) -> int:
    """Tasks that left the queue to run while one that is older by a second was still in it."""
    queued, found = set[str](), 0
    for sight in list(seen.all):
        if sight.state == "QUEUED":
            queued.add(sight.task)
        elif sight.task in queued:
            queued.discard(sight.task)
            older = any(_made(other) + 1000 < _made(sight.task) for other in queued)
            found += older and sight.state in ACTIVE
    return found


def _made(task_id: str) -> int:
    """When a task was made, in milliseconds: its id counts time down."""
    return -int(task_id.split("-")[1], 16)


def main() -> int:
    environment = os.environ
    settings = Settings(
        tasks=int(environment.get("SOAK_TASKS", "500")),
        seed=int(environment.get("SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 10**6),
        pods=int(environment.get("SOAK_PODS", "0")),
        limit=int(environment.get("SOAK_LIMIT", "0")),
        kill_every=float(environment.get("SOAK_KILL_EVERY", "1")),
        within=float(environment.get("SOAK_WITHIN", "3600")),
    )
    print(f"  {settings}", flush=True)
    service = Service(environment["TES_URL"], tes.HTTPClient(environment["TES_URL"], timeout=10))
    run, told = soaked(settings, Kubectl(), service, environment["BUSYBOX_IMAGE"])
    print(f"\n{told}\n")
    print("\n".join(f"  ✗ {violation}" for violation in run.violations) or "  ✓ nothing is wrong")
    return 1 if run.violations else 0


if __name__ == "__main__":
    sys.exit(main())
