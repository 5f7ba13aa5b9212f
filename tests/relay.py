"""A way to a server that counts what goes through it, and breaks off or spoils it where told to."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.servers import serving

_CHUNK = 64 * 1024


@dataclass(slots=True)
class Relay:
    port: int
    cuts: list[int] = field(default_factory=list)
    """Bytes of the server's after which each of the next connections breaks off."""
    spoils: bool = False
    """Whether what is cut off ends in bytes that the server never sent: TLS finds that out."""
    connections: int = 0
    passed: int = 0
    """Bytes of the server's, over all connections."""
    sent: int = 0
    """Bytes of the clients'."""


@contextlib.contextmanager
def relay(to: int, cuts: Iterable[int] = (), *, spoils: bool = False, host: str = "127.0.0.1") -> Iterator[Relay]:
    """A way to a port, of this machine unless another is named, that is there until the block ends."""
    with _Listener(("127.0.0.1", 0), _Handler) as listener:
        listener.relay = Relay(listener.server_address[1], list(cuts), spoils)
        listener.to = (host, to)
        with serving(listener):
            yield listener.relay


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    relay: Relay
    to: tuple[str, int]


class _Handler(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        relay, client = self.server.relay, self.request
        relay.connections += 1
        left = relay.cuts.pop(0) if relay.cuts else None
        with socket.create_connection(self.server.to) as server, contextlib.suppress(OSError):
            threading.Thread(target=_forward, args=(relay, client, server), daemon=True).start()
            while left != 0 and (data := server.recv(_CHUNK if left is None else min(_CHUNK, left))):
                client.sendall(data)
                relay.passed += len(data)
                left = left and left - len(data)
            if left == 0 and relay.spoils:
                client.sendall(bytes(_CHUNK))
            client.shutdown(socket.SHUT_RDWR)


def _forward(relay: Relay, client: socket.socket, server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := client.recv(_CHUNK):
            server.sendall(data)
            relay.sent += len(data)
        server.shutdown(socket.SHUT_WR)
