"""What `make campaign-scale` asks for, plays and counts."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tescore import launch, naming
from tescore.settings import read
from tests.campaigns import scale_told
from tests.campaigns.scale_nodes import LABEL, node, policy
from tests.campaigns.scale_spent import METRICS, Period, Spent, between, passed, program, requests, sums
from tests.campaigns.scale_taskmasters import Starter
from tests.campaigns.scale_told import Sent, Step, less, steps, throughput
from tests.e2e.cluster import wait_until

SERVER = ("10.0.0.1", 6443)


def taskmaster(uid: str = "u", node: str = "fake-1", namespace: str = "scale-a", **metadata: str) -> dict[str, Any]:
    """A taskmaster's pod, as the API server shows it."""
    settings = read(launch.LaunchSettings, {"TESK_TASKMASTER_IMAGE": "t", "TESK_FILER_IMAGE": "f"})
    pod = launch.pod("task-x", namespace, settings)
    pod["metadata"] |= {"uid": uid, **metadata}
    pod["spec"] |= {"nodeName": node} if node else {}
    return pod


def spent(seconds: float, cpu: float, requests: float = 0) -> Spent:
    metrics = dict.fromkeys(METRICS, 0.0) | {"apiserver_request_total": requests}
    return Spent(seconds, busy=2 * cpu, cpu={"etcd": cpu}, network={"api": round(cpu)}, metrics=metrics)


def step(rate: float, ends: list[float]) -> tuple[Step, dict[tuple[str, str], float]]:
    sent = [Sent(f"task-{n}", "scale-a", posted=float(n), answered=n + 0.5) for n in range(len(ends))]
    at = {(each.name, "COMPLETE"): end for each, end in zip(sent, ends, strict=True)}
    return Step(rate, sent, failed=0, spent=spent(10, 5, 100)), at


def test_each_rate_lasts_as_long_and_what_is_left_is_asked_for_at_once() -> None:
    assert steps([1, 5], 10, 100) == [(1, 10), (5, 50), (0, 40)]
    assert steps([1, 5], 10, 40) == [(1, 10), (5, 30)]
    assert steps([], 10, 40) == [(0, 40)]


def test_a_taskmaster_begins_once_and_when_its_pod_has_a_node() -> None:
    begun: list[Any] = []
    starter = Starter({"scale-a": begun.append}, SERVER)
    starter.take(taskmaster(node=""))
    assert begun == []
    starter.take(taskmaster())
    starter.take(taskmaster())
    assert [each["TESK_POD_UID"] for each in begun] == ["u"]
    starter.take(taskmaster(uid="of its replacement"))
    assert [each["TESK_POD_UID"] for each in begun] == ["u", "of its replacement"]


@pytest.mark.parametrize(
    "pod", [taskmaster(namespace="tesk"), taskmaster(deletionTimestamp="now")], ids=["another tenant's", "deleted"]
)
def test_pods_that_are_not_to_run_are_left_alone(pod: dict[str, Any]) -> None:
    begun: list[Any] = []
    Starter({"scale-a": begun.append}, SERVER).take(pod)
    assert begun == []


def test_a_taskmaster_is_given_what_its_pod_says_and_where_the_api_server_is() -> None:
    begun: list[Any] = []
    Starter({"scale-a": begun.append}, SERVER).take(taskmaster())
    assert begun[0].items() >= {
        "TESK_TASK": "task-x", "TESK_NAMESPACE": "scale-a", "TESK_FILER_IMAGE": "f", "TESK_POD_IP": "127.0.0.1",
        "KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443",
    }.items()  # fmt: skip


def test_no_pod_gets_a_fake_node_but_those_of_the_named_namespaces() -> None:
    assert [taint["key"] for taint in node(3)["spec"]["taints"]] == [LABEL]
    sends, binding = policy(["scale-a", "scale-b"])
    where = sends["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"]
    assert [each["values"] for each in where] == [["scale-a", "scale-b"]]
    assert binding["spec"]["policyName"] == sends["metadata"]["name"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/cache/bin/kube-apiserver --etcd-servers x", "kube-apiserver"),
        ("python3 -m janitor", "janitor"),
        ("/venv/bin/python -m tests.campaigns.scale_forks", "taskmasters"),
        ("python3 -m http.server", ""),
        ("python3", ""),
        ("", ""),
    ],
)
def test_a_program_is_known_by_its_command_line(command: str, name: str) -> None:
    assert program(command.encode().split(b" ")) == name


def test_the_bytes_of_a_pod_are_those_in_and_out_of_its_network() -> None:
    lines = ["face |bytes packets", "    lo: 9 1 0 0 0 0 0 0 9 1", "  eth0: 300 4 0 0 0 0 0 0 70 4 0 0 0 0 0 0"]
    assert passed("\n".join(lines)) == 370
    assert passed("lo: 9 1 0 0 0 0 0 0 9 1") == 0


