"""Which images a tenant's tasks may use: those that one of its patterns stands for."""

import functools
import re
from collections.abc import Iterator, Sequence

from tescore import glob
from tescore.errors import shortened

LONGEST = 512
"""Characters of an image's name, at most: registries take 255, a tag 128 and a digest 71 (distribution/reference)."""
FORM = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*._:/@-]*")
"""What a pattern is made of."""
_HUB = "docker.io"
_VERSION = "[:@]"
"""What stands before a tag or a digest."""


def problem(image: str, patterns: Sequence[str]) -> str:
    """Why an image may not be used, for a sentence after its name; empty if it may. Without patterns all may.

    In a pattern `*` is any text without a slash, `**` any text; without a tag it stands for all tags and digests.
    """
    name = _with_registry(image)
    whole = name if is_tagged(name) else f"{name}:latest"
    if not patterns or any(each.fullmatch(whole) for each in _globs(tuple(patterns))):
        return ""
    return f"is {shortened(repr(image), 60)}, and images that may be used here are {shortened(', '.join(patterns))}"


def _with_registry(name: str) -> str:
    """The name as nodes read it (github.com/distribution/reference): `lab/x` is Docker Hub's, `Lab/x` a host's."""
    first, slash, _ = name.partition("/")
    if names_registry(name) or (slash and first != first.lower()):
        return name
    return f"{_HUB}/{name}" if slash else f"{_HUB}/library/{name}"


def names_registry(name: str) -> bool:
    """Whether a name begins with a host, and not with a folder of Docker Hub's."""
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def is_tagged(name: str) -> bool:
    """Whether a name says which version it is, by a tag or a digest."""
    last = name.rpartition("/")[2]
    return ":" in last or "@" in last


@functools.lru_cache(maxsize=64)  # of tenants that have patterns
def _globs(patterns: tuple[str, ...]) -> list[re.Pattern[str]]:
    return [glob.compiled(elements) for pattern in patterns for elements in _elements(_with_registry(pattern))]


def _elements(name: str) -> Iterator[list[str]]:
    stars = {"**": glob.ANY, "*": glob.NO_SLASH}
    found = [stars.get(part) or re.escape(part) for part in re.findall(r"\*\*|.", name)]
    yield found
    if not is_tagged(name):
        yield [*found, _VERSION, glob.NO_SLASH]
