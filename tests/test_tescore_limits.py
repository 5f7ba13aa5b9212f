from fractions import Fraction
from typing import Any

import pytest

from tescore import limits


def limit_range(**minimums: dict[str, str]) -> dict[str, Any]:
    """A LimitRange with these minimums by type."""
    return {"spec": {"limits": [{"type": kind, "min": least} for kind, least in minimums.items()]}}


def pod(**resources: dict[str, str]) -> dict[str, Any]:
    container = {"name": "executor", "resources": resources}
    return {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container], "x": 1}}


def claim(storage: str) -> dict[str, Any]:
    return {"kind": "PersistentVolumeClaim", "spec": {"resources": {"requests": {"storage": storage}}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("1", 1), ("128974848", 128974848), ("1.5", Fraction(3, 2)), (".5", Fraction(1, 2)), ("+1.", 1),
        ("100m", Fraction(1, 10)), ("1n", Fraction(1, 10**9)), ("1u", Fraction(1, 10**6)), ("1k", 1000),
        ("1M", 10**6), ("1G", 10**9), ("1T", 10**12), ("1P", 10**15), ("1E", 10**18), ("1e3", 1000), ("1E3", 1000),
        ("1e-3", Fraction(1, 1000)), ("1Ki", 1024), ("1Mi", 2**20), ("1.5Gi", 3 * 2**29), ("1Ti", 2**40),
        ("1Pi", 2**50), ("1Ei", 2**60), ("-1", -1), ("-.5m", Fraction(-1, 2000)),
    ],
)  # fmt: skip
def test_a_quantity_is_exact(text: str, value: Fraction | int) -> None:
    assert limits.quantity(text) == value * 10**9


@pytest.mark.parametrize(("text", "billionths"), [("0.1n", 1), ("1.01n", 2), ("-1.9n", -1), ("1e-12", 1)])
def test_what_is_finer_than_kubernetes_has_it_is_rounded_up(text: str, billionths: int) -> None:
    assert limits.quantity(text) == billionths


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1gi", "1mi", "1e", "1Gi3", "x"])
def test_another_text_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        limits.quantity(text)


@pytest.mark.parametrize(
    ("asked", "least", "expected"),
    [
        pytest.param(
            {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
            {"Container": {"memory": "128974848", "cpu": "0.5"}},
            {"requests": {"cpu": "0.5", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
            id="only what is below it, in whatever unit",
        ),
        pytest.param(
            {"requests": {"memory": "10Mi"}, "limits": {"memory": "20Mi"}},
            {"Container": {"memory": "32Mi"}},
            {"requests": {"memory": "32Mi"}, "limits": {"memory": "32Mi"}},
            id="request and limit",
        ),
        pytest.param({}, {"Container": {"cpu": "1"}}, {}, id="what is not asked for Kubernetes fills in"),
        pytest.param({}, {"Pod": {"cpu": "1"}}, {"requests": {"cpu": "1"}}, id="but not from the minimum of pods"),
        pytest.param(
            {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}},
            {"Pod": {"cpu": "2"}},
            {"requests": {"cpu": "2"}, "limits": {"cpu": "2"}},
            id="the minimum of pods",
        ),
        pytest.param(
            {"requests": {"cpu": "1"}},
            {"PersistentVolumeClaim": {"storage": "1Gi"}},
            {"requests": {"cpu": "1"}},
            id="a minimum of something else",
        ),
    ],
)
def test_a_pod_asks_for_the_minimum_at_least(
    asked: dict[str, dict[str, str]], least: dict[str, dict[str, str]], expected: dict[str, dict[str, str]]
) -> None:
    assert limits.raised(pod(**asked), [limit_range(**least)]) == pod(**expected)


def test_of_several_minimums_the_largest_counts() -> None:
    ranges = [limit_range(Container={"cpu": least}) for least in ("500m", "2", "1")]
    assert limits.raised(pod(requests={"cpu": "1"}), ranges) == pod(requests={"cpu": "2"})


def test_a_claim_asks_for_the_minimum_at_least() -> None:
    ranges = [limit_range(PersistentVolumeClaim={"storage": "1Gi"})]
    assert limits.raised(claim("107374183"), ranges) == claim("1Gi")
    assert limits.raised(claim("2Gi"), ranges) == claim("2Gi")


def test_without_a_minimum_nothing_changes() -> None:
    asked = pod(requests={"cpu": "1"})
    assert limits.raised(asked, [{"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}}]) == asked
    assert limits.raised(asked, []) == asked


def test_a_job_asks_for_the_minimum_of_its_pods_and_is_a_job_still() -> None:
    job = {"kind": "Job", "spec": {"suspend": True, "template": {"spec": pod(requests={"memory": "32Mi"})["spec"]}}}
    raised = limits.raised(job, [limit_range(Container={"memory": "64Mi"})])
    assert raised == {
        "kind": "Job",
        "spec": {"suspend": True, "template": {"spec": pod(requests={"memory": "64Mi"})["spec"]}},
    }
