"""What a user is told when a task cannot run: state, a sentence in system_logs, an Event, and whose fault it is."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.cluster import TENANT, Kubectl, Service, wait_until

Shell = Callable[..., dict[str, Any]]
REGISTRY = """
pid /tmp/nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c;
  uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
  server {
    listen 127.0.0.1:5055;
    location /v2/none/ { return 404; }
    location /v2/closed/ { return 403; }
    location / { return 200; }
  }
}
"""


@pytest.fixture(scope="module")
def registry(kubectl: Kubectl) -> Iterator[str]:
    """A registry on the node's own loopback, where container runtimes speak plain HTTP; it has no image."""
    image = kubectl("-n", "tesk-storage", "get", "deployment", "http", "-o",
                    "jsonpath={.spec.template.spec.containers[0].image}")  # fmt: skip
    script = f"cat > /tmp/conf <<'END'\n{REGISTRY}\nEND\nexec nginx -e stderr -g 'daemon off;' -c /tmp/conf"
    kubectl("-n", "default", "apply", "-f", "-", given={
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "registry", "namespace": "default"},
        "spec": {
            "hostNetwork": True, "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "registry", "image": image, "imagePullPolicy": "IfNotPresent",
                            "command": ["sh", "-c", script]}],
        },
    })  # fmt: skip
    kubectl("-n", "default", "wait", "--for=condition=Ready", "pod/registry", "--timeout=30s")
    yield "localhost:5055"
    kubectl("-n", "default", "delete", "pod", "registry", "--wait=false")


def reasons(kubectl: Kubectl, task_id: str) -> dict[str, str]:
    """Reason and message of the Events on a task."""
    events = kubectl.json("get", "events", "--field-selector", f"involvedObject.name={task_id}")["items"]
    return {event["reason"]: event["message"] for event in events if event["involvedObject"]["kind"] == "ConfigMap"}


def told(service: Service, kubectl: Kubectl, task_id: str, reason: str, *, within: float = 60) -> str:
    """The sentence with which a task that goes on waiting says why: in its log, its reason and an Event alike."""
    wait_until(lambda: reason in reasons(kubectl, task_id), f"{reason} is told", within=within)
    message = reasons(kubectl, task_id)[reason]
    assert message in service.full(task_id)["logs"][0]["system_logs"]
    return message


def failed(service: Service, kubectl: Kubectl, task_id: str, state: str, reason: str) -> str:
    """The sentence with which a task has ended."""
    task = service.ended(task_id)
    assert task["state"] == state
    message = reasons(kubectl, task_id)[reason]
    assert message in task["logs"][0]["system_logs"]
    return message


@pytest.mark.parametrize(
    ("image", "reason", "words"),
    [
        ("{registry}/none/image:1", "ImagePull", "image cannot be pulled"),
        ("{registry}/closed/image:1", "ImagePull", "image cannot be pulled"),
        ("Not/A:Valid/Name", "InvalidImageName", "image has an invalid name"),
    ],
    ids=["not found", "refused", "invalid name"],
)
def test_an_image_that_cannot_be_had_is_a_system_error_at_once(
    service: Service, kubectl: Kubectl, registry: str, image: str, reason: str, words: str
) -> None:
    executor = {"image": image.format(registry=registry), "command": ["true"], "ignore_error": True}
    task_id = service.create({"executors": [executor]})
    message = failed(service, kubectl, task_id, "SYSTEM_ERROR", reason)
    assert words in message


def test_a_registry_that_is_away_is_waited_for_and_told(service: Service, kubectl: Kubectl) -> None:
    task_id = service.create({"executors": [{"image": "localhost:1/no/such/image:1", "command": ["true"]}]})
    message = told(service, kubectl, task_id, "ImagePull")
    assert message.startswith("Executor 0 waits for its image (")
    assert "connection refused" in message
    assert service.state(task_id) == "INITIALIZING"
    service.call("POST", f"/tasks/{task_id}:cancel")


