"""Which URL schemes the filer can read and write."""

import re

FILE = "file"
"""Also that of a plain path."""
S3 = "s3"
DRS = "drs"
WRITABLE = frozenset({FILE, "az", "ftp", "ftps", "gs", "http", "https", S3, "sftp"})
READABLE = WRITABLE | {DRS}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/*)[^/]*@")


def scheme(url: str) -> str:
    """The scheme of a URL in lower case; a plain path is a `file`."""
    found = _SCHEME.match(url)
    return found.group(1).lower() if found else FILE


def without_secrets(url: str) -> str:
    """A URL without user and password, and one of HTTP without its query, which may be a signature."""
    url = _USERINFO.sub(r"\1", url)
    return url.partition("?")[0] if scheme(url) in {"http", "https"} else url
