"""What a browser is told that asks for another site's page (Cross-Origin Resource Sharing)."""

from collections.abc import Collection
from urllib.parse import urlsplit

_ANY = "*"
_METHODS = "GET, POST"
_REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID"
_EXPOSED = "ETag, Retry-After"
_REMEMBERED = "600"
"""Seconds for which a browser need not ask again."""


def headers(origin: str, allowed: Collection[str], *, preflight: bool) -> dict[str, str]:
    """The headers of an answer to a page of that origin, empty for a request without one; none if it is not allowed."""
    if not origin or not {_ANY, origin} & set(allowed):
        return {}
    granted = {"Access-Control-Allow-Origin": _ANY if _ANY in allowed else origin}
    if not preflight:
        return {**granted, "Access-Control-Expose-Headers": _EXPOSED}
    return {
        **granted,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _REQUEST_HEADERS,
        "Access-Control-Max-Age": _REMEMBERED,
    }


def is_foreign(origin: str, site: str, host: str, allowed: Collection[str]) -> bool:
    """Whether a browser sends a request for a page of another site that is not allowed to.

    By the headers Origin, Sec-Fetch-Site and Host; what is no browser has neither of the first two.
    """
    if {_ANY, origin} & set(allowed):
        return False
    return (
        site not in {"same-origin", "none"}
        if site
        else origin != "" and urlsplit(origin).netloc.lower() != host.lower()
    )


def vary(allowed: Collection[str]) -> bool:
    """Whether answers differ by the origin that asks, which caches must be told."""
    return bool(allowed) and _ANY not in allowed
