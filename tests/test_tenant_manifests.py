"""What a tenant's manifests allow and forbid, and that the service's own rights end at tenants."""

import subprocess
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.access.authorization import Verb
from tescore import addresses, naming, room
from tests.test_manifests import ROOT, documents, the

CLUSTER_WIDE = {"secrets", "pods", "configmaps", "jobs", "persistentvolumeclaims", "*"}
Rule = tuple[str, str, str]


def policy(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = the("NetworkPolicy", name, "tenant")["spec"]
    return spec


def reaches(name: str, address: str, port: int, protocol: str = "TCP") -> bool:
    """Whether the policy lets out to an address of which it knows nothing but the number."""
    return any(
        _is_port(rule.get("ports"), port, protocol) and _is_block(rule.get("to"), address)
        for rule in policy(name).get("egress", [])
    )


def _is_port(ports: list[dict[str, Any]] | None, port: int, protocol: str) -> bool:
    return ports is None or {"port": port, "protocol": protocol} in ports


def _is_block(peers: list[dict[str, Any]] | None, address: str) -> bool:
    if peers is None:
        return True
    number = ip_address(address)
    blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
    return any(
        number in ip_network(block["cidr"]) and not any(number in ip_network(e) for e in block.get("except", []))
        for block in blocks
    )


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fd00:ec2::254",
        "10.96.0.1",
        "10.244.1.7",
        "172.16.0.2",
        "192.168.1.2",
        "100.64.0.1",
        "fd00::1",
    ],
)
def test_executors_reach_neither_metadata_nor_api_server_nor_other_pods(address: str) -> None:
    assert not any(reaches("tesk-executor", address, port) for port in (80, 443, 6443, 10250))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1"])
def test_executors_and_filers_reach_the_internet(address: str) -> None:
    assert reaches("tesk-executor", address, 443)
    assert reaches("tesk-filer", address, 443)


def test_filers_reach_storage_inside() -> None:
    assert reaches("tesk-filer", "10.0.0.9", 9000)


@pytest.mark.parametrize("network", addresses.DENIED, ids=str)
def test_the_network_lets_no_filer_out_to_what_transfers_must_not_reach(network: addresses.Range) -> None:
    assert not any(reaches("tesk-filer", str(end), 80) for end in (network[0], network[-1]))


def test_taskmasters_reach_the_ports_of_the_api_server_alone() -> None:
    assert [port for port in (22, 80, 443, 5432, 6443, 8080) if reaches("tesk-taskmaster", "10.96.0.1", port)] == [
        443,
        6443,
    ]


def test_all_may_ask_for_names() -> None:
    for name in ("tesk-executor", "tesk-filer", "tesk-taskmaster"):
        assert reaches(name, "169.254.20.10", 53, "UDP")
        assert any("namespaceSelector" in peer for rule in policy(name)["egress"] for peer in rule.get("to", []))


def test_nobody_reaches_a_pod_of_a_task() -> None:
    inward = policy("tesk-tasks")
    assert inward["policyTypes"] == ["Ingress"]
    assert "ingress" not in inward


def test_every_kind_of_pod_of_a_task_has_its_policy() -> None:
    [expression] = policy("tesk-tasks")["podSelector"]["matchExpressions"]
    kinds = {"taskmaster", "filer", "executor", naming.SCRUB_LABELS[naming.COMPONENT]}
    assert set(expression["values"]) == kinds
    for kind in kinds:
        spec = policy(f"tesk-{kind}")
        assert spec["podSelector"]["matchLabels"] == {naming.MANAGED_BY: "tesk", naming.COMPONENT: kind}
        assert spec["policyTypes"] == ["Egress"]


def rules(role: dict[str, Any]) -> Iterator[Rule]:
    for rule in role["rules"]:
        yield from (
            (group, what, verb) for group in rule["apiGroups"] for what in rule["resources"] for verb in rule["verbs"]
        )


def test_nothing_but_the_janitors_watches_goes_beyond_tenants() -> None:
    bound = [d["roleRef"]["name"] for d in documents("base") if d["kind"] == "ClusterRoleBinding"]
    assert bound
    wide = {(name, what, verb) for name in bound for _, what, verb in rules(the("ClusterRole", name))}
    assert {each for each in wide if each[1].split("/")[0] in CLUSTER_WIDE} == {
        ("tesk-janitor", what, verb) for what in ("configmaps", "pods") for verb in ("list", "watch")
    }


