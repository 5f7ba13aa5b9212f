import json
from typing import Any

import pytest

from tescore import schemes, validation
from tescore.errors import InvalidTask
from tescore.tenant import TenantSettings
from tests.build import executor, task_document

SETTINGS = TenantSettings(reference_claims=("genomes", "proteins"))


WHAT = "arguments, environment and mounted paths"
CLAIMS = "resources.backend_parameters.read_only_claims"


def parameters(**given: Any) -> dict[str, Any]:
    return {"resources": {"backend_parameters": given}}


def problems(**changes: Any) -> list[str]:
    try:
        validation.checked(json.dumps(task_document(**changes)), SETTINGS)
    except InvalidTask as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"executors": None}, ["executors: is missing"], id="no executors"),
        pytest.param(
            {"executors": [executor(command=[""])]}, ["executors[0].command[0]: is empty"], id="an empty program"
        ),
        pytest.param(
            {"outputs": [{"path": "/x", "url": "drs://h/x"}]},
            ["outputs[0].url: has the scheme 'drs', and this service writes " + ", ".join(sorted(schemes.WRITABLE))],
            id="a scheme that is only read",
        ),
        pytest.param({"executors": []}, ["executors: is empty"], id="nothing to run"),
        pytest.param(
            {"executors": [{"command": ["x"]}, {"image": "y"}]},
            ["executors[0].image: is missing", "executors[1].command: is missing"],
            id="all problems at once",
        ),
        pytest.param(
            {"executors": [executor(command="ls")]},
            ["executors[0].command: is 'ls', which is not of type array, as TES 1.1 wants it"],
            id="wrong type",
        ),
        pytest.param(
            {"resources": {"cpu_cores": 1.5}},
            ["resources.cpu_cores: is 1.5, which is not of type integer, as TES 1.1 wants it"],
            id="half",
        ),
        pytest.param(
            {"inputs": [{"path": "/x", "content": "", "type": "FOLDER"}]},
            ["inputs[0].type: is 'FOLDER', which is not one of FILE, DIRECTORY"],
            id="unknown file type",
        ),
        pytest.param(
            {"tags": {"a": 1}}, ["tags.a: is 1, which is not of type string, as TES 1.1 wants it"], id="number as a tag"
        ),
        pytest.param(
            {"executors": [executor(command=[], image=" ")]},
            ["executors[0].image: is empty", "executors[0].command: is empty"],
            id="empty image and command",
        ),
        pytest.param(
            {"executors": [executor(**{field: "x"}) for field in ("workdir", "stdin", "stdout", "stderr")]},
            [
                f"executors[{i}].{field}: is 'x', which is not an absolute path"
                for i, field in enumerate(("workdir", "stdin", "stdout", "stderr"))
            ],
            id="relative paths",
        ),
        pytest.param(
            {"volumes": ["/a/../etc"]}, ["volumes[0]: is '/a/../etc', which leads upwards by '..'"], id="upwards"
        ),
        pytest.param({"volumes": ["/"]}, ["volumes[0]: is '/', which would hide the whole image"], id="root"),
        pytest.param({"inputs": [{"path": "/x"}]}, ["inputs[0]: has neither url nor content"], id="no source"),
        pytest.param(
            {"inputs": [{"path": "/x", "url": "svn://h/x"}]},
            [
                "inputs[0].url: has the scheme 'svn', and this service reads " + ", ".join(sorted(schemes.READABLE)),
            ],
            id="unknown scheme",
        ),
        pytest.param(
            {"outputs": [{"path": "/x/*.txt", "url": "s3://b/x"}]},
            ["outputs[0].path_prefix: is missing, and path contains wildcards"],
            id="wildcard without prefix",
        ),
        pytest.param(
            {"outputs": [{"path": "/x/*.txt", "url": "s3://b/x", "path_prefix": "/y"}]},
            ["outputs[0].path_prefix: is '/y', which is no prefix of path"],
            id="prefix that is none",
        ),
        pytest.param(
            {"outputs": [{"path": "/opt/*.txt", "url": "s3://b/x", "path_prefix": "/opt"}]},
            ["outputs[0].path: has wildcards in a folder of the image itself; let the files lie in one of their own"],
            id="wildcards over the image",
        ),
        pytest.param(
            {"outputs": [{"path": "/x/" + 12 * "{a,b}", "url": "s3://b/x", "path_prefix": "/x"}]},
            ["outputs[0].path: stands for more than 1000 patterns"],
            id="too many braces",
        ),
        pytest.param(
            {"name": "\ud800"},
            ["the document has half a surrogate pair ('\\ud800'), which is no character"],
            id="half a character",
        ),
        pytest.param(
            {"executors": [executor(command=["a", "b\0c"])]},
            ["executors[0].command[1]: contains a NUL character, which no program can be given"],
            id="NUL",
        ),
        pytest.param(
            {"executors": [executor(command=["x", "y" * 131_072])]},
            ["executors[0].command[1]: has 131072 bytes, and Linux takes no more than 131071 in one string"],
            id="too long an argument",
        ),
        pytest.param(
            {"executors": [executor(command=["x"], env={"A": "é" * 65_535})]},
            ["executors[0].env.A: has 131072 bytes, and Linux takes no more than 131071 in one string"],
            id="too long an environment variable",
        ),
        pytest.param(
            {"executors": [executor(), executor(command=["x" * 125_000] * 13)]},
            [f"executors[1]: has 1625208 bytes of {WHAT}, and a pod takes 1048576; give what is long as an input"],
            id="more arguments than a pod takes",
        ),
        pytest.param(
            {"executors": [executor(image="trs://tools.example.org/samtools/1.9"), executor(image="a\0b")]},
            [
                "executors[0].image: is on the TRS host tools.example.org, which TESK_TRS_HOSTS does not allow",
                "executors[1].image: contains a NUL character, which no program can be given",
            ],
            id="images that no registry has",
        ),
        pytest.param(
            {"outputs": [{"path": f"/x/{name}", "url": "s3://b/x"} for name in ("a", "b", "../x/a")]},
            [
                "outputs[2].path: is '/x/../x/a', which leads upwards by '..'",
                "outputs[1].url: is that of outputs[0], whose path is another; one would overwrite the other",
            ],
            id="two files uploaded to one URL",
        ),
        pytest.param(
            {
                "outputs": [
                    {"path": f"/{name}", "url": f"s3://b/x{end}", "type": "DIRECTORY"}
                    for name, end in [("a", "/"), ("b", "")]
                ]
            },
            ["outputs[1].url: is that of outputs[0], whose path is another; one would overwrite the other"],
            id="two folders uploaded to one URL",
        ),
        pytest.param(
            {"tags": {str(number): "x" for number in range(1001)}},
            ["tags: are 1001, and may be no more than 1000"],
            id="too many tags",
        ),
        pytest.param(
            {
                "inputs": [{"path": "x", "url": "gopher://h/x"}, {"path": "/y"}],
                "outputs": [{"path": "/o/?", "url": "s3://b/o"}],
                "executors": [executor(env={"1A": "x"}, command=[])],
            },
            [
                "executors[0].command: is empty",
                "executors[0].env: '1A' is no name for an environment variable",
                "inputs[0].path: is 'x', which is not an absolute path",
                "inputs[0].url: has the scheme 'gopher', and this service reads " + ", ".join(sorted(schemes.READABLE)),
                "inputs[1]: has neither url nor content",
                "outputs[0].path_prefix: is missing, and path contains wildcards",
            ],
            id="all rules at once",
        ),
        pytest.param({"volumes": ["/."]}, ["volumes[0]: is '/.', which would hide the whole image"], id="root again"),
        pytest.param(
            {"volumes": ["/a:b", "/home/c:d/e"], "inputs": [{"path": "/etc/f:g", "content": ""}]},
            [
                f"{path} would have to be mounted, and Kubernetes mounts no path with a colon; "
                "let it lie deeper, in a folder that is not the image's own"
                for path in ("/a:b", "/home/c:d/e", "/etc/f:g")
            ],
            id="colons right in folders of the image",
        ),
        pytest.param(
            {"volumes": ["/.tesk/x", "/.tesk-saved"]},
            [
                "volumes[0]: is '/.tesk/x', and /.tesk is the service's own",
                "volumes[1]: is '/.tesk-saved', and /.tesk-saved is the service's own",
            ],
            id="the launcher",
        ),
        pytest.param(
            {"resources": {"ram_gb": -1}}, ["resources.ram_gb: is -1, which is less than nothing"], id="less than none"
        ),
        pytest.param(
            {"resources": {"backend_parameters": {"x": "y"}, "backend_parameters_strict": True}},
            ["resources.backend_parameters.x: is not supported, and backend_parameters_strict is true"],
            id="strict",
        ),
        pytest.param(
            {"resources": {"backend_parameters": {"Priority_class": "x"}, "backend_parameters_strict": True}},
            ["resources.backend_parameters.Priority_class: is not allowed here, and backend_parameters_strict is true"],
            id="strict and not allowed",
        ),
        pytest.param(
            parameters(gpus="many"),
            ["resources.backend_parameters.gpus: is 'many', which is not a whole number"],
            id="a malformed parameter",
        ),
        pytest.param(
            parameters(priority_class="A B"),
            ["resources.backend_parameters.priority_class: is 'A B', which is not a name as Kubernetes has them"],
            id="a malformed parameter that is not allowed either",
        ),
        pytest.param(
            parameters(gpus="1", GPUs="2"),
            ["resources.backend_parameters.GPUs: is given as gpus too, and case does not matter"],
            id="a parameter twice",
        ),
        pytest.param(
            parameters(gpus=1),
            ["resources.backend_parameters.gpus: is 1, which is not of type string, as TES 1.1 wants it"],
            id="a number",
        ),
        pytest.param(
            {"resources": {"cpu_cores": 2**31}},
            ["resources.cpu_cores: is 2147483648, which is more than 2147483647"],
            id="too many cores",
        ),
        pytest.param(
            {"resources": {"ram_gb": 1e300, "disk_gb": 1e10}},
            [
                "resources.ram_gb: is 1e+300, which is more than 4294967296",
                "resources.disk_gb: is 10000000000.0, which is more than 4294967296",
            ],
            id="more than can be counted",
        ),
        pytest.param(
            {"resources": {"zones": ["eu-west-1a", "eu west", ""]}},
            [
                "resources.zones[1]: is 'eu west', and no zone of a cluster can be called that",
                "resources.zones[2]: is '', and no zone of a cluster can be called that",
            ],
            id="no zone",
        ),
        pytest.param(
            {"inputs": [{"path": "/data/x", "content": ""}], **parameters(read_only_claims="genomes:/data/ref")},
            [f"{CLAIMS}: is to be mounted at '/data/ref', where /data is mounted"],
            id="a claim in a folder of the task",
        ),
        pytest.param(
            parameters(read_only_claims="genomes:/ref//a,proteins:/ref/"),
            [f"{CLAIMS}: is to be mounted at '/ref', where /ref/a is mounted"],
            id="a claim over another",
        ),
        pytest.param(
            {
                "outputs": [{"path": "/opt/o", "url": "s3://b/x"}],
                **parameters(read_only_claims="genomes:/ref,proteins:/ref,genomes:/opt/o"),
            },
            [
                f"{CLAIMS}: is to be mounted at '/ref', where /ref is mounted",
                f"{CLAIMS}: is to be mounted at '/opt/o', where /opt/o is mounted",
            ],
            id="a claim where another is, and where an output is",
        ),
        pytest.param(
            parameters(read_only_claims="genomes:/usr/share,proteins:/tmp"),
            [
                f"{CLAIMS}: is to be mounted at '/usr/share', which would hide a folder of the image",
                f"{CLAIMS}: is to be mounted at '/tmp', which would hide a folder of the image",
            ],
            id="a claim over the image",
        ),
        pytest.param(
            parameters(read_only_claims="genomes:ref,genomes:/.tesk"),
            [
                f"{CLAIMS}: is 'ref', which is not an absolute path",
                f"{CLAIMS}: is '/.tesk', and /.tesk is the service's own",
            ],
            id="a claim nowhere",
        ),
        pytest.param(
            parameters(read_only_claims="genomes:/a:b"),
            [f"{CLAIMS}: is to be mounted at '/a:b', and Kubernetes mounts no path with a colon"],
            id="a claim at a colon",
        ),
        pytest.param(
            {"executors": [executor(env={"A=B": "x"})]},
            ["executors[0].env: 'A=B' is no name for an environment variable"],
            id="environment name",
        ),
    ],
)
def test_a_problem_is_told_with_its_path(changes: dict[str, Any], expected: list[str]) -> None:
    assert problems(**changes) == expected


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the simplest"),
        pytest.param({"inputs": [{"path": "/x", "content": ""}]}, id="an empty file"),
        pytest.param(
            {"inputs": [{"path": "/x", "content": "a"}, {"path": "/x", "url": "s3://b/x"}]}, id="two on one path"
        ),
        pytest.param({"inputs": [{"path": "/x", "url": "s3://b/x"}] * 2}, id="one file given twice"),
        pytest.param({"outputs": [{"path": p, "url": "s3://b/x"} for p in ("/x/a", "/x//a")]}, id="one output twice"),
        pytest.param(
            {
                "outputs": [{"path": f"/x/{name}*", "url": "s3://b/x", "path_prefix": "/x"} for name in ("a", "b")]
                + [{"path": "/x", "url": "s3://b/x", "type": "DIRECTORY"}, {"path": "/x/c", "url": "s3://b/x"}],
            },
            id="wildcards, a folder and a file to one URL",
        ),
        pytest.param(
            {"outputs": [{"path": "/a[1]", "url": "s3://b/x"}, {"path": "/b\\*", "url": "s3://b/y"}]}, id="literal"
        ),
        pytest.param({"executors": [executor(command=["é" * 65_535], env={"A": "x" * 131_069})]}, id="the longest"),
        pytest.param({"tags": {str(number): "x" for number in range(1000)}}, id="many tags"),
        pytest.param({"executors": [executor(command=["x" * 125_000] * 8)]}, id="eight long arguments"),
        pytest.param(
            parameters(read_only_claims=",".join(f"genomes:/ref/{number}" for number in range(100))), id="many claims"
        ),
        pytest.param(
            {"executors": [executor(env={"Me_05.9-Zz": "x", "_": "x", ".": "x", "-": "x"}, stdout="/o/x")]},
            id="names of environment variables",
        ),
        pytest.param({"inputs": [{"path": "/x", "content": "a", "url": "svn://h/x"}]}, id="content wins over the url"),
        pytest.param({"outputs": [{"path": "/a[1].txt", "url": "s3://b/x"}]}, id="a bracket is literal"),
        pytest.param({"resources": {"cpu_cores": 1.0}}, id="1.0 cores"),
        pytest.param({"executors": [executor(command=["x", ""])]}, id="an empty argument"),
        pytest.param(
            {"resources": {"cpu_cores": 1, "backend_parameters": {"x": "y"}}},
            id="unsupported parameters without strict",
        ),
        pytest.param(parameters(GPUs="1", Max_Attempts=None), id="parameters in any case, and null"),
        pytest.param(parameters(max_attempts="99"), id="more than is allowed, without strict"),
        pytest.param(parameters(read_only_claims="genomes:/ref,genomes:/mnt/other"), id="a claim at two paths"),
        pytest.param({"resources": {"ram_gb": 1e-9, "disk_gb": 0, "cpu_cores": 0}}, id="next to nothing"),
        pytest.param({"inputs": [{"path": "/data/a:b", "content": ""}]}, id="a colon in a file's name"),
        pytest.param(
            {
                "volumes": ["/data/a:b"],
                "inputs": [{"path": "/data/chr1:1-100/x", "content": ""}],
                "outputs": [{"path": "/etc/f:g", "url": "s3://b/x"}],
                "executors": [executor(workdir="/work/a:b", stdout="/logs/a:b/out")],
            },
            id="colons in folders' names",
        ),
        pytest.param({"executors": [executor(env={"my.var-1": "x"}, stdout="/o/x")]}, id="a name that no shell has"),
        pytest.param({"executors": [executor(workdir="/"), executor(workdir="//")]}, id="the root as workdir"),
        pytest.param(
            {
                "volumes": ["/a/"],
                "inputs": [{"path": "/b/", "url": "s3://b/x", "type": "DIRECTORY"}],
                "outputs": [{"path": "/c/", "url": "s3://b/x", "type": "DIRECTORY"}],
                "executors": [executor(workdir="/w/")],
            },
            id="folders with a slash at their ends",
        ),
        pytest.param({"resources": {"cpu_cores": 2**31 - 1, "ram_gb": 2**32}}, id="as much as can be counted"),
        pytest.param({"x": 1, "resources": {"backend_parameters_strict": True}}, id="unknown fields where strict"),
        pytest.param({"description": None, "unknown": {}}, id="nulls and unknown fields"),
    ],
)
def test_a_valid_document_has_no_problems(changes: dict[str, Any]) -> None:
    assert problems(**changes) == []


