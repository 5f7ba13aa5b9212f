"""OpenSSH's server on the loopback interface, with users, passwords and keys of its own; it does SFTP only."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.loopback import HOME, USER, USERINFO, Kept, accounts, started, storage_servers
from tests.servers import free_port


@dataclass(frozen=True, slots=True)
class Sshd(Kept):
    port: int
    home: Path
    folder: Path
    """What is there is below `/data`, where a login begins."""

    @property
    def key(self) -> Path:
        """With which one may log in."""
        return self.home / "id_ed25519"

    @property
    def known_hosts(self) -> str:
        return f"[127.0.0.1]:{self.port} {(self.home / 'host_key.pub').read_text()}"

    def url(self, path: str, userinfo: str = USERINFO, port: int = 0) -> str:
        return f"sftp://{userinfo}127.0.0.1:{port or self.port}{path}"


@contextlib.contextmanager
def sshd(home: Path) -> Iterator[Sshd]:
    """The server over a folder below `home`, until the block ends."""
    served = Sshd(free_port(), home, home / "data")
    (home / "data").mkdir(parents=True)
    home.chmod(0o755)
    served.own()
    for key in ("host_key", "id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / key], check=True)
    accounts(home, "sshd")
    (home / "passwd").write_text(
        f"root:x:0:0::/root:/bin/sh\nsshd:x:104:65534::/run/sshd:/usr/sbin/nologin\n{USER}:x:1:1::/data:/bin/sh\n"
    )
    (home / "conf").write_text(
        f"ListenAddress 127.0.0.1:{served.port}\nHostKey {HOME}/host_key\nPidFile none\nUsePAM yes\nStrictModes no\n"
        f"AuthorizedKeysFile {HOME}/id_ed25519.pub\nKbdInteractiveAuthentication no\nChrootDirectory {HOME}\n"
        "Subsystem sftp internal-sftp\nForceCommand internal-sftp\n"
    )
    # In a mount namespace of its own it has other users and rules for passwords than the system.
    command = (
        f"mount --bind {home} {HOME} && mount --bind {home}/pam /etc/pam.d && mount --bind {home}/passwd /etc/passwd"
        " && mount -t tmpfs none /run && mkdir /run/sshd"
        f" && exec {storage_servers()}/usr/sbin/sshd -D -f {HOME}/conf"
    )
    with started(["unshare", "-m", "sh", "-c", command], served.port):
        yield served
