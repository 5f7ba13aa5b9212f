"""What is alike in storage that has objects under keys, in buckets or containers, and no folders."""

import hashlib
from pathlib import Path

from filer.errors import Interrupted, NotMovable


def parse(url: str, form: str, *, folder: bool = False) -> tuple[str, str]:
    """What stands before the key, and the key; it is not decoded. Raises NotMovable; `form` is what was expected.

    A folder's key ends with one slash, and is empty for all that there is.
    """
    parts = url.partition("://")[2].split("/", form.count("/") - 2)
    key = parts.pop() if len(parts) == form.count("/") - 1 else ""
    if folder:
        key = key.rstrip("/") + "/" if key.rstrip("/") else ""
    if not all(parts) or len(parts) < form.count("/") - 2 or not (key or folder):
        raise NotMovable(f"the URL is not of the form {form}")
    return "/".join(parts), utf8(key)


def joined(url: str, path: str) -> str:
    """As Transport.joined."""
    return f"{url.rstrip('/')}/{path}"


def shown(url: str) -> str:
    """As Transport.shown: there are no credentials."""
    return url


def utf8(key: str) -> str:
    """The key itself. Raises NotMovable if it can be none, as the names of some files."""
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise NotMovable("its name is not UTF-8") from error
    return key


def check_md5(place: Path, expected: bytes | None) -> None:
    """Raises Interrupted if the file is not what the storage says, if it says so."""
    if expected:
        with place.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        if digest != expected:
            raise Interrupted(f"its md5 is {digest.hex()}, and the server says {expected.hex()}")
