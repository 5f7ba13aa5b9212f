"""A storage server within an institution, whose certificate is of an authority that only its tenant believes."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster import Kubectl, Service, made
from tests.tls import certificate

NAME = "own-authority"
CONFIGURATION = """
daemon off;
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/incoming;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  server {
    listen 8443 ssl;
    ssl_certificate /tls/certificate;
    ssl_certificate_key /tls/certificate;
    location / { root /data; dav_methods PUT; create_full_put_path on; }
  }
}
"""


def named(kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": NAME, "labels": {"app": NAME}}, **fields}


def secret(name: str, **data: bytes) -> dict[str, Any]:
    files = {key.replace("_", "."): base64.b64encode(value).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": files}


@pytest.fixture(scope="module")
def server(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Its URL in the cluster, and its certificate, which vouches for itself."""
    image = kubectl.json("-n", "tesk-storage", "get", "deployment", "http")["spec"]["template"]["spec"]["containers"][0]
    mounts = {"/tls": {"secret": {"secretName": NAME}}, "/conf": {"configMap": {"name": NAME}}}
    volumes = [{"name": path.strip("/"), **source} for path, source in mounts.items()]
    volumes += [{"name": name, "emptyDir": {}} for name in ("data", "tmp")]
    pod = named(
        "Pod",
        spec={
            "volumes": volumes,
            "securityContext": {"fsGroup": 65532},
            "containers": [{
                "name": "nginx",
                "image": image["image"],
                "command": ["nginx", "-c", "/conf/nginx.conf"],
                "volumeMounts": [{"name": item["name"], "mountPath": f"/{item['name']}"} for item in volumes],
                "readinessProbe": {"tcpSocket": {"port": 8443}, "periodSeconds": 1},
            }],
        },
    )  # fmt: skip
    with made(kubectl, named("Service", spec={"selector": {"app": NAME}, "ports": [{"port": 8443}]})):
        address = kubectl.json("get", "service", NAME)["spec"]["clusterIP"]
        file = certificate(tmp_path_factory.mktemp("tls"), address)
        tls = secret(NAME, certificate=file.read_bytes())
        with made(kubectl, tls, named("ConfigMap", data={"nginx.conf": CONFIGURATION}), pod):
            yield f"https://{address}:8443", file


def test_it_is_believed_once_the_tenant_has_its_certificate(
    service: Service, kubectl: Kubectl, busybox: str, server: tuple[str, Path]
) -> None:
    url, file = server
    writes = {
        "executors": [{"image": busybox, "command": ["sh", "-c", "echo kept > /work/x"]}],
        "outputs": [{"path": "/work/x", "url": f"{url}/x"}],
    }
    reads = {
        "executors": [{"image": busybox, "command": ["cat", "/work/x"]}],
        "inputs": [{"path": "/work/x", "url": f"{url}/x"}],
    }

    stranger = service.ended(service.create(writes))
    with made(kubectl, secret("tesk-storage", ca_crt=file.read_bytes().partition(b"-----BEGIN PRIVATE")[0])):
        ended = [service.ended(service.create(document)) for document in (writes, reads)]

    assert stranger["state"] == "SYSTEM_ERROR"
    assert "the server's certificate is not trusted" in stranger["logs"][0]["system_logs"][-1]
    assert [task["state"] for task in ended] == ["COMPLETE", "COMPLETE"], [task["logs"] for task in ended]
    assert ended[1]["logs"][0]["logs"][0]["stdout"] == "kept\n"