def test_a_program_that_is_not_executable_is_the_executors_error(
    service: Service, kubectl: Kubectl, busybox: str
) -> None:
    task_id = service.create({"executors": [{"image": busybox, "command": ["/etc/passwd"]}]})
    assert "permission denied" in failed(service, kubectl, task_id, "EXECUTOR_ERROR", "StartError")


def test_more_than_any_node_has_is_waited_for_with_the_schedulers_words_until_it_is_cancelled(
    service: Service, kubectl: Kubectl, shell: Shell
) -> None:
    task_id = service.create({"executors": [shell("true")], "resources": {"cpu_cores": 1000}})
    message = told(service, kubectl, task_id, "Unschedulable")
    assert "Insufficient cpu" in message
    assert message in kubectl("get", "configmap", task_id, "-o", r"jsonpath={.metadata.annotations.tesk/reason}")
    service.call("POST", f"/tasks/{task_id}:cancel")
    assert service.ended(task_id)["state"] == "CANCELED"


def test_a_full_quota_is_waited_for(
    service: Service, kubectl: Kubectl, shell: Shell, quota: Callable[..., None]
) -> None:
    wait_until(lambda: kubectl.names("pods") == [], "there is room for the taskmaster alone")
    quota(pods="1")
    task_id = service.create({"executors": [shell("echo done")]})
    assert "exceeded quota" in told(service, kubectl, task_id, "QuotaExceeded")
    kubectl("delete", "quota", "e2e")
    task = service.ended(task_id)
    assert task["state"] == "COMPLETE"
    assert "tesk/reason" not in kubectl.json("get", "configmap", task_id)["metadata"]["annotations"]


@pytest.fixture
def limits(kubectl: Kubectl) -> Iterator[None]:
    """A container of the tenant may ask for 64 MiB to 1 GiB of memory, and have twice of it; a claim is of 2 GiB on."""
    memory = {"min": {"memory": "64Mi"}, "max": {"memory": "1Gi"}, "maxLimitRequestRatio": {"memory": "2"}}
    kubectl("create", "-f", "-", given={
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "e2e", "namespace": TENANT},
        "spec": {"limits": [
            {"type": "Container", **memory},
            {"type": "PersistentVolumeClaim", "min": {"storage": "2Gi"}},
        ]},
    })  # fmt: skip
    yield
    kubectl("delete", "limitrange", "e2e")


def test_what_the_namespaces_limit_range_does_not_allow_is_a_system_error(
    service: Service, kubectl: Kubectl, shell: Shell, configured: Callable[..., Any], limits: None
) -> None:
    asked: dict[str, dict[str, Any]] = {
        "maximum memory usage per Container is 1Gi, but limit is 2Gi": {"resources": {"ram_gb": 2}},
        "minimum memory usage per Container is 64Mi, but request is ": {"resources": {"ram_gb": 0.01}},
        "minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi": {
            "volumes": ["/v"],
            "resources": {"disk_gb": 1},
        },
        # of a filer, which asks for 96 MiB and may have 256
        "memory max limit to request ratio per Container is 2, but provided ratio is 2.666667": {
            "volumes": ["/v"],
            "resources": {"disk_gb": 2},
        },
    }
    with configured(TESK_TASKMASTER_MEMORY="64Mi"):
        made = {words: service.create({"executors": [shell("true")], **more}) for words, more in asked.items()}
    for words, task_id in made.items():
        assert words in failed(service, kubectl, task_id, "SYSTEM_ERROR", "LimitRange")


def test_a_taskmaster_that_the_limit_range_does_not_allow_is_a_system_error(
    service: Service, kubectl: Kubectl, shell: Shell, limits: None
) -> None:
    task_id = service.create({"executors": [shell("true")]})
    message = failed(service, kubectl, task_id, "SYSTEM_ERROR", "LimitRange")
    assert "minimum memory usage per Container is 64Mi, but request is 32Mi" in message


