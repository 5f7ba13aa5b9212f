"""All that is wrong with a task document, each problem with its path."""

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import jsonschema
import yaml

from tescore import (
    document,
    images,
    model,
    mounts,
    parameters,
    path_rules,
    pod_size,
    schemes,
    shared_files,
    trs,
    wildcards,
)
from tescore.document import Dropped
from tescore.errors import InvalidTask, shortened
from tescore.model import Task
from tescore.tenant import TenantSettings

SPEC = Path(__file__).parent / "spec" / "task_execution_service-1.1.0.yaml"
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
_MOST = {"cpu_cores": 2**31 - 1, "ram_gb": 2**32, "disk_gb": 2**32}
"""What Kubernetes can count: an int32 of cores, and bytes in an int64 with room for a sum."""
_MOST_CLAIMS = 100
"""Each is a volume of every executor."""
_MOST_TAGS = 1000
"""Each is a label of the record, and a page of records' metadata must stay light."""
_MOST_TRS_URIS = 8
"""Of a task: they are looked up while its creator waits."""
_MOST_PROBLEMS = 100
"""Told at once; each takes time and memory."""


def checked(text: str, settings: TenantSettings, trs_hosts: Sequence[str] = ()) -> dict[str, Any]:
    """The cleaned document in a text, for a tenant with these settings, where these TRS hosts are asked for images.

    Raises InvalidTask with all its problems.
    """
    document.check_weight(text)
    task, dropped = document.parse(text, settings)
    problems = schema_problems(task) or _first(path_rules.too_long(task))
    problems = problems or _first(
        itertools.chain(_rule_problems(task, settings, trs_hosts), _parameter_problems(task, dropped))
    )
    if not problems:
        asked = model.task(task)
        problems = [*_mount_problems(asked), *pod_size.problems(asked)]
    if problems:
        raise InvalidTask(problems)
    return task


def check_found(found: Mapping[str, str], settings: TenantSettings) -> None:
    """Raises InvalidTask if an image that was found by its TRS URI is none of those that the tenant lists."""
    told = ((uri, images.problem(image, settings.images)) for uri, image in found.items())
    problems = [f"the image of {uri} {problem}" for uri, problem in told if problem]
    if problems:
        raise InvalidTask(problems)


def schema_problems(task: Mapping[str, Any]) -> list[str]:
    """Where a cleaned document breaks the schema `tesTask` of TES 1.1."""
    return _first(problem for error in _validator().iter_errors(task) for problem in _told(error))


def _first(problems: Iterable[str]) -> list[str]:
    """No more problems than anybody reads; what comes after them is not looked at."""
    found = list(itertools.islice(problems, _MOST_PROBLEMS + 1))
    return [*found[:_MOST_PROBLEMS], "there are further problems"] if len(found) > _MOST_PROBLEMS else found


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
        yield f"{path}: is {found}, which is not of type {wanted}, as TES 1.1 wants it"
    else:
        yield f"{path}: is {found}, which is not one of {', '.join(wanted)}"


def _path(parts: Any) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


def _rule_problems(task: Mapping[str, Any], settings: TenantSettings, trs_hosts: Sequence[str]) -> Iterator[str]:
    """What the standard says in words: absolute paths, something to run, a source for each input, known schemes."""
    if not task["executors"]:
        yield "executors: is empty"
    for i, executor in enumerate(task["executors"]):
        yield from _executor_problems(f"executors[{i}]", executor, settings, trs_hosts)
    if (uris := len(trs.uris(task))) > _MOST_TRS_URIS:
        yield f"executors: name {uris} different images by TRS, and may name no more than {_MOST_TRS_URIS}"
    for i, item in enumerate(task.get("inputs", [])):
        yield from _input_problems(f"inputs[{i}]", item, settings)
    for i, item in enumerate(task.get("outputs", [])):
        yield from _output_problems(f"outputs[{i}]", item, settings)
    yield from path_rules.patterns(task.get("outputs", []))
    yield from path_rules.collisions(task.get("outputs", []))
    for i, volume in enumerate(task.get("volumes", [])):
        yield from path_rules.problems(f"volumes[{i}]", volume, folder=True)
    yield from _resource_problems(task.get("resources", {}))
    if len(task.get("tags", {})) > _MOST_TAGS:
        yield f"tags: are {len(task['tags'])}, and may be no more than {_MOST_TAGS}"


def _resource_problems(resources: Mapping[str, Any]) -> Iterator[str]:
    for name, most in _MOST.items():
        amount = resources.get(name, 0)
        if amount < 0:
            yield f"resources.{name}: is {amount}, which is less than nothing"
        elif amount > most:
            yield f"resources.{name}: is {shortened(str(amount), 60)}, which is more than {most}"
    for i, zone in enumerate(resources.get("zones", [])):
        if not zone or not parameters.is_label_value(zone):
            yield f"resources.zones[{i}]: is {shortened(repr(zone), 60)}, and no zone of a cluster can be called that"


def _parameter_problems(task: Mapping[str, Any], dropped: list[Dropped]) -> Iterator[str]:
    resources = task.get("resources", {})
    for key, why in parameters.problems(resources.get("backend_parameters", {})):
        yield f"{document.PARAMETERS}.{key}: {why}"
    if resources.get("backend_parameters_strict"):
        for path, why in dropped:
            if path.startswith(f"{document.PARAMETERS}."):
                yield f"{path}: {why}, and backend_parameters_strict is true"


