"""Whether an output's path is a pattern, and below which folder all that it stands for lies (POSIX.1-2017, 2.13)."""

import re

BRACKET = re.compile(r"\[(?P<not>[!^]?)(?P<set>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]", re.DOTALL)
_ANY = re.compile(r"(?<!\\)[*?]")


def is_pattern(path: str, path_prefix: str) -> bool:
    """Whether an output's path stands for many. Brackets count only beside a prefix: file names have them too."""
    return _ANY.search(path) is not None or (bool(path_prefix) and BRACKET.search(path) is not None)


def parts(path: str) -> list[str]:
    """The components of a pattern; a wildcard never matches `/`, so each is matched alone."""
    return [part for part in path.split("/") if part not in {"", "."}]


def fixed_folder(path: str) -> str:
    """The folder below which all that a pattern stands for must lie."""
    fixed: list[str] = []
    for part in parts(path)[:-1]:
        if _ANY.search(part) or BRACKET.search(part):
            break
        fixed.append(part)
    return "/" + "/".join(fixed)
