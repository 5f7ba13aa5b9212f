"""`python -m tests.campaigns.speed`: how long tasks take beside bare pods, alone and many at once, and their cost.

Prints tables of Markdown and writes them into the README, between its marks, unless BENCH_WRITE=no. Ends with 1 where a
bound is broken. Environment: `.local/env`, and BENCH_ROUNDS (15), BENCH_MANY (10,50,100,200),
BENCH_STORED (100,50000).
"""

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import mean, median

from tescore import naming
from tests.campaigns import costs
from tests.campaigns.bench_api import TAG, Servers, fill
from tests.campaigns.cases import BARE, BARE_CLAIM, CASES, COST_CASES, CROWDED, FILES, HELLO, Case
from tests.campaigns.load import Target, markdown, percentile
from tests.campaigns.runs import Runs, runs
from tests.campaigns.stored_only import bare, deleted
from tests.campaigns.switched import seldom
from tests.e2e.cluster import Kubectl

ROOT = Path(__file__).parents[2]
BOUNDS = {"hello": 1.25, "three": 3.5, "io, shared scratch": 3.6, "stdin-out": 3.6, "content": 1.5}
"""Of the median of a bare pod; that of `io, claim` is three of them more than a bare pod with a claim."""
AT_ONCE = {HELLO.name: 0.95 / 2, FILES.name: 0.9 / 4}
"""The least rate, of that of bare pods."""
_COMPARED = 50
"""At once: fewer are told, and kept to no bound."""
_LONGEST_GET = 0.25
"""Seconds: the p99 of a GET while many tasks run."""
_SLOWER = 1.1
"""Of the mean with few stored tasks, that with many."""
_COMMAND = "make bench"

Told = tuple[str, list[str]]
"""A table, and the bounds that are broken."""


def singles(made: Runs, rounds: int) -> list[Told]:
    """Each case in turns, the first of each left out: begun at any moment as a client comes, and right after a look of
    the kubelet's, as one that follows another. The bounds are those of the second, in which all begin alike.
    """
    took: dict[bool, dict[str, list[float]]] = {way: {case.name: [] for case in CASES} for way in (False, True)}
    drawn = random.Random(8)
    for number in range(rounds + 1):
        for case, after_look in drawn.sample([(case, way) for case in CASES for way in took], 2 * len(CASES)):
            made.quiet()
            if after_look:
                made.one(BARE)  # its end is seen when the kubelet has just looked
            else:
                time.sleep(drawn.uniform(0.0, 1.0))
            seconds = made.one(case)
            if number:
                took[after_look][case.name].append(seconds)
                print(f"  {case.name}{', after a look' * after_look}: {seconds:.2f} s", flush=True)
    return [
        told_of_singles("begun at any moment", took[False], bound=False),
        told_of_singles("begun right after a look of the kubelet's", took[True], bound=True),
    ]


def told_of_singles(title: str, took: dict[str, list[float]], *, bound: bool) -> Told:
    """A row for each case. Where they are bound, with what each may take."""
    floor, claim = median(took[BARE.name]), median(took[BARE_CLAIM.name])
    bounds = {name: times * floor for name, times in BOUNDS.items()} | {"io, claim": claim + 3 * floor}
    rows: list[list[object]] = [[title, "least", "median", "p90", "most", "of a bare pod", *["may be"] * bound]]
    broken = []
    for name, all_of in took.items():
        middle, most = median(all_of), bounds.get(name) if bound else None
        times = [min(all_of), middle, percentile(all_of, 0.9), max(all_of)]
        told = [f"{most / floor:.2f}" if most else ""] * bound
        rows.append([name, *(f"{each:.2f} s" for each in times), f"{middle / floor:.2f}", *told])
        if most and middle > most:
            broken.append(f"{name}: {middle:.2f} s, and may take {most:.2f} s")
    return markdown(rows), broken


@contextmanager
def asked_meanwhile(api: str, task: str, record: str) -> Iterator[tuple[list[float], list[float]]]:
    """Seconds of GETs of a task, and of its record at the API server, one each 50 ms, there when the block has ended.

    Another process asks, which is not busy with what this one does.
    """
    apart = multiprocessing.get_context("spawn")
    over, took = apart.Event(), apart.Queue()
    asker = apart.Process(target=_ask, args=(api, task, record, over, took))
    asker.start()
    times: tuple[list[float], list[float]] = ([], [])
    try:
        yield times
    finally:
        over.set()
        for all_of, found in zip(times, took.get(timeout=60), strict=True):
            all_of.extend(found)
        asker.join()


def _ask(api: str, task: str, record: str, over: Event, took: "multiprocessing.Queue[list[list[float]]]") -> None:
    asked = [(Target(api), task), (bare(Kubectl()), record)]
    times: list[list[float]] = [[], []]
    with ExitStack() as open_ones:
        connections = [open_ones.enter_context(closing(target.connection())) for target, _ in asked]
        while not over.wait(0.05):
            for connection, (_, where), all_of in zip(connections, asked, times, strict=True):
                began = time.monotonic()
                connection.ask("GET", where)
                all_of.append(time.monotonic() - began)
    took.put(times)


