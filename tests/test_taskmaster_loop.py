"""A whole task with the connection to the API server broken at each of its requests, one after the other."""

import io
import itertools
import json
import os
import threading
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from filer.reporting import Reporting
from taskmaster import claim, loop
from taskmaster.kube import Kube
from tescore import naming, outputs, record, report
from tescore.errors import Unavailable
from tescore.record import Record
from tescore.session import Session, mounted
from tests.apiserver import ApiServer, Break, api_server
from tests.build import PREFIX, executor, settings, task_document

DOCUMENT = task_document(executors=[executor(), executor(stdout="/o/x")], outputs=[{"path": "/o/x", "url": "s3://b/x"}])
PODS = [f"{PREFIX}-{step}" for step in ("inputs", "executor-0", "executor-1", "outputs")]
MOST_REQUESTS = 24
TIMES = [datetime(2026, 11, 22, 4, 0, second, tzinfo=UTC) for second in range(60)]
MOST_REQUESTS_WITH_PAGES = MOST_REQUESTS + 2
FIRST_OF_OUTPUTS = MOST_REQUESTS - 6
"""Number of a request before those of the outputs."""
NAMES = [os.urandom(2000).hex() for _ in range(600)]
"""So long that their list takes two pages."""


def filled(server: ApiServer, document: dict[str, Any] = DOCUMENT, **annotations: str) -> None:
    """A task that the webhook has just launched."""
    stored: dict[str, Any] = record.config_map(PREFIX, "tesk", json.dumps(document), owner="ann")
    stored["metadata"]["annotations"] |= {f"tesk/{name}": text for name, text in annotations.items()}
    stored["metadata"] |= {"uid": "u-1"}
    stored["metadata"]["labels"] |= {naming.STATE: "INITIALIZING"}
    server.stored("configmaps", stored, "ADDED")


def run(server: ApiServer, folder: Path, pod: str, **changes: Any) -> None:
    """A taskmaster in a pod of that uid, from its start to its end."""
    account = folder / pod
    account.mkdir()
    (account / "token").write_text(pod)
    (account / "ca.crt").touch()
    clock = itertools.cycle(TIMES)
    kube = Kube(Session(server.url, mounted(account)), "tesk", waits=[0.001, 0.001])
    mine = settings(pod_uid=pod, **changes)
    claimed = claim.claimed(kube, mine, lambda: next(clock))
    assert claimed is not None
    loop.Taskmaster(kube, claimed, lambda: next(clock)).run()


def ended(server: ApiServer) -> Record:
    return record.record(server.objects["configmaps", PREFIX])


def long_report() -> bytes:
    lines: list[str] = []
    with report.Telling(lines.append) as telling:
        for name in NAMES:
            telling.moved(f"s3://b/{name}", f"/o/{name}", 1)
    return "\n".join(lines).encode()


REPORT = long_report()


def paged(server: ApiServer) -> list[str]:
    """Paths of the outputs on the pages that the record counts."""
    after = ended(server)
    shown = [server.objects["configmaps", f"{PREFIX}.outputs-{i}"] for i in range(outputs.pages(after.pages).number)]
    return [file["path"] for page in shown for file in outputs.page(page, after.uid)]


def assert_all_outputs_are_on_pages(server: ApiServer) -> None:
    assert_as_if_nothing_had_happened(server)
    after = ended(server)
    assert (after.log["outputs"], after.log["system_logs"]) == ([], [])
    assert outputs.pages(after.pages).files == len(NAMES)
    assert paged(server) == [f"/o/{name}" for name in NAMES]


def assert_as_if_nothing_had_happened(server: ApiServer) -> None:
    after = ended(server)
    assert (after.state, after.reason) == ("COMPLETE", "")
    assert [entry["exit_code"] for entry in after.log["logs"]] == [0, 0]
    assert server.made == PODS
    assert {kind for kind, _ in server.objects} == {"configmaps"}


