"""Requests drawn from the served OpenAPI document, over HTTP to the api as it is served, with the webhook behind it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks

from api.openapi.document import document
from tests.apiserver import api_server
from tests.service import admitting, served

# Not among them: that each document which fits the schema is taken, for the standard has rules in words (absolute
# paths, a source for each input, schemes), and that no other is, for clients send null and fields of their own.
CHECKED = [
    checks.not_a_server_error,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
    checks.unsupported_method,
]


DOCUMENT: Any = json.loads(json.dumps(document("/ga4gh/tes/v1")))
# The standard's schema has executors in each task, and its words "ONLY" id and state in the view MINIMAL.
SHOWN = {
    "anyOf": [
        {"$ref": "#/components/schemas/tesTask"},
        {"type": "object", "required": ["id", "state"], "maxProperties": 2},
    ]
}
DOCUMENT["components"]["schemas"]["tesListTasksResponse"]["properties"]["tasks"]["items"] = SHOWN
DOCUMENT["paths"]["/tasks/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = SHOWN
# A watch never ends (tests/test_api_live.py has it); the last two are outside of the prefix.
APART = {"/tasks:watch", "/healthz", "/readyz"}
PATHS = set(DOCUMENT["paths"]) - APART
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).exclude(path=sorted(APART))
# Not by the schema's own parametrize(): its tests have one name, of which pytest-xdist runs but one.
OPERATIONS = {f"{method.upper()} {path}": SCHEMA[path][method] for path in sorted(PATHS) for method in SCHEMA[path]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with api_server() as server:
        admitting(server, store_only=True)
        with served(server) as api:
            yield f"http://127.0.0.1:{api.port}/ga4gh/tes/v1"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_as_the_document_says(operation: str, url: str) -> None:
    @settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(OPERATIONS[operation].as_strategy())
    def answers(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(base_url=url, checks=CHECKED)

    answers()


# A GET of /tasks/x:cancel is one of a task whose id is x:cancel, which there is not.
@pytest.mark.parametrize("path", sorted(PATHS - {"/tasks/{id}:cancel"}))
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "POST", "GET"])
def test_what_a_path_does_not_offer_is_told_with_what_it_does(path: str, method: str, url: str) -> None:
    offered = {each.upper() for each in DOCUMENT["paths"][path]}
    if method not in offered:
        answer = requests.request(method, url + path.format(id="task-x", executor=0, stream="stdout"), timeout=10)
        assert answer.status_code == 405
        assert offered <= set(answer.headers["Allow"].split(", "))
