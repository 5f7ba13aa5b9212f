"""Removes folders of ended tasks from a shared claim, and nothing else: it follows no link."""

import logging
import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tescore import naming

log = logging.getLogger(__name__)

FAILURES = (OSError, RecursionError)
"""What removing a folder raises: the second for a tree that is some hundred folders deep."""


def task(shared: Path, folder: str) -> None:
    """Removes the folder of one task, if it is there. Raises FAILURES, and ValueError for what is no such folder."""
    if not naming.is_scratch_folder(folder):
        raise ValueError(f"{folder!r} is not the name of a task's folder")
    while os.path.lexists(shared / folder):
        with suppress(FileNotFoundError):  # another scrub does the same
            shutil.rmtree(shared / folder)


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
        except FAILURES as error:
            failed = True
            log.warning("folder could not be removed", extra={"folder": place.name, "cause": str(error)})
    return int(failed)
