import re
from dataclasses import dataclass

import pytest

from tescore import settings
from tescore.errors import BadSettings
from tescore.settings import setting


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
