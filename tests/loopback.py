"""Servers that tests start on the loopback interface."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.servers import await_port

USER, PASSWORD = "me", "p@ss/w:rd#1"
USERINFO = "me:p%40ss%2Fw%3Ard%231@"
OWNER = "daemon"
"""A user that every system has; the files of USER are its."""
HOME = "/mnt"
"""Where a server sees its folder."""


def storage_servers() -> Path:
    """The folder of the servers that the tests do not bring themselves, named by the variable STORAGE_SERVERS."""
    folder = os.environ.get("STORAGE_SERVERS", "")  # noqa: TID251, they are built outside of the tests
    if not folder:
        raise RuntimeError(
            "STORAGE_SERVERS is not set: these tests need servers for FTP, SFTP, gs:// and az://. Run `make test`, or "
            "set it to what `scripts/storage-servers` prints."
        )
    return Path(folder)


class Kept:
    """A server's folder, as the tests change it."""

    folder: Path

    def wrote(self, path: str, content: bytes = b"x") -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def linked(self, elsewhere: str) -> None:
        """Makes a folder `in` with an empty folder, and links to a file and to the folder `elsewhere`, named so."""
        (self.folder / "in/empty/below").mkdir(parents=True)
        (self.folder / "in/file-link").symlink_to("f")
        (self.folder / "in/folder-link").symlink_to(elsewhere)

    def own(self) -> None:
        """Lets those who log in write to all that is there, but for the folder of the anonymous."""
        for place in (self.folder, *self.folder.rglob("*")):
            if not place.is_symlink() and place != self.folder / "public":
                shutil.chown(place, OWNER, OWNER)


def accounts(home: Path, service: str) -> None:
    """Writes what the system's rules for passwords are to be in the server's mount namespace: one user's alone."""
    hashed = subprocess.run(["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True).stdout
    (home / "passwords").write_text(f"{USER}:{hashed}")
    [module] = storage_servers().rglob("pam_pwdfile.so")
    (home / "pam").mkdir()
    (home / "pam" / service).write_text(
        f"auth required {module} pwdfile={HOME}/passwords\n"
        "account required pam_permit.so\nsession required pam_permit.so\n"
    )


@contextlib.contextmanager
def started(command: Sequence[str], port: int, host: str = "127.0.0.1", **environment: str) -> Iterator[None]:
    """A server that listens, until the block ends."""
    libraries = os.pathsep.join(str(place.parent) for place in storage_servers().rglob("libwrap.so.0"))
    with subprocess.Popen(
        command,
        env={"PATH": f"{os.defpath}:/usr/local/bin:/usr/sbin:/sbin", "LD_LIBRARY_PATH": libraries, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            await_port(port, process, host)
            yield
        finally:
            process.terminate()
