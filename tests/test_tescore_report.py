import base64

import pytest

from tescore import outputs, report
from tescore.outputs import File


def told(count: int, *, failures: int = 0, warnings: int = 0) -> list[str]:
    """A report of so many files and sentences."""
    lines: list[str] = []
    with report.Telling(lines.append) as telling:
        for i in range(count):
            telling.moved(f"s3://b/{i}", f"/{i}", i)
        for i in range(failures):
            telling.failure(f"{i}.")
        for i in range(warnings):
            telling.warning(f"{i}.")
    return lines


def files(count: int) -> list[File]:
    return [{"url": f"s3://b/{i}", "path": f"/{i}", "size_bytes": str(i)} for i in range(count)]


def listed(read: report.Report) -> list[File]:
    return [*read.moved, *(file for batch in read.batches for file in outputs.files(batch.zipped))]


def test_a_report_is_read_from_a_log_with_other_lines_in_it() -> None:
    lines = ['{"time": "…", "level": "INFO", "message": "starts"}']
    with report.Telling(lines.append) as telling:
        telling.moved("s3://b/x", "/x", 12)
        lines += ["Traceback (most recent call last):", "{broken", '{"batch": "aGVsbG8="}', '{"batch": "!"}', ""]
        telling.tail(0, "stdout", "end\n")
        telling.warning("Nothing matches /y/*.")
        telling.failure("One.")
        telling.failure("Two.")

    assert report.read(lines) == report.Report(
        moved=({"url": "s3://b/x", "path": "/x", "size_bytes": "12"},),
        tails=(report.Tail(0, "stdout", "end\n"),),
        warnings=("Nothing matches /y/*.",),
        failure="One. Two.",
    )


def test_a_line_of_the_report_is_one_line_whatever_is_in_it() -> None:
    lines: list[str] = []
    with report.Telling(lines.append) as telling:
        for _ in range(200):
            telling.moved("http://h/a\nb", "/a\nb", 1)
    assert not any("\n" in line for line in lines)


@pytest.mark.parametrize("count", [0, 1, 100, 101, 1100, 5000])
def test_every_file_is_told_once_and_in_order(count: int) -> None:
    read = report.read(told(count))
    assert listed(read) == files(count)
    assert (read.warnings, read.failure) == ((), "")


def test_the_first_files_can_be_read_by_people_and_the_others_take_little_room() -> None:
    lines = told(5000)
    assert lines[0] == '{"moved": {"url": "s3://b/0", "path": "/0", "size_bytes": "0"}}'
    assert len(lines) == 100 + 5 + 1
    assert sum(map(len, lines)) < 100_000


def test_the_last_files_are_told_where_the_filer_breaks() -> None:
    lines: list[str] = []

    def breaks() -> None:
        with report.Telling(lines.append) as telling:
            for i in range(150):
                telling.moved(f"s3://b/{i}", f"/{i}", i)
            raise MemoryError

    with pytest.raises(MemoryError):
        breaks()
    assert listed(report.read(lines)) == files(150)


def test_files_whose_lines_are_gone_are_counted() -> None:
    read = report.read(told(2500)[50:])
    assert listed(read) == files(2500)[50:]
    assert read.warnings == ("50 more outputs were stored; the node did not keep their names.",)


def test_of_very_many_failures_and_warnings_some_are_told_and_the_rest_counted() -> None:
    lines = told(0, failures=12, warnings=100_000)
    assert len(lines) == 11 + 101 + 1
    assert report.read(lines).failure == "0. 1. 2. 3. 4. 5. 6. 7. 8. 9. And 2 more of the kind."
    assert report.read(lines).warnings[99:] == ("99.", "And 99900 more of the kind.")


def test_a_filer_that_gives_up_at_once_tells_why() -> None:
    assert report.read([report.failure("No."), base64.b64encode(b"x").decode()]).failure == "No."
