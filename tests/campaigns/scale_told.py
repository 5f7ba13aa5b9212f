"""The tables of `make campaign-scale`, from what was seen."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tescore.states import FINAL
from tests.campaigns.load import markdown, percentile
from tests.campaigns.scale_spent import PROGRAMS, Spent

NODE = "has a node"
"""What a task is seen as once its taskmaster's pod has one."""
FINAL_STATES = [state.value for state in FINAL]
_BORNE = 0.95
"""Of a rate, what must end in a second."""
_TASKMASTER = "tesk-taskmaster"
_GROWING = ("kube-apiserver", "etcd", "kube-scheduler", "kube-controller-manager", "api", "webhook", "janitor")
"""Programs that many nodes have no more of than few."""
At = Mapping[tuple[str, str], float]
"""When each task was first seen in a state."""


class Sent(NamedTuple):
    """A task, and when its POST was sent and answered."""

    name: str
    namespace: str
    posted: float
    answered: float


@dataclass(slots=True)
class Step:
    """Tasks that were asked for at one rate, and what that took of the programs beside what they take at rest."""

    rate: float
    """A second; 0 is as fast as can be."""
    sent: list[Sent]
    failed: int
    """POSTs that were answered with an error, or not at all."""
    spent: Spent
    asked: Mapping[str, Counter[str]] = field(default_factory=dict)
    """By account, from the audit log."""

    @property
    def title(self) -> str:
        return f"{self.rate:g} a second" if self.rate else "at once"


def steps(rates: Sequence[float], seconds: float, tasks: int) -> list[tuple[float, int]]:
    """Rates, and how many tasks are asked for at each: for so long each, then all that are left as fast as can be."""
    found, left = [], tasks
    for rate in rates:
        count = min(left, round(rate * seconds))
        found.append((rate, count))
        left -= count
    return [each for each in [*found, (0.0, left)] if each[1]]


def less(spent: Spent, rest: Spent) -> Spent:
    """What a step took beside what as long a rest takes."""
    part = spent.seconds / rest.seconds
    return Spent(
        seconds=spent.seconds,
        busy=spent.busy - part * rest.busy,
        cpu={name: value - part * rest.cpu.get(name, 0.0) for name, value in spent.cpu.items()},
        network={name: round(value - part * rest.network.get(name, 0)) for name, value in spent.network.items()},
        peak=spent.peak,
        written=round(spent.written - part * rest.written),
        metrics={name: value - part * rest.metrics[name] for name, value in spent.metrics.items()},
    )


def ended(step: Step, at: At) -> list[float]:
    """When each of its tasks was seen to have ended as COMPLETE."""
    return sorted(at[each.name, "COMPLETE"] for each in step.sent if (each.name, "COMPLETE") in at)


def throughput(ends: Sequence[float]) -> float:
    """How many ended in a second, the first and the last fifth left out, in which not all is under way."""
    if len(ends) < 5:
        return 0.0
    first, last = len(ends) // 5, len(ends) - 1 - len(ends) // 5
    return (last - first) / max(ends[last] - ends[first], 1e-9)


def rates(steps: Sequence[Step], at: At, rest: Spent, cores: int) -> str:
    """How many end in a second, and how long each part of it takes."""
    head = ["asked for", "tasks", "refused, lost", "ended a second", "POST p50, p95", "to a node p50, p95"]
    rows: list[list[object]] = [[*head, "to RUNNING p50, p95, most", "to COMPLETE p50, p95, most", "cores busy"]]
    for step in steps:
        posts = [each.answered - each.posted for each in step.sent]
        ends = ended(step, at)
        failed = f"{step.failed}, {len(step.sent) - len(ends)}"
        row: list[object] = [step.title, len(step.sent), failed, f"{throughput(ends):.2f}", _seconds(posts)]
        row += [_seconds(_since(step, at, NODE)), _seconds(_since(step, at, "RUNNING"), most=True)]
        row += [_seconds(_since(step, at, "COMPLETE"), most=True)]
        rows.append([*row, f"{_busy(step, rest):.2f} of {cores}"])
    return markdown(rows)


def _busy(step: Step, rest: Spent) -> float:
    """Cores."""
    return step.spent.busy / step.spent.seconds + rest.busy / rest.seconds


def limit(steps: Sequence[Step], at: At, rest: Spent, cores: int) -> str:
    """A sentence: what is borne of what was asked for, and who takes most of the cores where that is most."""
    last = steps[-1]
    borne = [step.rate for step in steps if step.rate and throughput(ended(step, at)) >= _BORNE * step.rate]
    most = sorted(last.spent.cpu, key=lambda name: -last.spent.cpu[name])[:3]
    taking = ", ".join(f"{name} {last.spent.cpu[name] / last.spent.seconds:.2f}" for name in most)
    return (
        f"Of what was asked for, {max(borne, default=0):g} a second were borne. Asked {last.title}, "
        f"{throughput(ended(last, at)):.1f} ended a second with {_busy(last, rest):.2f} of {cores} cores busy; "
        f"most of them took {taking}."
    )


