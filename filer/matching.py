"""Which paths the wildcards of an output stand for (POSIX.1-2017, 2.13: `*`, `?`, `[…]` and `\\` before a literal)."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tescore import glob, wildcards
from tescore.wildcards import BRACKET

_MEMBER = re.compile(
    r"\[:(?P<name>[a-z]+):\]|\[=(?P<like>.)=\]|\[\.(?P<symbol>.)\.\]|\\(?P<escaped>.)|(?P<dash>-)|(?P<plain>.)",
    re.DOTALL,
)
_NAMED = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r" \t-\r", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Component:
    """What matches the names of one component of a path."""

    name: re.Pattern[str]
    hidden: bool
    """Whether it stands for names with a leading dot: that is matched by a dot only."""

    def matches(self, name: str) -> bool:
        return (self.hidden or not name.startswith(".")) and self.name.fullmatch(name) is not None


@functools.lru_cache(maxsize=1024)  # it is asked for with each folder
def component(pattern: str) -> Component:
    """What matches a name if the pattern stands for it."""
    try:
        name = glob.compiled(_element(token.group()) for token in wildcards.tokens(pattern))
    except re.error:  # a range that runs backwards, which POSIX leaves open: the text itself
        name = glob.compiled(map(re.escape, pattern))
    return Component(name, hidden=pattern.startswith((".", "\\.")))


def pruned(path: str, path_prefix: str) -> str:
    """What is appended to the output's URL, behind a slash, for a path that matched; the prefix is a pattern's."""
    plain = wildcards.literal("/" + "/".join(wildcards.parts(path_prefix)))
    return path.removeprefix(plain).lstrip("/")


def outermost(paths: Iterable[str]) -> list[str]:
    """Paths in order, without those that lie below another one: they come with that."""
    found = set(paths)
    return sorted(path for path in found if found.isdisjoint(_above(path)))


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:number]) for number in range(1, len(parts))]


def _element(text: str) -> str:
    """What one token stands for."""
    if bracket := BRACKET.fullmatch(text):
        return _set(bracket)
    if text.startswith("*"):
        return glob.ANY
    return "." if text == "?" else re.escape(text[-1])


def _set(bracket: re.Match[str]) -> str:
    members = ""
    for member in _MEMBER.finditer(bracket["set"]):
        if member["name"]:
            members += _NAMED.get(member["name"], "")
        else:
            text = member["like"] or member["symbol"] or member["escaped"] or member["plain"]
            members += member["dash"] or re.escape(text)
    if not members:
        return "." if bracket["not"] else "(?!)"
    return f"[{'^' if bracket['not'] else ''}{members}]"
