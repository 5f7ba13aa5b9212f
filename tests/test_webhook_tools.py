"""Images named by TRS, from the POST of a task to what is stored, with a real registry of tools."""

import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tescore import addresses
from tests.apiserver import ApiServer, api_server
from tests.build import executor, task_document
from tests.servers import Answer, HttpServer, http_server, serving
from tests.service import admitting, client_of
from tests.tls import certificate
from webhook import tools

TASKS = "/ga4gh/tes/v1/tasks"
VERSION = "/tools/samtools/versions/1.9"
URI = "trs://tools.example.org/samtools/1.9"
IMAGE = "quay.io/biocontainers/samtools:1.9--0"
DESCRIBED = json.dumps({"id": "1.9", "images": [{"image_type": "Docker", "image_name": IMAGE}]}).encode()
LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture
def registry() -> Iterator[HttpServer]:
    with http_server() as running:
        running.files[VERSION] = DESCRIBED
        yield running


def posted(server: ApiServer, hosts: tuple[str, ...], *uris: str, allowed: tuple[str, ...] = LOOPBACK) -> Any:
    """The answer to a task with those images, where those are the TRS hosts of webhook and api."""
    admitting(server, trs_hosts=hosts, allowed_ranges=allowed)
    client = client_of(server, create_seconds=1.5, trs_hosts=hosts)
    return client.post(TASKS, json=task_document(executors=[executor(image=uri) for uri in uris]))


def hosts_of(registry: HttpServer) -> tuple[str, ...]:
    return (f"tools.example.org={registry.url('')}",)


def tasks(server: ApiServer) -> list[str]:
    return [name for kind, name in server.objects if kind in {"configmaps", "pods"}]


def test_the_image_is_noted_beside_the_document_which_stays_as_it_came(server: ApiServer, registry: HttpServer) -> None:
    task_id = posted(server, hosts_of(registry), URI, "busybox", URI).json["id"]

    stored = server.objects["configmaps", task_id]
    assert json.loads(stored["metadata"]["annotations"]["tesk/images"]) == {URI: IMAGE}
    shown: Any = client_of(server).get(f"{TASKS}/{task_id}?view=FULL").json
    assert [each["image"] for each in shown["executors"]] == [URI, "busybox", URI]
    assert [(each.target, each.headers["Host"]) for each in registry.requests] == [
        (VERSION, f"127.0.0.1:{registry.port}")
    ]


def test_without_the_setting_no_server_is_asked_and_the_refusal_names_it(
    server: ApiServer, registry: HttpServer
) -> None:
    answer = posted(server, (), URI)
    assert answer.status_code == 400
    assert answer.json["problems"] == [
        "executors[0].image: is on the TRS host tools.example.org, which TESK_TRS_HOSTS does not allow"
    ]
    assert registry.requests == []


def test_a_tool_that_the_host_does_not_have_is_the_fault_of_the_task(server: ApiServer, registry: HttpServer) -> None:
    gone = "trs://tools.example.org/samtools/2"
    answer = posted(server, hosts_of(registry), URI, gone)
    assert (answer.status_code, tasks(server)) == (400, [])
    assert f"no container image is found by {gone} on its TRS host" in answer.json["message"]


def test_an_image_that_is_found_must_be_one_that_the_tenant_lists(server: ApiServer, registry: HttpServer) -> None:
    server.stored("configmaps", {"metadata": {"name": "tesk-settings"}, "data": {"TESK_IMAGES": "ubuntu"}}, "ADDED")
    answer = posted(server, hosts_of(registry), URI, "ubuntu")
    assert (answer.status_code, tasks(server)) == (400, ["tesk-settings"])
    assert f"the image of {URI} is '{IMAGE}', and images that may be used here are ubuntu" in answer.json["message"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(503), "The TRS host 127.0.0.1:[0-9]+ answers 503, with 0 bytes"),
        (Answer(302, headers=(("Location", "/elsewhere"),)), "answers 302"),
        (Answer(body=b"<html>"), "answers with something that is no JSON"),
        (Answer(body=b" " * 2_000_000), "answers 200, with 1048577 bytes"),
        (Answer(length=99), "cannot be reached"),
    ],
    ids=["busy", "a redirect", "a web page", "endless", "broken off"],
)
def test_a_host_that_makes_no_sense_may_do_so_later(
    server: ApiServer, registry: HttpServer, answer: Answer, words: str
) -> None:
    registry.answers[VERSION] = [answer] * 9
    refused = posted(server, hosts_of(registry), URI)
    assert (refused.status_code, tasks(server)) == (503, [])
    assert re.search(words, refused.json["message"])


def test_a_host_that_is_away_may_come_back(server: ApiServer) -> None:
    refused = posted(server, ("tools.example.org=http://127.0.0.1:9",), URI)
    assert (refused.status_code, tasks(server)) == (503, [])
    assert "The TRS host 127.0.0.1:9 cannot be reached" in refused.json["message"]


def test_an_allowed_host_must_not_lead_to_where_only_the_service_is(server: ApiServer, registry: HttpServer) -> None:
    refused = posted(server, hosts_of(registry), URI, allowed=())
    assert (refused.status_code, registry.requests, tasks(server)) == (500, [], [])
    assert "has an address that must not be reached" in refused.json["message"]


def test_a_name_that_is_looked_up_for_ever_holds_a_task_no_longer_than_its_limit() -> None:
    never = threading.Event()
    begun = time.monotonic()
    with pytest.raises(tools.NoTrsAnswer, match=r"TRS host tools\.example\.org cannot be reached \(TimeoutError\)"):
        tools.images(
            [URI], ["tools.example.org"], addresses.Rules(), seconds=0.3, resolve=lambda *_, **__: [never.wait(60)]
        )
    never.set()
    assert time.monotonic() - begun < 5


class _Described(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(DESCRIBED)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A registry over TLS: its port, and the certificate that vouches for it."""
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Described) as listener:
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
        with serving(listener):
            yield listener.server_port, file


def test_a_host_must_show_a_certificate_for_its_name(secure: tuple[int, Path]) -> None:
    port, trusted = secure
    uri = f"trs://{{}}:{port}/samtools/1.9"
    assert looked_up(uri.format("127.0.0.1"), trusted).endswith(f": '{IMAGE}'}}\n")
    assert "cannot be reached (SSLError)" in looked_up(uri.format("127.0.0.1"), Path(os.devnull))
    assert "cannot be reached (SSLError)" in looked_up(uri.format("localhost"), trusted)


def looked_up(uri: str, trusted: Path) -> str:
    """What a process says that trusts what is vouched for there."""
    code = (
        "import sys; from tescore import addresses; from webhook import tools;"
        "print(tools.images([sys.argv[1]], [sys.argv[1].split('/')[2]], addresses.rules([], ['127.0.0.0/8', '::1'])))"
    )
    environment = {"PATH": os.defpath, "SSL_CERT_FILE": str(trusted)}
    ended = subprocess.run(
        [sys.executable, "-c", code, uri], check=False, capture_output=True, text=True, env=environment
    )
    return ended.stdout + ended.stderr
