"""All that is wrong with a task document, each problem with its path."""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import jsonschema
import yaml

from tescore import document, mounts, schemes, wildcards
from tescore.errors import InvalidTask, shortened

SPEC = Path(__file__).parent / "spec" / "task_execution_service-1.1.0.yaml"
_ENVIRONMENT_NAME = re.compile(r"[^=\0]+")


def checked(text: str) -> dict[str, Any]:
    """The cleaned document in a text. Raises InvalidTask with all its problems."""
    task, _ = document.parse(text)
    problems = list(_encoding_problems(task)) or schema_problems(task) or list(_rule_problems(task))
    if problems:
        raise InvalidTask(problems)
    return task


def _encoding_problems(task: Mapping[str, Any]) -> Iterator[str]:
    try:
        json.dumps(task, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        yield f"the document has half a surrogate pair ({error.object[error.start]!a}), which is no character"


def schema_problems(task: Mapping[str, Any]) -> list[str]:
    """Where a cleaned document breaks the schema `tesTask` of TES 1.1."""
    found = sorted(_validator().iter_errors(task), key=lambda error: [str(part) for part in error.absolute_path])
    return [problem for error in found for problem in _told(error)]


@functools.cache
def _validator() -> Any:
    spec = yaml.load(SPEC.read_text(), Loader=yaml.CSafeLoader)
    schema = {"$ref": "#/components/schemas/tesTask", "components": spec["components"]}
    return jsonschema.Draft202012Validator(schema)


def _told(error: jsonschema.ValidationError) -> Iterator[str]:
    path, wanted = _path(error.absolute_path), cast(Any, error.validator_value)
    found = shortened(repr(error.instance), 60)
    if error.validator == "required":
        # jsonschema reports each absent field as an error of its own, named only in its message.
        absent = [name for name in wanted if error.message.startswith(repr(name))]
        yield from (f"{path + '.' if path else ''}{name}: is missing" for name in absent)
    elif error.validator == "type":
        yield f"{path}: is {found}, which is not of type {wanted}"
    elif error.validator == "enum":
        yield f"{path}: is {found}, which is not one of {', '.join(wanted)}"
    else:
        yield f"{path}: {shortened(error.message)}"


def _path(parts: Any) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


def _rule_problems(task: Mapping[str, Any]) -> Iterator[str]:
    """What the standard says in words: absolute paths, something to run, a source for each input, known schemes."""
    if not task["executors"]:
        yield "executors: is empty"
    for i, executor in enumerate(task["executors"]):
        yield from _executor_problems(f"executors[{i}]", executor)
    for i, item in enumerate(task.get("inputs", [])):
        yield from _input_problems(f"inputs[{i}]", item)
    for i, item in enumerate(task.get("outputs", [])):
        yield from _output_problems(f"outputs[{i}]", item)
    for i, volume in enumerate(task.get("volumes", [])):
        yield from _path_problems(f"volumes[{i}]", volume, folder=True)


def _executor_problems(path: str, executor: Mapping[str, Any]) -> Iterator[str]:
    if not executor["image"].strip():
        yield f"{path}.image: is empty"
    if not executor["command"]:
        yield f"{path}.command: is empty"
    elif not executor["command"][0]:
        yield f"{path}.command[0]: is empty"
    for i, argument in enumerate(executor["command"]):
        yield from _text_problems(f"{path}.command[{i}]", argument)
    for field in ("workdir", "stdin", "stdout", "stderr"):
        if field in executor:
            yield from _path_problems(f"{path}.{field}", executor[field], folder=field == "workdir")
    for name, value in executor.get("env", {}).items():
        if not _ENVIRONMENT_NAME.fullmatch(name):
            yield f"{path}.env: {name!r} is no name for an environment variable"
        yield from _text_problems(f"{path}.env.{name}", value)


def _input_problems(path: str, item: Mapping[str, Any]) -> Iterator[str]:
    yield from _path_problems(f"{path}.path", item["path"], folder=item["type"] == "DIRECTORY")
    if not item.get("url") and "content" not in item:
        yield f"{path}: has neither url nor content"
    elif not item.get("content") and item.get("url"):
        yield from _scheme_problems(f"{path}.url", item["url"], schemes.READABLE)


def _output_problems(path: str, item: Mapping[str, Any]) -> Iterator[str]:
    yield from _path_problems(f"{path}.path", item["path"], folder=item["type"] == "DIRECTORY")
    yield from _scheme_problems(f"{path}.url", item["url"], schemes.WRITABLE)
    prefix = item.get("path_prefix", "")
    if not wildcards.is_pattern(item["path"], prefix):
        return
    if not prefix:
        yield f"{path}.path_prefix: is missing, and path contains wildcards"
    elif not item["path"].startswith(prefix):
        yield f"{path}.path_prefix: is {shortened(repr(prefix), 60)}, which is no prefix of path"
    if mounts.belongs_to_the_image(mounts.normal(wildcards.fixed_folder(item["path"]))):
        yield f"{path}.path: has wildcards in a folder of the image itself; let the files lie in one of their own"


def _path_problems(name: str, value: str, *, folder: bool = False) -> Iterator[str]:
    if not value.startswith("/"):
        yield f"{name}: is {shortened(repr(value), 60)}, which is not an absolute path"
    elif ".." in value.split("/"):
        yield f"{name}: is {shortened(repr(value), 60)}, which leads upwards by '..'"
    elif not folder and value.endswith("/"):
        yield f"{name}: is {shortened(repr(value), 60)}, which names a directory and not a file"
    elif folder and not value.strip("/"):
        yield f"{name}: is '/', which would hide the whole image"
    yield from _text_problems(name, value)


def _text_problems(name: str, value: str) -> Iterator[str]:
    if "\0" in value:
        yield f"{name}: contains a NUL character, which no program can be given"


def _scheme_problems(name: str, url: str, known: frozenset[str]) -> Iterator[str]:
    if schemes.scheme(url) not in known:
        yield f"{name}: has the scheme {schemes.scheme(url)!r}, and this service has {', '.join(sorted(known))}"
