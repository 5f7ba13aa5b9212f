from typing import Any

import pytest

from tescore import parameters, settings
from tescore.parameters import KNOWN, Parameters, ReadOnlyClaim
from tescore.tenant import TenantSettings

GENEROUS = TenantSettings(
    gpu_resources=("nvidia.com/gpu", "amd.com/gpu"),
    node_selector_keys=("disk", "example.org/pool"),
    priority_classes=("low", "high"),
    runtime_classes=("kata",),
    image_pull_secrets=("registry",),
    reference_claims=("genomes", "proteins"),
    run_seconds=100.0,
)
FREE = ["gpus", "gpu_resource", "optional_outputs", "max_attempts", "max_run_seconds", "queue_seconds"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("gpus", "2", 2),
        ("gpus", "0", 0),
        ("gpu_resource", "amd.com/gpu", "amd.com/gpu"),
        ("node_selector", "disk=ssd", {"disk": "ssd"}),
        ("node_selector", "disk=ssd, example.org/pool=", {"disk": "ssd", "example.org/pool": ""}),
        ("priority_class", "high", "high"),
        ("runtime_class", "kata", "kata"),
        ("image_pull_secret", "registry", "registry"),
        ("read_only_claims", "genomes:/ref", (ReadOnlyClaim("genomes", "/ref"),)),
        (
            "read_only_claims",
            "genomes:/ref, proteins:/p",
            (ReadOnlyClaim("genomes", "/ref"), ReadOnlyClaim("proteins", "/p")),
        ),
        ("optional_outputs", "True", True),
        ("max_attempts", "3", 3),
        ("max_run_seconds", "100", 100),
        ("queue_seconds", "86400", 86400),
    ],
)
def test_a_parameter_is_read_in_any_case(name: str, text: str, value: Any) -> None:
    given = {name.upper(): text}
    assert list(parameters.problems(given)) == []
    assert parameters.unused(given, GENEROUS) == {}
    assert parameters.parameters(given) == Parameters()._replace(**{name: value})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gpus", "many"), ("gpus", "-1"), ("gpus", "1.5"), ("gpus", ""), ("gpus", "²"), ("gpus", "99999999999"),
        ("gpu_resource", "gpu"), ("gpu_resource", "a b/c"), ("node_selector", "disk"), ("node_selector", "=x"),
        ("node_selector", "a=b,a=c"), ("node_selector", "a=b c"), ("priority_class", "High"), ("priority_class", ""),
        ("runtime_class", "a/b"), ("image_pull_secret", "a..b"), ("image_pull_secret", "x" * 254),
        ("read_only_claims", "genomes"), ("read_only_claims", "genomes:"), ("read_only_claims", "/ref"),
        ("read_only_claims", "a:/b,"), ("optional_outputs", "yes"), ("max_attempts", "0"), ("max_run_seconds", "0"),
        ("queue_seconds", "1h"),
    ],
)  # fmt: skip
def test_another_text_is_a_problem_and_says_what_is_wanted(name: str, text: str) -> None:
    [(key, why)] = parameters.problems({name: text})
    assert (key, why.endswith(f"which is not {KNOWN[name].form}")) == (name, True)
    assert parameters.unused({name: text}, GENEROUS) == {}


def test_two_spellings_of_one_name_are_a_problem() -> None:
    given = {"VmSize": "x", "vmsize": "x"}
    assert list(parameters.problems(given)) == [("vmsize", "is given as VmSize too, and case does not matter")]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("VmSize", "x", "is not supported"),
        ("gpu_resource", "intel.com/gpu", "asks for 'intel.com/gpu', and allowed here is nvidia.com/gpu, amd.com/gpu"),
        ("node_selector", "disk=ssd,host=a", "asks for 'host', and allowed here is disk, example.org/pool"),
        ("priority_class", "urgent", "asks for 'urgent', and allowed here is low, high"),
        ("read_only_claims", "genomes:/a,mine:/b", "asks for 'mine', and allowed here is genomes, proteins"),
        ("max_attempts", "4", "is 4, and allowed here is 3 at most"),
        ("max_run_seconds", "101", "is 101, and allowed here is 100 at most"),
        ("queue_seconds", "86401", "is 86401, and allowed here is 86400 at most"),
    ],
)
def test_what_the_admin_does_not_allow_is_not_used(name: str, text: str, why: str) -> None:
    assert parameters.unused({name: text}, GENEROUS) == {name: why}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("node_selector", "disk=ssd"),
        ("priority_class", "high"),
        ("runtime_class", "kata"),
        ("image_pull_secret", "registry"),
        ("read_only_claims", "genomes:/ref"),
    ],
)
def test_by_itself_the_service_allows_nothing_that_an_admin_has_to_allow(name: str, text: str) -> None:
    assert parameters.unused({name: text}, TenantSettings()) == {name: "is not allowed here"}


def test_gpus_are_not_offered_where_the_admin_names_none() -> None:
    assert parameters.unused({"gpus": "1"}, TenantSettings(gpu_resources=())) == {"gpus": "is not allowed here"}


def test_without_a_limit_of_the_tenants_an_executor_may_run_as_long_as_it_asks_for() -> None:
    assert parameters.unused({"max_run_seconds": "2147483647"}, TenantSettings()) == {}


def test_offered_is_what_may_be_used() -> None:
    assert parameters.offered(TenantSettings()) == FREE
    assert parameters.offered(GENEROUS) == list(KNOWN)


def test_each_parameter_has_its_field_and_names_a_setting_that_exists() -> None:
    assert set(KNOWN) == set(Parameters._fields)
    known = {variable for variable, _, _ in settings.table(TenantSettings)}
    assert {settings.variable(each.setting) for each in KNOWN.values() if each.setting} <= known
