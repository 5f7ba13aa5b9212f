import json

from api import views
from api.views import View
from tescore import naming
from tescore.tenant import TenantSettings
from tests.build import PREFIX, stored, task_record

DOCUMENT = {
    "name": None,
    "ouputs": [],
    "inputs": [{"path": "/x", "content": "secret"}],
    "executors": [{"image": "busybox", "command": ["true"]}],
}
LOG = {
    "logs": [{"exit_code": 0, "stdout": "a", "stderr": "b"}],
    "outputs": [],
    "system_logs": ["c"],
    "start_time": "t",
}
DEFAULTS = TenantSettings()
ENDED = task_record(
    labels={"tesk/state": "COMPLETE"}, data={"task.json": json.dumps(DOCUMENT), "log.json": json.dumps(LOG)}
)


def test_minimal_is_id_and_state() -> None:
    assert views.head(ENDED) == {"id": PREFIX, "state": "COMPLETE"}
    assert views.minimal(stored()["metadata"]) == {"id": PREFIX, "state": "INITIALIZING"}


def test_full_is_everything_without_nulls_and_unknown_fields() -> None:
    assert views.task(ENDED, View.FULL, DEFAULTS, "") == {
        "id": PREFIX,
        "state": "COMPLETE",
        "inputs": [{"path": "/x", "content": "secret", "type": "FILE"}],
        "executors": [{"image": "busybox", "command": ["true"]}],
        "logs": [LOG],
        "creation_time": "2026-11-22T04:00:00.000000Z",
    }


def test_basic_hides_contents_streams_and_system_logs() -> None:
    shown = views.task(ENDED, View.BASIC, DEFAULTS, "")
    assert shown["inputs"] == [{"path": "/x", "type": "FILE"}]
    assert shown["logs"] == [{"logs": [{"exit_code": 0}], "outputs": [], "start_time": "t"}]


def test_a_task_that_was_not_begun_has_no_logs() -> None:
    assert "logs" not in views.task(task_record(), View.FULL, DEFAULTS, "")


def test_a_task_that_waits_to_be_begun_says_for_what() -> None:
    annotations = {"tesk/reason": "Waits in the queue x."}
    waits = task_record(labels={"tesk/state": "QUEUED"}, annotations=annotations)
    assert views.task(waits, View.FULL, DEFAULTS, "")["logs"] == [
        {"logs": [], "outputs": [], "system_logs": ["Waits in the queue x."]}
    ]
    assert views.task(waits, View.BASIC, DEFAULTS, "")["logs"] == [{"logs": [], "outputs": []}]


def test_a_task_that_was_cancelled_before_it_began_says_so() -> None:
    annotations = {naming.REASON: "Cancelled before it began.", naming.ENDED: "2026-11-22T04:00:01.000000Z"}
    cancelled = task_record(labels={"tesk/state": "CANCELED"}, annotations=annotations)
    [log] = views.task(cancelled, View.FULL, DEFAULTS, "")["logs"]
    assert log["system_logs"] == ["Cancelled before it began."]
    assert log["end_time"] == "2026-11-22T04:00:01.000000Z"


def test_secrets_in_urls_are_shown_to_the_owner_alone() -> None:
    urls = ["sftp://ann:pass@h/x", "https://h/x?X-Amz-Signature=s", "ftp://h/what?#", "s3://b/a@b?c", "/nfs/a@b"]
    inputs = [{"path": f"/in/{i}", "url": url} for i, url in enumerate(urls)]
    document = {
        **DOCUMENT,
        "inputs": [*inputs, {"path": "/c", "content": "c"}],
        "outputs": [{**inputs[0], "path": "/o"}],
    }
    seen = task_record(data={"task.json": json.dumps(document)}, annotations={"tesk/owner": "ann"})

    def shown(viewer: str) -> list[str]:
        task = views.task(seen, View.BASIC, DEFAULTS, viewer)
        return [item.get("url", "") for item in (*task["inputs"], *task["outputs"])]

    assert shown("ann") == [*urls, "", urls[0]]
    assert shown("bob") == ["sftp://h/x", "https://h/x", "ftp://h/what?#", "s3://b/a@b?c", "/nfs/a@b", "", "sftp://h/x"]
