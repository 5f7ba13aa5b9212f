"""The kinds of tasks that a soak submits, and what must become of each."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

COMPLETE, EXECUTOR_ERROR, SYSTEM_ERROR, CANCELED = "COMPLETE", "EXECUTOR_ERROR", "SYSTEM_ERROR", "CANCELED"


@dataclass(frozen=True, slots=True)
class Place:
    """What documents name."""

    image: str
    url: str
    """Of the counter, as pods reach it."""

    def executor(self, key: str, script: str, **more: Any) -> dict[str, Any]:
        """An executor that first tells the counter that it runs."""
        mark = f"wget -q -O /dev/null {self.url}/mark/{key} || exit 97; "
        return {"image": self.image, "command": ["sh", "-c", mark + script], **more}


@dataclass(frozen=True, slots=True)
class Planned:
    """A task that will be submitted."""

    kind: str
    document: dict[str, Any]
    states: frozenset[str]
    """Final states that are right."""
    marks: tuple[int, ...]
    """How often each executor must run; those of a cancelled task at most so often."""
    reason: str = ""
    """A regular expression that the system_logs must match."""
    uploaded: dict[str, bytes] = field(default_factory=dict)
    """By the path on the counter: what must be there in the end."""
    cancel_after: float | None = None
    """Seconds after its submission."""


Make = Callable[[Place, str, random.Random], Planned]


def plan(count: int, run: str, seed: int, place: Place, *, cancelled_within: float) -> list[Planned]:
    """The tasks of a run: a tenth fails, a tenth is cancelled within so many seconds; all drawn from the seed."""
    drawn = random.Random(seed)
    tenth = max(1, count // 10)
    failing = (*QUICK_TO_FAIL, _image) if count >= 100 else QUICK_TO_FAIL
    makes: list[Make] = [failing[i % len(failing)] for i in range(max(tenth, min(len(failing), count // 4)))]
    makes += [drawn.choice(CANCELLED) for _ in range(tenth)]
    makes += [drawn.choice(COMPLETING) for _ in range(count - len(makes))]
    drawn.shuffle(makes)
    planned = [make(place, f"{run}/{number}", drawn) for number, make in enumerate(makes)]
    return [
        _with_cancel(each, drawn.uniform(0, cancelled_within)) if CANCELED in each.states else each for each in planned
    ]


def _with_cancel(planned: Planned, after: float) -> Planned:
    return Planned(planned.kind, planned.document, planned.states, planned.marks, cancel_after=after)


def _pause(drawn: random.Random) -> str:
    return f"sleep {drawn.choice((0, 0, 1, 2, 4))}"


def _plain(place: Place, key: str, drawn: random.Random) -> Planned:
    document = {"executors": [place.executor(f"{key}/0", f"echo out; {_pause(drawn)}")]}
    return Planned("plain", document, frozenset({COMPLETE}), (1,))


def _two(place: Place, key: str, drawn: random.Random) -> Planned:
    executors = [place.executor(f"{key}/{i}", _pause(drawn)) for i in range(2)]
    return Planned("two executors", {"executors": executors}, frozenset({COMPLETE}), (1, 1))


def _volume(place: Place, key: str, drawn: random.Random) -> Planned:
    executors = [
        place.executor(f"{key}/0", f"test ! -e /v/x && echo {key} > /v/x; {_pause(drawn)}"),
        place.executor(f"{key}/1", f'test "$(cat /v/x)" = {key}'),
    ]
    return Planned("volume", {"volumes": ["/v"], "executors": executors}, frozenset({COMPLETE}), (1, 1))


def _files(place: Place, key: str, drawn: random.Random) -> Planned:
    document = {
        "inputs": [{"path": "/in/x", "content": key}],
        "executors": [place.executor(f"{key}/0", f"{_pause(drawn)}; cat /in/x", stdout="/out/x")],
        "outputs": [{"path": "/out/x", "url": f"{place.url}/out/{key}"}],
    }
    return Planned("files", document, frozenset({COMPLETE}), (1,), uploaded={f"/out/{key}": key.encode()})


def _content(place: Place, key: str, drawn: random.Random) -> Planned:
    """Nothing but a content, which the image's shell writes."""
    script = f'test "$(cat /tmp/x)" = {key} && {_pause(drawn)}'
    document = {"inputs": [{"path": "/tmp/x", "content": key}], "executors": [place.executor(f"{key}/0", script)]}
    return Planned("content", document, frozenset({COMPLETE}), (1,))


