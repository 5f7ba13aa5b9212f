"""Removes folders of ended tasks from a shared claim, and nothing else: it follows no link."""

import logging
import os
from collections.abc import Collection
from contextlib import suppress
from itertools import islice
from pathlib import Path

from tescore import naming

log = logging.getLogger(__name__)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_A_TIME = 10_000
"""Entries of one folder that are held in memory."""


def task(shared: Path, folder: str) -> None:
    """Removes the folder of one task, if it is there. Raises OSError, and ValueError for what is no such folder."""
    if not naming.is_scratch_folder(folder):
        raise ValueError(f"{folder!r} is not the name of a task's folder")
    root = os.open(shared, _FOLDER)
    try:
        while _is_there(root, folder):
            with suppress(FileNotFoundError):  # another scrub does the same
                _empty(root, folder)
                os.rmdir(folder, dir_fd=root)
    finally:
        os.close(root)


def others(shared: Path, *, keep: Collection[str], before: float) -> int:
    """Removes the folders of tasks that are not to be kept and were made before that time; the exit code.

    One that cannot be removed does not keep the others from it.
    """
    failed = False
    for place in sorted(shared.iterdir()):
        if not naming.is_scratch_folder(place.name) or place.name in keep:
            continue
        try:
            if place.lstat().st_mtime < before:
                task(shared, place.name)
                log.info("folder removed", extra={"folder": place.name})
        except FileNotFoundError:
            continue  # another scrub was quicker
        except OSError as error:
            failed = True
            log.warning("folder could not be removed", extra={"folder": place.name, "cause": str(error)})
    return int(failed)


def _is_there(root: int, folder: str) -> bool:
    try:
        os.stat(folder, dir_fd=root, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _empty(root: int, folder: str) -> None:
    """Goes down and up again with one open folder at a time, because a tree may be deeper than files can be open."""
    here = os.open(folder, _FOLDER, dir_fd=root)
    ahead = list[list[str]]([[]])  # of each level the folders still to go into
    above = list[tuple[str, tuple[int, int]]]()  # of each level its name, and the folder that it was found in
    try:
        while True:
            ahead[-1] = ahead[-1] or _cleared(here)
            if ahead[-1]:
                name = ahead[-1].pop()
                above.append((name, _identity(here)))
                ahead.append([])
                here = _moved(here, name)
            elif above:
                name, before = above.pop()
                ahead.pop()
                here = _moved(here, "..")
                if _identity(here) != before:
                    raise OSError(f"{name!r} was moved while it was emptied")
                os.rmdir(name, dir_fd=here)
            else:
                return
    finally:
        os.close(here)


def _cleared(here: int) -> list[str]:
    """Unlinks what is no folder, until there is nothing else; the names of folders, if it has met some."""
    while True:
        with os.scandir(here) as entries:
            met = list(islice(entries, _AT_A_TIME))
        folders = [entry.name for entry in met if entry.is_dir(follow_symlinks=False)]
        for entry in met:
            if not entry.is_dir(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    os.unlink(entry.name, dir_fd=here)
        if folders or not met:
            return folders


def _moved(here: int, name: str) -> int:
    there = os.open(name, _FOLDER, dir_fd=here)
    os.close(here)
    return there


def _identity(here: int) -> tuple[int, int]:
    seen = os.fstat(here)
    return seen.st_dev, seen.st_ino
