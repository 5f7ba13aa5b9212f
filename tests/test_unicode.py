"""Any text anywhere in a task, over real HTTP: given back as it came and found by it, or refused with a 400."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tescore.validation import schema_problems
from tests.apiserver import api_server
from tests.service import admitting, served

_ANY = st.text(st.characters(exclude_categories=()), max_size=20)
"""Also control characters, NUL, and halves of surrogate pairs."""
_SOME = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with api_server() as server:
        admitting(server, store_only=True)
        with served(server) as api:
            yield f"http://127.0.0.1:{api.port}/ga4gh/tes/v1/tasks"


def call(url: str, body: bytes | None = None) -> tuple[int, Any]:
    """Status and JSON; the body is sent as it is."""
    asked = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def documents(text: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Tasks with texts in all places where a client may put any."""
    executor = st.fixed_dictionaries(
        {"image": text, "command": st.lists(text, min_size=1, max_size=3)},
        optional={"env": st.dictionaries(text, text, max_size=2), "stdin": text.map("/data/{}".format)},
    )
    item = st.fixed_dictionaries(
        {"path": text.map("/data/{}".format), "content": text}, optional={"name": text, "description": text}
    )
    return st.fixed_dictionaries(
        {"executors": st.lists(executor, min_size=1, max_size=2)},
        optional={
            "name": text,
            "description": text,
            "inputs": st.lists(item, max_size=2),
            "tags": st.dictionaries(text, text, max_size=3),
            "resources": st.fixed_dictionaries({}, optional={"zones": st.lists(text, max_size=2)}),
        },
    )


def encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def filled_in(document: dict[str, Any]) -> dict[str, Any]:
    """As the standard wants it back."""
    inputs = {"inputs": [{**item, "type": "FILE"} for item in document["inputs"]]} if "inputs" in document else {}
    return {**document, **inputs}


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(document=documents(_ANY), escaped=st.booleans())
def test_a_task_of_any_texts_is_given_back_or_refused(url: str, document: dict[str, Any], escaped: bool) -> None:
    body = json.dumps(document, ensure_ascii=escaped)
    status, answer = call(url, body.encode("utf-8", "surrogatepass"))
    if status == 200:
        status, shown = call(f"{url}/{answer['id']}?view=FULL")
        assert status == 200
        added = {name: shown.pop(name) for name in ("id", "state", "creation_time")}
        assert shown == filled_in(document)
        assert schema_problems({**shown, **added}) == []
    else:
        assert (status, answer["error"]) == (400, "InvalidTask")
        assert answer["problems"]


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(name=_SOME, tags=st.dictionaries(_SOME, _SOME, min_size=1, max_size=3), length=st.integers(1, 20))
def test_a_task_is_found_by_any_name_and_any_tags(url: str, name: str, tags: dict[str, str], length: int) -> None:
    body = {"name": name, "tags": tags, "executors": [{"image": "busybox", "command": ["true"]}]}
    _, made = call(url, json.dumps(body).encode())
    (key, value), *_ = tags.items()
    searches = [
        [(part, text) for tag in tags.items() for part, text in zip(("tag_key", "tag_value"), tag, strict=True)],
        [("tag_key", key)],
        [("tag_key", key), ("tag_value", "")],
        [("name_prefix", name[:length]), ("tag_key", key), ("tag_value", value)],
    ]
    for search in searches:
        query = urllib.parse.urlencode([*search, ("page_size", "2047")])
        status, found = call(f"{url}?{query}")
        assert status == 200
        assert made in [{"id": task["id"]} for task in found["tasks"]]
    for search in ([("name_prefix", name + "x"), *searches[0]], [("tag_key", key), ("tag_value", value + "x")]):
        status, found = call(f"{url}?{urllib.parse.urlencode(search)}")
        assert status == 200
        assert made not in [{"id": task["id"]} for task in found["tasks"]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"\x00",
        b'{"executors": "\xed\xa0\x80"}',
        b"\xef\xbb\xbf{}",
        b"{}",
        b"[",
        b"null",
        b'"x"',
        b"1e999",
    ],
)
def test_what_is_no_task_is_refused(url: str, body: bytes) -> None:
    status, answer = call(url, body)
    assert (status, answer["error"]) == (400, "InvalidTask")
    assert answer["problems"]


@pytest.mark.parametrize("query", ["tag_key=%ff", "name_prefix=%ff", "page_token=%ff%00", "state=%00", "view=%ff"])
def test_a_query_that_is_no_text_is_answered(url: str, query: str) -> None:
    assert call(f"{url}?{query}")[0] in {200, 400}
