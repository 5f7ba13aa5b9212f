"""nginx with DAV over a folder: what many sites have as their HTTP storage."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import await_port, free_port

_CONFIGURATION = """
daemon off;
worker_processes 1;
user root;
pid {home}/pid;
error_log {home}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  sendfile on;
  keepalive_requests 100000;
  server {{
    listen 127.0.0.1:{port};
    root {folder};
    dav_methods PUT;
    create_full_put_path on;
    location /private/ {{
      auth_basic "private";
      auth_basic_user_file {home}/users;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    port: int
    folder: Path
    """What is PUT lies here, and what lies here can be fetched."""

    def url(self, target: str, userinfo: str = "", port: int = 0) -> str:
        return f"http://{userinfo}127.0.0.1:{port or self.port}{target}"


@contextlib.contextmanager
def nginx(home: Path) -> Iterator[Nginx]:
    """The server, until the block ends; below `/private/` it wants the user `me` with the password `p@ss`."""
    binary = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if not binary:
        raise RuntimeError(
            "nginx is not there: these tests need it. Run `make test`, or `scripts/apt-install nginx-light`."
        )
    folder, port = home / "www", free_port()
    folder.mkdir(parents=True)
    (home / "users").write_text("me:{PLAIN}p@ss\n")
    (home / "nginx.conf").write_text(_CONFIGURATION.format(home=home, folder=folder, port=port))
    with subprocess.Popen([binary, "-p", home, "-c", home / "nginx.conf", "-e", home / "error.log"]) as process:
        try:
            await_port(port, process)
            yield Nginx(port, folder)
        finally:
            process.terminate()
