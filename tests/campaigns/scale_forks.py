"""`python -m tests.campaigns.scale_forks`: taskmasters as processes, each a fork of this one, which has loaded them.

Each line of its standard input is the environment of one, as JSON. It runs what its image runs, but for the start of
Python and the loading of modules. All are killed when the input ends. Wants to lead a process group of its own.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping

from taskmaster.__main__ import main


def fork(environment: Mapping[str, str]) -> None:
    """Begins one."""
    if os.fork():
        return
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(environment)
        main()
    except SystemExit:
        pass
    except BaseException:  # noqa: BLE001 - nothing of it may go on in what the parent does next
        traceback.print_exc()
    finally:
        os._exit(0)


def _reap(*_: object) -> None:
    """Takes those that have ended, so that their time counts as this process's children's."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, _reap)
    for line in sys.stdin.buffer:
        fork(json.loads(line))
    os.killpg(0, signal.SIGKILL)
