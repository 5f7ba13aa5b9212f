"""The document of the API and its page: whole in themselves, and true of what is served."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest
from werkzeug.test import Client

from api.openapi import document
from api.routes import PREFIXES
from tests.apiserver import api_server
from tests.service import client_of


@pytest.fixture
def client() -> Iterator[Client]:
    with api_server() as server:
        yield client_of(server)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize(
    ("path", "servers"),
    [
        ("/openapi.json", ["/ga4gh/tes/v1", "/v1"]),
        ("/v1/openapi.json", ["/v1"]),
        ("/ga4gh/tes/v1/openapi.json", ["/ga4gh/tes/v1"]),
    ],
)
def test_the_document_is_served_with_the_prefix_that_it_is_asked_under(
    client: Client, path: str, servers: list[str]
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json is not None
    assert [server["url"] for server in answer.json["servers"]] == servers


def test_every_reference_of_the_document_is_to_something_in_it() -> None:
    whole: Any = document(*PREFIXES)
    found = set(references(whole))
    assert "#/components/schemas/ServiceType" in found
    for reference in found:
        assert reference.startswith("#/")
        part = whole
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]


def test_every_path_of_the_document_is_served(client: Client) -> None:
    for path, item in document("/v1")["paths"].items():
        where = re.sub(r"{\w+}", "0", path.replace("{stream}", "stdout"))
        prefix = "" if "servers" in item else "/v1"
        for method in set(item) - {"servers"}:
            answer = client.open(prefix + where, method=method.upper())
            assert answer.status_code != 405, (method, path)
            assert answer.json is None or answer.json.get("error") != "NotFound", (method, path)


@pytest.mark.parametrize(
    ("authentication", "schemes"),
    [
        (("none",), {}),
        (("kubernetes",), {"Bearer": "bearer"}),
        (("basic",), {"Basic": "basic"}),
        (("basic", "kubernetes"), {"Bearer": "bearer", "Basic": "basic"}),
    ],
)
def test_the_document_says_who_is_let_in_and_it_is_so(authentication: tuple[str, ...], schemes: dict[str, str]) -> None:
    with api_server() as server:
        client = client_of(server, authentication=authentication)
        whole: Any = client.get("/v1/openapi.json").json

        assert {name: each["scheme"] for name, each in whole["components"]["securitySchemes"].items()} == schemes
        for path, item in whole["paths"].items():
            for method in set(item) - {"servers"}:
                where = ("" if "servers" in item else "/v1") + re.sub(r"{\w+}", "0", path.replace("{stream}", "stdout"))
                with client.open(where, method=method) as answer:
                    refused = answer.status_code == 401
                assert refused == bool(item[method].get("security")) == ("401" in item[method]["responses"]), path
                assert {name for each in item[method].get("security", []) for name in each} in (set(), set(schemes))


def test_the_service_info_is_as_the_document_says(client: Client) -> None:
    whole: Any = document("/v1")
    schema = {"$ref": "#/components/schemas/tesServiceInfo", "components": whole["components"]}
    jsonschema.Draft202012Validator(schema).validate(client.get("/v1/service-info").json)
    assert set(client.get("/v1/tasks/service-info").json or {}) == {"name", "doc", "storage"}


def test_service_info_is_that_of_the_tenant() -> None:
    with api_server() as server:
        own = {"TESK_STORAGE": "s3://theirs", "TESK_PRIORITY_CLASSES": "high"}
        server.stored("configmaps", {"metadata": {"name": "tesk-settings"}, "data": own}, "ADDED")
        client = client_of(server, storage=("s3://ours",))
        shown, old = client.get("/v1/service-info").json, client.get("/v1/tasks/service-info").json
    assert shown is not None
    assert "priority_class" in shown["tesResources_backend_parameters"]
    assert "runtime_class" not in shown["tesResources_backend_parameters"]
    assert shown["storage"] == ["s3://theirs"]
    assert old == {"name": "TESK", "doc": shown["description"], "storage": ["s3://theirs"]}


class Page(HTMLParser):
    """What a page links to, what it names, and whether all that was opened was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.names: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links |= {str(given[name]) for name in ("href", "src") if name in given}
        self.names |= {str(given["id"])} if "id" in given else set()
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("prefix", ["", *PREFIXES])
def test_the_page_needs_nothing_from_elsewhere_and_its_links_lead_somewhere(client: Client, prefix: str) -> None:
    answer = client.get(f"{prefix}/docs")
    page = Page(answer.text)

    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.open == []
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= page.names
    operations = {operation["operationId"] for item in document("/v1")["paths"].values()
                  for method, operation in item.items() if method != "servers"}  # fmt: skip
    assert operations | set(document("/v1")["components"]["schemas"]) <= page.names


def test_what_the_standard_says_is_on_the_page_as_it_stands(client: Client) -> None:
    text = client.get("/docs").text
    assert "If the tag_value is empty, it will be treated as matching any possible value." in text
    assert "<code>/ga4gh/tes/v1/tasks:watch</code>" in text
    assert "<code>/readyz</code>" in text


def test_the_times_of_the_standards_examples_are_in_its_own_format(client: Client) -> None:
    served: Any = client.get("/openapi.json").json
    assert served == json.loads(json.dumps(document(*PREFIXES)))
    assert served["components"]["schemas"]["tesTask"]["properties"]["creation_time"]["example"] == (
        "2020-10-02T10:00:00-05:00"
    )
