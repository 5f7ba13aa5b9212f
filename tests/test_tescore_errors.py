import json

import pytest

from tescore.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    Missing,
    QuotaExceeded,
    Refused,
    TeskError,
    TooNew,
    Unavailable,
    kubernetes_error,
)


def status(reason: str, message: str = "words") -> bytes:
    return json.dumps({"kind": "Status", "reason": reason, "message": message}).encode()


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (404, "NotFound", Missing),
        (409, "AlreadyExists", AlreadyExists),
        (409, "Conflict", Conflict),
        (410, "Expired", Expired),
        (403, "Forbidden", Refused),
        (422, "Invalid", Refused),
        (400, "BadRequest", Refused),
        (401, "Unauthorized", Unavailable),
        (429, "TooManyRequests", Unavailable),
        (500, "InternalError", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
    ],
)
def test_an_answer_of_the_api_server_is_classified_by_its_code(
    code: int, reason: str, expected: type[TeskError]
) -> None:
    assert type(kubernetes_error(code, status(reason), method="PATCH")) is expected


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (500, "etcdserver: request is too large"),
        (
            500,
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2125575 vs. 2097152)",
        ),
        (413, "Request entity too large: limit is 3145728"),
    ],
)
def test_what_is_too_large_is_not_tried_again(code: int, message: str) -> None:
    error = kubernetes_error(code, status("", message), method="POST")
    assert isinstance(error, Refused)
    assert (error.code, str(error)) == (413, message)


def test_the_message_of_a_status_is_quoted() -> None:
    assert str(kubernetes_error(403, status("Forbidden", "exceeded quota"), method="POST")) == "exceeded quota"


@pytest.mark.parametrize(
    "message",
    [
        'configmaps "task-1" is forbidden: exceeded quota: tesk-kept, used: count/configmaps=3',
        'admission webhook "launch.tasks.tesk" denied the request: pods "task-1" is forbidden: exceeded quota: q',
    ],
)
def test_what_a_quota_refuses_is_told_apart(message: str) -> None:
    error = kubernetes_error(403, status("Forbidden", message), method="POST")
    assert (type(error), error.reason) == (QuotaExceeded, "QuotaExceeded")


def test_a_body_that_is_no_status_is_dropped_because_it_may_hold_anything() -> None:
    assert str(kubernetes_error(502, b"<html>secret</html>", method="GET")) == "The Kubernetes API server answered 502."
    assert str(kubernetes_error(400, b'{"kind": "Secret"}', method="GET")) == "The Kubernetes API server answered 400."


def test_a_wish_to_wait_is_kept() -> None:
    error = kubernetes_error(429, status("TooManyRequests"), method="GET", retry_after="7")
    assert isinstance(error, Unavailable)
    assert error.retry_after == 7


def test_an_expired_list_can_be_resumed_where_the_api_server_says_so() -> None:
    body = json.dumps({"kind": "Status", "reason": "Expired", "metadata": {"continue": "token"}}).encode()
    error = kubernetes_error(410, body, method="GET")
    assert isinstance(error, Expired)
    assert error.resumed == "token"


def test_a_version_that_the_api_server_has_not_come_to_may_come() -> None:
    causes = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}
    body = json.dumps({"kind": "Status", "reason": "Timeout", "details": causes}).encode()
    error = kubernetes_error(504, body, method="GET")
    assert isinstance(error, TooNew)
    assert isinstance(error, Unavailable)


def test_a_conflict_on_a_create_is_a_busy_quota_and_passes() -> None:
    assert type(kubernetes_error(409, status("Conflict"), method="POST")) is Unavailable


def test_the_path_of_the_webhook_is_not_told_where_it_cannot_be_reached() -> None:
    said = (
        'failed calling webhook "launch.tasks.tesk": Post "https://tesk-webhook:443/admit/0a1b2c?timeout=10s": refused'
    )
    error = kubernetes_error(500, json.dumps({"kind": "Status", "message": said}).encode(), method="POST")
    assert str(error) == said.replace("0a1b2c", "…")
