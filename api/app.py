"""The api as a WSGI application: its paths under their prefixes, and what all replies have in common."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from flask import Flask, g

from api import failures, memory, replies
from api.entrance import Entrance
from api.extensions import documentation, live, probes
from api.routes import PREFIXES, routes
from api.settings import Settings
from api.streams import Streams


def create_app(
    settings: Settings, entrance: Entrance, now: Callable[[], datetime], random: Callable[[int], int]
) -> Callable[..., Iterable[bytes]]:
    """The application; it keeps nothing between two requests."""
    app = Flask(__name__, static_folder=None)
    # The library ends a body that comes in chunks at its limit without a word; one byte more is seen to be too many.
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body + 1
    app.json.sort_keys = False  # type: ignore[attr-defined]
    failures.told_by(app, max_body=settings.max_body)
    replies.finished(app, settings)
    app.url_value_preprocessor(_noted)
    streams = Streams()
    tes = routes(settings, entrance, now, random)
    for prefix in PREFIXES:
        for part in (tes, live(entrance, streams), documentation(entrance, prefix)):
            name = f"{part.name}{prefix.replace('/', '-')}"
            app.register_blueprint(part, url_prefix=prefix, name=name)
            app.register_blueprint(part, url_prefix=f"/<tenant>{prefix}", name=f"{name}-of-a-tenant")
    app.register_blueprint(documentation(entrance, *PREFIXES))
    app.register_blueprint(probes(entrance.backends.readiness))
    return memory.bounded(_single_slashes(app), settings.api_memory)


def _noted(_: str | None, values: dict[str, Any] | None) -> None:
    """Keeps the tenant that a URL begins with for the entrance, where the paths' own functions do not see it."""
    if values and "tenant" in values:
        g.tenant = values.pop("tenant")


def _single_slashes(app: Flask) -> Callable[..., Iterable[bytes]]:
    """A client given an endpoint that ends in a slash asks for //v1/tasks, and does not follow redirects of a POST."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "//" in (asked := environ.get("PATH_INFO", "")):
            environ["PATH_INFO"] = re.sub("/{2,}", "/", asked)
        return app(environ, start_response)

    return application
