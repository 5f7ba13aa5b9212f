from tescore import report


def test_a_report_is_read_from_a_log_with_other_lines_in_it() -> None:
    lines = [
        '{"time": "…", "level": "INFO", "message": "starts"}',
        report.moved("s3://b/x", "/x", 12),
        "Traceback (most recent call last):",
        "{broken",
        report.tail(0, "stdout", "end\n"),
        report.warning("Nothing matches /y/*."),
        report.failure("One."),
        report.failure("Two."),
    ]

    assert report.read(lines) == report.Report(
        moved=({"url": "s3://b/x", "path": "/x", "size_bytes": "12"},),
        tails=(report.Tail(0, "stdout", "end\n"),),
        warnings=("Nothing matches /y/*.",),
        failure="One. Two.",
    )


def test_a_line_of_the_report_is_one_line_whatever_is_in_it() -> None:
    assert "\n" not in report.moved("http://h/a\nb", "/a\nb", 1)


def test_of_very_many_failures_some_are_told_and_the_rest_counted() -> None:
    told = report.read([report.failure(f"{i}.") for i in range(12)]).failure
    assert told == "0. 1. 2. 3. 4. 5. 6. 7. 8. 9. And 2 more of the kind."