def _ignored(place: Place, key: str, _: random.Random) -> Planned:
    executors = [place.executor(f"{key}/0", "exit 7", ignore_error=True), place.executor(f"{key}/1", "true")]
    return Planned("ignored error", {"executors": executors}, frozenset({COMPLETE}), (1, 1))


def _exit_code(place: Place, key: str, drawn: random.Random) -> Planned:
    executors = [
        place.executor(f"{key}/0", _pause(drawn)),
        place.executor(f"{key}/1", "exit 3"),
        place.executor(f"{key}/2", "true"),
    ]
    wanted = r"Executor 1 exited with 3\."
    return Planned("exit code", {"executors": executors}, frozenset({EXECUTOR_ERROR}), (1, 1, 0), wanted)


def _not_found(place: Place, key: str, _: random.Random) -> Planned:
    document = {"executors": [{"image": place.image, "command": ["/no/such/program", key]}]}
    return Planned("no such command", document, frozenset({EXECUTOR_ERROR}), (0,), r"could not be started")


def _image_name(_: Place, key: str, __: random.Random) -> Planned:
    document = {"executors": [{"image": "Not/A:Valid/Name", "command": ["true", key]}]}
    return Planned("bad image name", document, frozenset({SYSTEM_ERROR}), (0,), r"image has an invalid name")


def _image(_: Place, key: str, __: random.Random) -> Planned:
    """Nobody answers there, which is waited for as long as the tenant has patience."""
    document = {"executors": [{"image": "localhost:1/no/such/image:1", "command": ["true", key]}]}
    return Planned("no registry", document, frozenset({SYSTEM_ERROR}), (0,), r"waits for its image.*too long")


def _missing_input(place: Place, key: str, _: random.Random) -> Planned:
    document = {
        "inputs": [{"path": "/in/x", "url": f"{place.url}/none/{key}"}],
        "executors": [place.executor(f"{key}/0", "true")],
    }
    return Planned("missing input", document, frozenset({SYSTEM_ERROR}), (0,), r"/in/x.*/none/.*404")


def _missing_output(place: Place, key: str, _: random.Random) -> Planned:
    document = {
        "executors": [place.executor(f"{key}/0", "true")],
        "outputs": [{"path": "/out/no", "url": f"{place.url}/out/{key}"}],
    }
    return Planned("missing output", document, frozenset({SYSTEM_ERROR}), (1,), r"/out/no")


def _memory(place: Place, key: str, _: random.Random) -> Planned:
    executors = [place.executor(f"{key}/0", "exec tail -c 90000000 /dev/zero")]
    document = {"executors": executors, "resources": {"ram_gb": 0.02}}
    return Planned("memory", document, frozenset({EXECUTOR_ERROR}), (1,), r"more memory than it has")


def _cancelled_long(place: Place, key: str, _: random.Random) -> Planned:
    document = {"executors": [place.executor(f"{key}/0", "sleep 3600"), place.executor(f"{key}/1", "true")]}
    return Planned("cancelled, long", document, frozenset({CANCELED}), (1, 0))


def _cancelled_volume(place: Place, key: str, _: random.Random) -> Planned:
    document = {"volumes": ["/v"], "executors": [place.executor(f"{key}/0", "sleep 3600")]}
    return Planned("cancelled, volume", document, frozenset({CANCELED}), (1,))


def _cancelled_short(place: Place, key: str, drawn: random.Random) -> Planned:
    document = {"executors": [place.executor(f"{key}/{i}", _pause(drawn)) for i in range(2)]}
    return Planned("cancelled, short", document, frozenset({CANCELED, COMPLETE}), (1, 1))


COMPLETING: tuple[Make, ...] = (*([_plain] * 5), *([_two] * 2), _ignored, _volume, _files, _content)
QUICK_TO_FAIL: tuple[Make, ...] = (_exit_code, _not_found, _image_name, _missing_input, _missing_output, _memory)
CANCELLED: tuple[Make, ...] = (_cancelled_long, _cancelled_long, _cancelled_short, _cancelled_volume)