def many(made: Runs, counts: list[int]) -> Told:
    """Tasks and bare pods that are made at once, in turns."""
    head: list[object] = [
        "at once",
        "",
        "bare pods a second",
        "tasks a second",
        "ratio",
        "at least",
        "GET p99",
        "API server's p99",
    ]
    rows: list[list[object]] = [head]
    broken = []
    for count in counts:
        for case in (HELLO, FILES) if count == _COMPARED else (HELLO,):
            rates: dict[str, list[float]] = {BARE.name: [], case.name: []}
            task = made.begun_and_ended(HELLO)
            with asked_meanwhile(made.api.url, made.task(HELLO, task), made.record(HELLO, task)) as (gets, bare_gets):
                for each in [BARE, case] * (2 if count <= _COMPARED else 1):
                    made.quiet()
                    rates[each.name].append(made.many(each, count))
                    print(f"  {count} {each.name} at once: {rates[each.name][-1]:.2f} a second", flush=True)
            pods, tasks, slowest = mean(rates[BARE.name]), mean(rates[case.name]), percentile(gets, 0.99)
            floor = percentile(bare_gets, 0.99)
            least = AT_ONCE[case.name]
            told = [f"{pods:.2f}", f"{tasks:.2f}", f"{tasks / pods:.2f}", f"{least:.2f}"]
            rows.append([count, case.name, *told, *(f"{each * 1000:.0f} ms" for each in (slowest, floor))])
            if tasks / pods < least and count >= _COMPARED:
                broken.append(f"{count} {case.name} at once: {tasks / pods:.2f} of the rate of bare pods")
            if slowest > _LONGEST_GET:
                broken.append(f"{count} {case.name} at once: the p99 of a GET was {slowest * 1000:.0f} ms")
    return markdown(rows), broken


def crowded(made: Runs, sizes: list[int], rounds: int) -> Told:
    """Tasks in a tenant where so many are stored that have ended."""
    run, took = f"{time.time():.0f}", list[list[float]]()
    servers = Servers(made.api, made.server, made.server, run, lambda: 0, lambda: None)
    try:
        for size in sizes:
            fill(servers, size)
            made.one(CROWDED)
            took.append([])
            for _ in range(rounds):
                time.sleep(random.uniform(1.0, 2.0))
                took[-1].append(made.one(CROWDED))
            print(f"  hello beside {size} stored tasks: {median(took[-1]):.2f} s", flush=True)
    finally:
        deleted(made.kubectl, f"{naming.TASK_SELECTOR},{naming.tag_label(TAG)}={naming.hashed(run)}")
    rows = [[size, f"{median(each):.2f} s", f"{max(each):.2f} s"] for size, each in zip(sizes, took, strict=True)]
    means = [mean(each) for each in took]
    slower = means[-1] > _SLOWER * means[0]
    broken = [f"hello beside {sizes[-1]} stored tasks: {means[-1] / means[0]:.2f} of that beside {sizes[0]}"]
    return markdown([["stored tasks that have ended", "hello, median", "most"], *rows]), broken if slower else []


def costs_of(made: Runs, case: Case, count: int) -> list[object]:
    """A row: what one task of that case costs, as the mean of some."""
    made.quiet()
    since = time.time()
    with costs.uses() as used:
        tasks = [made.begun_and_ended(case) for _ in range(count)]
        made.quiet()
    time.sleep(1)  # until the audit log is written
    asked = costs.requests(Path(os.environ["AUDIT_LOG"]), set(tasks), since)
    total = {account: sum(each.values()) / count for account, each in asked.items()}
    cpu = [f"{used.seconds(program) / count:.3f}" for program in ("taskmaster", "filer", "api", "webhook")]
    peaks = [max((use.peak for use in used.each(program)), default=0) / 2**20 for program in ("taskmaster", "filer")]
    requests = "; ".join(f"{account.removeprefix('tesk-')} {number:.0f}" for account, number in sorted(total.items()))
    kept = costs.stored_bytes(made.server, [made.record(case, task) for task in tasks]) / count
    return [case.name, *cpu, *(f"{peak:.0f}" for peak in peaks), requests, f"{kept:.0f}"]


def told_of_costs(made: Runs, count: int) -> str:
    head = ["", "taskmaster CPU s", "filer CPU s", "api CPU s", "webhook CPU s", "taskmaster MiB", "filer MiB"]
    rows: list[list[object]] = [
        [*head, "requests to the API server", "bytes kept"],
        *(costs_of(made, each, count) for each in COST_CASES),
    ]
    return markdown(rows)


def written(document: str, command: str, told: str) -> str:
    """A document of Markdown with what that command told between its marks."""
    begin, end = f"<!-- {command}: begin -->\n", f"<!-- {command}: end -->\n"
    before, _, rest = document.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{told}\n\n{end}{after}"


def main() -> int:
    environment = os.environ
    rounds = int(environment.get("BENCH_ROUNDS", "15"))
    counts = _numbers(environment.get("BENCH_MANY", "10,50,100,200"))
    sizes = _numbers(environment.get("BENCH_STORED", "100,50000"))
    kubectl = Kubectl()
    with seldom(kubectl), runs(kubectl) as made:
        parts = [*singles(made, rounds), (told_of_costs(made, 5), [])]
        parts += [many(made, counts)] if counts else []
        parts += [crowded(made, sizes, rounds)] if sizes else []
    told = "\n\n".join(table for table, _ in parts)
    broken = [each for _, found in parts for each in found]
    print(f"\n{told}\n")
    if environment.get("BENCH_WRITE") != "no":
        readme = ROOT / "README.md"
        readme.write_text(written(readme.read_text(), _COMMAND, told))
    print("\n".join(f"  ✗ {each}" for each in broken) or "  ✓ all bounds are kept")
    return 1 if broken else 0


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",") if each]


if __name__ == "__main__":
    sys.exit(main())
