"""Which URL schemes the filer can read and write."""

import re

FILE = "file"
"""Also that of a plain path."""
S3 = "s3"
DRS = "drs"
WRITABLE = frozenset({FILE, "az", "ftp", "ftps", "gs", "http", "https", S3, "sftp"})
READABLE = WRITABLE | {DRS}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def scheme(url: str) -> str:
    """The scheme of a URL in lower case; a plain path is a `file`."""
    found = _SCHEME.match(url)
    return found.group(1).lower() if found else FILE
