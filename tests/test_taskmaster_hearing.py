import io
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

import pytest

from filer.reporting import Reporting
from taskmaster.hearing import Hearing
from taskmaster.watches import Change
from tescore import report

Changes = SimpleQueue[Change]


@pytest.fixture
def heard() -> Changes:
    return SimpleQueue()


@pytest.fixture
def hearing(heard: Changes) -> Hearing:
    return Hearing("127.0.0.1", heard.put)


def said(to: str, data: bytes) -> socket.socket:
    """A connection at which that much was said, and is not ended."""
    address, port, _ = to.split()
    connection = socket.create_connection((address, int(port)), timeout=5)
    connection.sendall(data)
    return connection


def delivered(to: str, *lines: str, then: Callable[[], bool] | None = None) -> bytes:
    """What a filer wrote that told these lines, there as well."""
    output = io.BytesIO()
    reporting = Reporting(output)
    for line in lines:
        reporting.tell(line)
    reporting.deliver(to, then)
    return output.getvalue()


def test_a_filers_report_is_heard_as_it_stands_in_its_log(hearing: Hearing, heard: Changes) -> None:
    lines = [report.warning("ö is no reason"), report.failure("none\n either")]
    log = delivered(hearing.expect("pod-1"), *lines).decode()
    assert heard.get(timeout=5) == Change("reports", "pod-1", None)
    assert hearing.told == {"pod-1": report.read(log.splitlines())}


def test_each_pod_is_known_by_its_key_and_heard_once(hearing: Hearing, heard: Changes) -> None:
    first, second = hearing.expect("pod-1"), hearing.expect("pod-2")
    assert hearing.expect("pod-1") == first
    address, port, key = first.split()
    delivered(second)
    delivered(second)
    delivered(f"{address} {port} {key[::-1]}")
    delivered(first)
    assert [heard.get(timeout=5).name for _ in range(2)] == ["pod-2", "pod-1"]
    with pytest.raises(Empty):
        heard.get(timeout=0.2)


def test_who_says_nothing_or_never_ends_or_breaks_off_does_not_keep_others_from_being_heard(
    hearing: Hearing, heard: Changes
) -> None:
    to = hearing.expect("pod-1")
    with said(to, b""), said(to, b"x" * 3 * report.SHORT), said(to, b"\xff\xfe\nx"):
        said(to, to.split()[2].encode()[:8]).close()
        said(to, to.split()[2].encode() + b"\n").close()
        delivered(to)
        assert heard.get(timeout=15).name == "pod-1"


def test_a_report_that_is_long_is_left_to_the_log(hearing: Hearing, heard: Changes) -> None:
    long = report.warning("x" * report.SHORT)
    assert len(delivered(hearing.expect("pod-1"), long)) == len(long) + 1
    with pytest.raises(Empty):
        heard.get(timeout=0.2)


@pytest.mark.parametrize("does", [True, False])
def test_what_waits_for_the_record_is_done_when_the_report_is_in_it(
    hearing: Hearing, heard: Changes, does: bool
) -> None:
    done = SimpleQueue[str]()

    def then() -> bool:
        done.put("done")
        return does

    with ThreadPoolExecutor() as filer:
        told = filer.submit(delivered, hearing.expect("pod-1"), report.warning("w"), then=then)
        assert heard.get(timeout=5).name == "pod-1"
        with pytest.raises(Empty):
            done.get(timeout=0.2)
        assert hearing.afterwards("pod-1") == does
        assert done.get(timeout=5) == "done"
        assert told.result(timeout=5) == report.warning("w").encode() + b"\n"
    assert not hearing.afterwards("pod-1")


def test_nothing_is_done_where_no_filer_waits_for_it_any_more(hearing: Hearing, heard: Changes) -> None:
    delivered(hearing.expect("pod-1"))
    assert heard.get(timeout=5).name == "pod-1"
    assert [hearing.afterwards(pod) for pod in ("pod-1", "pod-2")] == [False, False]


def test_a_taskmaster_that_ends_before_it_wrote_the_report_has_nothing_done(hearing: Hearing, heard: Changes) -> None:
    done = list[str]()

    def then() -> bool:
        done.append("done")
        return True

    with socket.create_server(("127.0.0.1", 0)) as taskmaster, ThreadPoolExecutor() as filer:
        told = filer.submit(delivered, f"127.0.0.1 {taskmaster.getsockname()[1]} key", then=then)
        taskmaster.accept()[0].close()
        told.result(timeout=5)
    assert done == []


@pytest.mark.parametrize("to", ["", "127.0.0.1 1 key", "nonsense", "127.0.0.1 port key", "::: 8 key"])
def test_a_taskmaster_that_cannot_be_told_is_no_failure(to: str) -> None:
    assert delivered(to, report.warning("w")) == report.warning("w").encode() + b"\n"
