"""Which module moves files of a URL's scheme; it is imported when the first such URL comes."""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from filer.errors import NotMovable
from tescore.schemes import scheme

MODULES = {
    "az": "filer.transports.azure",
    "drs": "filer.transports.drs",
    "file": "filer.transports.file",
    "ftp": "filer.transports.ftp",
    "ftps": "filer.transports.ftp",
    "gs": "filer.transports.gs",
    "http": "filer.transports.http",
    "https": "filer.transports.http",
    "s3": "filer.transports.s3",
    "sftp": "filer.transports.sftp",
}
_AZURE = re.compile(
    r"https://[a-z0-9]+\.blob\.core\.(windows\.net|usgovcloudapi\.net|chinacloudapi\.cn)(:443)?/", re.IGNORECASE
)
"""Hosts that speak HTTP, but want more to be said than a PUT."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what lies below a URL."""

    paths: tuple[str, ...]
    """Relative to the URL, plain text, as the storage has them: they may lead anywhere.

    Of a folder with a slash at its end; of the folder at the URL itself empty.
    """
    following: str = ""
    """What to ask for the next page with; empty at the last one."""


class Transport(Protocol):
    """What every such module offers, to several threads at a time.

    Moving is one attempt, which raises NotMovable or Interrupted, with the cause; trying again is done elsewhere, with
    the same destination, and by what the Interrupted says is to be called next, if it does (`going_on`).
    """

    def fetch(self, url: str, destination: Path) -> int:
        """Writes what is at the URL to a file, whole and byte for byte, and returns its size."""

    def store(self, source: Path, url: str) -> None:
        """Puts a file to the URL. The source's name says nothing: it stands for a file that is open."""

    def page(self, url: str, token: str) -> Page:
        """What lies below the URL, as deep as it goes; the token is that of the page before, or empty."""

    def keep_folder(self, url: str) -> bool:
        """Notes at the URL that there is an empty folder; False where the protocol has no way to."""

    def joined(self, url: str, path: str) -> str:
        """The URL of a relative path (plain text, not encoded) below a URL."""

    def shown(self, url: str) -> str:
        """The URL without what must not be told: credentials."""


def shown(url: str) -> str:
    """As Transport.shown, for any URL."""
    try:
        return of(url).shown(url)
    except Exception:  # noqa: BLE001 - this is for telling what went wrong
        return "its URL"


def of(url: str) -> Transport:
    """The transport for a URL. Raises NotMovable for an unknown scheme."""
    module = MODULES.get(scheme(url))
    if module is None:
        raise NotMovable(f"its scheme {scheme(url)!r} is none of {', '.join(MODULES)}")
    if _AZURE.match(url):
        module = MODULES["az"]
    return cast(Transport, importlib.import_module(module))
