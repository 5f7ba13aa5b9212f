from typing import Any

import pytest

from taskmaster import manifests
from taskmaster.plan import Kind, Step
from tescore import every_pod
from tests.build import OWNER, PREFIX, executor, settings, task, task_record


def executor_pod(**changes: Any) -> dict[str, Any]:
    """The pod of the only executor of a task in which that executor differs by `changes`."""
    return manifests.pod(
        task_record(), task(executors=[executor(**changes)]), Step(Kind.EXECUTOR, 0), settings(), failed=False
    )


def main(pod: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = pod["spec"]["containers"][0]
    return container


def test_the_simplest_executor_pod_is_exactly_this() -> None:
    assert executor_pod() == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{PREFIX}-executor-0",
            "namespace": "tesk",
            "labels": {
                "app.kubernetes.io/managed-by": "tesk",
                "app.kubernetes.io/component": "executor",
                "tesk/task": PREFIX,
                "sidecar.istio.io/inject": "false",
            },
            "annotations": {"karpenter.sh/do-not-disrupt": "true", "linkerd.io/inject": "disabled"},
            "ownerReferences": [OWNER],
        },
        "spec": {
            "serviceAccountName": "tesk-executor",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "shareProcessNamespace": True,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": every_pod.tolerations(),
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "executor",
                    "image": "busybox",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["true"],
                    "resources": {},
                    "securityContext": {"allowPrivilegeEscalation": False},
                }
            ],
        },
    }


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("$", "$$"), ("$$", "$$$$"), ("$(HOME)", "$$(HOME)"), ("a b", "a b"), ("", ""), ("\n", "\n")],
)
def test_kubernetes_expands_nothing_in_a_command(sent: str, expected: str) -> None:
    assert main(executor_pod(command=["echo", sent]))["command"] == ["echo", expected]


def test_kubernetes_expands_nothing_in_the_environment() -> None:
    assert main(executor_pod(env={"A": "$(B)"}))["env"] == [{"name": "A", "value": "$$(B)"}]


def test_a_working_directory_is_set_only_if_asked_for() -> None:
    assert main(executor_pod(workdir="/w"))["workingDir"] == "/w"
    assert "workingDir" not in main(executor_pod())


def test_folders_are_mounted_and_inputs_in_the_images_folders_as_files() -> None:
    pod = manifests.pod(
        task_record(),
        task(inputs=[{"path": "/data/x", "content": "a"}, {"path": "/etc/y", "content": "b"}]),
        Step(Kind.EXECUTOR, 0),
        settings(),
        failed=False,
    )
    assert main(pod)["volumeMounts"] == [
        {"name": "scratch", "mountPath": "/data", "subPath": "data/data"},
        {"name": "scratch", "mountPath": "/etc/y", "subPath": "data/etc/y"},
    ]
    assert main(pod)["command"] == ["true"]
    assert pod["spec"]["volumes"] == [{"name": "scratch", "persistentVolumeClaim": {"claimName": f"{PREFIX}-scratch"}}]


def test_outputs_in_the_images_folders_are_copied_by_the_launcher() -> None:
    asked = task(outputs=[{"path": "/etc/made", "url": "s3://b/x"}])
    pod = manifests.pod(task_record(), asked, Step(Kind.EXECUTOR, 0), settings(), failed=False)
    assert main(pod)["volumeMounts"] == [
        {"name": "scratch", "mountPath": "/.tesk-saved", "subPath": "saved"},
        {"name": "scratch", "mountPath": "/.tesk", "subPath": "launcher", "readOnly": True},
    ]
    assert "cp -RLp /etc/made /.tesk-saved/etc/made" in main(pod)["command"][3]


def test_inline_contents_that_the_images_shell_writes_stand_in_its_command() -> None:
    inputs = [{"path": "/tmp/$x", "content": "$(HOME)"}, {"path": "/tmp/y", "content": ""}]
    asked = task(inputs=inputs, executors=[executor(command=["bash", "/tmp/$x"])])
    pod = manifests.pod(task_record(), asked, Step(Kind.EXECUTOR, 0), settings(), failed=False)
    shell, option, script, *rest = main(pod)["command"]
    assert [shell, option, *rest] == ["bash", "-c", "tesk", "$$(HOME)", "", "bash", "/tmp/$$x"]
    assert ">'/tmp/$$x'" in script
    assert pod["spec"]["volumes"] == [{"name": "tmp", "emptyDir": {}}]
    assert main(pod)["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]


def test_redirected_streams_need_no_shell_in_the_image() -> None:
    pod = executor_pod(command=["cat", "a b"], stdin="/in/it's", stdout="/out/x", stderr="/out/y")

    shell, sh, option, script, *rest = main(pod)["command"]
    assert [shell, sh, option, *rest] == ["/.tesk/busybox", "sh", "-c", "tesk", "cat", "a b"]
    assert script.startswith("exec <'/in/it'\"'\"'s' >/out/x 2>/out/y; case $$1 in")
    assert {"name": "scratch", "mountPath": "/.tesk", "subPath": "launcher", "readOnly": True} in main(pod)[
        "volumeMounts"
    ]


def filer_pod(kind: Kind = Kind.INPUTS, *, failed: bool = False, **changes: Any) -> dict[str, Any]:
    return manifests.pod(task_record(), task(**changes), Step(kind), settings(), failed=failed)


def test_a_filer_has_the_task_and_the_scratch_volume_and_no_more_power_than_it_needs() -> None:
    filer = main(filer_pod())

    assert filer["args"] == ["inputs"]
    assert [mount["mountPath"] for mount in filer["volumeMounts"]] == ["/scratch", "/tesk/task"]
    assert filer["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]}
    assert filer["securityContext"]["readOnlyRootFilesystem"]


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ([{"content": "x"}], [], ([], [])),
        ([{"content": "x", "url": "s3://b/k"}], ["s3://b/k"], ([], ["tesk-s3"])),
        ([{"url": "S3://b/k"}, {"url": "/nfs/work/x"}], ["file:///nfs/work/x"], (["tesk-s3"], [])),
        ([{"url": "http://h/x"}], ["sftp://h/x", "s3://b/k"], (["tesk-storage"], ["tesk-s3", "tesk-storage"])),
        ([{"url": "ftp://h/x"}], ["gs://b/k"], (["tesk-storage"], ["tesk-storage"])),
        ([{"url": "drs://h/x"}], ["az://a/c/b"], (["tesk-s3", "tesk-storage"], ["tesk-storage"])),
    ],
)
def test_a_filer_has_the_keys_that_its_urls_may_need_and_no_others(
    inputs: list[dict[str, str]], outputs: list[str], expected: tuple[list[str], list[str]]
) -> None:
    asked: dict[str, Any] = {
        "inputs": [{"path": f"/in/{i}", **given} for i, given in enumerate(inputs)],
        "outputs": [{"path": f"/out/{i}", "url": url} for i, url in enumerate(outputs)],
    }

    def keys(kind: Kind) -> list[str]:
        pod = filer_pod(kind, **asked)
        mounted = {mount["name"] for mount in main(pod)["volumeMounts"]}
        volumes = [volume for volume in pod["spec"]["volumes"] if "secret" in volume]
        assert all(volume["name"] in mounted and volume["secret"]["optional"] for volume in volumes)
        return [volume["secret"]["secretName"] for volume in volumes]

    assert (keys(Kind.INPUTS), keys(Kind.OUTPUTS)) == expected


