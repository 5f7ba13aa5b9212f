"""The document of the API and its page: whole in themselves, and true of what is served."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest
from werkzeug.test import Client

from api.openapi.document import document
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
    """What a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loaded += [str(given[name]) for name in ("href", "src") if name in given and tag != "a"]


@pytest.mark.parametrize("prefix", ["", *PREFIXES, "/tesk/v1"])
def test_all_that_the_page_loads_is_served_beside_it(client: Client, prefix: str) -> None:
    answer = client.get(f"{prefix}/docs")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    loaded = Page(answer.text).loaded
    assert len(loaded) == 3
    for name in loaded:
        file = client.get(f"{prefix}/{name}")
        assert file.status_code == 200, name
        assert file.mimetype == ("text/css" if name.endswith(".css") else "text/javascript")
        assert not name.endswith(".css") or set(re.findall(r"url\(\W*(\w+:)|@import", file.text)) == {"data:"}
    assert 'url: "openapi.json"' in client.get(f"{prefix}/docs/page.js").text


def test_the_page_may_load_from_no_other_server_and_run_no_script_of_a_document(client: Client) -> None:
    header = client.get("/docs").headers["Content-Security-Policy"]
    policy = dict(part.strip().split(" ", 1) for part in header.split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[part] for part in ("script-src", "connect-src")} == {"'self'"}
    sources = {source for part in policy.values() for source in part.split()}
    assert sources == {"'none'", "'self'", "'unsafe-inline'", "data:"}


def test_the_times_of_the_standards_examples_are_in_its_own_format(client: Client) -> None:
    served: Any = client.get("/openapi.json").json
    assert served == json.loads(json.dumps(document(*PREFIXES)))
    assert served["components"]["schemas"]["tesTask"]["properties"]["creation_time"]["example"] == (
        "2020-10-02T10:00:00-05:00"
    )
