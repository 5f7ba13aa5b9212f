"""Hears from a filer that all is stored, up to a second before the kubelet, which looks once a second.

It is no more than a short cut: what never comes, comes late or is not understood is read from the pod and its log.
On the same connection a filer may wait until its report is in the record, and do then what has no place in one.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from taskmaster.watches import Change
from tescore import report

_SECONDS = 2.0
"""In which one who connects must have said what he has to: others wait meanwhile."""
_AFTERWARDS = 300.0
"""Seconds in which a filer must have done what it waited for."""


class Hearing:
    """A port at which each filer that is expected may tell its report once, with a key that its pod alone knows."""

    def __init__(self, address: str, heard: Callable[[Change], None]) -> None:
        """Listens on that address of the taskmaster's pod, if there is one; `heard` is called in a thread.

        Raises OSError if it cannot.
        """
        self.told: dict[str, report.Report] = {}
        """By pods: what was heard of them."""
        self._address = address
        self._port = 0
        self._pods: dict[str, str] = {}
        self._waiting: dict[str, socket.socket] = {}
        self._heard = heard
        if address:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listening = socket.create_server((address, 0), family=family)
            self._port = listening.getsockname()[1]
            threading.Thread(target=self._run, args=(listening,), daemon=True).start()

    def expect(self, pod: str) -> str:
        """What that pod's filer must know: address, port and key; nothing where nobody listens."""
        if not self._port:
            return ""
        # A pod that is refused for now is asked for again and again.
        key = next((key for key, known in list(self._pods.items()) if known == pod), os.urandom(16).hex())
        self._pods[key] = pod
        return f"{self._address} {self._port} {key}"

    def afterwards(self, pod: str) -> bool:
        """Now that its report is in the record, that pod's filer shall do what waits for that; whether it has."""
        connection = self._waiting.pop(pod, None)
        if connection is None:
            return False
        with connection, suppress(OSError):
            connection.settimeout(_AFTERWARDS)
            connection.sendall(report.WRITTEN)
            return connection.recv(1) == report.DONE
        return False

    def _run(self, listening: socket.socket) -> None:
        while True:
            connection, _ = listening.accept()
            connection.settimeout(_SECONDS)
            try:
                key, _, told = _all_of(connection).partition(b"\n")
            except OSError:
                connection.close()
                continue
            pod = self._pods.pop(key.decode(errors="replace"), "")
            if pod:
                self._waiting[pod] = connection
                self.told[pod] = report.read(told.decode(errors="replace").split("\n"))
                self._heard(Change("reports", pod, None))
            else:
                connection.close()


def _all_of(connection: socket.socket) -> bytes:
    """What is said, to the empty line that ends it. Raises OSError if it breaks off or is too long."""
    said = b""
    while not said.endswith(b"\n" + report.END):
        part = connection.recv(65536)
        if not part:
            raise OSError("it broke off")
        said += part
        if len(said) > 2 * report.SHORT:
            raise OSError("too long")
    return said
