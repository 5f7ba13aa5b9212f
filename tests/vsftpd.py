"""vsftpd on the loopback interface, with passwords of its own."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.loopback import started, storage_servers
from tests.servers import free_port

USER, PASSWORD = "me", "p@ss/w:rd#1"
USERINFO = "me:p%40ss%2Fw%3Ard%231@"
_OWNER = "daemon"
"""A user that every system has; files are its."""
_HOME = "/mnt"
"""Where the server sees its folder."""


@dataclass(frozen=True, slots=True)
class Vsftpd:
    host: str
    port: int
    folder: Path
    """What is there is below `/` for those who log in, and its folder `public` for the anonymous."""
    log: Path

    def url(self, path: str, *, scheme: str = "ftp", userinfo: str = USERINFO) -> str:
        return f"{scheme}://{userinfo}{self.host}:{self.port}{path}"

    def wrote(self, path: str, content: bytes = b"x") -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def own(self) -> None:
        """Lets those who log in write to all that is there, but for the folder of the anonymous."""
        for place in (self.folder, *self.folder.rglob("*")):
            if not place.is_symlink() and place != self.folder / "public":
                shutil.chown(place, _OWNER, _OWNER)


@contextlib.contextmanager
def vsftpd(home: Path, host: str = "127.0.0.1", port: int = 0, /, **options: str) -> Iterator[Vsftpd]:
    """The server over a folder below `home`, until the block ends."""
    served = Vsftpd(host, port or free_port(), home / "data", home / "log")
    for folder in ("data/public", "pam", "empty"):
        (home / folder).mkdir(parents=True)
    home.chmod(0o755)
    served.own()
    hashed = subprocess.run(["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True).stdout
    (home / "passwords").write_text(f"{USER}:{hashed}")
    [module] = storage_servers().rglob("pam_pwdfile.so")
    (home / "pam/vsftpd").write_text(
        f"auth required {module} pwdfile={_HOME}/passwords\n"
        "account required pam_permit.so\nsession required pam_permit.so\n"
    )
    settings = {
        "listen": "YES", "background": "NO", "listen_address": host, "listen_port": str(served.port),
        "anonymous_enable": "YES", "anon_root": f"{_HOME}/data/public", "ftp_username": _OWNER,
        "local_enable": "YES", "write_enable": "YES", "guest_enable": "YES", "guest_username": _OWNER,
        "virtual_use_local_privs": "YES", "local_root": f"{_HOME}/data", "local_umask": "022",
        "chroot_local_user": "YES", "allow_writeable_chroot": "YES", "secure_chroot_dir": f"{_HOME}/empty",
        "pam_service_name": "vsftpd", "isolate": "NO", "isolate_network": "NO", "seccomp_sandbox": "NO",
        "delay_failed_login": "0", "xferlog_enable": "YES", "log_ftp_protocol": "YES",
        "vsftpd_log_file": f"{_HOME}/log", **options,
    }  # fmt: skip
    (home / "conf").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    # Its rules for passwords are the system's, and no user but the test's may go into the test's folder; in a mount
    # namespace of its own the server has others.
    command = (
        f"mount --bind {home} {_HOME} && mount --bind {home}/pam /etc/pam.d"
        f" && exec {storage_servers()}/usr/sbin/vsftpd {_HOME}/conf"
    )
    with started(["unshare", "-m", "sh", "-c", command], served.port, host):
        yield served
