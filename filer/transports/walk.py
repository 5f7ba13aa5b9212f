"""What lies below a folder of a storage that lists one folder at a time."""

import posixpath
from collections.abc import Callable, Iterable
from typing import NamedTuple

from filer.transports import Page

_MOST = 1000
"""Paths after which a page ends with the folder that was begun."""


class Entry(NamedTuple):
    name: str
    is_folder: bool
    leads_to: str = ""
    """Of a link to a folder: that folder's own path."""


def page(token: str, listed: Callable[[str], Iterable[Entry]], own_path: Callable[[str], str]) -> Page:
    """As Transport.page. `listed` gets a path below the URL, empty or with a slash at its end.

    A link to a folder is that folder, unless it leads back to one on the way to it, or above one: `own_path` says where
    each of these lies, links resolved. The token holds the folders ahead, so that a page can be asked for again.
    """
    ahead = token.split("\0") if token else [""]
    paths = list[str]()
    while ahead and len(paths) < _MOST:
        folder, below, empty = ahead.pop(), list[str](), True
        way = list[str]()
        for entry in listed(folder):
            if entry.leads_to:
                way = way or [own_path(each) for each in _on_the_way(folder)]
                if any(_is_below(each, entry.leads_to) for each in way):
                    continue
            empty = False
            path = f"{folder}{entry.name}{'/' if entry.is_folder else ''}"
            (below if entry.is_folder else paths).append(path)
        if empty:
            paths.append(folder)
        ahead += reversed(below)
    return Page(tuple(paths), "\0".join(ahead))


def _on_the_way(folder: str) -> list[str]:
    """The folder, and those that lead to it from the URL's own, which is empty."""
    above = folder.rstrip("/")
    return ["", *(f"{above[:i]}/" for i, character in enumerate(f"{above}/") if character == "/" and above)]


def _is_below(path: str, folder: str) -> bool:
    """Whether a path lies in a folder, or is that."""
    return posixpath.join(path, "").startswith(posixpath.join(folder, ""))
