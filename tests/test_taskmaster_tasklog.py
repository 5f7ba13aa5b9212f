from taskmaster import tasklog
from taskmaster.plan import Kind
from tescore import outputs
from tescore.record import DOCUMENT_LIMIT
from tescore.report import Report, Tail
from tests.build import executor, pod, task, task_record, terminated

BEGUN = tasklog.begun("t0", [], queued=0.25)


def test_a_new_log_has_its_lists_and_its_start() -> None:
    assert tasklog.begun("t0", ["A note."], queued=0.25) == {
        "logs": [], "metadata": {"seconds_queued": "0.2"}, "outputs": [], "system_logs": ["A note."],
        "start_time": "t0",
    }  # fmt: skip


def test_an_executors_entry_has_an_exit_code_and_nothing_empty() -> None:
    grown = tasklog.with_executor(BEGUN, terminated(exit_code=3, started="a", finished="b"), "stdout", "")
    assert grown["logs"] == [{"start_time": "a", "end_time": "b", "exit_code": 3}]


def test_a_report_adds_outputs_warnings_and_the_tails_of_redirected_streams() -> None:
    one = tasklog.with_executor(BEGUN, terminated(), "stderr", "said\n")
    moved = {"url": "s3://b/x", "path": "/x", "size_bytes": "1"}
    batches = tuple(outputs.batches([moved]))
    report = Report(
        moved=(moved,), batches=batches, tails=(Tail(0, "stdout", "end\n"), Tail(1, "stdout", "x")), warnings=("W.",)
    )

    grown = tasklog.with_report(one, report)

    assert (grown["outputs"], grown["batches"]) == ([moved], batches)
    assert grown["system_logs"] == ["W."]
    assert grown["logs"] == [
        {"start_time": "s", "end_time": "f", "stderr": "said\n", "stdout": "end\n", "exit_code": 0},
    ]


def test_the_tails_of_many_executors_share_what_the_document_leaves() -> None:
    assert tasklog.tail_size(task_record(), task()) == 64 * 1024
    many = task(executors=[executor()] * 100)
    small = tasklog.tail_size(task_record(), many)
    longest = task_record(data={"task.json": "x" * DOCUMENT_LIMIT})
    large = tasklog.tail_size(longest, many)
    assert 0 < large < small < 64 * 1024
    assert 200 * small < 1024 * 1024
    assert tasklog.tail_size(longest, task()) == 32 * 1024


def test_metadata_tell_where_steps_ran_and_how_long_they_took() -> None:
    grown = BEGUN
    for name, seconds in (("a", 1.04), ("b", 2.0)):
        seen = pod(name=name, node="node1")
        grown = tasklog.with_step(grown, Kind.EXECUTOR, seen, seconds=seconds, attempt=1)
    assert grown["metadata"] == {
        "seconds_queued": "0.2", "pods": "a,b", "nodes": "node1", "attempts": "1", "seconds_executor": "3.0",
    }  # fmt: skip
