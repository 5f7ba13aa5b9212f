"""How every program starts: logs on, settings read, both told in one line."""

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO, TypeVar

from tescore import VERSION, settings
from tescore.errors import BadSettings

_T = TypeVar("_T")
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def started(program: str, kind: type[_T], environment: Mapping[str, str], *, logs_to: TextIO | None = None) -> _T:
    """The program's settings. With bad ones it says what is wrong with each and ends the process with 2.

    Logs go to a stream, stderr if none is named, as one JSON object a line, for `kubectl logs` and for collectors.
    """
    handler = logging.StreamHandler(logs_to)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
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


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **{key: value for key, value in vars(record).items() if key not in _OWN},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
