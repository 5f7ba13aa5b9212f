"""Which paths the wildcards of an output stand for (POSIX.1-2017, 2.13: `*`, `?`, `[…]` and `\\` before a literal)."""

import re

_ANY = re.compile(r"(?<!\\)[*?]")
_BRACKET = re.compile(r"\[(?P<not>[!^]?)(?P<set>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]", re.DOTALL)
_MEMBER = re.compile(r"\[:(?P<name>[a-z]+):\]|\\(?P<escaped>.)|(?P<dash>-)|(?P<plain>.)", re.DOTALL)
_NAMED = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r" \t-\r", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip


def is_pattern(path: str, path_prefix: str) -> bool:
    """Whether an output's path stands for many. Brackets count only beside a prefix: file names have them too."""
    return _ANY.search(path) is not None or (bool(path_prefix) and _BRACKET.search(path) is not None)


def parts(path: str) -> list[str]:
    """The components of a pattern; a wildcard never matches `/`, so each is matched alone."""
    return [part for part in path.split("/") if part not in {"", "."}]


def fixed_folder(path: str) -> str:
    """The folder below which all that a pattern stands for must lie."""
    fixed: list[str] = []
    for part in parts(path)[:-1]:
        if _ANY.search(part) or _BRACKET.search(part):
            break
        fixed.append(part)
    return "/" + "/".join(fixed)


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
    """What is appended to the output's URL, behind a slash, for a path that matched."""
    return path.removeprefix(path_prefix).lstrip("/")


def _token(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at] == "\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1]), at + 2
    if bracket := _BRACKET.match(pattern, at):
        return _set(bracket), bracket.end()
    return {"*": ".*", "?": "."}.get(pattern[at], re.escape(pattern[at])), at + 1


def _set(bracket: re.Match[str]) -> str:
    members = ""
    for member in _MEMBER.finditer(bracket["set"]):
        if member["name"]:
            members += _NAMED.get(member["name"], "")
        else:
            members += member["dash"] or re.escape(member["escaped"] or member["plain"])
    if not members:
        return "." if bracket["not"] else "(?!)"
    return f"[{'^' if bracket['not'] else ''}{members}]"