def _since(step: Step, at: At, state: str) -> list[float]:
    """Seconds from the POST of each task."""
    return [at[each.name, state] - each.posted for each in step.sent if (each.name, state) in at]


def _seconds(found: list[float], *, most: bool = False) -> str:
    if not found:
        return ""
    told = [percentile(found, 0.5), percentile(found, 0.95), *[max(found)] * most]
    return ", ".join(f"{each:.2f}" for each in told) + " s"


def cpu(steps: Sequence[Step], rest: Spent) -> str:
    """CPU of each program: of a core at rest, and milliseconds for a task."""
    head: list[object] = ["CPU", "at rest, of a core", *(f"{step.title}, ms a task" for step in steps)]
    each = [[_per_task(step, step.spent.cpu.get(name, 0.0) * 1000) for step in steps] for name in PROGRAMS]
    idle = [f"{rest.cpu.get(name, 0.0) / rest.seconds:.3f}" for name in PROGRAMS]
    rows: list[list[object]] = [[name, at, *ms] for name, at, ms in zip(PROGRAMS, idle, each, strict=True)]
    rows.append(["the machine", f"{rest.busy / rest.seconds:.3f}", *(_per_task(s, s.spent.busy * 1000) for s in steps)])
    return markdown([head, *rows])


def _per_task(step: Step, value: float) -> str:
    return f"{value / len(step.sent):.1f}" if step.sent else ""


def asked(steps: Sequence[Step], taskmasters: int, kept: float) -> str:
    """Requests and bytes for a task, by account; `taskmasters` are bytes for a task of the first step."""
    first, last = steps[0], steps[-1]
    accounts = sorted({name for step in steps for name in step.asked})
    network = [f"KB on the network, {step.title}" for step in (first, last)]
    rows: list[list[object]] = [["for a task", *(f"requests, {step.title}" for step in steps), *network, "most often"]]
    for account in accounts:
        counts = [_per_task(step, sum(step.asked.get(account, Counter()).values())) for step in steps]
        often: Counter[str] = sum((step.asked.get(account, Counter()) for step in steps), Counter())
        told = ", ".join(what for what, _ in often.most_common(4))
        through = [_through(step, account) for step in (first, last)]
        if account == _TASKMASTER:
            through = [f"{taskmasters / 1000:.1f}", ""]
        rows.append([account, *counts, *through, told])
    audited = [sum(sum(each.values()) for each in step.asked.values()) for step in steps]
    others = [_per_task(step, step.spent.requests - number) for step, number in zip(steps, audited, strict=True)]
    rows.append(["Kubernetes, kwok and this campaign", *others, "", "", ""])
    rows.append(["answers and watches of the API server, KB", *_kilobytes(steps, "answered"), "", "", ""])
    rows.append(["written by etcd, KB", *_kilobytes(steps, "written"), "", "", ""])
    rows.append(["kept in etcd, KB", *[f"{kept / 1000:.2f}"] * len(steps), "", "", ""])
    refused = [f"{step.spent.rejected:.0f}" for step in steps]
    rows.append(["refused by API priority and fairness, in all", *refused, "", "", ""])
    return markdown(rows)


def _through(step: Step, account: str) -> str:
    """KB for a task of a program that runs in pods."""
    through = step.spent.network.get(account.removeprefix("tesk-"))
    return "" if through is None else _per_task(step, through / 1000)


def _kilobytes(steps: Sequence[Step], name: str) -> list[str]:
    return [_per_task(step, getattr(step.spent, name) / 1000) for step in steps]


def memory(spent: Spent) -> str:
    """The most that one process of each program had since it began."""
    rows: list[list[object]] = [["most memory of a process", "MiB"]]
    return markdown([*rows, *([name, f"{spent.peak.get(name, 0) / 2**20:.0f}"] for name in PROGRAMS)])


def reckoned(step: Step) -> str:
    """Tasks a second that a core bears, and cores for some rates, of each program that more nodes bring no more of."""
    rates = (10, 50, 100)
    rows: list[list[object]] = [["", "ms a task", "tasks a second, a core", *(f"cores for {each}" for each in rates)]]
    for name in _GROWING:
        seconds = step.spent.cpu.get(name, 0.0) / max(len(step.sent), 1)
        bears = f"{1 / seconds:.0f}" if seconds > 0 else ""
        rows.append([name, f"{seconds * 1000:.1f}", bears, *(f"{max(0.0, seconds * rate):.2f}" for rate in rates)])
    return markdown(rows)