def _mount_problems(task: Task) -> Iterator[str]:
    mounted = [mount.path for mount in mounts.mounts(task)]
    for path in mounted:
        if ":" in path:
            why = "would have to be mounted, and Kubernetes mounts no path with a colon"
            yield f"{path} {why}; let it lie deeper, in a folder that is not the image's own"
    mounted += mounts.saved(task)
    claims = task.resources.parameters.read_only_claims
    if len(claims) > _MOST_CLAIMS:
        yield f"{document.PARAMETERS}.read_only_claims: are {len(claims)}, and may be no more than {_MOST_CLAIMS}"
        return
    for claim in claims:
        problems = list(_claim_problems(claim.path, mounted))
        yield from problems
        if not problems:
            mounted.append(mounts.normal(claim.path))


def _claim_problems(path: str, mounted: Iterable[str]) -> Iterator[str]:
    """What keeps a claim from being mounted there, beside what is."""
    name = f"{document.PARAMETERS}.read_only_claims"
    yield from path_rules.problems(name, path, folder=True)
    folder = mounts.normal(path)
    if ":" in folder:
        yield f"{name}: is to be mounted at {folder!r}, and Kubernetes mounts no path with a colon"
    if folder != "/" and (folder == "/tmp" or mounts.belongs_to_the_image(folder)):
        yield f"{name}: is to be mounted at {folder!r}, which would hide a folder of the image"
    for other in mounted:
        if folder == other or mounts.below(folder, other) or mounts.below(other, folder):
            yield f"{name}: is to be mounted at {folder!r}, where {other} is mounted"


def _executor_problems(
    path: str, executor: Mapping[str, Any], settings: TenantSettings, trs_hosts: Sequence[str]
) -> Iterator[str]:
    yield from _image_problems(f"{path}.image", executor["image"], settings, trs_hosts)
    if not executor["command"]:
        yield f"{path}.command: is empty"
    elif not executor["command"][0]:
        yield f"{path}.command[0]: is empty"
    for i, argument in enumerate(executor["command"]):
        yield from _string_problems(f"{path}.command[{i}]", argument)
    if "workdir" in executor:
        yield from path_rules.problems(f"{path}.workdir", executor["workdir"], folder=True, mounted=False)
    for field in ("stdin", "stdout", "stderr"):
        if field in executor:
            yield from path_rules.problems(f"{path}.{field}", executor[field])
    for name, value in executor.get("env", {}).items():
        if not _ENVIRONMENT_NAME.fullmatch(name):
            yield f"{path}.env: {name!r} is no name for an environment variable"
        yield from _string_problems(f"{path}.env.{name}", f"{name}={value}")


def _image_problems(name: str, image: str, settings: TenantSettings, trs_hosts: Sequence[str]) -> Iterator[str]:
    """That of a TRS URI is looked at once it is looked up."""
    if not image.strip():
        yield f"{name}: is empty"
    elif problem := trs.problem(image, trs_hosts) if trs.is_uri(image) else images.problem(image, settings.images):
        yield f"{name}: {problem}"
    yield from path_rules.text_problems(name, image)


def _input_problems(path: str, item: Mapping[str, Any], settings: TenantSettings) -> Iterator[str]:
    yield from path_rules.problems(f"{path}.path", item["path"], folder=item["type"] == "DIRECTORY")
    if not item.get("url") and "content" not in item:
        yield f"{path}: has neither url nor content"
    elif not item.get("content") and item.get("url"):
        yield from _url_problems(f"{path}.url", item["url"], settings, write=False)


def _output_problems(path: str, item: Mapping[str, Any], settings: TenantSettings) -> Iterator[str]:
    yield from path_rules.problems(f"{path}.path", item["path"], folder=item["type"] == "DIRECTORY")
    yield from _url_problems(f"{path}.url", item["url"], settings, write=True)
    prefix = item.get("path_prefix", "")
    if not wildcards.is_pattern(item["path"], prefix):
        return
    if not prefix:
        yield f"{path}.path_prefix: is missing, and path contains wildcards"
    elif not item["path"].startswith(prefix):
        yield f"{path}.path_prefix: is {shortened(repr(prefix), 60)}, which is no prefix of path"
    if mounts.belongs_to_the_image(wildcards.fixed_folder(item["path"])):
        yield f"{path}.path: has wildcards in a folder of the image itself; let the files lie in one of their own"


def _string_problems(name: str, value: str) -> Iterator[str]:
    yield from path_rules.text_problems(name, value)
    if (size := len(value.encode())) > pod_size.LONGEST_STRING:
        yield f"{name}: has {size} bytes, and Linux takes no more than {pod_size.LONGEST_STRING} in one string"


def _url_problems(name: str, url: str, settings: TenantSettings, *, write: bool) -> Iterator[str]:
    known, scheme = schemes.WRITABLE if write else schemes.READABLE, schemes.scheme(url)
    if scheme not in known:
        what = f"this service {'writes' if write else 'reads'} {', '.join(sorted(known))}"
        yield f"{name}: has the scheme {scheme!r}, and {what}"
    elif scheme == schemes.FILE and (problem := shared_files.problem(url, settings.file_claims, write=write)):
        yield f"{name}: {problem}"
