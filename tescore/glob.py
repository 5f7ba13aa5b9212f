"""Wildcards as regular expressions that do not backtrack.

Users and tenants write the patterns. A plain `.*` for each star takes hours for some of them, and holds the interpreter
meanwhile. What lies between two stars is so in an atomic group: the first place that fits is the best one.
"""

import re
from collections.abc import Callable, Iterable

ANY = ".*"
"""Any text."""
NO_SLASH = "[^/]*"
"""Any text without a slash."""


def compiled(elements: Iterable[str]) -> re.Pattern[str]:
    """The expression for a sequence of ANY, NO_SLASH and expressions for one character each. Raises re.error."""
    return re.compile(_between(elements, ANY, lambda part: _between(part, NO_SLASH, "".join)), re.DOTALL)


def _between(elements: Iterable[str], star: str, joined: Callable[[list[str]], str]) -> str:
    parts: list[list[str]] = [[]]
    for element in elements:
        if element == star:
            parts.append([])
        else:
            parts[-1].append(element)
    first, *further = map(joined, parts)
    *before, last = [first, *(f"{star}?{part}" for part in further)]
    return "".join(f"(?>{part})" for part in before) + last
