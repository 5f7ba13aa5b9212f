"""A connection to an FTP server on which someone has logged in, with TLS where the URL says ftps."""

import contextlib
import ftplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from filer.errors import Interrupted, NotMovable
from filer.guard import SILENCE
from filer.transports.address import Server
from filer.transports.pool import connected
from tescore.errors import TeskError, shortened

PORT = 21
_IMPLICIT = 990
"""The port on which TLS begins with the connection; on all others the server is asked for it."""


class Session(ftplib.FTP_TLS):
    """Names go over it as they are, byte for byte: as strings of Latin-1."""

    def __init__(self, server: Server) -> None:
        secure = server.scheme == "ftps"
        super().__init__(context=ssl.create_default_context() if secure else None, encoding="latin-1")
        self.host, self.port, self.timeout = server.host, server.port, SILENCE
        begun = self.sock = connected(server.host, server.port)
        try:
            with causes_told():
                self._begin(begun, server, secure=secure)
        except BaseException:
            self.close()
            raise

    def _begin(self, begun: socket.socket, server: Server, *, secure: bool) -> None:
        if secure and server.port == _IMPLICIT:
            begun = self.sock = self.context.wrap_socket(begun, server_hostname=self.host)
        self.af = begun.family
        self.file = begun.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        if secure and server.port != _IMPLICIT:
            self.auth()
        self._log_in(server)
        if secure:
            self.prot_p()
        self.voidcmd("TYPE I")
        self.features = self._features()
        if "UTF8" in self.features:
            with contextlib.suppress(ftplib.error_perm):  # it is on already
                self.voidcmd("OPTS UTF8 ON")
        self.home = self.pwd()

    def _log_in(self, server: Server) -> None:
        try:
            self.login(server.user, server.password or "", secure=False)
        except ValueError:  # the library's words for it hold the command
            raise NotMovable("user or password holds a line break") from None
        except ftplib.Error as error:
            if server.password and server.password in str(error):  # a server that repeats what it was told
                raise NotMovable(f"the server answered {str(error)[:3]} to the login") from None
            raise

    def _features(self) -> frozenset[str]:
        try:
            lines = self.sendcmd("FEAT").splitlines()[1:-1]
        except ftplib.error_perm:
            return frozenset()
        return frozenset(line.split()[0].upper() for line in lines if line.strip())

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """As the library's; but many servers want the data connection to go on with the TLS session of this one."""
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - ftp without TLS is what was asked for
        if self._prot_p:  # type: ignore[attr-defined]
            session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
            data = self.context.wrap_socket(data, server_hostname=self.host, session=session)
        return data, size


@contextmanager
def causes_told() -> Iterator[None]:
    """Raises what a failure in the block means: NotMovable or Interrupted."""
    try:
        yield
    except (ftplib.Error, OSError, EOFError) as error:
        raise cause(error) from error


def cause(error: Exception) -> TeskError:
    """What a failure of the library means, by its class."""
    told = f"the server answered {shortened(' '.join(str(error).split()))}".rstrip(" .")
    if isinstance(error, ftplib.error_temp):
        return Interrupted(told)
    if isinstance(error, ftplib.error_perm):
        return NotMovable(told)
    if isinstance(error, ftplib.Error):
        return NotMovable(f"the server did not keep to FTP ({type(error).__name__})")
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotMovable(f"the server's certificate is not trusted ({error.verify_message})")
    if isinstance(error, TimeoutError):
        return Interrupted(f"the server sent nothing for {SILENCE} s")
    words = (error.strerror if isinstance(error, OSError) else "") or "it was closed"
    return Interrupted(f"the connection broke off ({words})")
