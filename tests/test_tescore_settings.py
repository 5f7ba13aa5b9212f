import dataclasses
import re
from dataclasses import dataclass
from typing import Any

import pytest

import api.settings
import filer.settings
import janitor.settings
import taskmaster.settings
import webhook.settings
from tescore import settings
from tescore.errors import BadSettings
from tescore.settings import setting

PROGRAMS = [each.settings.Settings for each in (api, filer, janitor, taskmaster, webhook)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    image: str = setting("the image")
    count: int = setting("how many", default=3)
    wait: float = setting("seconds", default=0.5)
    open: bool = setting("whether", default=False)
    names: tuple[str, ...] = setting("which", default=("a", "b"), form=re.compile("[a-z]"))
    memory: str = setting("memory in Mi", default="1Mi", form=re.compile(r"\d+Mi"))


def test_settings_come_from_the_environment_with_defaults_for_the_rest() -> None:
    read = settings.read(Some, {"TESK_IMAGE": "i", "TESK_COUNT": "4", "TESK_OPEN": "True", "TESK_NAMES": "x, y,"})
    assert read == Some(image="i", count=4, open=True, names=("x", "y"))


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings.read(Some, {"TESK_IMAGE": "i", "TESK_COUNT": ""}).count == 3


def test_all_problems_are_told_together() -> None:
    with pytest.raises(BadSettings) as caught:
        settings.read(Some, {"TESK_COUNT": "many", "TESK_OPEN": "1"})
    assert caught.value.problems == (
        "TESK_IMAGE is not set (the image)",
        "TESK_COUNT is 'many', which is not a whole number",
        "TESK_OPEN is '1', which is not true or false",
    )


def test_what_is_not_of_its_form_is_told() -> None:
    with pytest.raises(BadSettings) as caught:
        settings.read(Some, {"TESK_IMAGE": "i", "TESK_NAMES": "x,7", "TESK_MEMORY": "1 MB"})
    assert caught.value.problems == (
        "TESK_NAMES has the entry '7', which is none of its form",
        "TESK_MEMORY is '1 MB', which is not of its form (memory in Mi)",
    )


def test_the_table_names_variable_default_and_meaning() -> None:
    assert list(settings.table(Some)) == [
        ("TESK_IMAGE", "required", "the image"),
        ("TESK_COUNT", "3", "how many"),
        ("TESK_WAIT", "0.5", "seconds"),
        ("TESK_OPEN", "false", "whether"),
        ("TESK_NAMES", "a,b", "which"),
        ("TESK_MEMORY", "1Mi", "memory in Mi"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    seconds: float = setting("seconds of something", default=1.0)
    tries: int = setting("tries", default=1, least=1, most=9)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *(("TESK_SECONDS", text) for text in ("-1", "-0.001", "inf", "-inf", "nan", "1e300", "2147483648")),
        *(("TESK_TRIES", text) for text in ("0", "-1", "10", "99999999999999999999")),
    ],
)
def test_a_number_must_be_finite_and_within_its_bounds(variable: str, text: str) -> None:
    with pytest.raises(BadSettings, match=rf"{variable} is .*, which is not between \d+ and \d+ \((seconds|tries)"):
        settings.read(Numbers, {variable: text})


@pytest.mark.parametrize(
    ("variable", "text"), [("TESK_SECONDS", "0"), ("TESK_SECONDS", "2147483647"), ("TESK_TRIES", "9")]
)
def test_its_bounds_are_within(variable: str, text: str) -> None:
    read = settings.read(Numbers, {variable: text})
    assert float(text) in {read.seconds, read.tries}


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_program_takes_a_number_that_is_below_zero_or_none_at_all(program: type[Any]) -> None:
    """Whatever it is for: timedelta, Kubernetes and sleep take none of these."""
    for field in dataclasses.fields(program):
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            for text in ("-1", "inf", "nan"):
                with pytest.raises(BadSettings, match=settings.variable(field.name)):
                    settings.read(program, {settings.variable(field.name): text})


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_default_is_within_its_own_bounds(program: type[Any]) -> None:
    for field in dataclasses.fields(program):
        if isinstance(field.default, int | float):
            assert field.metadata["least"] <= field.default <= field.metadata["most"], field.name
