"""A WSGI application under gunicorn, the same way in api and webhook."""

from collections.abc import Callable, Iterable
from typing import Any

from gunicorn.app.base import BaseApplication

Application = Callable[..., Iterable[bytes]]
"""A WSGI application."""


def serve(create: Callable[[], Application], **options: Any) -> None:
    """Serves until the process is told to stop. `create` is called in each worker; options are gunicorn's settings."""
    _Server(create, options).run()


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, create: Callable[[], Application], options: dict[str, Any]) -> None:
        self._create = create
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        # A worker's heartbeat file must be in memory: on a disk a slow write looks like a hanging worker.
        common = {
            "worker_class": "gthread",
            "worker_tmp_dir": "/dev/shm",
            "keepalive": 75,
            "control_socket_disable": True,
        }
        for name, value in {**common, **self._options}.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return self._create()
