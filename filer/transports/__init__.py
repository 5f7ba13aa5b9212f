"""Which module moves files of a URL's scheme; it is imported when the first such URL comes."""

import importlib
from pathlib import Path
from typing import Protocol, cast

from filer.errors import NotMovable
from tescore.schemes import scheme

MODULES = {
    "http": "filer.transports.http",
    "https": "filer.transports.http",
    "s3": "filer.transports.s3",
}


class Transport(Protocol):
    """What every such module offers. Moving is one attempt, which raises NotMovable or Interrupted, with the cause."""

    def fetch(self, url: str, destination: Path) -> int:
        """Writes what is at the URL to a file, whole and byte for byte, and returns its size."""

    def store(self, source: Path, url: str) -> None:
        """Puts a file to the URL."""

    def joined(self, url: str, path: str) -> str:
        """The URL of a relative path (plain text, not encoded) below a URL."""

    def shown(self, url: str) -> str:
        """The URL without what must not be told: credentials."""


def of(url: str) -> Transport:
    """The transport for a URL. Raises NotMovable for an unknown scheme."""
    module = MODULES.get(scheme(url))
    if module is None:
        raise NotMovable(f"its scheme {scheme(url)!r} is none of {', '.join(MODULES)}")
    return cast(Transport, importlib.import_module(module))
