"""A WSGI application under gunicorn, the same way in api and webhook."""

import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any

from gunicorn.app.base import BaseApplication

Application = Callable[..., Iterable[bytes]]
"""A WSGI application."""


def serve(create: Callable[[], Application], *, silence: int = 30, **options: Any) -> None:
    """Serves until the process is told to stop. `create` is called in each worker; options are gunicorn's settings.

    A client that begins a request and then sends nothing for `silence` seconds is dropped.
    """

    def ready(server: Any) -> None:
        # gunicorn's threads wait for the rest of a request for ever; accepted sockets have this from their listener.
        for listener in server.LISTENERS:
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", silence, 0))

    _Server(create, {**options, "when_ready": ready}).run()


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, create: Callable[[], Application], options: dict[str, Any]) -> None:
        self._create = create
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        common = {
            "worker_class": "gthread",
            "worker_tmp_dir": "/dev/shm",  # on a disk a slow write of the heartbeat would look like a hanging worker
            "keepalive": 75,
            "control_socket_disable": True,
        }
        for name, value in {**common, **self._options}.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return self._create()
