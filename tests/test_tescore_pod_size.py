"""Which executors need a pod that Kubernetes cannot store or Linux cannot start."""

import time
from typing import Any

import pytest

from tescore import pod_size
from tests.build import executor, task

LONG = "x" * 125_000


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"executors": [executor(command=[LONG] * 8)]}, id="arguments"),
        pytest.param({"executors": [executor(env={str(i): LONG for i in range(8)})]}, id="variables"),
        pytest.param({"volumes": [f"/v/{i:04}/{'x' * 80}" for i in range(4000)]}, id="mounts"),
    ],
)
def test_what_fits_is_no_problem(parts: dict[str, Any]) -> None:
    assert list(pod_size.problems(task(**parts))) == []


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        pytest.param({"executors": [executor(command=[LONG] * 9)]}, "has 1125144 bytes of arg", id="arguments"),
        pytest.param({"executors": [executor(command=["$" * 125_000] * 5)]}, "has 1250080 bytes of arg", id="doubled"),
        pytest.param({"executors": [executor(command=["x"] * 70_000)]}, "has 1190000 bytes of arg", id="many"),
        pytest.param(
            {
                "executors": [executor(command=[LONG] * 3, env={f"N{i}": LONG for i in range(3)})],
                "volumes": [f"/v/{i:04}/{'x' * 80}" for i in range(2000)],
            },
            "has 1166150 bytes of arguments, environment and mounted paths",
            id="all together",
        ),
    ],
)
def test_what_does_not_fit_is_a_problem_of_its_executor(parts: dict[str, Any], why: str) -> None:
    [problem] = pod_size.problems(task(**parts))
    assert problem.startswith(f"executors[0]: {why}")


def test_many_executors_are_no_work() -> None:
    asked = task(executors=[executor()] * 50_000, volumes=[f"/v/{i}" for i in range(200)])
    began = time.process_time()
    assert list(pod_size.problems(asked)) == []
    assert time.process_time() - began < 20
