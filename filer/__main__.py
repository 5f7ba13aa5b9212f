"""Moves the files of one task: `python -m filer inputs` before its executors, `python -m filer outputs` after them.

On a shared claim `python -m filer scrub FOLDER` removes one task's folder, and `python -m filer sweep BEFORE KEEP…`
those of all tasks but the ones to keep, as far as they were made before that time (seconds since 1970).
"""

import gc

gc.disable()  # it would look for garbage again and again among what is just being loaded (docs/speed.md)

import logging
import math
import os
import random
import sys
import time
from pathlib import Path
from typing import NoReturn

from filer import guard, run, scrub, shared
from filer.patience import Patience
from filer.reporting import Reporting
from filer.settings import Settings
from tescore import addresses, document, model, naming, parts
from tescore.errors import BadSettings, Rejected
from tescore.start import started

gc.freeze()
gc.enable()

log = logging.getLogger("filer")

_BAD_SETTINGS = 2


def main() -> int:
    """The exit code: 0 all done, 64 a file could not be moved, 1 a folder not removed, 2 not begun as it was called."""
    # To where the report goes: from two pipes a log line could end up in the middle of a long line of the report.
    chosen = started("filer", Settings, os.environ, logs_to=sys.stdout)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings hold whole URLs, with their signatures
    try:
        match sys.argv[1:]:
            case ["inputs" | "outputs" as step]:
                return _transfer(step, _task(Path(chosen.task_folder)), chosen)
            case ["scrub", folder] if naming.is_scratch_folder(folder):
                return _scrub(folder, chosen)
            case ["sweep", before, *keep] if before.isdigit():
                return scrub.others(Path(chosen.shared), keep=frozenset(keep), before=int(before))
            case other:
                raise BadSettings([f"the arguments are {other}, and not one of inputs, outputs, scrub, sweep"])
    except Rejected as error:
        log.critical("cannot start", extra={"reason": error.reason, "cause": str(error)})
        return _BAD_SETTINGS


def _transfer(step: str, task: model.Task, chosen: Settings) -> int:
    shared.mount(chosen.file_claims, Path(chosen.files))
    api_server = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    guard.use(addresses.rules(chosen.denied_ranges, chosen.allowed_ranges, api_server))
    until = time.monotonic() + chosen.transfer_seconds if chosen.transfer_seconds else math.inf
    patience = Patience(chosen.retry_seconds, random.random, until)
    volume, threads = Path(chosen.scratch), max(1, chosen.transfer_limit)
    told = Reporting(sys.stdout.buffer)
    if step == "inputs":
        failed = run.inputs(task, volume, Path(chosen.launcher), tell=told.tell, patience=patience, threads=threads)
    else:
        optional, tail = chosen.optional_outputs, chosen.tail
        failed = run.outputs(
            task, volume, optional=optional, tail=tail, tell=told.tell, patience=patience, threads=threads
        )
    if not failed and naming.REPORT_VARIABLE in os.environ:
        # Another attempt would miss what is removed, so first the record has to say that none will come.
        then = (lambda: _scrub(chosen.scrub, chosen) == 0) if chosen.scrub else None
        told.deliver(os.environ[naming.REPORT_VARIABLE], then)
    return failed


def _scrub(folder: str, chosen: Settings) -> int:
    try:
        scrub.task(Path(chosen.shared), folder)
    except scrub.FAILURES as error:
        log.warning("folder could not be removed", extra={"folder": folder, "cause": str(error)})
        return 1
    return 0


def _task(folder: Path) -> model.Task:
    plain, packed = folder / "task.json", folder / "task.json.gz"
    if plain.is_file():
        text = plain.read_text()
    elif packed.is_file():
        text = parts.unzipped(packed.read_bytes())
    else:
        raise BadSettings([f"TESK_TASK_FOLDER ({folder}) holds neither {plain.name} nor {packed.name}"])
    return model.task(document.parse(text)[0])


def _leave(code: int) -> NoReturn:
    """Ends at once: what other threads still wait for is nobody's any more."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
