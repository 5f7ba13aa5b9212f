"""vsftpd on the loopback interface, with passwords of its own."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.loopback import HOME, OWNER, USERINFO, Kept, accounts, started, storage_servers
from tests.servers import free_port


@dataclass(frozen=True, slots=True)
class Vsftpd(Kept):
    host: str
    port: int
    folder: Path
    """What is there is below `/` for those who log in, and its folder `public` for the anonymous."""
    log: Path

    def url(self, path: str, *, scheme: str = "ftp", userinfo: str = USERINFO) -> str:
        return f"{scheme}://{userinfo}{self.host}:{self.port}{path}"


@contextlib.contextmanager
def vsftpd(home: Path, host: str = "127.0.0.1", port: int = 0, /, **options: str) -> Iterator[Vsftpd]:
    """The server over a folder below `home`, until the block ends."""
    served = Vsftpd(host, port or free_port(), home / "data", home / "log")
    for folder in ("data/public", "empty"):
        (home / folder).mkdir(parents=True)
    home.chmod(0o755)
    served.own()
    accounts(home, "vsftpd")
    settings = {
        "listen": "YES", "background": "NO", "listen_address": host, "listen_port": str(served.port),
        "anonymous_enable": "YES", "anon_root": f"{HOME}/data/public", "ftp_username": OWNER,
        "local_enable": "YES", "write_enable": "YES", "guest_enable": "YES", "guest_username": OWNER,
        "virtual_use_local_privs": "YES", "local_root": f"{HOME}/data", "local_umask": "022",
        "chroot_local_user": "YES", "allow_writeable_chroot": "YES", "secure_chroot_dir": f"{HOME}/empty",
        "pam_service_name": "vsftpd", "isolate": "NO", "isolate_network": "NO", "seccomp_sandbox": "NO",
        "delay_failed_login": "0", "xferlog_enable": "YES", "log_ftp_protocol": "YES",
        "vsftpd_log_file": f"{HOME}/log", **options,
    }  # fmt: skip
    (home / "conf").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    # Its rules for passwords are the system's, and no user but the test's may go into the test's folder; in a mount
    # namespace of its own the server has others.
    command = (
        f"mount --bind {home} {HOME} && mount --bind {home}/pam /etc/pam.d"
        f" && exec {storage_servers()}/usr/sbin/vsftpd {HOME}/conf"
    )
    with started(["unshare", "-m", "sh", "-c", command], served.port, host):
        yield served
