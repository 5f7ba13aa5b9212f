"""A connection to an SSH server on which someone has logged in, for SFTP."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paramiko

from filer import credentials
from filer.errors import Interrupted, NotMovable
from filer.guard import CONNECT, SILENCE
from filer.transports.address import Server
from filer.transports.pool import connected
from tescore.errors import TeskError, shortened

PORT = 22
logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # all that it says is raised too
_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


class Session:
    """The server's key is checked if the tenant's Secret has a file known_hosts."""

    def __init__(self, server: Server) -> None:
        if not server.user:
            raise NotMovable("neither the URL nor .netrc in the tenant's Secret names a user for this host")
        self._client = paramiko.SSHClient()
        known_hosts = credentials.file("known_hosts")
        self._client.set_missing_host_key_policy(_Refusing() if known_hosts else _Accepting())
        begun = connected(server.host, server.port)
        try:
            with causes_told():
                if known_hosts:
                    self._client.load_system_host_keys(str(known_hosts))
                self._log_in(server, begun)
                self.sftp = self._client.open_sftp()
                self.sftp.get_channel().settimeout(SILENCE)  # type: ignore[union-attr] # it is open
        except BaseException:
            self.close()
            begun.close()
            raise

    def _log_in(self, server: Server, begun: socket.socket) -> None:
        keys: Any = _keys()
        if not keys and server.password is None:
            raise NotMovable("there is neither a password nor a key for the user")
        self._client.connect(
            server.host, server.port, server.user, server.password,
            key_filename=keys, allow_agent=False, look_for_keys=False, sock=begun,
            timeout=CONNECT, banner_timeout=SILENCE, auth_timeout=SILENCE, channel_timeout=SILENCE,
        )  # fmt: skip

    def close(self) -> None:
        self._client.close()


def _keys() -> list[str]:
    """The tenant's keys. Raises NotMovable for one that cannot be used, rather than a login that is refused."""
    found = {name: place for name in _KEYS if (place := credentials.file(name))}
    for name, place in found.items():
        try:
            paramiko.PKey.from_path(place)
        except (paramiko.SSHException, ValueError, TypeError) as error:  # one with a passphrase too
            raise NotMovable(f"{name} in the tenant's Secret is no key that can be used") from error
    return [str(place) for place in found.values()]


class _Refusing(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, *_: object) -> None:
        raise NotMovable("the server is not in known_hosts of the tenant's Secret")


class _Accepting(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, *_: object) -> None:
        """There is nothing to compare it with."""


@contextmanager
def causes_told() -> Iterator[None]:
    """Raises what a failure in the block means: NotMovable or Interrupted."""
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError, UnicodeError) as error:
        raise cause(error) from error


def cause(error: Exception) -> TeskError:
    """What a failure of the library means, by its class."""
    if isinstance(error, paramiko.BadHostKeyException):
        return NotMovable("the server's key is another than in known_hosts of the tenant's Secret")
    if isinstance(error, paramiko.AuthenticationException):
        return NotMovable("the server refused the login")
    if isinstance(error, UnicodeError):
        return NotMovable("a name there is not UTF-8")
    if isinstance(error, TimeoutError):
        return Interrupted(f"the server sent nothing for {SILENCE} s")
    if isinstance(error, OSError) and not isinstance(error, ConnectionError) and not _is_closed(error):
        return NotMovable(f"the server answered: {shortened(error.strerror or str(error))}".rstrip(" ."))
    return Interrupted(f"the connection broke off ({shortened(str(error)) or 'it was closed'})")


def _is_closed(error: OSError) -> bool:
    return error.errno is None and "closed" in str(error)
