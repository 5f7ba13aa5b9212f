"""The manifests parse, and agree with the images, the settings and the names in the code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import Settings as ApiSettings
from janitor.settings import Settings as JanitorSettings
from tescore import naming, settings
from webhook import certs, registration
from webhook.settings import Settings as WebhookSettings

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "k8s").rglob("*.yaml"))
TARGETS = re.compile(r"^FROM .+ AS (\S+)$", re.MULTILINE | re.IGNORECASE)


def documents(folder: str) -> Iterator[dict[str, Any]]:
    for file in sorted((ROOT / "k8s" / folder).glob("*.yaml")):
        yield from (document for document in yaml.safe_load_all(file.read_text()) if document)


def the(kind: str, name: str, folder: str = "base") -> dict[str, Any]:
    [found] = [d for d in documents(folder) if d["kind"] == kind and d["metadata"]["name"] == name]
    return found


def container(program: str) -> dict[str, Any]:
    found: dict[str, Any] = the("Deployment", f"tesk-{program}")["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_every_manifest_parses(file: Path) -> None:
    assert all(document is None or isinstance(document, dict) for document in yaml.safe_load_all(file.read_text()))


def test_every_image_of_a_manifest_is_a_target_of_a_dockerfile() -> None:
    built = set(TARGETS.findall((ROOT / "Dockerfile").read_text() + (ROOT / "demo" / "Dockerfile").read_text()))
    named = {
        container["image"].removeprefix("tesk/")
        for folder in ("base", "storage")
        for document in documents(folder)
        if document["kind"] == "Deployment"
        for container in document["spec"]["template"]["spec"]["containers"]
    }
    assert named <= built
    assert {"taskmaster", "filer"} <= built


@pytest.mark.parametrize(("program", "port"), [("api", ApiSettings().api_port), ("webhook", 8443)])
def test_the_ports_are_those_that_the_programs_listen_on(program: str, port: int) -> None:
    assert [item["containerPort"] for item in container(program)["ports"]] == [port]
    service = the("Service", f"tesk-{program}")["spec"]
    assert service["ports"][0]["targetPort"] == container(program)["ports"][0]["name"]
    template = the("Deployment", f"tesk-{program}")["spec"]["template"]
    assert service["selector"].items() <= template["metadata"]["labels"].items()


def test_the_webhook_is_called_where_it_serves() -> None:
    [webhook] = the("MutatingWebhookConfiguration", registration.CONFIGURATION)["webhooks"]
    assert (
        webhook["clientConfig"]["service"]["name"] == certs.SERVICE == the("Service", certs.SERVICE)["metadata"]["name"]
    )
    assert webhook["objectSelector"]["matchLabels"] == naming.TASK_LABELS
    assert webhook["namespaceSelector"]["matchExpressions"] == [{"key": naming.TENANT, "operator": "Exists"}]


def test_the_accounts_of_a_tenant_are_those_that_pods_are_given() -> None:
    accounts = {d["metadata"]["name"] for d in documents("tenant") if d["kind"] == "ServiceAccount"}
    assert accounts == {naming.TASKMASTER_ACCOUNT, naming.EXECUTOR_ACCOUNT}


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        *((text, True) for text in ("inf", "Infinity", "-inf", "NaN", " nan", "-1", "-0.5", "-.5")),
        *((text, False) for text in ("0", "30.0", "infra", "nan-disk", "quay.io/lab/*", "a-1", ",", "")),
    ],
)
def test_the_admission_policy_refuses_numbers_that_no_setting_can_mean(text: str, refused: bool) -> None:
    [validation] = the("ValidatingAdmissionPolicy", "tesk-settings")["spec"]["validations"]
    [pattern] = re.findall(r"matches\('(.+)'\)", validation["expression"])
    assert bool(re.search(pattern, text.lower())) == refused


def test_the_manifests_set_only_variables_that_the_programs_read() -> None:
    known = {row[0] for kind in (ApiSettings, WebhookSettings, JanitorSettings) for row in settings.table(kind)}
    for file in FILES:
        for variable in re.findall(r"TESK_[A-Z_]+(?==)", file.read_text()):
            assert variable in known, f"{file} sets {variable}"


def test_an_api_that_lives_is_not_taken_away_when_the_api_server_is() -> None:
    probes = {
        name: container("api")[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")
    }
    assert probes == {"startup": "/readyz", "readiness": "/healthz", "liveness": "/healthz"}


def test_the_service_runs_without_root_and_without_writing_to_its_image() -> None:
    for program in ("api", "webhook", "janitor"):
        secured = container(program)["securityContext"]
        assert secured["readOnlyRootFilesystem"] is True
        assert secured["capabilities"] == {"drop": ["ALL"]}
        assert (
            the("Deployment", f"tesk-{program}")["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
        )
