"""A taskmaster whose API server is away or answers errors goes on; two of one task agree who runs it."""

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.campaigns.bench import Bench, Process
from tests.campaigns.proxy import Answer, Asked, Fault
from tests.e2e.cluster import wait_until


def status(code: int, reason: str, message: str = "made by the campaign") -> bytes:
    return json.dumps({"kind": "Status", "code": code, "reason": reason, "message": message}).encode()


GONE = status(410, "Expired")
ERROR_EVENT = json.dumps({"type": "ERROR", "object": json.loads(GONE)}).encode() + b"\n"
CONFLICT = Answer(409, status(409, "Conflict"))
BUSY = Answer(429, status(429, "TooManyRequests"), (("Retry-After", "2"),))


def first_of_each(answer: Answer, true: Callable[[Asked], bool]) -> Callable[[Asked], Fault]:
    """The answer for the first request of each method and path for which it is true; the second one passes."""
    seen = set[tuple[str, str]]()

    def fault(asked: Asked) -> Fault:
        key = (asked.method, asked.path)
        if not true(asked) or key in seen:
            return None
        seen.add(key)
        return answer

    return fault


def in_bursts(answer: Answer, length: int, every: int, true: Callable[[Asked], bool]) -> Callable[[Asked], Fault]:
    """The answer for so many requests on end for which it is true, then none for some, and so on."""
    count = itertools.count()
    return lambda asked: answer if true(asked) and next(count) % every < length else None


FAULTS: dict[str, Callable[[], Callable[[Asked], Fault]]] = {
    "each watch is first answered 410": lambda: first_of_each(Answer(410, GONE), lambda asked: asked.is_watch),
    "each watch first sends an ERROR event": lambda: first_of_each(Answer(200, ERROR_EVENT), lambda a: a.is_watch),
    "every third watch ends at once": lambda: in_bursts(Answer(200, b""), 1, 3, lambda a: a.is_watch),
    "each write is first a conflict": lambda: first_of_each(CONFLICT, lambda asked: asked.method == "PATCH"),
    "each request is first told to come later": lambda: first_of_each(BUSY, lambda _: True),
    "five of seven requests are answered 500": lambda: in_bursts(
        Answer(500, status(500, "InternalError")), 5, 7, lambda _: True
    ),
    "each change is carried out and answered 500": lambda: first_of_each(
        Answer(500, status(500, "InternalError"), carried_out=True), lambda asked: asked.method != "GET"
    ),
    "each change is carried out and answered 504": lambda: first_of_each(
        Answer(504, b"gateway", carried_out=True), lambda asked: asked.method != "GET"
    ),
}


@pytest.fixture(scope="module")
def outcomes(bench: Bench) -> dict[str, list[str]]:
    """What is wrong after each of the faults; several tasks at a time, for they mostly wait."""
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(FAULTS, pool.map(lambda number: outcome(bench, number), range(len(FAULTS))), strict=True))


def outcome(bench: Bench, number: int) -> list[str]:
    key, fault = f"fault-{number}", list(FAULTS.values())[number]()
    task = bench.create(key, bench.document(key))
    with bench.taskmaster(task, fault=fault) as process:
        code = process.ended()
    told = [f"the taskmaster ended with {code}:\n{process.log.read_text()[-3000:]}"] if code else []
    return told + bench.wrong(task, key)


@pytest.mark.parametrize("name", FAULTS)
def test_a_task_goes_on_whatever_the_api_server_answers(outcomes: dict[str, list[str]], name: str) -> None:
    assert outcomes[name] == []


def runs(bench: Bench, key: str) -> None:
    wait_until(lambda: bench.counter.count(f"{key}/0"), "the first executor runs", within=60)


@pytest.mark.parametrize(("pause", "away"), [(20, 60), (40, 30)], ids=["it ends meanwhile", "it ends after"])
def test_a_task_goes_on_when_the_api_server_was_away_while_an_executor_ran(
    bench: Bench, pause: float, away: float
) -> None:
    key = f"away-{away}"
    task = bench.create(key, bench.document(key, pause=pause))
    with bench.taskmaster(task) as process:
        runs(bench, key)
        process.port.close()
        time.sleep(away)
        process.port.open()
        assert process.ended() == 0, process.log.read_text()
    assert bench.wrong(task, key) == []


def test_a_task_goes_on_when_its_watches_are_closed_every_second(bench: Bench) -> None:
    key = "closed"
    task = bench.create(key, bench.document(key, pause=5))
    with bench.taskmaster(task) as process:
        while process.running.poll() is None:
            time.sleep(1)
            process.proxy.close_streams()
        assert process.running.returncode == 0, process.log.read_text()
    assert bench.wrong(task, key) == []


def test_of_two_taskmasters_of_one_task_the_older_one_steps_back(bench: Bench) -> None:
    key = "two"
    task = bench.create(key, bench.document(key, pause=5))
    with bench.taskmaster(task) as older:
        runs(bench, key)
        with bench.taskmaster(task) as newer:
            wait_until(lambda: older.running.poll() is not None, "the older one has gone", within=20)
            assert "stepped back" in older.log.read_text()
            assert bench.shown(task)["state"] in {"INITIALIZING", "RUNNING"}  # as the kubelet has looked or not
            assert newer.ended() == 0, newer.log.read_text()
    assert bench.wrong(task, key) == []


def test_of_two_taskmasters_that_start_at_once_one_runs_the_task(bench: Bench) -> None:
    key = "at-once"
    task = bench.create(key, bench.document(key))
    ends: list[tuple[int, Process]] = []

    def run() -> None:
        with bench.taskmaster(task, str(uuid.uuid4())) as process:
            ends.append((process.ended(), process))

    both = [threading.Thread(target=run) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()

    assert [code for code, _ in ends] == [0, 0]
    assert bench.wrong(task, key) == []
