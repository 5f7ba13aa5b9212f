from typing import Any

import pytest

from taskmaster.redirection import launched
from tests.build import executor, task


def script(linked: tuple[str, ...] = (), **changes: Any) -> str:
    return launched(task(executors=[executor(**changes)]).executors[0], linked)[3]


@pytest.mark.parametrize(
    ("streams", "ties"),
    [
        ({"stdin": "/in/it's"}, "exec <'/in/it'\"'\"'s'; "),
        ({"stdin": "/i", "stdout": "/o", "stderr": "/e"}, "exec </i >/o 2>/e; "),
        ({"stderr": "/e"}, "exec 2>/e; "),
        ({"stdout": "/o/x", "stderr": "/o//x"}, "exec >/o/x 2>&1; "),
    ],
)
def test_streams_are_tied_to_files(streams: dict[str, Any], ties: str) -> None:
    assert script(**streams).startswith(ties)


def test_the_command_stays_apart_from_the_script() -> None:
    [one] = task(executors=[executor(command=["cat", "a b", ""], stdout="/o")]).executors
    shell, applet, option, _, *rest = launched(one, ())
    assert [shell, applet, option, *rest] == ["/.tesk/busybox", "sh", "-c", "tesk", "cat", "a b", ""]


def test_variables_that_the_shell_would_change_are_set_again_behind_it() -> None:
    changed = script(stdout="/o", env={"PWD": "it's", "A": "b", "IFS": "$"})
    assert changed.endswith("; exec /.tesk/busybox env 'IFS=$' 'PWD=it'\"'\"'s' \"$_TESK\" \"$@\"")
    assert script(stdout="/o", env={"A": "b"}).endswith('; exec "$_TESK" "$@"')


def test_the_shell_stays_only_where_files_must_be_taken_back() -> None:
    assert 'exec "$_TESK"' not in script(("/x",))
    assert script(("/x",)).index("ln -sfn") < script(("/x",)).index('"$_TESK" "$@"') < script(("/x",)).index("cp ")