def test_a_tenant_whose_settings_keep_to_its_limit_range_is_served(
    service: Service, shell: Shell, configured: Callable[..., Any], limits: None
) -> None:
    with configured(TESK_TASKMASTER_MEMORY="64Mi", TESK_FILER_MEMORY="128Mi", TESK_SCRATCH_GB="2"):
        task_id = service.create({"executors": [shell("true")], "volumes": ["/v"], "resources": {"ram_gb": 0.125}})
    assert service.ended(task_id)["state"] == "COMPLETE"


@pytest.fixture
def restricted(kubectl: Kubectl) -> Iterator[None]:
    kubectl("label", "--overwrite", "namespace", TENANT, "pod-security.kubernetes.io/enforce=restricted")
    yield
    kubectl("label", "--overwrite", "namespace", TENANT, "pod-security.kubernetes.io/enforce=baseline")


def test_what_pod_security_refuses_is_a_system_error(
    service: Service, kubectl: Kubectl, shell: Shell, restricted: None
) -> None:
    task_id = service.create({"executors": [shell("true")]})
    message = failed(service, kubectl, task_id, "SYSTEM_ERROR", "PodSecurity")
    assert "runAsNonRoot" in message


def test_a_pod_that_is_evicted_is_a_system_error(service: Service, kubectl: Kubectl, shell: Shell) -> None:
    task_id = service.create({"executors": [shell("sleep 600")]})
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")
    evict(kubectl, f"{task_id}-executor-0")
    message = failed(service, kubectl, task_id, "SYSTEM_ERROR", "EvictionByEvictionAPI")
    assert message.startswith("Executor 0 was lost: its pod was ended by Kubernetes")


def test_an_evicted_pod_is_run_again_where_the_task_asks_for_attempts(
    service: Service, kubectl: Kubectl, shell: Shell
) -> None:
    script = "echo run >> /v/count; test $(wc -l < /v/count) = 2 || sleep 600; cat /v/count"
    task_id = service.create({
        "executors": [shell("true"), shell(script)],
        "volumes": ["/v"],
        "resources": {"backend_parameters": {"max_attempts": "2"}},
    })  # fmt: skip
    wait_until(lambda: "executor-1" in kubectl("get", "pods", "--field-selector", "status.phase=Running"), "it runs")

    evict(kubectl, f"{task_id}-executor-1")

    task = service.ended(task_id)
    assert task["state"] == "COMPLETE"
    [log] = task["logs"]
    assert [entry["exit_code"] for entry in log["logs"]] == [0, 0]
    assert log["logs"][1]["stdout"] == "run\nrun\n"
    assert log["metadata"]["attempts"] == "2"
    assert f"{task_id}-executor-1-2" in log["metadata"]["pods"].split(",")
    assert any(line.endswith("Attempt 2 of 2 begins.") for line in log["system_logs"])


def test_a_command_that_ends_well_because_it_was_evicted_is_not_complete(
    service: Service, kubectl: Kubectl, shell: Shell
) -> None:
    """As a server that handles TERM does."""
    task_id = service.create({"executors": [shell("trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done")]})
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")
    evict(kubectl, f"{task_id}-executor-0")
    task = service.ended(task_id)
    assert task["state"] == "SYSTEM_ERROR"
    assert any("EvictionByEvictionAPI" in note for note in task["logs"][0]["system_logs"])


def evict(kubectl: Kubectl, pod: str) -> None:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": TENANT}}
    kubectl("create", "--raw", f"/api/v1/namespaces/{TENANT}/pods/{pod}/eviction", "-f", "-", given=eviction)


