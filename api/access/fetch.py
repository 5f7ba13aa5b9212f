"""JSON from an identity provider: one attempt, bounded in time and size."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from tescore.errors import Rejected, Unavailable

_TIMEOUT = urllib3.Timeout(connect=3.0, read=5.0)
_LARGEST = 1024 * 1024
_pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)


class Declined(Rejected):
    """The provider answers, and says no (4xx)."""

    reason = "Declined"


def fetch(url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Any:
    """What is at a URL, or the answer to a form that is posted there. Redirects are not followed.

    Raises Declined, and Unavailable where there is no answer, or one that makes no sense.
    """
    asked = {"Accept": "application/json", **(headers or {})}
    if form is not None:
        asked["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        answer = _pool.request(
            "GET" if form is None else "POST",
            url,
            body=None if form is None else urlencode(form),
            headers=asked,
            redirect=False,
            preload_content=False,
        )
        try:
            body = answer.read(_LARGEST + 1)
        finally:
            answer.release_conn()
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"The identity provider at {url} cannot be reached ({type(error).__name__}).") from error
    if 400 <= answer.status < 500 and answer.status != 429:
        raise Declined(f"The identity provider at {url} answers {answer.status}.")
    if answer.status != 200 or len(body) > _LARGEST:
        raise Unavailable(f"The identity provider at {url} answers {answer.status} with {len(body)} bytes.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unavailable(f"The identity provider at {url} answers with something that is no JSON.") from error
