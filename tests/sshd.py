"""OpenSSH's server on the loopback interface, with users, passwords and keys of its own; it does SFTP only."""

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
_HOME = "/mnt"
"""Where the server sees its folder, which is the root of those who log in."""


@dataclass(frozen=True, slots=True)
class Sshd:
    port: int
    home: Path

    @property
    def folder(self) -> Path:
        """What is there is below `/data`, where a login begins."""
        return self.home / "data"

    @property
    def key(self) -> Path:
        """With which one may log in."""
        return self.home / "id_ed25519"

    @property
    def known_hosts(self) -> str:
        return f"[127.0.0.1]:{self.port} {(self.home / 'host_key.pub').read_text()}"

    def url(self, path: str, userinfo: str = USERINFO) -> str:
        return f"sftp://{userinfo}127.0.0.1:{self.port}{path}"

    def wrote(self, path: str, content: bytes = b"x") -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def own(self) -> None:
        """Lets those who log in write to all that is there."""
        for place in (self.folder, *self.folder.rglob("*")):
            if not place.is_symlink():
                shutil.chown(place, _OWNER, _OWNER)


@contextlib.contextmanager
def sshd(home: Path) -> Iterator[Sshd]:
    """The server over a folder below `home`, until the block ends."""
    served = Sshd(free_port(), home)
    for folder in ("data", "pam"):
        (home / folder).mkdir(parents=True)
    home.chmod(0o755)
    served.own()
    for key in ("host_key", "id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / key], check=True)
    hashed = subprocess.run(["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True).stdout
    (home / "passwords").write_text(f"{USER}:{hashed}")
    (home / "passwd").write_text(
        f"root:x:0:0::/root:/bin/sh\nsshd:x:104:65534::/run/sshd:/usr/sbin/nologin\n{USER}:x:1:1::/data:/bin/sh\n"
    )
    [module] = storage_servers().rglob("pam_pwdfile.so")
    (home / "pam/sshd").write_text(
        f"auth required {module} pwdfile={_HOME}/passwords\n"
        "account required pam_permit.so\nsession required pam_permit.so\n"
    )
    (home / "conf").write_text(
        f"ListenAddress 127.0.0.1:{served.port}\nHostKey {_HOME}/host_key\nPidFile none\nUsePAM yes\nStrictModes no\n"
        f"AuthorizedKeysFile {_HOME}/id_ed25519.pub\nKbdInteractiveAuthentication no\nChrootDirectory {_HOME}\n"
        "Subsystem sftp internal-sftp\nForceCommand internal-sftp\n"
    )
    # In a mount namespace of its own it has other users and rules for passwords than the system.
    command = (
        f"mount --bind {home} {_HOME} && mount --bind {home}/pam /etc/pam.d && mount --bind {home}/passwd /etc/passwd"
        " && mount -t tmpfs none /run && mkdir /run/sshd"
        f" && exec {storage_servers()}/usr/sbin/sshd -D -f {_HOME}/conf"
    )
    with started(["unshare", "-m", "sh", "-c", command], served.port):
        yield served
