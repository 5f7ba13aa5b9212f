"""Moves the files of one task: `python -m filer inputs` before its executors, `python -m filer outputs` after them."""

import logging
import os
import sys
from pathlib import Path

from filer import run
from filer.settings import Settings
from tescore import document, model, record, retry
from tescore.errors import BadSettings, Rejected
from tescore.start import started

log = logging.getLogger("filer")

_BAD_SETTINGS = 2


def main() -> int:
    """The exit code: 0 all moved, 64 something could not be, 2 not begun because of settings or document."""
    # To where the report goes: from two pipes a log line could end up in the middle of a long line of the report.
    chosen = started("filer", Settings, os.environ, logs_to=sys.stdout)
    try:
        steps = sys.argv[1:]
        if steps not in (["inputs"], ["outputs"]):
            raise BadSettings([f"the arguments are {steps}, and not one of inputs, outputs"])
        task = _task(Path(chosen.task_folder))
    except Rejected as error:
        log.critical("cannot start", extra={"reason": error.reason, "cause": str(error)})
        return _BAD_SETTINGS
    waits = retry.schedule(first=0.5, most=30.0, total=60.0)
    volume = Path(chosen.scratch)
    if steps == ["inputs"]:
        return run.inputs(task, volume, Path(chosen.launcher), tell=_tell, waits=waits)
    return run.outputs(task, volume, optional=chosen.optional_outputs, tail=chosen.tail, tell=_tell, waits=waits)


def _task(folder: Path) -> model.Task:
    plain, packed = folder / "task.json", folder / "task.json.gz"
    if plain.is_file():
        text = plain.read_text()
    elif packed.is_file():
        text = record.unzipped(packed.read_bytes())
    else:
        raise BadSettings([f"TESK_TASK_FOLDER ({folder}) holds neither {plain.name} nor {packed.name}"])
    return model.task(document.parse(text)[0])


def _tell(line: str) -> None:
    # As bytes: the locale of the image may be any, and a file's name any bytes.
    sys.stdout.buffer.write(line.encode(errors="replace") + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
