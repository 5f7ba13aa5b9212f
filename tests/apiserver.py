"""A small Kubernetes API server over HTTP, with pods that end at once, whose connections break where a test says so."""

import base64
import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
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
    FAILED = auto()
    """It is answered 500 and not carried out, as where a webhook does not answer."""
    FAILED_LATE = auto()
    """It is answered 504 and carried out."""


@dataclass
class ApiServer:
    url: str = ""
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    report: bytes = b'{"moved": {"url": "u", "path": "p", "size_bytes": "1"}}'
    """The log of the filer of outputs."""
    refused: str = "-"
    """End of the names of objects that nobody may create."""
    refused_because: str = "Forbidden"
    refused_with: int = 403
    waiting: int = 0
    """Creates that wait so."""
    failing: dict[str, int] = field(default_factory=dict)
    """By the kind of objects, how many creates are answered 500 from now on, as where a policy's webhook is down."""
    admit: Callable[[Object], tuple[int, Object]] | None = None
    """Stands before the store for tasks: the object to be stored, or the status that its caller gets."""
    warned: list[str] = field(default_factory=list)
    """What callers were told beside their answers."""
    refused_again: bool = False
    """Whether who creates what is there already is told that the quota is full."""
    sees_end: Callable[[Object], bool] = lambda _: True
    """Whether the kubelet ever sees that a pod which was made has ended."""
    ends: dict[str, Object] = field(default_factory=dict)
    """By the pod's name, what the kubelet says of its end; others end well."""
    refused_by_node: set[str] = field(default_factory=set)
    """Names of pods that the kubelet does not take."""
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
    tenants: list[str] = field(default_factory=lambda: ["tesk"])
    """Names of the namespaces that are labelled as such, beside those that are stored."""
    looks: int = 0
    """Requests for those. None of them counts among the others, for when they come is up to what remembers them."""
    tenants_unknown: bool = False
    """Whether those requests break."""
    compacted: int = 0
    """Versions before this one are forgotten: a list as it was then goes on as it is now."""
    opened: threading.Event = field(default_factory=threading.Event)
    """Creates of tasks wait until it is set, as for a slow webhook, or for as long as their callers let them."""
    heard: threading.Event = field(default_factory=threading.Event)
    """Requests wait until it is set, as where the API server is there and silent."""
    logs: dict[str, bytes] = field(default_factory=dict)
    """By the pod's name; those of other pods are made up."""
    no_log: tuple[int, str] | None = None
    """The status and message that are the answer to who asks for a log."""
    writing: set[str] = field(default_factory=set)
    """Pods whose log goes on."""
    followed: int = 0
    """Logs that somebody follows now."""
    no_webhook: bool = False
    """Whether the webhook is away that is called for each ConfigMap."""
    forgotten: int = 0
    """Changes before that many are not remembered any more."""
    cuts: int = 0
    """Counts on when all watches are cut."""
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

    def write(self, pod: str, data: bytes = b"", *, ends: bool = False) -> None:
        """What a pod writes into its log, which goes on unless it ends now."""
        with self.changed:
            self.logs[pod] = self.logs.get(pod, b"") + data
            (self.writing.discard if ends else self.writing.add)(pod)
            self.changed.notify_all()

    def cut(self) -> None:
        """Has all watches end."""
        with self.changed:
            self.cuts += 1
            self.changed.notify_all()