def test_a_filer_has_the_shared_claims_that_its_files_are_on_and_no_others() -> None:
    mapped = settings(file_claims=("work:/nfs/work", "ref:/nfs/ref:ro", "more:/more"))
    asked = task(
        inputs=[{"path": "/in/a", "url": "file:///nfs/ref/a"}, {"path": "/in/b", "content": "b", "url": "/more/b"}],
        outputs=[{"path": "/out", "url": "/nfs/work/out"}],
    )

    def claims(kind: Kind) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, str]]]:
        pod = manifests.pod(task_record(), asked, Step(kind), mapped, failed=False)
        return (
            [
                volume["persistentVolumeClaim"]
                for volume in pod["spec"]["volumes"]
                if volume["name"].startswith("files")
            ],
            [mount for mount in main(pod)["volumeMounts"] if mount["name"].startswith("files")],
            [variable for variable in main(pod).get("env", []) if variable["name"] == "TESK_FILE_CLAIMS"],
        )

    assert claims(Kind.INPUTS) == (
        [{"claimName": "ref", "readOnly": True}],
        [{"name": "files-0", "mountPath": "/files/0", "readOnly": True}],
        [{"name": "TESK_FILE_CLAIMS", "value": "ref:/nfs/ref:ro"}],
    )
    assert claims(Kind.OUTPUTS) == (
        [{"claimName": "work"}],
        [{"name": "files-0", "mountPath": "/files/0"}],
        [{"name": "TESK_FILE_CLAIMS", "value": "work:/nfs/work"}],
    )
    assert claims(Kind.EXECUTOR) == ([], [], [])


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("of_the_tenant", [False, True])
@pytest.mark.parametrize("asked", [None, "true", "false"])
def test_missing_outputs_are_no_error_after_a_failure_or_as_task_or_tenant_say(
    failed: bool, of_the_tenant: bool, asked: str | None
) -> None:
    asking = task(resources={"backend_parameters": {"optional_outputs": asked}})
    tenant = settings(optional_outputs=of_the_tenant)
    made = manifests.pod(task_record(), asking, Step(Kind.OUTPUTS), tenant, failed=failed)
    told = {"name": "TESK_OPTIONAL_OUTPUTS", "value": "true"} in main(made)["env"]
    assert told == (failed or asked == "true" or (of_the_tenant and asked is None))


@pytest.mark.parametrize("pod", [executor_pod(), filer_pod()])
def test_no_pod_of_a_task_gets_a_token(pod: dict[str, Any]) -> None:
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_everything_belongs_to_the_tasks_config_map() -> None:
    for made in (executor_pod(), filer_pod()):
        assert made["metadata"]["ownerReferences"] == [OWNER]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(
            {"outputs": [{"path": "/x", "url": "s3://b/x"}], "volumes": ["/work"]}, id="an output in the root"
        ),
        pytest.param({"executors": [executor(stdout="/usr/x")], "volumes": ["/work", "/usr/v"]}, id="a stream in /usr"),
        pytest.param(
            {"inputs": [{"path": "/etc/x", "content": "x"}], "volumes": ["/etc/a/b", "/a", "/a/b"]}, id="nested"
        ),
    ],
)
def test_no_executor_sees_a_folder_that_holds_what_is_mounted_for_the_next(asked: dict[str, Any]) -> None:
    """It could put a link there, which the kubelet follows to anywhere on the claim."""
    pod = manifests.pod(task_record(), task(**asked), Step(Kind.EXECUTOR, 0), settings(shared_claim="c"), failed=False)
    folders = [mount["subPath"] for mount in main(pod)["volumeMounts"]]
    assert [(a, b) for a in folders for b in folders if b.startswith(f"{a}/")] == []