def test_a_container_that_cannot_be_configured_is_a_system_error(
    service: Service, kubectl: Kubectl, shell: Shell, busybox: str
) -> None:
    """The second executor's pod is made by the test, with what no task can ask for: an environment from a Secret."""
    task_id = service.create({"executors": [shell("sleep 4"), shell("true")]})
    record = kubectl.json("get", "configmap", task_id)["metadata"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": task_id, "uid": record["uid"]}
    kubectl("create", "-f", "-", given={
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": f"{task_id}-executor-1", "namespace": TENANT, "ownerReferences": [owner],
                     "labels": {"tesk/task": task_id, "app.kubernetes.io/component": "executor"}},
        "spec": {"restartPolicy": "Never", "containers": [{
            "name": "executor", "image": busybox, "imagePullPolicy": "IfNotPresent", "command": ["true"],
            "envFrom": [{"secretRef": {"name": "no-such-secret"}}],
        }]},
    })  # fmt: skip
    message = failed(service, kubectl, task_id, "SYSTEM_ERROR", "CreateContainerConfigError")
    assert 'secret "no-such-secret" not found' in message


def test_a_claim_that_is_deleted_under_a_task_is_told(service: Service, kubectl: Kubectl, shell: Shell) -> None:
    task_id = service.create({"volumes": ["/v"], "executors": [shell("sleep 4"), shell("true")]})
    wait_until(lambda: service.state(task_id) == "RUNNING", "it runs")
    kubectl("delete", "pvc", f"{task_id}-scratch", "--wait=false")
    assert "persistentvolumeclaim" in told(service, kubectl, task_id, "VolumeLost")
    service.call("POST", f"/tasks/{task_id}:cancel")
    assert service.ended(task_id)["state"] == "CANCELED"


def test_what_should_pass_soon_and_does_not_fails_the_task(
    service: Service, kubectl: Kubectl, shell: Shell, configured: Callable[..., Any]
) -> None:
    with configured(TESK_TROUBLE_SECONDS="3", TESK_QUEUE_SECONDS="3", TESK_STORAGE_CLASS="no-such-class"):
        no_image = service.create({"executors": [{"image": "localhost:1/no/such/image:1", "command": ["true"]}]})
        no_claim = service.create({"executors": [shell("true")], "volumes": ["/v"]})
        no_node = service.create({"executors": [shell("true")], "resources": {"cpu_cores": 1000}})
    for task_id, reason in ((no_image, "ImagePull"), (no_claim, "Unschedulable"), (no_node, "Unschedulable")):
        service.ended(task_id)
        assert re.search(r", and \d+ s were too long\.$", service.full(task_id)["logs"][0]["system_logs"][-1])
        failed(service, kubectl, task_id, "SYSTEM_ERROR", reason)


def test_a_claim_that_nobody_provides_is_waited_for(
    service: Service, kubectl: Kubectl, shell: Shell, configured: Callable[..., Any]
) -> None:
    with configured(TESK_STORAGE_CLASS="no-such-class"):
        task_id = service.create({"executors": [shell("true")], "volumes": ["/v"]})
    assert "PersistentVolumeClaims" in told(service, kubectl, task_id, "Unschedulable")
    service.call("POST", f"/tasks/{task_id}:cancel")
    assert service.ended(task_id)["state"] == "CANCELED"


@pytest.fixture
def broken_volume(kubectl: Kubectl) -> Iterator[str]:
    """A claim for a volume whose folder is missing on every node."""
    meta = {"name": "e2e-broken"}
    where = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "Exists"}]}]
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "e2e-broken"}
    kubectl("create", "-f", "-", given={
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta,
        "spec": {**spec, "capacity": {"storage": "1Gi"}, "local": {"path": "/no/such/folder"},
                 "nodeAffinity": {"required": {"nodeSelectorTerms": where}}},
    })  # fmt: skip
    yield "e2e-broken"
    kubectl("delete", "pv", "e2e-broken", "--wait=false")


def test_a_volume_that_cannot_be_mounted_is_told(
    service: Service, kubectl: Kubectl, shell: Shell, broken_volume: str, configured: Callable[..., Any]
) -> None:
    with configured(TESK_STORAGE_CLASS=broken_volume):
        name = service.create({"executors": [shell("true")], "volumes": ["/v"]})
    try:
        message = told(service, kubectl, name, "FailedMount")
    finally:
        service.call("POST", f"/tasks/{name}:cancel")
    assert service.ended(name)["state"] == "CANCELED"
    assert '"/no/such/folder" does not exist' in message
