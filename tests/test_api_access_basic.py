"""Users with passwords, from a file of bcrypt hashes."""

import base64
import contextlib
import threading
import time
from pathlib import Path

import bcrypt
import pytest

from api.access.basic import Basic
from api.access.user import EVERYONE, User
from tescore.errors import Misconfigured, Unauthenticated, Unavailable


def hashed(password: str, cost: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def sent(name: str, password: str) -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "htpasswd"
    # htpasswd -B writes $2y$.
    made.write_text(f"# people\n\nann:{hashed('a:b').replace('$2b$', '$2y$')}\nbjörn:{hashed('pässword')}\n")
    return made


@pytest.mark.parametrize(("name", "password"), [("ann", "a:b"), ("björn", "pässword")])
def test_the_right_password_lets_in(file: Path, name: str, password: str) -> None:
    assert Basic(str(file)).verdict(sent(name, password)).user == User(f"basic:{name}", (EVERYONE,))


@pytest.mark.parametrize(
    "credential",
    [
        pytest.param(sent("ann", "a"), id="wrong password"),
        pytest.param(sent("ann", ""), id="no password"),
        pytest.param(sent("bob", "a:b"), id="no such user"),
        pytest.param(sent("", ""), id="nobody"),
        pytest.param(sent("# people", ""), id="a comment"),
        pytest.param(sent("None", "None"), id="py-tes 0.4.2 without credentials"),
        pytest.param(sent("ann", "a:b" + "\0"), id="a zero after it"),
        pytest.param(base64.b64encode(b"ann").decode(), id="no colon"),
        pytest.param(base64.b64encode(b"\xff:\xff").decode(), id="no UTF-8"),
        pytest.param("ann:a:b", id="no base64"),
    ],
)
def test_anything_else_does_not(file: Path, credential: str) -> None:
    with pytest.raises(Unauthenticated, match="User or password is wrong"):
        Basic(str(file)).verdict(credential)


def test_of_a_password_all_bytes_count(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(f"ann:{hashed('x' * 72)}\n")
    own = Basic(str(tmp_path / "file"))
    assert own.verdict(sent("ann", "x" * 72)).user.name == "basic:ann"
    with pytest.raises(Unauthenticated):
        own.verdict(sent("ann", "x" * 73))


def test_a_user_that_there_is_not_takes_as_long_as_one_that_there_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(f"ann:{hashed('right', 10)}\n")
    own = Basic(str(tmp_path / "file"))

    def seconds(name: str) -> float:
        began = time.thread_time()
        with pytest.raises(Unauthenticated):
            own.verdict(sent(name, "wrong"))
        return time.thread_time() - began

    seconds("ann")  # reads the file
    known, unknown = (min(seconds(name) for _ in range(3)) for name in ("ann", "bob"))
    assert 0.5 < unknown / known < 2.0


def test_a_changed_file_is_read_anew(file: Path) -> None:
    own = Basic(str(file))
    own.verdict(sent("ann", "a:b"))
    new = file.with_name("new")
    new.write_text(f"ann:{hashed('other')}\n")
    new.replace(file)
    with pytest.raises(Unauthenticated):
        own.verdict(sent("ann", "a:b"))
    own.verdict(sent("ann", "other"))


@pytest.mark.parametrize(
    "line",
    ["ann:secret", "ann:$apr1$abc$def", "ann", ":" + hashed("x"), "ann:$2y$10$short"],
    ids=["plain", "another kind", "no password", "no user", "too short"],
)
def test_a_line_that_is_no_bcrypt_hash_is_told_by_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "file").write_text(f"bob:{hashed('b')}\n{line}\n")
    with pytest.raises(Misconfigured, match="Line 2") as told:
        Basic(str(tmp_path / "file")).verdict(sent("bob", "b"))
    assert "secret" not in str(told.value)


def test_without_the_file_nobody_comes_in(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        Basic(str(tmp_path / "none")).verdict(sent("ann", "a"))


def test_many_at_once_all_get_their_answer(file: Path) -> None:
    own, names = Basic(str(file)), []

    def come() -> None:
        names.append(own.verdict(sent("ann", "a:b")).user.name)

    threads = [threading.Thread(target=come) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["basic:ann"] * 16


def test_those_who_guess_users_keep_no_user_waiting(tmp_path: Path) -> None:
    file, over = tmp_path / "htpasswd", threading.Event()
    file.write_bytes(b"ann:" + bcrypt.hashpw(b"a", bcrypt.gensalt(12)))  # each guess takes a quarter of a second
    own = Basic(str(file))

    def guess() -> None:
        while not over.is_set():
            with contextlib.suppress(Unauthenticated, Unavailable):
                own.verdict(sent("nobody", "guess"))

    threads = [threading.Thread(target=guess) for _ in range(64)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            assert own.verdict(sent("ann", "a")).user.name == "basic:ann"
    finally:
        over.set()
        for thread in threads:
            thread.join()
