"""How files of the task come into folders of the image, such as `/` and `/etc`: as links that the launcher sets.

A file that is mounted alone cannot be replaced, so `mv` and `sed -i` fail on it. A link can: what lies in its place
when the command has ended is taken back to the scratch volume. Where the image's user may not set a link there, the
launcher says so, and the pod is made again with the files mounted.
"""

import posixpath
import shlex
from collections.abc import Sequence

from taskmaster import refusal
from taskmaster.observe import Terminated
from tescore import mounts

_WORD = "tesk-cannot-link"


def set_before(paths: Sequence[str], shell: str) -> str:
    """Commands of a shell that sets the links, or ends with a message to the taskmaster."""
    return "".join(
        f"{{ {shell} mkdir -p {shlex.quote(posixpath.dirname(path))} && "
        f"{shell} ln -sfn {_target(path)} {shlex.quote(path)}; }} 2>/dev/null || "
        f"{refusal.told(_WORD, path)}; "
        for path in paths
    )


def taken_back_after(paths: Sequence[str], shell: str) -> str:
    """Commands that end the shell with the exit code of the command before them, or with 1 if a file is lost."""
    taken = "".join(
        f"{{ [ -L {place} ] && [ {place} -ef {target} ]; }} || {{ {shell} rm -rf {target}; "
        f"[ ! -e {place} ] || {shell} cp -RLp {place} {target}; }} || _TESK_CODE=1; "
        for place, target in ((shlex.quote(path), _target(path)) for path in paths)
    )
    return f"_TESK_CODE=$?; {taken}exit $_TESK_CODE"


def refused(end: Terminated) -> str:
    """The path at which the image's user may set no link, if the executor ended for that; else nothing."""
    return refusal.heard(end, _WORD)


def _target(path: str) -> str:
    return shlex.quote(mounts.FILES_MOUNT + mounts.normal(path))
