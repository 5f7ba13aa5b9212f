"""Whether an output's path is a pattern, and what it is made of (POSIX.1-2017, 2.13, and two extensions).

The extensions are `{a,b}`, either of the two, and `**`, any number of folders: `**/x`, `**.txt` and `**` itself mean
names at any depth.
"""

import re
from collections.abc import Iterator
from itertools import pairwise, product

from tescore.errors import Rejected

BRACKET = re.compile(
    r"\[(?P<not>[!^]?)(?P<set>\]?(?:\[:[a-z]+:\]|\[=.=\]|\[\..\.\]|\\.|[^\]\\])*)\]", re.DOTALL
)  # fmt: skip
DEEP = "**"
"""In place of a component: any number of folders, or none."""
_ANY = re.compile(r"(?<!\\)(?:\\\\)*+[*?]")
_OUTSIDE = r"(?P<deep>\*\*+)|\\.|."
_TOKEN = re.compile(f"{BRACKET.pattern}|{_OUTSIDE}", re.DOTALL)
_TOKEN_BEHIND = re.compile(_OUTSIDE, re.DOTALL)
_CLOSING = re.compile(r"(?<!\\)(?:\\\\)*+\]")
"""What may end a bracket. Behind the last of them none is looked for, or each `[` would be followed to the end."""
_BRACE = re.compile(r"\\.|[{},]", re.DOTALL)
_MOST = 1000
"""Patterns that one may stand for, by its braces."""
_MOST_CHARACTERS = 500_000
"""That they may have together, those on the way to them with them."""


class TooMany(Rejected):
    """A pattern with braces that stands for more patterns than anyone means."""


def is_pattern(path: str, path_prefix: str) -> bool:
    """Whether an output's path stands for many. Brackets and braces do beside a prefix alone: names have them."""
    if _ANY.search(path) is not None:
        return True
    return bool(path_prefix) and (_has_bracket(path) or _alternation(path) is not None)


def is_deep(pattern: str) -> bool:
    """Whether `**` is in it."""
    return any(token["deep"] for token in tokens(pattern))


def parts(path: str) -> list[str]:
    """The components of a pattern; a wildcard never matches `/`, so each is matched alone."""
    return [part for part in path.split("/") if part not in {"", "."}]


def alternatives(pattern: str) -> list[tuple[str, ...]]:
    """The patterns without braces for which one stands, each as its components, which may be DEEP. Raises TooMany."""
    found: dict[tuple[str, ...], None] = {}
    for plain in _unbraced(pattern):
        components = parts(plain)
        choices = [_shallow(part, last=part is components[-1]) for part in components]
        for chosen in product(*choices):
            found[tuple(part for choice in chosen for part in choice)] = None
            if len(found) > _MOST:
                raise TooMany(f"stands for more than {_MOST} patterns")
    return list(found)


def literal(path: str) -> str:
    """A path or component without wildcards, as it is meant: without the backslashes before what is one otherwise."""
    return re.sub(r"\\(.)", r"\1", path, flags=re.DOTALL)


def fixed_folder(path: str) -> str:
    """The folder below which all that a pattern stands for must lie."""
    found = _alternation(path)
    fixed: list[str] = []
    for part in parts(path[: found[0]] + "*" if found else path)[:-1]:
        if _ANY.search(part) or _has_bracket(part):
            break
        fixed.append(literal(part))
    return "/" + "/".join(fixed)


def _has_bracket(path: str) -> bool:
    return BRACKET.search(path, 0, _brackets_end(path)) is not None


def tokens(path: str) -> Iterator[re.Match[str]]:
    """A pattern's brackets, escaped characters, stars that follow each other (`deep`), and other characters."""
    end = _brackets_end(path)
    yield from _TOKEN.finditer(path, 0, end)
    yield from _TOKEN_BEHIND.finditer(path, end)


def _brackets_end(path: str) -> int:
    return max((closing.end() for closing in _CLOSING.finditer(path)), default=0)


def _shallow(part: str, *, last: bool) -> list[tuple[str, ...]]:
    """What a component stands for, with `**` as a component of its own."""
    deep = next((token for token in tokens(part) if token["deep"]), None)
    if deep is None:
        return [(part,)]
    before, behind = part[: deep.start()], part[deep.end() :]
    if not before:
        return [(DEEP, f"*{behind}") if behind or last else (DEEP,)]
    return [(f"{before}*{behind}",), (f"{before}*", DEEP, f"*{behind}")]


def _unbraced(pattern: str) -> Iterator[str]:
    ahead, made, characters = [pattern], 0, 0
    while ahead:
        text = ahead.pop()
        found = _alternation(text)
        if found is None:
            yield text
            continue
        begin, commas, end = found
        edges = [begin, *commas, end]
        chosen = [text[:begin] + text[a + 1 : b] + text[end + 1 :] for a, b in pairwise(edges)]
        made += len(chosen)
        characters += sum(len(each) for each in chosen)
        if made > _MOST:
            raise TooMany(f"stands for more than {_MOST} patterns")
        if characters > _MOST_CHARACTERS:
            raise TooMany(f"stands for patterns with more than {_MOST_CHARACTERS} characters")
        ahead += reversed(chosen)


def _alternation(text: str) -> tuple[int, list[int], int] | None:
    """Where the first braces with a comma between them begin, have their commas and end."""
    opened: list[tuple[int, list[int]]] = []
    closed: list[tuple[int, list[int], int]] = []
    for token in _BRACE.finditer(text):
        match token.group():
            case "{":
                opened.append((token.start(), []))
            case ",":
                if opened:
                    opened[-1][1].append(token.start())
            case "}":
                if opened:
                    begin, commas = opened.pop()
                    if commas:
                        closed.append((begin, commas, token.start()))
            case _:
                pass
    return min(closed, default=None)
