"""How every program starts: logs on, settings read, both told in one line."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TextIO, TypeVar

from tescore import VERSION, logs, settings
from tescore.errors import BadSettings

_T = TypeVar("_T")


def started(program: str, kind: type[_T], environment: Mapping[str, str], *, logs_to: TextIO | None = None) -> _T:
    """The program's settings. With bad ones it says what is wrong with each and ends the process with 2."""
    logs.start(logs_to)
    log = logging.getLogger(program)
    try:
        read = settings.read(kind, environment)
    except BadSettings as error:
        for problem in error.problems:
            log.error(problem)  # noqa: TRY400 - a wrong setting is no crash
        sys.exit(2)
    shown: Any = read
    log.info("starts", extra={"version": VERSION, "settings": asdict(shown)})
    return read
