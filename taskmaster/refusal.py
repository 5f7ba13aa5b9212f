"""How the launcher in an executor's pod says that it cannot do what must be done before the command."""

import shlex

from taskmaster.observe import Terminated

_EXIT = 125


def told(word: str, what: str) -> str:
    """A command of a shell that tells the taskmaster, and ends the shell."""
    return f"{{ echo {shlex.quote(f'{word} {what}')} >/dev/termination-log; exit {_EXIT}; }}"


def heard(end: Terminated, word: str) -> str:
    """What was told with that word; nothing if the container ended otherwise."""
    said, _, what = end.message.strip().partition(" ")
    return what if end.exit_code == _EXIT and said == word else ""
