"""An admission webhook of a campaign's own, asked after the service's: it delays or refuses what was launched."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tescore import naming
from tests.campaigns.authority import certificate
from tests.e2e.cluster import Kubectl, address_of_this_machine, wait_until

_NAME = "tesk-campaign"
TAG = "launch"
"""Tasks with this tag are asked about."""


@dataclass
class Admission:
    """`delay` and `refuse` say what becomes of the n-th create, counted from 0; of all tasks together."""

    delay: Callable[[int], float] = lambda _: 0.0
    refuse: Callable[[int], bool] = lambda _: False
    asked: list[str] = field(default_factory=list)
    """Names of the ConfigMaps, each time."""
    patience: str = ""
    """For how long the API server waited for the last answer, as it says itself: `30s`."""

    def begin(
        self, *, delay: Callable[[int], float] = lambda _: 0.0, refuse: Callable[[int], bool] = lambda _: False
    ) -> None:
        """Counts anew."""
        self.asked, self.delay, self.refuse = [], delay, refuse


@contextmanager
def admission(kubectl: Kubectl, folder: Path, *, seconds: int = 30) -> Iterator[Admission]:
    """The webhook, which the API server waits for so many seconds for, until the block ends."""
    address = address_of_this_machine(kubectl)
    served = certificate(address, folder)
    asked = Admission()
    with _Listener((address, 0), _Handler) as listener:
        listener.admission = asked
        listener.socket = served.context.wrap_socket(listener.socket, server_side=True)
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            url = f"https://{address}:{listener.server_port}/"
            kubectl("apply", "-f", "-", given=_configuration(url, served.authority.read_bytes(), seconds))
            wait_until(lambda: reached(kubectl, asked, seconds), "the API server asks the campaign's webhook")
            yield asked
        finally:
            kubectl("delete", "validatingwebhookconfiguration", _NAME, "--ignore-not-found")
            listener.shutdown()
            thread.join()


def _configuration(url: str, authority: bytes, seconds: int) -> dict[str, Any]:
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    webhook = {
        "name": "campaign.tasks.tesk",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": seconds,
        "clientConfig": {"url": url, "caBundle": base64.b64encode(authority).decode()},
        "rules": [rule],
        "objectSelector": {"matchExpressions": [{"key": naming.tag_label(TAG), "operator": "Exists"}]},
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": _NAME},
        "webhooks": [webhook],
    }


def reached(kubectl: Kubectl, asked: Admission, seconds: int) -> bool:
    """Whether the API server asks the webhook now, and waits for it for so many seconds."""
    probe = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "campaign-probe", "labels": {naming.tag_label(TAG): "probe"}},
    }
    kubectl.run("create", "--dry-run=server", "-f", "-", given=probe)
    return asked.patience == f"{seconds}s"


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    admission: Admission


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        said = self.server.admission
        said.asked.append(asked["name"])
        [said.patience] = parse_qs(urlsplit(self.path).query)["timeout"]
        number = len(said.asked) - 1
        time.sleep(said.delay(number))
        refused = {"status": {"code": 403, "message": "The campaign refuses it."}} if said.refuse(number) else {}
        response = {"uid": asked["uid"], "allowed": not refused, **refused}
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing: the tests look at what was asked."""
