"""The report, a line at a time on standard output; and as a whole to the taskmaster, once all has been done.

The taskmaster reads the log when the kubelet has seen the end of the pod, up to a second later.
"""

import logging
import socket
from collections.abc import Callable
from typing import BinaryIO

from tescore import report

_SECONDS = 2.0
_WRITTEN = 60.0
"""Seconds in which the taskmaster writes a report down: the API server may be away."""
log = logging.getLogger(__name__)


class Reporting:
    """`tell` may be called from any thread."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._lines: list[bytes] = []
        self._size = 0

    def tell(self, line: str) -> None:
        # As bytes: the locale of the image may be any, and a file's name any bytes.
        told = line.encode(errors="replace") + b"\n"
        self._output.write(told)
        self._output.flush()
        self._size += len(told)
        if self._size <= report.SHORT:
            self._lines.append(told)

    def deliver(self, to: str, then: Callable[[], bool] | None = None) -> None:
        """Sends a report that is short enough to `to`, as taskmaster.hearing names it; what fails is no loss.

        `then` is called once the report is in the record, and returns whether it did what it is for.
        """
        if self._size > report.SHORT:
            return
        try:
            address, port, key = to.split()
            with socket.create_connection((address, int(port)), timeout=_SECONDS) as connection:
                connection.sendall(b"".join([key.encode(), b"\n", *self._lines, report.END]))
                if then:
                    connection.settimeout(_WRITTEN)
                    if connection.recv(1) == report.WRITTEN and then():
                        connection.sendall(report.DONE)
        except (OSError, ValueError) as error:
            log.info("taskmaster was not told", extra={"cause": str(error)})
