"""An FTP server on the loopback interface that misbehaves on request."""

import contextlib
import socket
import socketserver
from collections.abc import Iterator
from dataclasses import dataclass, field

from tescore import retry
from tests.servers import serving


@dataclass(slots=True)
class FtpServer:
    """Keeps what is stored, unless answers for the command (`RETR`, or `RETR /x`) are left, which it says instead."""

    port: int
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, list[str]] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    """Bytes after which each of the next downloads breaks off."""
    ends: list[str] = field(default_factory=list)
    """What it says when it has got each of the next files, of which it then has the half."""
    room: int | None = None
    """Bytes of a file for which there is room, if not for any; with more it breaks off."""
    folders: set[str] = field(default_factory=lambda: {"/"})
    listing: str = ""
    pause: float = 0.0
    """Seconds between the bytes of the listing."""
    commands: list[str] = field(default_factory=list)

    def url(self, path: str, userinfo: str = "") -> str:
        return f"ftp://{userinfo}127.0.0.1:{self.port}{path}"


@contextlib.contextmanager
def ftp_server() -> Iterator[FtpServer]:
    """A server that is there until the block ends."""
    with _Listener(("127.0.0.1", 0), _Handler) as listener:
        served = FtpServer(listener.server_address[1])
        listener.served = served
        with serving(listener):
            yield served


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    served: FtpServer


class _Handler(socketserver.StreamRequestHandler):
    server: _Listener

    def handle(self) -> None:
        self.offset, self.renamed = 0, ""
        with socket.create_server(("127.0.0.1", 0)) as self.passive, contextlib.suppress(ConnectionError):
            self.say("220 ready")
            for line in self.rfile:
                self.answer(line.decode().rstrip("\r\n"))

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def answer(self, command: str) -> None:
        served = self.server.served
        served.commands.append(command)
        verb, _, argument = command.partition(" ")
        waiting = served.answers.get(command) or served.answers.get(verb)
        if waiting:
            self.say(waiting.pop(0))
            if verb == "STOR":  # the next command has a connection of its own
                self.passive.accept()[0].close()
        elif handle := getattr(self, f"do_{verb.lower()}", None):
            handle(argument)
        else:
            self.say({"USER": "331 password?", "PASS": "230 in", "PWD": '257 "/" here'}.get(verb, "200 done"))

    def do_feat(self, _: str) -> None:
        self.say("211-these\r\n SIZE\r\n UTF8\r\n211 end")

    def do_size(self, path: str) -> None:
        files = self.server.served.files
        self.say(f"213 {len(files[path])}" if path in files else "550 there is no such file")

    def do_mdtm(self, _: str) -> None:
        self.say("213 20260101000000")

    def do_cwd(self, path: str) -> None:
        self.say("250 there" if path in self.server.served.folders else "550 no folder")

    def do_pasv(self, _: str) -> None:
        high, low = divmod(self.passive.getsockname()[1], 256)
        self.say(f"227 here (10,255,255,1,{high},{low})")

    def do_rest(self, offset: str) -> None:
        self.offset = int(offset)
        self.say("350 go on")

    def do_retr(self, path: str) -> None:
        served, offset = self.server.served, self.offset
        self.offset = 0
        if path not in served.files:
            self.say("550 there is no such file")
            return
        body = served.files[path][offset:]
        self.send(body[: served.cuts.pop(0)], "426 broken off") if served.cuts else self.send(body)

    def do_list(self, _: str) -> None:
        served = self.server.served
        if not served.pause:
            self.send(served.listing.encode())
            return
        self.say("150 it comes")
        with self.passive.accept()[0] as data, contextlib.suppress(ConnectionError):
            for character in served.listing:
                data.sendall(character.encode())
                retry.pause(served.pause)

    def do_stor(self, path: str) -> None:
        self.say("150 send")
        served, body = self.server.served, b""
        with self.passive.accept()[0] as data:
            while chunk := data.recv(65536):
                body += chunk
                if served.room is not None and len(body) > served.room:
                    break
        if served.room is not None and len(body) > served.room:
            served.ends = ["552 no room"]
        served.files[path] = body[: len(body) // 2] if served.ends else body
        self.say(served.ends.pop(0) if served.ends else "226 stored")

    def do_rnfr(self, path: str) -> None:
        self.renamed = path
        self.say("350 to what?")

    def do_rnto(self, path: str) -> None:
        files = self.server.served.files
        files[path] = files.pop(self.renamed)
        self.say("250 renamed")

    def do_dele(self, path: str) -> None:
        gone = self.server.served.files.pop(path, None)
        self.say("550 there is no such file" if gone is None else "250 gone")

    def send(self, body: bytes, after: str = "226 sent") -> None:
        self.say("150 it comes")
        with self.passive.accept()[0] as data:
            data.sendall(body)
        self.say(after)
