from pathlib import Path

from tescore.session import mounted


def test_a_mounted_token_is_read_each_time(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("PEM")
    (tmp_path / "token").write_text("old")
    given = mounted(tmp_path)
    (tmp_path / "token").write_text("new")
    assert (given.token(), given.authority) == ("new", "PEM")