def test_filer_and_executors_have_no_rights_and_no_token() -> None:
    assert the("ServiceAccount", naming.EXECUTOR_ACCOUNT, "tenant")["automountServiceAccountToken"] is False
    bound = {s["name"] for d in documents("tenant") if d["kind"] == "RoleBinding" for s in d["subjects"]}
    assert naming.EXECUTOR_ACCOUNT not in bound


def test_the_roles_of_users_have_the_verbs_that_are_asked_about() -> None:
    user, viewer, admin = (
        set(rules(the("ClusterRole", f"tesk-{name}"))) for name in ("user", "viewer", "tenant-admin")
    )
    assert user == {("tesk", "tasks", Verb.CREATE)}
    assert viewer == {("tesk", "tasks", Verb.GET), ("tesk", "tasks", Verb.LIST)}
    assert {rule for rule in admin if rule[0] == "tesk"} == {("tesk", "tasks", verb) for verb in Verb}


def test_an_admin_of_a_tenant_gives_the_roles_of_tasks_and_no_others() -> None:
    binds = [rule for rule in the("ClusterRole", "tesk-tenant-admin")["rules"] if "bind" in rule["verbs"]]
    assert [rule["resourceNames"] for rule in binds] == [["tesk-user", "tesk-viewer", "tesk-tenant-admin"]]


def test_an_admin_of_a_tenant_reads_and_changes_no_other_secret() -> None:
    changing = {"get", "update", "patch", "list", "watch"}
    for rule in the("ClusterRole", "tesk-tenant-admin")["rules"]:
        if "secrets" in rule["resources"] and set(rule["verbs"]) & changing:
            assert rule["resourceNames"] == [naming.S3_SECRET, naming.STORAGE_SECRET]


def tenant(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "tenant", "--print", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "name", ["ga4gh", "v1", "docs", "healthz", "kube-system", "tesk-system", "Lab", "-lab", "a/b", ""]
)
def test_a_name_that_cannot_be_a_tenant_is_refused(name: str) -> None:
    assert tenant(name).returncode != 0


def test_a_tenant_is_made_of_its_namespace_and_the_base() -> None:
    assert tenant("--limits", "unit-test-lab").returncode == 0
    folder = ROOT / ".local" / "tenants" / "unit-test-lab"
    namespace, kustomization = (
        yaml.safe_load((folder / f"{n}.yaml").read_text()) for n in ("namespace", "kustomization")
    )
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()

    assert namespace["metadata"] == {
        "name": "unit-test-lab",
        "labels": {naming.TENANT: "true", "pod-security.kubernetes.io/enforce": "baseline"},
    }
    assert kustomization["namespace"] == "unit-test-lab"
    bases = [folder / path for path in (*kustomization["resources"], *kustomization["components"])]
    assert {Path(base).resolve() for base in bases[1:]} == {ROOT / "k8s/tenant", ROOT / "k8s/tenant/limits"}


def test_no_manifest_for_all_tenants_names_a_config_map_that_kustomize_renames() -> None:
    generated = {
        each["name"]
        for file in (ROOT / "k8s").rglob("kustomization.yaml")
        for each in yaml.safe_load(file.read_text()).get("configMapGenerator", [])
    }
    for document in documents("base"):
        for rule in document.get("rules", []) if document["kind"].endswith("Role") else []:
            assert not generated & set(rule.get("resourceNames", []))


def test_all_manifests_of_a_folder_are_named_in_its_kustomization() -> None:
    for file in (ROOT / "k8s").rglob("kustomization.yaml"):
        named = yaml.safe_load(file.read_text())
        listed = {*named.get("resources", []), *(patch.get("path") for patch in named.get("patches", []))}
        assert {each.name for each in file.parent.glob("*.yaml")} - {"kustomization.yaml"} == {
            name for name in listed if name and name.endswith(".yaml")
        }


def test_what_a_tenant_may_keep_in_etcd_is_bounded() -> None:
    kept = the("ResourceQuota", "tesk-kept", "tenant")["spec"]["hard"]
    admins = {what for _, what, verb in rules(the("ClusterRole", "tesk-tenant-admin")) if verb == "create"}
    taskmasters = {what for _, what, verb in rules(the("Role", "tesk-taskmaster", "tenant")) if verb == "create"}
    # Events end by themselves; how many pods there are is bounded by how many tasks run.
    assert {name.split("/")[1].split(".")[0] for name in kept} == (admins | taskmasters) - {"tasks", "events", "pods"}


def test_what_a_tenant_may_keep_bounds_no_tasks_that_run() -> None:
    assert room.limit(0, [the("ResourceQuota", "tesk-kept", "tenant")]) == room.NO_LIMIT
