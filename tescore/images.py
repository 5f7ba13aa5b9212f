"""Which images a tenant's tasks may use: those that one of its patterns stands for."""

import re
from collections.abc import Sequence

from tescore.errors import shortened

FORM = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*._:/@-]*")
"""What a pattern is made of."""
_HUB = "docker.io"


def problem(image: str, patterns: Sequence[str]) -> str:
    """Why an image may not be used, for a sentence after its name; empty if it may. Without patterns all may.

    In a pattern `*` is any text without a slash, `**` any text; without a tag it stands for all tags and digests.
    """
    name = _with_registry(image)
    whole = name if is_tagged(name) else f"{name}:latest"
    if not patterns or any(_expression(pattern).fullmatch(whole) for pattern in patterns):
        return ""
    return f"is {shortened(repr(image), 60)}, and images that may be used here are {', '.join(patterns)}"


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


def _expression(pattern: str) -> re.Pattern[str]:
    name = _with_registry(pattern)
    parts = {"**": ".*", "*": "[^/]*"}
    text = "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", name))
    return re.compile(text if is_tagged(name) else f"{text}([:@][^/]*)?", re.DOTALL)
