"""The example tasks of the TESK before this one, under their names there.

They read and wrote over FTP: here it is S3, and the folders are in a bucket of this run;
in test_protocols.py it is FTP.
"""

from typing import Any

TREES = {
    "dos": ["dos.txt", "unzip/unzip.doc", "unzip/unzip.exe"],
    "windows": ["windows.txt", "bin/win.exe", "bin/sub/win.dll"],
    "mac": ["mac.txt", "a/1", "a/2", "a/b/3", "a/b/4", "c/5", "c/6"],
    "one": ["README", "only-one"],
    "two": ["README", "only-two"],
}
"""Files that lie below trees/ in the bucket; each holds its own name, like `dos/dos.txt`."""
COUNT = 'for d in "$@"; do find $d -type f | wc -l; done'

Document = dict[str, Any]


def documents(bucket: str, http: str, busybox: str, *, nodes: int, cores: int) -> dict[str, Document]:
    """Each example's task document.

    `http` is a server's folder, in the cluster, with a file `hello`: "hello\\n". `cores` are more than half of those
    that are free on the largest of the cluster's nodes.
    """

    def run(*command: str, **more: Any) -> Document:
        return {"image": busybox, "command": list(command), **more}

    def shell(script: str, *arguments: str, **more: Any) -> Document:
        return run("sh", "-ec", script, "sh", *arguments, **more)

    def tree(name: str, path: str) -> Document:
        return {"url": f"s3://{bucket}/trees/{name}", "path": path, "type": "DIRECTORY"}

    def file(path: str) -> Document:
        return {"url": f"{http}/hello", "path": path}

    def output(path: str, key: str, kind: str = "FILE") -> Document:
        return {"path": path, "url": f"s3://{bucket}/{key}", "type": kind}

    made = shell("mkdir -p /out/sub/deep; echo new > /out/a; echo new > /out/sub/b; echo new > /out/sub/deep/c")
    return {
        "success/hello": {"executors": [run("echo", "hello world")]},
        "success/env": {
            "executors": [
                run("echo", "$WHO", env={"WHO": "world"}),
                shell('echo "hello $WHO"', env={"WHO": "world"}),
            ]
        },
        "success/workdir": {"executors": [run("ls", workdir="/etc")]},
        # The image has no fstab.
        "success/stdin": {"executors": [run("cat", stdin="/etc/passwd")]},
        "success/stdout": {
            "volumes": ["/vol"],
            "executors": [run("echo", "hello", stdout="/vol/out"), run("cat", "/vol/out")],
        },
        "success/stderr": {"volumes": ["/vol"], "executors": [shell("echo out; echo err >&2", stderr="/vol/err")]},
        "success/tags": {
            "name": "a name",
            "description": "what it is for",
            "tags": {"project": "tesk", "empty": ""},
            "executors": [run("true")],
        },
        "success/input_content": {
            "inputs": [{"path": "/in/file", "content": "inline\n"}],
            "executors": [run("cat", "/in/file")],
        },
        "success/input_file_http": {"inputs": [file("/in/file")], "executors": [run("cat", "/in/file")]},
        "success/input_file_http_nested_mounts": {
            "inputs": [file("/tes/volumes/input"), file("/tes/input")],
            "executors": [run("cat", "/tes/volumes/input", "/tes/input")],
        },
        "success/input_file_duplicate_names": {
            "inputs": [file("/in/file"), {"path": "/in/file", "content": "later\n"}],
            "executors": [run("cat", "/in/file")],
        },
        "success/input_file_dir_merge": {
            "inputs": [file("/in/one"), file("/in/two")],
            "executors": [run("ls", "/in")],
        },
        "success/input_dir_duplicate_file_names": {
            "inputs": [tree("one", "/in"), tree("two", "/in")],
            "executors": [shell("ls /in; cat /in/README")],
        },
        "success/input_dir_file_duplicate_file_names": {
            "inputs": [{"path": "/in/README", "content": "earlier"}, tree("one", "/in")],
            "executors": [run("cat", "/in/README")],
        },
        "success/input_dir_ftp01_tree": {
            "inputs": [tree("mac", "/mac"), tree("dos", "/dos")],
            "executors": [shell(COUNT, "/mac", "/dos")],
        },
        "success/input_dir_ftp02_sub": {
            "inputs": [tree("dos", "/in/dos"), tree("mac", "/in/dos/mac"), tree("windows", "/in/dos/mac/windows")],
            "executors": [shell(COUNT, "/in/dos", "/in/dos/mac", "/in/dos/mac/windows")],
        },
        "success/input_dir_ftp03_tree_shadowing": {
            "inputs": [tree("dos", "/in"), tree("windows", "/in/unzip")],
            "executors": [shell("find /in -type f | sort")],
        },
        "success/input_dir_ftp04_tree_shadowing": {
            "inputs": [tree("windows", "/in/unzip"), tree("dos", "/in")],
            "executors": [shell("find /in -type f | sort")],
        },
        "success/input_dir_ftp05_merge": {
            "inputs": [tree("dos", "/in"), tree("windows", "/in")],
            "executors": [shell(COUNT, "/in")],
        },
        "success/input_dir_ftp06_file_merge": {
            "inputs": [tree("dos", "/dos"), tree("mac", "/mac"), file("/dos/unzip/new"), file("/mac/new")],
            "executors": [shell(COUNT, "/dos", "/mac")],
        },
        "success/output": {
            "executors": [made],
            "outputs": [
                output("/out/a", "output/new"),
                output("/out/sub/b", "output/existing"),
                output("/out/sub", "output/folder", "DIRECTORY"),
            ],
        },
        "success/output_overwrite": {"executors": [made], "outputs": [output("/out", "overwrite", "DIRECTORY")]},
        "success/output_tree": {"executors": [made], "outputs": [output("/out", "tree", "DIRECTORY")]},
        "success/output_volume": {
            "volumes": ["/out"],
            "executors": [made],
            "outputs": [output("/out/a", "volume/a"), output("/out/sub", "volume/sub", "DIRECTORY")],
        },
        "error/executor": {"executors": [run("sh", "-c", "exit 1")]},
        "error/error_stops_execution": {
            "executors": [run("echo", "first"), run("sh", "-c", "exit 3"), run("echo", "never")]
        },
        "error/input": {
            "inputs": [{"url": "http://no-such-host.invalid/file", "path": "/in/file"}],
            "executors": [run("echo", "never")],
        },
        "error/output_new_dir_file": {
            "executors": [made],
            "outputs": [output("/out/a", "new/folders/for/a")],
        },
        "error/output_new_folder": {
            "executors": [made],
            "outputs": [output("/out/sub", "new/nested/folder", "DIRECTORY")],
        },
        "cancel/counter": {
            "executors": [run("echo", "first"), shell("i=0; while true; do i=$((i+1)); echo $i; sleep 1; done")]
        },
        **{
            f"resources/cpu {i}": {"executors": [run("sleep", "2")], "resources": {"cpu_cores": cores, "ram_gb": 0.1}}
            for i in range(nodes + 2)
        },
        "resources/more_cpu_than_nodes": {"executors": [run("echo", "never")], "resources": {"cpu_cores": 1000}},
        "localftp/taskWithIO": {
            "name": "task with all",
            "tags": {"a": "b"},
            "inputs": [tree("dos", "/in/tree"), file("/in/file")],
            "outputs": [output("/out/result", "all/result"), output("/out/log", "all/log")],
            "volumes": ["/vol"],
            "resources": {"cpu_cores": 1, "ram_gb": 0.1, "disk_gb": 0.1},
            "executors": [
                shell(
                    'pwd; echo "$WHO"; cat /in/tree/dos.txt /in/file > /vol/kept; echo to err >&2',
                    workdir="/vol",
                    env={"WHO": "world"},
                    stdout="/out/log",
                    stderr="/out/err",
                ),
                shell("cat > /out/result; cat /out/err", stdin="/vol/kept"),
            ],
        },
        "taskCreate": {"name": "by curl", "executors": [run("echo", "created")]},
        "inputFile": {"inputs": [tree("dos", "/in")], "executors": [run("cat", "/in/dos.txt")]},
        "inputHttp": {"inputs": [file("/in/file")], "executors": [run("md5sum", "/in/file")]},
        "inputHelloWorld": {
            "inputs": [{"url": f"s3://{bucket}/trees/dos/dos.txt", "path": "/in/hello"}],
            "executors": [run("cat", "/in/hello")],
        },
    }
