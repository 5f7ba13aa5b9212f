"""urllib3's connections, made to no other address than the guard permits (filer/guard.py)."""

import functools
import socket

from urllib3 import PoolManager, Timeout, exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from filer import guard
from tescore import VERSION

USER_AGENT = f"tesk-filer/{VERSION}"
CHUNK = 256 * 1024
"""Bytes that are sent at a time."""
_HELD = 32
"""Connections to a server that are kept for the next request; more than transfers at a time."""


def opened(connection: HTTPConnection) -> socket.socket:
    """What `_new_conn` of a connection is to return; it raises as urllib3's own does for what fails."""
    seconds, options = float(connection.timeout or guard.CONNECT), connection.socket_options or ()
    try:
        return guard.connected(connection.host, connection.port or 0, seconds, options)
    except TimeoutError as error:
        raise exceptions.ConnectTimeoutError(connection, "no connection in time") from error
    except OSError as error:
        raise exceptions.NewConnectionError(connection, str(error)) from error


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return opened(self)


class _Secure(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return opened(self)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


@functools.cache
def manager() -> PoolManager:
    """For both schemes, shared by all threads. It asks once and follows no redirect."""
    timeout = Timeout(connect=guard.CONNECT, read=guard.SILENCE)
    made = PoolManager(blocksize=CHUNK, maxsize=_HELD, timeout=timeout, retries=False)
    guard_pools(made)
    return made


def guard_pools(manager: PoolManager) -> None:
    """Has a manager make no other connections than those that the guard permits."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
