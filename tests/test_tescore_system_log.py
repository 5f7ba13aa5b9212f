from tescore.system_log import with_note


def test_a_note_is_told_once_and_a_log_has_what_the_standard_demands() -> None:
    assert with_note(with_note({}, "N."), "N.") == {"logs": [], "outputs": [], "system_logs": ["N."]}


def test_what_a_log_holds_stays() -> None:
    log = {"logs": [{"exit_code": 1}], "outputs": [], "system_logs": ["A."], "metadata": {"pods": "p"}}
    assert with_note(log, "B.") == {**log, "system_logs": ["A.", "B."]}
    assert with_note(log, "") == log