def test_a_task_runs_its_steps_and_leaves_its_record(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        run(server, tmp_path, "p-1")
        assert_as_if_nothing_had_happened(server)
        assert 20 < server.requests < MOST_REQUESTS


def telling(server: ApiServer, then: Callable[[], bool] | None = None) -> Callable[[dict[str, Any]], bool]:
    """What filers tell by themselves; `then` is what the last one does once that is in the record."""

    def tells(pod: dict[str, Any]) -> bool:
        """Whether the end of a pod is left to the kubelet, because its program tells nobody."""
        variables = {each["name"]: each.get("value", "") for each in pod["spec"]["containers"][0].get("env", [])}
        if naming.REPORT_VARIABLE not in variables:
            return True
        reporting, last = Reporting(io.BytesIO()), pod["metadata"]["name"] == PODS[-1]
        if last:
            reporting.tell(server.report.decode())
        given = (variables[naming.REPORT_VARIABLE], then if last else None)
        threading.Thread(target=reporting.deliver, args=given).start()
        return False

    return tells


def test_a_filer_that_says_that_it_is_done_is_not_waited_for(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        server.sees_end = telling(server)
        run(server, tmp_path, "p-1", pod_ip="127.0.0.1")
        assert_as_if_nothing_had_happened(server)
        assert [file["url"] for file in ended(server).log["outputs"]] == ["u"]


def test_nothing_but_the_claim_comes_before_what_a_new_task_needs(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        before = len(server.events)
        run(server, tmp_path, "p-1")
        changes = [(kind, event) for _, kind, event, _ in server.events[before:]]
        made = [("persistentvolumeclaims", "ADDED"), ("pods", "ADDED")]
        assert changes[:3] == [("configmaps", "MODIFIED"), *made]


def test_on_a_shared_claim_none_is_made_and_a_job_removes_the_folder_after_the_pods(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        run(server, tmp_path, "p-1", shared_claim="data")
        assert "persistentvolumeclaims" not in {kind for _, kind, _, _ in server.events}
        changes = [(event, shown["metadata"]["name"]) for _, _, event, shown in server.events]
        assert changes[-1] == ("ADDED", f"{PREFIX}-u-1-scrub")
        assert changes.index(("DELETED", PODS[-1])) < len(changes) - 1


@pytest.mark.parametrize("removes", [True, False])
def test_the_outputs_filer_removes_the_folder_of_a_task_that_has_ended_else_a_job_does(
    tmp_path: Path, removes: bool
) -> None:
    seen = list[tuple[str, bool]]()
    with api_server() as server:
        filled(server)

        def then() -> bool:
            seen.append((ended(server).state, ("pods", PODS[-1]) in server.objects))
            return removes

        server.sees_end = telling(server, then)
        run(server, tmp_path, "p-1", shared_claim="data", pod_ip="127.0.0.1")
        assert seen == [("COMPLETE", True)]
        assert (("jobs", f"{PREFIX}-u-1-scrub") in server.objects) != removes
        assert ("pods", PODS[-1]) not in server.objects


@pytest.mark.parametrize("broken", list(Break), ids=[each.name.lower() for each in Break])
@pytest.mark.parametrize("number", range(MOST_REQUESTS))
def test_a_connection_that_breaks_changes_nothing(tmp_path: Path, number: int, broken: Break) -> None:
    with api_server() as server:
        filled(server)
        server.broken = {number: broken}
        run(server, tmp_path, "p-1")
        assert_as_if_nothing_had_happened(server)


@pytest.mark.parametrize("broken", list(Break), ids=[each.name.lower() for each in Break])
@pytest.mark.parametrize("number", range(MOST_REQUESTS))
def test_a_taskmaster_that_is_killed_is_replaced_and_changes_nothing(
    tmp_path: Path, number: int, broken: Break
) -> None:
    with api_server() as server:
        filled(server)
        server.broken, server.kills = {number: broken}, True
        try:
            run(server, tmp_path, "p-1")
        except Unavailable:
            run(server, tmp_path, "p-2")
        assert_as_if_nothing_had_happened(server)


def test_outputs_that_do_not_fit_are_kept_on_pages_of_the_records_own(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        server.report = REPORT
        run(server, tmp_path, "p-1")
        assert_all_outputs_are_on_pages(server)
        assert outputs.pages(ended(server).pages).number == 2
        assert MOST_REQUESTS - 2 < server.requests <= MOST_REQUESTS_WITH_PAGES


@pytest.mark.parametrize("broken", list(Break), ids=[each.name.lower() for each in Break])
@pytest.mark.parametrize("kills", [False, True], ids=["breaks", "kills"])
@pytest.mark.parametrize("number", range(FIRST_OF_OUTPUTS, MOST_REQUESTS_WITH_PAGES))
def test_pages_are_whole_wherever_their_taskmaster_was_stopped(
    tmp_path: Path, number: int, kills: bool, broken: Break
) -> None:
    with api_server() as server:
        filled(server)
        server.report = REPORT
        server.broken, server.kills = {number: broken}, kills
        try:
            run(server, tmp_path, "p-1")
        except Unavailable:
            run(server, tmp_path, "p-2")
        assert_all_outputs_are_on_pages(server)


def test_a_page_with_other_data_is_put_right(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        server.report = REPORT
        half = {"name": f"{PREFIX}.outputs-1", "ownerReferences": [{"uid": "u-1"}]}
        server.stored("configmaps", {"metadata": half, "binaryData": {outputs.PART: "aGFsZg=="}}, "ADDED")
        run(server, tmp_path, "p-1")
        assert_all_outputs_are_on_pages(server)


def test_a_page_of_an_earlier_task_is_waited_out(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        server.report = REPORT
        old = {"metadata": {"name": f"{PREFIX}.outputs-0", "ownerReferences": [{"uid": "u-0"}]}}
        server.stored("configmaps", old, "ADDED")
        threading.Timer(0.5, server.stored, ("configmaps", old, "DELETED")).start()
        run(server, tmp_path, "p-1")
        assert_all_outputs_are_on_pages(server)


def test_a_task_whose_pages_are_refused_ends_and_tells_it(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        server.report, server.refused = REPORT, ".outputs-1"
        run(server, tmp_path, "p-1")
        assert_as_if_nothing_had_happened(server)
        assert ended(server).log["system_logs"] == [
            "The list of 600 outputs that were stored could not be kept: Forbidden"
        ]
        assert paged(server) == []


def test_a_pod_that_its_node_refuses_is_made_again_though_one_attempt_is_granted(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server, task_document())
        server.refused_by_node = {f"{PREFIX}-executor-0"}
        run(server, tmp_path, "p-1", attempts=1)
        first, second = server.made
        assert first == f"{PREFIX}-executor-0" != second
        assert (ended(server).state, ended(server).reason) == ("COMPLETE", "")
        assert "Executor 0 waits for a node that takes its pod (OutOfcpu)." in ended(server).log["system_logs"]
        assert ended(server).log["metadata"]["pods"] == second
        assert {kind for kind, _ in server.objects} == {"configmaps", "events"}


@pytest.mark.parametrize("reason", ["Error", "StartError"])
def test_a_log_that_cannot_be_read_is_told_unless_the_container_never_started(tmp_path: Path, reason: str) -> None:
    with api_server() as server:
        filled(server, task_document())
        server.no_log = (400, "failed to try resolving symlinks")
        server.ends = {f"{PREFIX}-executor-0": {"exitCode": 128, "reason": reason}}
        run(server, tmp_path, "p-1")
        note = "The stdout of executor 0 could not be read from its node (failed to try resolving symlinks)."
        assert (note in ended(server).log["system_logs"]) == (reason == "Error")


def test_a_pod_that_is_too_large_ends_the_task_at_once(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        server.refused, server.refused_with = "-executor-0", 500
        server.refused_because = "etcdserver: request is too large"
        run(server, tmp_path, "p-1")
        assert ended(server).state == "SYSTEM_ERROR"
        assert ended(server).reason == (
            "Executor 0 could not be created: its pod is larger than Kubernetes can store (etcdserver: request is too "
            "large); give it fewer bytes of arguments and environment, and what is long as an input."
        )


def test_an_image_that_is_named_by_trs_runs_as_the_one_that_was_found(tmp_path: Path) -> None:
    uri = "trs://tools.example.org/samtools/1.9"
    document = task_document(executors=[executor(image=uri), executor()])
    with api_server() as server:
        filled(server, document, images=json.dumps({uri: "quay.io/samtools:1.9"}))
        run(server, tmp_path, "p-1")

        images = {shown["spec"]["containers"][0]["image"] for _, kind, event, shown in server.events if kind == "pods"}
        assert images == {"quay.io/samtools:1.9", "busybox"}
        assert f"The image {uri} is quay.io/samtools:1.9." in ended(server).log["system_logs"]
        assert json.loads(ended(server).document) == document


def test_inline_contents_that_the_images_shell_writes_need_no_filer(tmp_path: Path) -> None:
    inputs = [{"path": "/tmp/run", "content": "echo"}]
    with api_server() as server:
        filled(server, task_document(inputs=inputs, executors=[executor(command=["sh", "/tmp/run"])]))
        run(server, tmp_path, "p-1")
        assert (ended(server).state, server.made) == ("COMPLETE", [f"{PREFIX}-executor-0"])
        assert {kind for kind, _ in server.objects} == {"configmaps"}


def test_a_replacement_goes_on_with_the_settings_that_the_task_was_begun_with(tmp_path: Path) -> None:
    """With a shared claim that the tenant has set meanwhile, executors would not find their inputs."""
    with api_server() as server:
        filled(server)
        server.broken, server.kills = {FIRST_OF_OUTPUTS: Break.NOT_ANSWERED}, True
        with pytest.raises(Unavailable):
            run(server, tmp_path, "p-1", scratch_gb=2.0)
        run(server, tmp_path, "p-2", shared_claim="another", run_as_user=1000)
        assert_as_if_nothing_had_happened(server)
        pods = [shown for _, kind, event, shown in server.events if kind == "pods" and event == "ADDED"]
        claims = {
            volume["persistentVolumeClaim"]["claimName"]
            for pod in pods
            for volume in pod["spec"]["volumes"]
            if volume["name"] == "scratch"
        }
        assert claims == {naming.scratch(PREFIX)}
        assert not any(pod["spec"]["securityContext"].get("runAsUser") for pod in pods)


def test_a_pod_that_kubernetes_cannot_make_now_is_made_later(tmp_path: Path) -> None:
    with api_server() as server:
        filled(server)
        server.failing = {"pods": 5}
        run(server, tmp_path, "p-1")
        told = server.objects.pop(("events", f"{PREFIX}.inputs.unavailable"))
        assert told["reason"] == "Unavailable"
        assert_as_if_nothing_had_happened(server)


def test_while_kubernetes_cannot_make_a_pod_its_task_says_so_and_can_be_cancelled(tmp_path: Path) -> None:
    told: list[str] = []

    def cancel() -> None:
        with server.changed:
            server.changed.wait_for(lambda: ended(server).reason, timeout=20)
            told.append(ended(server).reason)
            shown = deepcopy(server.objects["configmaps", PREFIX])
            shown["metadata"]["annotations"][naming.CANCEL] = "now"
            server.stored("configmaps", shown, "MODIFIED")

    with api_server() as server:
        filled(server)
        server.failing = {"pods": 10**6}
        thread = threading.Thread(target=cancel)
        thread.start()
        run(server, tmp_path, "p-1")
        thread.join()
        [reason] = told
        assert reason.endswith(" waits for Kubernetes, which cannot make its pod now (failed calling webhook).")
        assert ended(server).state == "CANCELED"


@pytest.mark.parametrize(
    "unknown",
    [{f"field-{i}": 1 for i in range(70_000)}, {f"{i}" + "x" * 50_000: 1 for i in range(150)}],
    ids=["many", "long"],
)
def test_fields_that_were_not_used_are_told_as_far_as_the_record_has_room(
    tmp_path: Path, unknown: dict[str, int]
) -> None:
    with api_server() as server:
        filled(server, task_document(**unknown))
        run(server, tmp_path, "p-1")
        notes = ended(server).log["system_logs"]
        assert len(json.dumps(notes)) < 64 * 1024
        assert notes[0].startswith("The field ")
        assert notes[-1] == f"Fields that were not used beside these: {len(unknown) - 100}."
