"""A record as the TES task that a client sees, in the three views of the standard."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from tescore import document, record, schemes
from tescore.errors import InvalidTask
from tescore.record import Record, with_note
from tescore.tenant import TenantSettings

_ONLY_FULL_INPUT = frozenset({"content"})
_ONLY_FULL_LOG = frozenset({"system_logs"})
_ONLY_FULL_STREAMS = frozenset({"stdout", "stderr"})


class View(StrEnum):
    MINIMAL = "MINIMAL"
    BASIC = "BASIC"
    FULL = "FULL"


def minimal(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The task from its ConfigMap's metadata alone: id and state."""
    return {"id": metadata["name"], "state": record.state(metadata).value}


def head(seen: Record) -> dict[str, Any]:
    """The task in the view MINIMAL."""
    return {"id": seen.task_id, "state": seen.state.value}


def task(seen: Record, view: View, settings: TenantSettings, viewer: str) -> dict[str, Any]:
    """The task in BASIC or FULL: fields of the standard, parameters that its tenant may use, and no nulls.

    The secrets in its URLs are for its owner alone.
    """
    sent, problem = _sent(seen, settings)
    if viewer != seen.owner:
        sent |= {part: _without_secrets(sent[part]) for part in ("inputs", "outputs") if part in sent}
    # Before it is claimed a task has no log, and yet a reason for which it waits, or was ended.
    ended = {"end_time": seen.ended} if seen.ended else {}
    log = seen.log or (with_note(ended, seen.reason) if seen.reason else {})
    log = with_note(log, problem) if problem else log
    shown = {
        **head(seen),
        **sent,
        **({"logs": [log]} if log else {}),
        **({"creation_time": seen.created} if seen.created else {}),
    }
    return shown if view == View.FULL else _basic(shown)


def with_outputs(seen: Record, files: Sequence[Mapping[str, str]], *, of: int) -> Record:
    """The record with the outputs that it does not hold itself, and a word on those that are missing."""
    log = {"logs": [], "system_logs": [], **seen.log, "outputs": [*seen.log.get("outputs", []), *files]}
    missing = of - len(files)
    if missing:
        log = with_note(log, f"{missing} of {of} outputs were stored and cannot be listed: their ConfigMaps are gone.")
    return seen._replace(log=log)


def _sent(seen: Record, settings: TenantSettings) -> tuple[dict[str, Any], str]:
    """The document, and why it cannot be shown if somebody broke it."""
    try:
        return document.parse(seen.document, settings)[0], ""
    except InvalidTask as error:
        return {"executors": []}, f"What was asked for cannot be read any more. {error}"


def _without_secrets(files: Any) -> Any:
    """What is no list of objects, in a document that was never checked, stays as it is."""
    if isinstance(files, list):
        return [_without_secrets(file) for file in files]
    if isinstance(files, dict) and isinstance(files.get("url"), str):
        return {**files, "url": schemes.without_secrets(files["url"])}
    return files


def _basic(shown: dict[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if "inputs" in shown:
        parts["inputs"] = _all_without(shown["inputs"], _ONLY_FULL_INPUT)
    if "logs" in shown:
        parts["logs"] = [
            {**log, "logs": _all_without(log["logs"], _ONLY_FULL_STREAMS)}
            for log in _all_without(shown["logs"], _ONLY_FULL_LOG)
        ]
    return {**shown, **parts}


def _all_without(items: Any, hidden: frozenset[str]) -> Any:
    """Each without those fields; what is no list of objects, in a document that was never checked, stays as it is."""
    if isinstance(items, list):
        return [_all_without(item, hidden) for item in items]
    return {name: value for name, value in items.items() if name not in hidden} if isinstance(items, dict) else items
