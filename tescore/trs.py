"""Images that a task names by a tool of a GA4GH Tool Registry Service (TRS 2): `trs://host/tool/version`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from tescore import images
from tescore.settings import setting

_SCHEME = "trs://"
_VERSIONS = "/ga4gh/trs/v2"
"""Where the standard has a host's API."""
FORM = re.compile(r"[^\s=/]+(=https?://[^\s?#]+)?")
"""An entry of TESK_TRS_HOSTS."""
_IMAGE = re.compile(r"[A-Za-z0-9][\w.:/@-]{0,511}", re.ASCII)
_CONTAINER = frozenset({"", "docker"})
"""Types of images that Kubernetes can run; an old server names none."""
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)  # without slots: others inherit from it and from a class that has some
class TrsSettings:
    trs_hosts: tuple[str, ...] = setting(
        "TRS hosts whose tools tasks may name as images, trs://host/tool/version: host, or host=URL of its API",
        default=(),
        form=FORM,
    )


@dataclass(frozen=True, slots=True)
class Tool:
    host: str
    name: str
    version: str


def is_uri(image: str) -> bool:
    return image.lower().startswith(_SCHEME)


def uris(document: Mapping[str, Any]) -> list[str]:
    """The TRS URIs among the images of a valid document, each once."""
    return list(dict.fromkeys(each["image"] for each in document.get("executors", []) if is_uri(each["image"])))


def tool(uri: str) -> Tool:
    """What a TRS URI names. Raises ValueError, with words that go on after the URI, for one that names nothing."""
    host, *path = uri[len(_SCHEME) :].split("/")
    parts = [unquote(part) for part in path]
    if not host or len(parts) < 2 or not all(parts) or not {".", ".."}.isdisjoint(parts):
        raise ValueError("is not of the form trs://host/tool/version")
    return Tool(host.lower(), "/".join(parts[:-1]), parts[-1])


def problem(uri: str, hosts: Sequence[str]) -> str:
    """Why a TRS URI is not looked up where these hosts are allowed; empty if it is."""
    try:
        host = tool(uri).host
    except ValueError as error:
        return str(error)
    return "" if host in _bases(hosts) else f"is on the TRS host {host}, which TESK_TRS_HOSTS does not allow"


def url(asked: Tool, hosts: Sequence[str]) -> str:
    """Where that version of the tool is described, on a host that is allowed."""
    name, version = quote(asked.name, safe=""), quote(asked.version, safe="")
    return f"{_bases(hosts)[asked.host]}/tools/{name}/versions/{version}"


def image(described: object) -> str:
    """The container image of a tool's version, as the server describes it; empty where it names none."""
    listed = described.get("images") if isinstance(described, dict) else None
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and str(each.get("image_type") or "").lower() in _CONTAINER:
            name = _pinned(_with_registry(each), each)
            if _IMAGE.fullmatch(name):
                return name
    return ""


def _bases(hosts: Sequence[str]) -> dict[str, str]:
    """The URL of each host's API."""
    entries = (entry.partition("=") for entry in hosts)
    return {host.lower(): base.rstrip("/") or f"https://{host}{_VERSIONS}" for host, _, base in entries}


def _with_registry(described: Mapping[str, Any]) -> str:
    """The image's name with its registry before it, which servers say in the one field, the other, or both."""
    name = str(described.get("image_name") or "")
    registry = str(described.get("registry_host") or "").rpartition("://")[2].rstrip("/")
    return f"{registry}/{name}" if registry and name and not images.names_registry(name) else name


def _pinned(name: str, described: Mapping[str, Any]) -> str:
    """A name that says no version, by the digest of the one that was asked for if the server has it."""
    if images.is_tagged(name):
        return name
    checksums = described.get("checksum")
    for each in checksums if isinstance(checksums, list) else []:
        found = _SHA256.fullmatch(str(each.get("checksum"))) if isinstance(each, dict) else None
        if found and str(each.get("type") or "").lower().replace("-", "") == "sha256":
            return f"{name}@sha256:{found[1]}"
    return name