@contextlib.contextmanager
def api_server() -> Iterator[ApiServer]:
    """A server that is there until the block ends."""
    server = ApiServer()
    server.opened.set()
    server.heard.set()
    with _Listener(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": server})) as listener:
        server.url = f"http://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.heard.set()
            with server.changed:
                server.ending = True
                server.changed.notify_all()
            listener.shutdown()
            thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # more than five clients may come at once


class _Handler(BaseHTTPRequestHandler):
    served: ApiServer
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # an answer in one packet: in two, each waits 40 ms for the acknowledgement of the first

    def _answer(self) -> None:
        server, path = self.served, urlsplit(self.path)
        server.heard.wait()
        found, query = _PATH.fullmatch(path.path), parse_qs(path.query)
        assert found, self.path
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        named = query.get("fieldSelector", [""])[0]
        name = found["name"] or (named.partition("=")[2] if named.startswith("metadata.name=") else "")
        if self._is_answered_apart(found["kind"], name, query):
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
        status: int
        answer: Object | bytes
        if end == Break.FAILED:
            status, answer = _status(500, "InternalError")
        else:
            status, answer = self._admitted(body, query.get("timeout", ["9s"])[0])
        if status == 200:
            space, log = found["space"], bool(found["log"])
            status, answer = self._carried_out(found["kind"], name, body, space=space, log=log)
        if end == Break.FAILED_LATE:
            status, answer = _status(504, "Timeout")
        if end == Break.NOT_ANSWERED:
            self.close_connection = True
            return
        self._say(status, answer)

    def _is_answered_apart(self, kind: str, name: str, query: dict[str, list[str]]) -> bool:
        """Whether it is no request of those that are counted, and has had its answer."""
        if "watch" in query:
            self._watch(kind, name, query.get("labelSelector", [""])[0], int(query["resourceVersion"][0]))
        elif "follow" in query and name in self.served.logs and not self.served.no_log:
            self._follow(name)
        elif kind == "namespaces":
            self._look(query["labelSelector"][0])
        else:
            return False
        return True

    def _look(self, selector: str) -> None:
        server = self.served
        assert selector == "tesk/tenant"
        server.looks += 1
        self.close_connection = server.tenants_unknown
        if not server.tenants_unknown:
            stored = {name: shown for (kind, name), shown in server.objects.items() if kind == "namespaces"}
            labelled = {name: {"metadata": {"name": name}} for name in server.tenants}
            self._say(200, {"metadata": {}, "items": list({**labelled, **stored}.values())})

    def _say(self, status: int, answer: Object | bytes) -> None:
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
            found = server.tokens.get(spec["token"], {"audiences": []})
            audiences = [each for each in found["audiences"] if each in spec.get("audiences", [each])]
            return 201, {"status": {"authenticated": True, **found, "audiences": audiences} if audiences else {}}
        what = spec["resourceAttributes"]
        assert (what["group"], what["resource"]) == ("tesk", "tasks")
        who = (spec["user"], *spec["groups"])
        return 201, {"status": {"allowed": any((w, what["verb"], what["namespace"]) in server.allowed for w in who)}}

    def _carried_out(
        self, kind: str, name: str, body: Object, *, space: str | None, log: bool
    ) -> tuple[int, Object | bytes]:
        server = self.served
        if kind.endswith("reviews"):
            return self._reviewed(body)
        with server.changed:
            if self.command == "POST":
                return self._create(kind, body)
            shown = server.objects.get((kind, name))
            if shown and not _is_in(space, shown):
                shown = None
            if self.command == "GET" and not name:
                labels = parse_qs(urlsplit(self.path).query).get("labelSelector", [""])[0]
                return self._listed(kind, labels, space)
            if self.command == "GET" and "fieldSelector" in self.path:
                items = [deepcopy(shown)] if shown else []
                return 200, {"metadata": {"resourceVersion": str(len(server.events))}, "items": items}
            if (
                shown is not None
                and self.command == "GET"
                and "PartialObjectMetadata" in self.headers.get("Accept", "")
            ):
                return 200, {"metadata": deepcopy(shown["metadata"])}
            return _status(404, "NotFound") if shown is None else self._done_to(kind, shown, body, log=log)

    def _admitted(self, body: Object, timeout: str) -> tuple[int, Object]:
        """What keeps a task from being stored; a caller waits for no longer than it says."""
        if self.command != "POST" or not _is_task(body):
            return 200, body
        self.served.waiting += 1
        in_time = self.served.opened.wait(float(timeout.rstrip("s")))
        self.served.waiting -= 1
        if not in_time:
            return _status(504, "Timeout")
        return self.served.admit(body) if self.served.admit else (200, body)

    def _listed(self, kind: str, selector: str, space: str | None) -> tuple[int, Object]:
        """A page of the objects with those labels, by name, as they were when the first page was read."""
        server = self.served
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        now = len(server.events)
        try:
            version, after = _continued(query["continue"]) if "continue" in query else (-1, "")
        except ValueError:
            return _status(400, "BadRequest")
        if version > now:
            causes = [{"reason": "ResourceVersionTooLarge"}]
            return 504, {**_status(504, "Timeout")[1], "details": {"causes": causes}}
        if 0 <= version < server.compacted:
            return 410, {**_status(410, "Expired")[1], "metadata": {"continue": _token(-1, after)}}
        found = [
            shown
            for (of_kind, name), shown in sorted(
                (server.objects if version in {-1, now} else self._at(version)).items()
            )
            if of_kind == kind
            and name > after
            and _is_in(space, shown)
            and matches(selector, shown["metadata"].get("labels") or {})
            and f"status.phase!={(shown.get('status') or {}).get('phase')}" not in query.get("fieldSelector", "")
        ]
        items = found[: int(query.get("limit", len(found)))]
        at = now if version < 0 else version
        more = {"continue": _token(at, items[-1]["metadata"]["name"])} if len(items) < len(found) else {}
        if "PartialObjectMetadataList" in self.headers.get("Accept", ""):
            items = [{"metadata": item["metadata"]} for item in items]
        return 200, {"metadata": {"resourceVersion": str(at), **more}, "items": deepcopy(items)}

    def _at(self, version: int) -> dict[tuple[str, str], Object]:
        """The objects as they were then."""
        last = {
            (kind, shown["metadata"]["name"]): (event, shown) for _, kind, event, shown in self.served.events[:version]
        }
        return {key: shown for key, (event, shown) in last.items() if event != "DELETED"}

    def _done_to(self, kind: str, shown: Object, body: Object, *, log: bool) -> tuple[int, Object | bytes]:
        server = self.served
        if log and server.no_log:
            return _status(server.no_log[0], "Refused", server.no_log[1])
        if log:
            name = shown["metadata"]["name"]
            if name in server.logs:
                return 200, server.logs[name]
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
            stays = shown["metadata"].get("finalizers")  # until those are gone
            shown["metadata"] |= {"deletionTimestamp": "2026-11-22T04:00:00Z"} if stays else {}
            server.stored(kind, shown, "MODIFIED" if stays else "DELETED")
        return 200, deepcopy(shown)

    def _create(self, kind: str, body: Object) -> tuple[int, Object]:
        server, name = self.served, body["metadata"]["name"]
        if name.endswith(server.refused):
            return _status(server.refused_with, "Forbidden", server.refused_because)
        if server.failing.get(kind, 0):
            server.failing[kind] -= 1
            return _status(500, "InternalError", "failed calling webhook")
        if kind == "configmaps" and server.no_webhook:
            return _status(500, "InternalError")
        if (kind, name) in server.objects:
            return _status(403, "Forbidden") if server.refused_again else _status(409, "AlreadyExists")
        if "dryRun=All" in self.path:
            return 201, body
        number = len(server.events)
        body["metadata"] |= {"uid": f"uid-{number}", "creationTimestamp": f"2026-11-22T04:00:{number % 60:02}Z"}
        made = server.stored(kind, body, "ADDED")
        if kind == "pods":
            server.made.append(name)
            times = {"startedAt": "2026-11-22T04:00:00Z", "finishedAt": "2026-11-22T04:00:01Z"}
            end = {"exitCode": 0, **times, **server.ends.get(made["metadata"]["name"], {})}
            if name in server.refused_by_node:
                server.stored(kind, {**deepcopy(made), "status": {"phase": "Failed", "reason": "OutOfcpu"}}, "MODIFIED")
                return 200, made
            ended = [{"terminated": end}] if server.sees_end(made) else []
            for state in ({"running": times}, *ended):
                status = {"containerStatuses": [{"name": made["spec"]["containers"][0]["name"], "state": state}]}
                server.stored(kind, {**deepcopy(made), "status": status}, "MODIFIED")
        return 200, made

    def _watch(self, kind: str, name: str, selector: str, version: int) -> None:
        server, at, cuts = self.served, version, self.served.cuts
        self._begin()
        if version < server.forgotten:
            self._chunk(json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410}}).encode() + b"\n")
            cuts -= 1
        # What left the selection is told as deleted.
        selected = {n for _, k, e, shown in server.events[:at] for n in _selected(k, e, shown, kind, selector)}
        while not server.ending and server.cuts == cuts:
            with server.changed:
                news = server.events[at:]
                at += len(news)
            for _, of_kind, event, shown in news:
                own = shown["metadata"]["name"]
                if of_kind != kind or (name and own != name):
                    continue
                is_selected = bool(_selected(of_kind, event, shown, kind, selector))
                if is_selected or own in selected:
                    told = {"type": event if is_selected else "DELETED", "object": shown}
                    (selected.add if is_selected else selected.discard)(own)
                    self._chunk(json.dumps(told).encode() + b"\n")
            with server.changed:
                if not server.ending and len(server.events) == at and server.cuts == cuts:
                    server.changed.wait()
        self.close_connection = True

    def _follow(self, pod: str) -> None:
        server, at = self.served, 0
        self._begin()
        server.followed += 1
        while not self.close_connection:
            with server.changed:
                news, ends = server.logs[pod][at:], pod not in server.writing or server.ending
                at += len(news)
                if not news and not ends:
                    server.changed.wait()
            if news:
                self._chunk(news)
            elif ends:
                self._chunk(b"")
                break
        server.followed -= 1
        self.close_connection = True

    def _begin(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def _chunk(self, data: bytes) -> None:
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def finish(self) -> None:
        with contextlib.suppress(OSError):  # who asked has gone
            super().finish()

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


def _selected(of_kind: str, event: str, shown: Object, kind: str, selector: str) -> list[str]:
    """The name of an object that is there after that event, and selected."""
    there = of_kind == kind and event != "DELETED"
    return [shown["metadata"]["name"]] if there and matches(selector, shown["metadata"].get("labels") or {}) else []


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


def _is_task(body: Object) -> bool:
    labels = (body.get("metadata") or {}).get("labels") or {}
    return bool(labels.get("app.kubernetes.io/component") == "task")


def _token(version: int, after: str) -> str:
    """As the API server makes them; the version -1 is the list as it is now."""
    return base64.urlsafe_b64encode(json.dumps({"rv": version, "start": after}).encode()).decode().rstrip("=")


def _continued(token: str) -> tuple[int, str]:
    """Raises ValueError for what is no token."""
    try:
        read = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(read["rv"]), str(read["start"])
    except (KeyError, TypeError) as error:
        raise ValueError(token) from error


def _status(code: int, reason: str, message: str = "") -> tuple[int, Object]:
    return code, {"kind": "Status", "reason": reason, "message": message or reason}
