"""Which paths the wildcards of an output stand for (POSIX.1-2017, 2.13: `*`, `?`, `[…]` and `\\` before a literal)."""

import re
from collections.abc import Iterable

from tescore import wildcards
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


def component(pattern: str) -> re.Pattern[str]:
    """What matches a name in full if the pattern stands for it. A leading dot is matched by a dot only."""
    found, at = "", 0
    while at < len(pattern):
        text, at = _token(pattern, at)
        found += text
    hidden = "" if pattern.startswith((".", "\\.")) else r"(?!\.)"
    try:
        return re.compile(hidden + found, re.DOTALL)
    except re.error:  # a range that runs backwards, which POSIX leaves open: the text itself
        return re.compile(re.escape(pattern))


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


def _token(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at] == "\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1]), at + 2
    if bracket := BRACKET.match(pattern, at):
        return _set(bracket), bracket.end()
    return {"*": ".*", "?": "."}.get(pattern[at], re.escape(pattern[at])), at + 1


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
