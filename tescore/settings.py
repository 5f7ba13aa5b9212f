"""From environment variables to a program's frozen settings, with all problems told together."""

import dataclasses
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from tescore.errors import BadSettings

_T = TypeVar("_T")
MOST = 2**31 - 1
"""What Kubernetes has room for as seconds or as a uid; of longer times Python cannot reckon with all."""


def setting(
    meaning: str,
    *,
    default: Any = dataclasses.MISSING,
    form: re.Pattern[str] | None = None,
    least: float = 0,
    most: float = MOST,
) -> Any:
    """A field of a settings dataclass: its meaning with its unit, and its default unless it must be set.

    `form` is what a text, or each entry of a list, must look like; a number lies between `least` and `most`.
    """
    bounds = {"form": form, "least": least, "most": most}
    return dataclasses.field(default=default, metadata={"meaning": meaning, **bounds})


def variable(field_name: str) -> str:
    """The environment variable of a field: `filer_image` is TESK_FILER_IMAGE."""
    return f"TESK_{field_name.upper()}"


def read(settings: type[_T], environment: Mapping[str, str]) -> _T:
    """Settings from the environment. An empty variable counts as not set. Raises BadSettings with every problem."""
    problems: list[str] = []
    values: dict[str, Any] = {}
    for field, kind in _fields(settings):
        name, text = variable(field.name), environment.get(variable(field.name), "")
        if not text:
            if field.default is dataclasses.MISSING:
                problems.append(f"{name} is not set ({field.metadata['meaning']})")
            continue
        parsed, words = _KINDS[kind]
        try:
            values[field.name] = parsed(text)
            problems += _strange(field, values[field.name])
        except ValueError:
            problems.append(f"{name} is {text!r}, which is not {words}")
    if problems:
        raise BadSettings(problems)
    return settings(**values)


def environment(settings: Any, names: Iterable[str]) -> dict[str, str]:
    """The variables that give these fields the values that they have; those of defaults are left out."""
    fields = {field.name: field for field in dataclasses.fields(settings)}
    values = {name: getattr(settings, name) for name in names}
    return {variable(name): shown(value) for name, value in values.items() if value != fields[name].default}


def table(settings: type[Any]) -> Iterator[tuple[str, str, str]]:
    """Variable, default and meaning of every setting, for the README."""
    for field, _ in _fields(settings):
        default = "required" if field.default is dataclasses.MISSING else shown(field.default)
        yield variable(field.name), default.strip(","), field.metadata["meaning"]


def _fields(settings: type[Any]) -> Iterator[tuple[dataclasses.Field[Any], Any]]:
    kinds = typing.get_type_hints(settings)
    for field in dataclasses.fields(settings):
        yield field, kinds[field.name]


def _strange(field: dataclasses.Field[Any], value: str | float | tuple[str, ...]) -> Iterator[str]:
    """What is wrong with a value that is not of its field's form, or not within its bounds."""
    name, form = variable(field.name), field.metadata["form"]
    if isinstance(value, int | float) and not isinstance(value, bool):
        least, most = field.metadata["least"], field.metadata["most"]
        if not least <= value <= most:  # which nan is not either
            yield f"{name} is {value}, which is not between {least} and {most} ({field.metadata['meaning']})"
    if form is None:
        return
    if isinstance(value, str) and not form.fullmatch(value):
        yield f"{name} is {value!r}, which is not of its form ({field.metadata['meaning']})"
    if isinstance(value, tuple):
        strange = (entry for entry in value if not form.fullmatch(entry))
        yield from (f"{name} has the entry {entry!r}, which is none of its form" for entry in strange)


def shown(value: Any) -> str:
    """A setting's value as an environment variable holds it; an empty list is a lone comma, for empty is not set."""
    if isinstance(value, tuple):
        return ",".join(value) or ","
    return str(value).lower() if isinstance(value, bool) else str(value)


def boolean(text: str) -> bool:
    """Raises ValueError for a text that is neither true nor false."""
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_KINDS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "a text"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    bool: (boolean, "true or false"),
    tuple[str, ...]: (_list, "a list separated by commas"),
}
"""How a text becomes a value of each type, and what it must be."""
