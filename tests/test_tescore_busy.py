"""Documents as somebody would write them who wants to keep a server busy: each is answered within seconds."""

import json
import time
from typing import Any

import pytest

from tescore import validation
from tescore.errors import InvalidTask
from tescore.tenant import TenantSettings
from tests.build import executor, task_document

URL = "s3://bucket/key"
SETTINGS = TenantSettings(reference_claims=("genomes",))
WITHIN = 30
"""Seconds of the processor's; each took 7 at most, and some took minutes once."""


def problems(text: str, settings: TenantSettings = SETTINGS) -> list[str]:
    began = time.process_time()
    try:
        validation.checked(text, settings)
    except InvalidTask as error:
        return list(error.problems)
    finally:
        assert time.process_time() - began < WITHIN
    return []


def outputs(count: int, path: str) -> str:
    given = [{"path": path, "path_prefix": "/x", "url": f"{URL}{i}"} for i in range(count)]
    return json.dumps(task_document(outputs=given))


@pytest.mark.parametrize("text", ['"' + '\\"' * 500_000, '"' * 1_000_001, '\\"' * 500_000], ids=["open", "many", "no"])
def test_what_is_no_json_is_refused_at_once_however_its_quotes_are(text: str) -> None:
    assert problems(text)[0].startswith("the document is not JSON")


@pytest.mark.parametrize("path", ["/x" + "[" * 4000, "/x" + "[" * 4000 + "\\]", "/x/*" + "[:a" * 1300])
def test_brackets_that_do_not_end_are_read_once(path: str) -> None:
    assert problems(outputs(200, path)) == []


@pytest.mark.parametrize(
    ("count", "path", "problem"),
    [
        (60_000, "/x/" + "{a,b}" * 9, "outputs[0].path: stands for more than 1000 patterns"),
        (60_000, "/x/" + "{a,b}" * 7, "outputs: stand for patterns with more than 1000000 characters"),
        (
            1900,
            "/x/" + "{a,b}" * 8 + "/a" * 1900,
            "outputs[0].path: stands for patterns with more than 500000 characters",
        ),
    ],
    ids=["too many", "too many in all", "too long"],
)
def test_what_braces_stand_for_is_bounded(count: int, path: str, problem: str) -> None:
    assert problems(outputs(count, path)) == [problem]


def test_thousands_of_deep_folders_are_mounted() -> None:
    deep = [{"path": f"{'/a' * 2000}/{i}", "url": URL} for i in range(1900)]
    assert problems(json.dumps(task_document(inputs=deep))) == []


@pytest.mark.parametrize(
    ("pattern", "image"),
    [
        ("r.org/lab/*-cuda-*", "r.org/lab/" + "-cuda-:" * 70 + "/x"),
        ("r.org/lab/*-*-*-*-*", "r.org/lab/" + "-" * 490 + "/x"),
        ("**" + "-**" * 50, "r.org/" + "-" * 49),
        ("*" * 400, "r.org/x/" + "-" * 490),
        (",".join(["*-"] * 2700), "-" * 490 + "/x"),
        (",".join(["*-"] * 2700), "".join(chr(0x100 + i) for i in range(245))),
    ],
)
def test_an_image_is_matched_in_linear_time_whatever_the_tenants_patterns(pattern: str, image: str) -> None:
    settings = TenantSettings(images=tuple(pattern.split(",")))
    executors = [executor(image=f"{image}{i}") for i in range(1900)]
    assert problems(json.dumps(task_document(executors=executors)), settings)[-1] == "there are further problems"


LONG = "/" + "x" * 4095


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("inputs[0].path", {"inputs": [{"path": LONG, "url": URL}]}),
        ("outputs[0].path", {"outputs": [{"path": LONG, "url": URL}]}),
        ("outputs[0].path_prefix", {"outputs": [{"path": "/x/*", "path_prefix": LONG, "url": URL}]}),
        ("volumes[0]", {"volumes": [LONG]}),
        ("executors[0].workdir", {"executors": [executor(workdir=LONG)]}),
        ("executors[0].stdin", {"executors": [executor(stdin=LONG)]}),
        ("executors[0].stdout", {"executors": [executor(stdout=LONG)]}),
        ("executors[0].stderr", {"executors": [executor(stderr=LONG)]}),
    ],
)
def test_a_path_that_is_longer_than_linux_takes_is_refused(place: str, changes: dict[str, Any]) -> None:
    assert problems(json.dumps(task_document(**changes))) == [
        f"{place}: has 4096 bytes, and may have no more than 4095"
    ]


def test_an_image_whose_name_no_registry_takes_is_refused() -> None:
    executors = [executor(image="x" * 513)]
    expected = "executors[0].image: has 513 bytes, and may have no more than 512"
    assert problems(json.dumps(task_document(executors=executors))) == [expected]


def test_reference_data_by_the_thousand_is_refused() -> None:
    claims = ",".join(f"genomes:/r{i}" for i in range(50_000))
    changes = {"resources": {"backend_parameters": {"read_only_claims": claims}}}
    expected = "resources.backend_parameters.read_only_claims: are 50000, and may be no more than 100"
    assert problems(json.dumps(task_document(**changes))) == [expected]
