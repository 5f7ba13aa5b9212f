"""Which paths of shared claims a task's URLs may name: those below the paths to which the admin maps claims."""

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from tescore.errors import shortened

FORM = re.compile(r"(?P<claim>[a-z0-9]([a-z0-9.-]*[a-z0-9])?):(?P<path>(/[^/:]+)+)(?P<read_only>:ro)?")
"""How a setting maps a claim."""
_URL = re.compile(r"file:(?://(?:localhost)?|(?!//))(?P<path>/.*)", re.DOTALL | re.IGNORECASE)


class Root(NamedTuple):
    """A path, and the claim whose root it is."""

    claim: str
    path: str
    read_only: bool


def roots(texts: Iterable[str]) -> tuple[Root, ...]:
    """From a setting's entries, which have the FORM."""
    forms = (FORM.fullmatch(text) for text in texts)
    return tuple(Root(form["claim"], form["path"], bool(form["read_only"])) for form in forms if form)


def shown(root: Root) -> str:
    """The entry of a setting."""
    return f"{root.claim}:{root.path}{':ro' if root.read_only else ''}"


def path(url: str) -> str:
    """The path that a URL means: percent-decoded, and a plain path as it stands. Raises ValueError with the reason.

    Bytes that are no UTF-8 are in it as Python has them in the names of files.
    """
    found = url
    if not url.startswith("/"):
        form = _URL.fullmatch(url)
        if form is None:
            raise ValueError("is neither an absolute path nor a URL like file:///path")
        found = unquote_to_bytes(form["path"].encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    if "\0" in found:
        raise ValueError("contains a NUL character")
    if ".." in found.split("/"):
        raise ValueError("leads upwards by '..'")
    return posixpath.normpath("/" + found.lstrip("/"))


def root(path: str, known: Iterable[Root]) -> Root | None:
    """The one that a normal path is on: of nested ones the innermost."""
    over = [each for each in known if path == each.path or path.startswith(f"{each.path}/")]
    return max(over, key=lambda each: len(each.path), default=None)


def problem(url: str, texts: Iterable[str], *, write: bool) -> str:
    """Why a file cannot be read or written there, for a sentence after its name; empty if it can."""
    known = roots(texts)
    try:
        named = path(url)
    except ValueError as error:
        return f"is {shortened(repr(url), 60)}, which {error}"
    found = root(named, known)
    if found is None:
        allowed = f"it reaches paths below {', '.join(each.path for each in known)}" if known else "it reaches none"
        return f"is {shortened(repr(url), 60)}, which is on no shared storage that the service reaches; {allowed}"
    if write and found.read_only:
        return f"is {shortened(repr(url), 60)}, and what is below {found.path} is read-only"
    return ""


def used(urls: Iterable[str], texts: Iterable[str]) -> tuple[Root, ...]:
    """The roots that valid URLs name, in the setting's order. A link may lead from one to another of them."""
    known = roots(texts)
    named = {root(path(url), known) for url in urls}
    return tuple(each for each in known if each in named)
