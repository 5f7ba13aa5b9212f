"""What the service itself has to say of a task, in the TaskLog of TES."""

from collections.abc import Mapping
from typing import Any

TaskLog = Mapping[str, Any]


def with_note(log: TaskLog, note: str) -> dict[str, Any]:
    """The log, empty or not, with the fields that TES demands and that sentence of the system in it once."""
    whole = {"logs": [], "outputs": [], "system_logs": [], **log}
    return (
        whole if not note or note in whole["system_logs"] else {**whole, "system_logs": [*whole["system_logs"], note]}
    )
