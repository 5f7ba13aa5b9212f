"""Nodes that kwok plays, and the pods of some namespaces on them, which get no other node; nobody else's pods do."""

import base64
import ipaddress
import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.campaigns.load import Target
from tests.e2e.cluster import Kubectl, made, wait_until

ROOT = Path(__file__).parents[2]
LABEL = "tesk.campaign/fake"
_POLICY = "tesk-campaign-scale"
_SELECTOR = f"{LABEL}=true"
_LEASE_SECONDS = 120
"""kwok renews a node's lease each quarter of this, so with a third of the requests of kubelets, which do each 10 s."""


def node(number: int) -> dict[str, Any]:
    """One that no pod gets by chance."""
    size = {"cpu": "32", "memory": "256Gi", "pods": "110", "ephemeral-storage": "1Ti"}
    labels = {LABEL: "true", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"fake-{number}", "labels": labels},
        "spec": {"taints": [{"key": LABEL, "value": "true", "effect": "NoSchedule"}]},
        "status": {"allocatable": size, "capacity": size},
    }


def policy(namespaces: list[str]) -> list[dict[str, Any]]:
    """Sends all pods of these namespaces to such nodes."""
    toleration = f'Object.spec.tolerations{{key: "{LABEL}", operator: "Exists"}}'
    patches = [
        f'JSONPatch{{op: "add", path: "/spec/nodeSelector", value: {{"{LABEL}": "true"}}}}',
        f'JSONPatch{{op: "add", path: "/spec/tolerations/-", value: {toleration}}}',
    ]
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    where = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces}
    spec = {
        "matchConstraints": {"namespaceSelector": {"matchExpressions": [where]}, "resourceRules": [rule]},
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": f"[{', '.join(patches)}]"}}],
    }
    api = {"apiVersion": "admissionregistration.k8s.io/v1beta1", "metadata": {"name": _POLICY}}
    return [
        {**api, "kind": "MutatingAdmissionPolicy", "spec": spec},
        {**api, "kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": _POLICY}},
    ]


@contextmanager
def nodes(kubectl: Kubectl, server: Target, address: str, kwok: str, count: int, folder: Path) -> Iterator[None]:
    """So many, played by kwok at this address of the machine, until the block ends; its log is in the folder."""
    _remove(kubectl)  # those of a run that was broken off
    with ExitStack() as stack:
        stack.enter_context(_playing(kubectl, address, kwok, folder))
        stack.callback(_remove, kubectl)
        with closing(server.connection()) as connection:
            for number in range(count):
                connection.ask("POST", "/api/v1/nodes", json.dumps(node(number)).encode())
        wait_until(lambda: _ready(kubectl) == count, f"{count} nodes are ready", within=300)
        yield


@contextmanager
def sent_there(kubectl: Kubectl, namespaces: list[str]) -> Iterator[None]:
    """All pods that are made in these namespaces, which exist, get such nodes alone until the block ends."""
    toleration = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    pod = {"containers": [{"name": "probe", "image": "probe:1"}], "tolerations": [toleration]}
    probe = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": pod}

    def is_sent(name: str) -> bool:
        asked = ("-n", name, "create", "--dry-run=server", "-o", "json", "-f", "-")
        return LABEL in kubectl.run(*asked, given=probe).stdout

    with made(kubectl, *policy(namespaces)):
        wait_until(lambda: all(is_sent(name) for name in namespaces), "the policy is in force")
        yield


@contextmanager
def _playing(kubectl: Kubectl, address: str, kwok: str, folder: Path) -> Iterator[None]:
    with socket.create_server((address, 0)) as probe:
        port = probe.getsockname()[1]
    _certificate(kubectl, address, folder)
    log = folder / "executor.log"
    log.write_text("2026-01-01T00:00:00.000000000Z stdout F hello\n")  # as a container runtime writes it
    logs = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterLogs", "metadata": {"name": "all"}}
    (folder / "logs.yaml").write_text(yaml.safe_dump({**logs, "spec": {"logs": [{"logsFile": str(log)}]}}))
    (folder / "kubeconfig").write_text(kubectl("config", "view", "--raw", "--minify", "--flatten"))
    command = [
        "setpriv", "--pdeathsig", "TERM", kwok, f"--kubeconfig={folder}/kubeconfig",
        f"--manage-nodes-with-label-selector={_SELECTOR}",
        f"--config={ROOT}/tests/campaigns/kwok/pods.yaml", f"--config={folder}/logs.yaml", "--cidr=10.128.0.0/12",
        f"--node-ip={address}", f"--node-port={port}", f"--server-address={address}:{port}",
        f"--tls-cert-file={folder}/tls.crt", f"--tls-private-key-file={folder}/tls.key",
        f"--node-lease-duration-seconds={_LEASE_SECONDS}",
    ]  # fmt: skip
    with (folder / "kwok.log").open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield
    finally:
        running.terminate()
        running.wait(30)


def _certificate(kubectl: Kubectl, address: str, folder: Path) -> None:
    """Of a kubelet, signed by the cluster: the API server reads logs of nobody else."""
    key, user = ec.generate_private_key(ec.SECP256R1()), "system:node:fake"
    names = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
        x509.NameAttribute(NameOID.COMMON_NAME, user),
    ]
    usage = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).add_extension(usage, critical=False)
    signed = asked.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    spec = {
        "request": base64.b64encode(signed).decode(),
        "signerName": "kubernetes.io/kubelet-serving",
        "usages": ["digital signature", "server auth"],
    }
    request = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    kubectl("delete", "csr", _POLICY, "--ignore-not-found")
    as_node = ("--as", user, "--as-group", "system:nodes", "--as-group", "system:authenticated")
    kubectl("create", *as_node, "-f", "-", given={**request, "metadata": {"name": _POLICY}, "spec": spec})
    try:
        kubectl("certificate", "approve", _POLICY)
        read = ("get", "csr", _POLICY, "-o", "jsonpath={.status.certificate}")
        wait_until(lambda: kubectl(*read), "the certificate is signed")
        (folder / "tls.crt").write_bytes(base64.b64decode(kubectl(*read)))
    finally:
        kubectl("delete", "csr", _POLICY)
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "tls.key").write_bytes(pem)


def _ready(kubectl: Kubectl) -> int:
    shown = kubectl("get", "nodes", "-l", _SELECTOR, "--no-headers")
    return sum(line.split()[1] == "Ready" for line in shown.splitlines())


def _remove(kubectl: Kubectl) -> None:
    kubectl("delete", "--raw", f"/api/v1/nodes?{urlencode({'labelSelector': _SELECTOR})}")