@pytest.mark.parametrize("wrong", [{"command": ["x"]}, executor(image="")], ids=["schema", "rule"])
def test_a_hundred_problems_are_told_and_that_there_are_more(wrong: dict[str, Any]) -> None:
    assert len(problems(executors=[wrong] * 100)) == 100
    told = problems(executors=[wrong] * 101)
    assert len(told) == 101
    assert "further" in told[-1]


def test_a_document_of_too_many_values_is_not_looked_at() -> None:
    (told,) = problems(volumes=[0] * 250_001)
    assert "250000 values" in told


def test_an_image_that_the_tenant_does_not_list_is_refused() -> None:
    asked = [{"image": image, "command": ["true"]} for image in ("ubuntu:22.04", "evil.net/tool")]
    with pytest.raises(InvalidTask) as told:
        validation.checked(json.dumps({"executors": asked}), TenantSettings(images=("ubuntu", "lab/*")))
    assert list(told.value.problems) == [
        "executors[1].image: is 'evil.net/tool', and images that may be used here are ubuntu, lab/*"
    ]


def test_images_are_named_by_trs_on_the_hosts_that_are_allowed_and_not_by_the_hundred() -> None:
    uris = [f"trs://tools.example.org/samtools/{number}" for number in range(9)]
    few, many = ({"executors": [executor(image=uri) for uri in [*some, uris[0]]]} for some in (uris[:8], uris))
    assert validation.checked(json.dumps(few), SETTINGS, ["tools.example.org"]) == few
    with pytest.raises(InvalidTask, match="name 9 different images by TRS, and may name no more than 8"):
        validation.checked(json.dumps(many), SETTINGS, ["tools.example.org"])


def test_a_path_of_no_shared_claim_is_refused() -> None:
    urls = {"inputs": [{"path": "/in/x", "url": "file:///nfs/x"}], "outputs": [{"path": "/out", "url": "/nfs/ref/x"}]}
    mapped = TenantSettings(file_claims=("work:/nfs/work", "ref:/nfs/ref:ro"))
    why = "which is on no shared storage that the service reaches"
    for settings, expected in {
        SETTINGS: [
            f"inputs[0].url: is 'file:///nfs/x', {why}; it reaches none",
            f"outputs[0].url: is '/nfs/ref/x', {why}; it reaches none",
        ],
        mapped: [
            f"inputs[0].url: is 'file:///nfs/x', {why}; it reaches paths below /nfs/work, /nfs/ref",
            "outputs[0].url: is '/nfs/ref/x', and what is below /nfs/ref is read-only",
        ],
    }.items():
        with pytest.raises(InvalidTask) as told:
            validation.checked(json.dumps(task_document(**urls)), settings)
        assert list(told.value.problems) == expected
