"""What lies below a folder of a storage that lists one folder at a time."""

from collections.abc import Callable, Iterable

from filer.transports import Page

_MOST = 1000
"""Paths after which a page ends with the folder that was begun."""


def page(token: str, listed: Callable[[str], Iterable[tuple[str, bool]]]) -> Page:
    """As Transport.page. `listed` gets a path, empty or with a slash at its end; it tells names, and which are folders.

    The token holds the folders that are still ahead, so that a page can be asked for again.
    """
    ahead = token.split("\0") if token else [""]
    paths = list[str]()
    while ahead and len(paths) < _MOST:
        folder, below, empty = ahead.pop(), list[str](), True
        for name, is_folder in listed(folder):
            empty = False
            (below if is_folder else paths).append(f"{folder}{name}{'/' if is_folder else ''}")
        if empty:
            paths.append(folder)
        ahead += reversed(below)
    return Page(tuple(paths), "\0".join(ahead))
