"""What is told of an error that nobody foresaw: its class, where it came up, and what of its words is no credential."""

import re
import traceback
from pathlib import Path

from tescore.errors import shortened

_QUOTED = re.compile(r"""(?<!\w)b?(['"]).*\1""", re.DOTALL)
"""All between the first and the last quotation mark: what is quoted may hold more of them."""
_OPAQUE = re.compile(r"\S*[@?=:]\S+|\S{20,}")
"""What may be of a URL, a header or a key, where it is not quoted."""


def words(error: Exception) -> str:
    """Without a full stop."""
    told = " ".join([f"{type(error).__name__}:", *_harmless(error).split()]).rstrip(" .:")
    return f"{shortened(told)}{_place(error)}"


def _harmless(error: Exception) -> str:
    if isinstance(error, AttributeError | NameError):  # they quote the program alone
        return str(error)
    return _OPAQUE.sub("…", _QUOTED.sub("…", str(error)))


def _place(error: Exception) -> str:
    """The last line of ours on the way to it."""
    here = Path(__file__).parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(here):
            return f" ({Path(frame.filename).relative_to(here)}, line {frame.lineno})"
    return ""
