"""A small Kubernetes API server over HTTP, with pods that end at once, whose connections break where a test says so."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]
_PATH = re.compile(
    r"/(?:api|apis/[\w.]+)/v1/(?:namespaces/(?P<space>[\w-]+)/)?(?P<kind>\w+)(?:/(?P<name>[^/]+))?(?P<log>/log)?"
)
_REQUIREMENT = re.compile(
    r"(?P<not>!?)(?P<key>[\w./-]+)(?:(?P<differs>!)?=(?P<value>[\w./-]*)| notin \((?P<none>[^)]*)\))?"
)


class Break(Enum):
    """What becomes of a request whose connection breaks."""

    NOT_HEARD = auto()
    NOT_ANSWERED = auto()
    """It is carried out, and the caller does not learn of it."""


@dataclass
class ApiServer:
    url: str = ""
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    report: bytes = b'{"moved": {"url": "u", "path": "p", "size_bytes": "1"}}'
    """The log of the filer of outputs."""
    refused: str = "-"
    """End of the names of objects that nobody may create."""
    made: list[str] = field(default_factory=list)
    """Names of the pods that were made, each time."""
    requests: int = 0
    """Requests that were begun, watches left out: which come when is up to threads."""
    broken: dict[int, Break] = field(default_factory=dict)
    """By the number of the request, counted from 0."""
    cut_off: str = ""
    """Token of a caller that is cut off for good after the first of its requests that broke."""
    kills: bool = False
    tokens: dict[str, Object] = field(default_factory=dict)
    """What a TokenReview says of a token: user and audiences."""
    allowed: set[tuple[str, str, str]] = field(default_factory=set)
    """User or group, verb and namespace of what a SubjectAccessReview on tasks.tesk allows."""
    reviews: list[Object] = field(default_factory=list)
    """What the reviews of both kinds asked."""
    events: list[tuple[int, str, str, Object]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    ending: bool = False

    def stored(self, kind: str, shown: Object, event: str) -> Object:
        """Puts an object, or takes it away, and lets watchers know."""
        with self.changed:
            version = len(self.events) + 1
            shown["metadata"]["resourceVersion"] = str(version)
            name = shown["metadata"]["name"]
            if event == "DELETED":
                self.objects.pop((kind, name))
            else:
                self.objects[kind, name] = shown
            self.events.append((version, kind, event, deepcopy(shown)))
            self.changed.notify_all()
            return deepcopy(shown)


@contextlib.contextmanager
def api_server() -> Iterator[ApiServer]:
    """A server that is there until the block ends."""
    server = ApiServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": server})) as listener:
        listener.daemon_threads = True
        server.url = f"http://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            with server.changed:
                server.ending = True
                server.changed.notify_all()
            listener.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: ApiServer
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # an answer in one packet: in two, each waits 40 ms for the acknowledgement of the first

    def _answer(self) -> None:
        server, path = self.served, urlsplit(self.path)
        found, query = _PATH.fullmatch(path.path), parse_qs(path.query)
        assert found, self.path
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        named = query.get("fieldSelector", [""])[0]
        name = found["name"] or (named.partition("=")[2] if named.startswith("metadata.name=") else "")
        if "watch" in query:
            self._watch(found["kind"], name, int(query["resourceVersion"][0]))
            return
        token = self.headers["Authorization"]
        with server.changed:
            end = server.broken.get(server.requests) if token != server.cut_off else Break.NOT_HEARD
            server.requests += 1
            if end and server.kills:
                server.cut_off = token
        if end == Break.NOT_HEARD:
            self.close_connection = True
            return
        if found["kind"].endswith("reviews"):
            status, answer = self._reviewed(body)
        else:
            status, answer = self._carried_out(found["kind"], name, body, space=found["space"], log=bool(found["log"]))
        if end == Break.NOT_ANSWERED:
            self.close_connection = True
            return
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class calls them

    def _reviewed(self, body: Object) -> tuple[int, Object | bytes]:
        server, kind, spec = self.served, body["kind"], body["spec"]
        if kind.endswith(server.refused):
            return _status(403, "Forbidden")
        with server.changed:
            server.reviews.append(spec)
        if kind == "TokenReview":
            found = server.tokens.get(spec["token"])
            audiences = [each for each in (found or {}).get("audiences", []) if each in spec.get("audiences", [each])]
            return 201, {
                "status": {"authenticated": True, **found, "audiences": audiences} if found and audiences else {}
            }
        what = spec["resourceAttributes"]
        assert (what["group"], what["resource"]) == ("tesk", "tasks")
        who = (spec["user"], *spec["groups"])
        return 201, {"status": {"allowed": any((w, what["verb"], what["namespace"]) in server.allowed for w in who)}}

    def _carried_out(
        self, kind: str, name: str, body: Object, *, space: str | None, log: bool
    ) -> tuple[int, Object | bytes]:
        server = self.served
        with server.changed:
            if self.command == "POST":
                return self._create(kind, body)
            shown = server.objects.get((kind, name))
            if shown and not _is_in(space, shown):
                shown = None
            if self.command == "GET" and not name:
                labels = parse_qs(urlsplit(self.path).query).get("labelSelector", [""])[0]
                return 200, self._listed(kind, labels, space)
            if self.command == "GET" and "fieldSelector" in self.path:
                items = [deepcopy(shown)] if shown else []
                return 200, {"metadata": {"resourceVersion": str(len(server.events))}, "items": items}
            return _status(404, "NotFound") if shown is None else self._done_to(kind, shown, body, log=log)

    def _listed(self, kind: str, selector: str, space: str | None) -> Object:
        """A page of the objects with those labels, by name; a token is the name of the last one before."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        found = [
            shown
            for (of_kind, name), shown in sorted(self.served.objects.items())
            if of_kind == kind
            and name > query.get("continue", "")
            and _is_in(space, shown)
            and matches(selector, shown["metadata"].get("labels") or {})
        ]
        items = found[: int(query.get("limit", len(found)))]
        more = {"continue": items[-1]["metadata"]["name"]} if len(items) < len(found) else {}
        if "PartialObjectMetadataList" in self.headers["Accept"]:
            items = [{"metadata": item["metadata"]} for item in items]
        return {"metadata": {"resourceVersion": str(len(self.served.events)), **more}, "items": deepcopy(items)}

    def _done_to(self, kind: str, shown: Object, body: Object, *, log: bool) -> tuple[int, Object | bytes]:
        server = self.served
        if log:
            name = shown["metadata"]["name"]
            return 200, server.report if name.endswith("-outputs") else b"" if name.endswith("-inputs") else b"out\n"
        if self.command == "PATCH":
            version = shown["metadata"]["resourceVersion"]
            if body.get("metadata", {}).get("resourceVersion", version) != version:
                return _status(409, "Conflict")
            return 200, server.stored(kind, _merged(shown, body), "MODIFIED")
        if self.command == "DELETE":
            own = shown["metadata"].get("uid")
            if body.get("preconditions", {"uid": own})["uid"] != own:
                return _status(409, "Conflict")
            server.stored(kind, shown, "DELETED")
        return 200, deepcopy(shown)

    def _create(self, kind: str, body: Object) -> tuple[int, Object]:
        server, name = self.served, body["metadata"]["name"]
        if name.endswith(server.refused):
            return _status(403, "Forbidden")
        if (kind, name) in server.objects:
            return _status(409, "AlreadyExists")
        number = len(server.events)
        body["metadata"] |= {"uid": f"uid-{number}", "creationTimestamp": f"2026-11-22T04:00:{number % 60:02}Z"}
        made = server.stored(kind, body, "ADDED")
        if kind == "pods":
            server.made.append(name)
            times = {"startedAt": "2026-11-22T04:00:00Z", "finishedAt": "2026-11-22T04:00:01Z"}
            for state in ({"running": times}, {"terminated": {"exitCode": 0, **times}}):
                server.stored(kind, {**deepcopy(made), "status": {"containerStatuses": [{"state": state}]}}, "MODIFIED")
        return 200, made

    def _watch(self, kind: str, name: str, version: int) -> None:
        server, at = self.served, version
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        while not server.ending:
            with server.changed:
                news = server.events[at:]
                at += len(news)
            for _, of_kind, event, shown in news:
                if of_kind == kind and shown["metadata"]["name"] == name:
                    line = json.dumps({"type": event, "object": shown}).encode() + b"\n"
                    with contextlib.suppress(OSError):
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                        self.wfile.flush()
            with server.changed:
                if not server.ending and len(server.events) == at:
                    server.changed.wait()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def matches(selector: str, labels: dict[str, str]) -> bool:
    """Whether an object with these labels is selected."""
    for found in _REQUIREMENT.finditer(selector):
        value = labels.get(found["key"])
        if found["none"] is not None:
            fits = value not in found["none"].split(",")
        elif found["value"] is not None:
            fits = (value == found["value"]) != bool(found["differs"])
        else:
            fits = (value is None) == bool(found["not"])
        if not fits:
            return False
    return True


def _is_in(space: str | None, shown: Object) -> bool:
    """Whether an object is in a namespace; one that names none is in all."""
    return space is None or shown["metadata"].get("namespace", space) == space


def _merged(shown: Any, patch: Any) -> Any:
    """A merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(shown) if isinstance(shown, dict) else {}
    for key, value in patch.items():
        merged = {k: v for k, v in merged.items() if k != key}
        if value is not None:
            merged[key] = _merged((shown or {}).get(key) if isinstance(shown, dict) else None, value)
    return merged


def _status(code: int, reason: str) -> tuple[int, Object]:
    return code, {"kind": "Status", "reason": reason, "message": reason}