def test_a_metric_is_summed_over_its_labels() -> None:
    lines = ["# HELP", 'apiserver_request_total{code="200"} 3', 'apiserver_request_total{code="409"} 1e+01', "x 5"]
    assert sums(lines)["apiserver_request_total"] == 13


def test_what_was_taken_is_told_without_what_all_takes_at_rest() -> None:
    found = less(between(spent(10, 1, 50), spent(30, 6, 250)), spent(10, 1, 40))
    assert (found.seconds, found.cpu["etcd"], found.busy, found.requests) == (20, 3, 6, 120)


def event(user: str, at: int, *, verb: str = "get", stage: str = "ResponseComplete", **thing: str) -> str:
    stamp = f"2026-01-01T00:00:{at:02}.000000Z"
    said = {"stage": stage, "verb": verb, "user": {"username": user}, "objectRef": thing}
    return json.dumps({**said, "requestReceivedTimestamp": stamp}, separators=(",", ":"))


def test_requests_are_counted_by_account_and_period_and_each_once() -> None:
    begin = 1767225600.0
    first, second = Period(begin, begin + 10), Period(begin + 10, begin + 20)
    user = "system:serviceaccount:scale-a:tesk-taskmaster"
    lines = [
        event(user, 1, resource="pods", subresource="log"),
        event(user, 2, resource="pods", verb="watch", stage="ResponseStarted"),
        event(user, 2, resource="pods", verb="watch"),
        event("system:serviceaccount:tesk-system:tesk-webhook", 11, verb="create", resource="pods"),
        event(user, 30, resource="pods"),
    ]
    found = requests(lines, [first, second])
    assert found[first] == {"tesk-taskmaster": Counter({"get pods/log": 1, "watch pods": 1})}
    assert found[second] == {"tesk-webhook": Counter({"create pods": 1})}


def test_the_throughput_leaves_out_the_beginning_and_the_end() -> None:
    even = [float(n) for n in range(100)]
    assert throughput(even) == pytest.approx(1.0)
    assert throughput([*even[:90], *(1000.0 + n for n in range(10))]) == pytest.approx(1.0)
    assert throughput([1.0]) == 0


def test_the_tables_tell_a_row_or_column_of_each_step_and_count_what_failed() -> None:
    slow, at = step(1, [3.0 + n for n in range(10)])
    fast, _ = step(0, [5.0] * 10)
    fast.failed = 3
    fast.sent = [each._replace(name=f"{each.name}-lost") for each in fast.sent]
    slow.asked = {"tesk-taskmaster": Counter({"get pods": 40, "create pods": 10})}
    rows = scale_told.rates([slow, fast], at, spent(10, 1), cores=2).splitlines()
    assert [row.split(" | ")[:4] for row in rows[2:]] == [
        ["| 1 a second", "10", "0, 0", "1.00"],
        ["| at once", "10", "3, 10", "0.00"],
    ]
    assert "| etcd | 0.100 | 500.0 | 500.0 |" in scale_told.cpu([slow, fast], spent(10, 1))
    asked = scale_told.asked([slow, fast], taskmasters=12_300, kept=1500)
    assert "| tesk-taskmaster | 5.0 | 0.0 | 12.3 |  | get pods, create pods |" in asked
    assert "| Kubernetes, kwok and this campaign | 5.0 | 10.0 |" in asked
    assert "| kept in etcd, KB | 1.50 | 1.50 |" in asked
    sentence = scale_told.limit([slow, fast], at, spent(10, 1), cores=2)
    assert sentence.startswith(
        "Of what was asked for, 1 a second were borne. Asked at once, 0.0 ended a second with 1.20"
    )
    assert sentence.endswith("most of them took etcd 0.50.")
    assert "| etcd | 500.0 | 2 | 5.00 | 25.00 | 50.00 |" in scale_told.reckoned(fast)


def test_a_taskmaster_that_cannot_start_ends_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "tests.campaigns.scale_forks"],
            stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    assert running.stdin
    running.stdin.write(json.dumps({}).encode() + b"\n" + json.dumps({"TESK_TASK": "task-x"}).encode() + b"\n")
    running.stdin.flush()
    wait_until(lambda: log.read_text().count("TESK_NAMESPACE is not set") == 2, "both have ended", within=30)
    assert running.poll() is None
    assert log.read_text().count("TESK_TASK is not set") == 1
    running.stdin.close()
    assert running.wait(30) == -signal.SIGKILL


def test_the_label_of_a_taskmasters_pod_names_its_task() -> None:
    assert taskmaster()["metadata"]["labels"][naming.TASK] == "task-x"
